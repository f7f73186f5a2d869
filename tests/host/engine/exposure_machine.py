"""A core, the golden model of the gate and a venue, with everything between them late.

One step is a few milliseconds in which one of them does something. Decisions and venue messages
reach the events ring each in their own order, at the latest ``SETTLE_NS`` after the gate had them.
"""

from collections import deque
from random import Random

from tickgate.engine.core import Core
from tickgate.engine.exposurecheck import SETTLE_NS, ExposureCheck
from tickgate.engine.inputs import (
    CancelOrder,
    CardUp,
    Command,
    LimitsSet,
    NewOrder,
    ReplaceOrder,
    Slot,
    Started,
)
from tickgate.execution.effects import Submit
from tickgate.records.codec import to_slot
from tickgate.records.messages import GateDecision, OrderRequest, VenueMessage
from tickgate.risk.compile import RowNames, compile_image
from tickgate.risk.image import (
    ACCOUNT,
    CLEARING_FIRM,
    FIRM,
    GROUP,
    POSITION,
    SESSION,
    STRATEGY,
    SYMBOL,
    ImageTable,
    TableSizes,
)
from tickgate.risk.limits import parse
from tickgate_sim.models.gate import GateModel, Limits, Top, Update

from tests.limits_text import shared_tables, symbol_table

ACCOUNTS, SYMBOLS = ["ALPHA", "BETA"], ["AAPL", "MSFT"]
STRATEGIES = ["ALGO", "OTHER"]
OTHER_ID = 8
PRICE = 10_000
TOP = Top(bid=PRICE, ask=PRICE)
SHARED = shared_tables("1000000", "C1") + symbol_table("AAPL", "0.1") + symbol_table("MSFT", "0.1")
OTHER = f"[strategies.OTHER]\nalgo_id = {OTHER_ID}\nmax_executions = 4294967295\n"
LIMITS = SHARED + OTHER + "".join(
    f"""
[accounts.{name}]
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "sell", "short", "short_exempt", "day", "ioc"]
symbols = "all"
max_quantity = 100000
max_value = "1000000"
rate = 65535
burst = 65535
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 100000
max_open_quantity = 100000
max_open_value = "1000000"
max_day_quantity = 100000
max_day_value = "1000000"
gross_credit = "1000000"
net_credit = "1000000"
max_long = 60
max_short = 60
locates = 2000000000
max_rejects = 4294967295
"""
    for name in ACCOUNTS
)
"""They refuse little: sometimes a position."""


def gate_limits(toml: str) -> Limits:
    """Limits as the golden model of the gate has them."""
    names = RowNames(ACCOUNTS, SYMBOLS, ["DESK"], ["CLEAR"], ["C1"], STRATEGIES)
    words = compile_image(parse(toml), names, TableSizes(2, 2, 1, 1)).words

    def row(table: ImageTable, number: int) -> tuple[int, ...]:
        at = range(table.row_words)
        return tuple(words.get(table.address(number, word), 0) for word in at)

    return Limits(
        account={number: row(ACCOUNT, number) for number in range(2)},
        symbol={number: row(SYMBOL, number) for number in range(2)},
        position={divmod(number, 2): row(POSITION, number) for number in range(4)},
        firm=row(FIRM, 0),
        group={0: row(GROUP, 0)},
        clearing={0: row(CLEARING_FIRM, 0)},
        session={0: row(SESSION, 0)},
        strategy={number: row(STRATEGY, number) for number in range(2)},
    )


class Machine:
    """``step`` does one random thing; ``calm`` lets everything arrive and time go by."""

    def __init__(self, seed: int, toml: str = LIMITS, withdrawn: float = 0.05) -> None:
        """``withdrawn``: how many of the orders that passed are lost with the venue's session."""
        self.random = Random(seed)
        self.now_ns = 10**9
        self.drift: dict[tuple[int, int], list[int]] = {}
        # So many that no fill takes the place of another, which the gate would then not find, and
        # that no prices are told as one.
        self.model = GateModel(
            symbols=2,
            accounts=2,
            open_orders=1 << 20,
            groups=1,
            clearing=1,
            recent_orders=16,
            own_prices=1 << 20,
        )
        limits = gate_limits(toml)
        assert self.model.commit(limits, limits.crc(2, 2, 1, 1), 1)
        self.model.armed = self.model.session_up = self.model.events_room = True
        self.model.watchdog_timeout = self.model.watchdog_left = self.model.lease_left = 1
        self.model.listed = {0, 1}
        self.core = Core()
        self.check = ExposureCheck(self.core, self.take, clock=lambda: self.now_ns)
        self._withdrawn = withdrawn
        self._journal = 0
        self._ids = 0
        self._requests: deque[OrderRequest] = deque()
        self._at_venue: deque[OrderRequest] = deque()
        self._late: tuple[deque, deque] = (deque(), deque())
        """Decisions and venue messages, with the time at which the gate had them."""
        self._ring = 0
        self._soup = 0
        self._orders: dict[int, dict] = {}
        self._fills: list[tuple[int, int]] = []
        sessions = [["C0", "ALPHA", "ALGO"], ["C1", "BETA", "OTHER"]]
        self.take(Started(ACCOUNTS, SYMBOLS, sessions, "V", strategies=STRATEGIES))
        self.take(CardUp(fresh=True))
        self.take(LimitsSet(1, toml, ""))

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        more = self.drift.get((account, symbol), [0, 0, 0])
        shown = self.model.exposure(account, symbol)
        return tuple(value + extra for value, extra in zip(shown, more, strict=True))

    def take(self, value) -> None:
        self._journal += 1
        for effect in self.core.handle(value, self._journal, self.now_ns):
            if isinstance(effect, Submit):
                self._requests.append(
                    OrderRequest(
                        user_ref_num=effect.token,
                        orig_user_ref_num=effect.original,
                        price=effect.price,
                        quantity=effect.quantity,
                        account=ACCOUNTS.index(effect.account),
                        symbol=SYMBOLS.index(effect.symbol),
                        session=0,
                        action=effect.action,
                        side=effect.side,
                        time_in_force=effect.time_in_force,
                        display="Y",
                        capacity="A",
                        intermarket_sweep="N",
                        cross_type="N",
                        clordid="",
                        strategy=STRATEGIES.index(effect.strategy),
                    )
                )

    def step(self) -> None:
        self.now_ns += self.random.randrange(30_000_000)
        weighted = [self._ask, self._gate, self._gate, self._venue, self._venue, self._act]
        self.random.choice(weighted)()
        if self.random.random() < 0.6:
            self._poll()
        else:
            self.check.work(self, self.now_ns - 10**9)

    def calm(self, rounds: int) -> None:
        while self._requests or self._at_venue:
            self._gate()
            self._venue()
        for _ in range(rounds * 120):
            self.now_ns += 10_000_000
            self._poll()

    def resume(self) -> None:
        """Let every throttle go on; when all is calm."""
        for scope, names, counts in (
            ("strategy", STRATEGIES, self.model.executions),
            ("account", ACCOUNTS, self.model.rejects),
        ):
            for row, name in enumerate(names):
                self.take(Command("somebody", "resume", {"scope": scope, "target": name}))
                counts[row] = 0

    def in_use(self) -> list[tuple[int, int]]:
        return [
            (ACCOUNTS.index(account), SYMBOLS.index(symbol))
            for account, symbol in self.core.exposure.held
        ]

    # ---- clients ----

    def _ask(self) -> None:
        self._ids += 1
        number, name = self.random.randrange(2), str(self._ids)
        session, account = f"C{number}", ACCOUNTS[number]
        mine = [o for o in self.core.orders.open.values() if o.chain.session == session]
        kind = self.random.random()
        if kind < 0.5 or not mine:
            symbol, side = self.random.choice(SYMBOLS), self.random.choice("BBTE")
            quantity, tif = self.random.randint(1, 9), self.random.choice("03")
            self.take(
                NewOrder(
                    session,
                    name,
                    account,
                    symbol,
                    side,
                    quantity,
                    "2",
                    PRICE,
                    tif,
                    algo_id=self.random.choice((None, None, OTHER_ID)),
                )
            )
            return
        order = self.random.choice(mine)
        chain = order.chain
        if kind < 0.7:
            self.take(CancelOrder(session, name, order.cl_ord_id))
            return
        total = chain.cum + self.random.randint(1, 9)
        self.take(
            ReplaceOrder(
                session, name, order.cl_ord_id, chain.symbol, chain.side, total, "2", PRICE, "0"
            )
        )

    # ---- the gate and its ring ----

    def _gate(self) -> None:
        if not self._requests:
            return
        request = self._requests.popleft()
        verdict = self.model.order(request, TOP)
        if verdict.passed and request.action != "X" and self.random.random() < self._withdrawn:
            self.model.withdraw(request)  # the session was lost before it left
            self._decided(request, 1 << 7, 7)
            return
        self._decided(request, verdict.checks, verdict.first)
        if verdict.passed:
            self._at_venue.append(request)

    def _decided(self, request: OrderRequest, checks: int, first: int) -> None:
        decision = GateDecision(
            user_ref_num=request.user_ref_num,
            checks=checks,
            first_check=first,
            action=request.action,
            generation=1,
        )
        self._late[0].append((self.now_ns, decision))

    def _poll(self) -> None:
        due_ns = self.now_ns - SETTLE_NS
        while any(self._late):
            queue = self.random.choice([queue for queue in self._late if queue])
            if all(q[0][0] > due_ns for q in self._late if q) and self.random.random() < 0.3:
                break
            self._ring += 1
            self.take(Slot(to_slot(queue.popleft()[1], self._ring)))
        self.check.work(self, self.now_ns)

    # ---- the venue ----

    def _say(self, kind: str, token: int, quantity: int = 0, **more) -> None:
        message = {"code": "U", "price": PRICE, "orig_user_ref_num": 0, "reference": 0, **more}
        self._soup += 1
        record = VenueMessage(
            soup_sequence=self._soup,
            message_type=kind,
            user_ref_num=token,
            quantity=quantity,
            **message,
        )
        self.model.venue(
            Update(
                kind,
                token,
                quantity,
                message["orig_user_ref_num"],
                message["reference"],
                kind in "AU" and message["code"] == "D",
                PRICE,
            )
        )
        self._late[1].append((self.now_ns, record))

    def _venue(self) -> None:
        if not self._at_venue:
            return
        request = self._at_venue.popleft()
        token = request.user_ref_num
        if request.action == "O":
            self._entered(token, request.quantity)
        elif request.action == "U":
            self._replaced(token, request.orig_user_ref_num, request.quantity)
        elif left := self._orders.get(token, {}).get("open"):
            self._orders[token]["open"] = 0
            self._say("C", token, left)

    def _entered(self, token: int, quantity: int) -> None:
        chance = self.random.random()
        if chance < 0.1:
            self._say("J", token, reason=1)
        elif chance < 0.2:
            self._say("A", token, quantity, code="D")
        else:
            taken = quantity if chance < 0.9 else self.random.randint(1, quantity)
            self._orders[token] = {"open": taken, "done": 0}
            self._say("A", token, taken, code="L")

    def _replaced(self, token: int, original: int, quantity: int) -> None:
        old = self._orders.get(original)
        if not old or not old["open"]:
            return  # the venue stays silent
        if self.random.random() < 0.1:
            self._say("J", token, reason=1)
            return
        left = quantity - old["done"]
        if left <= 0:
            gone, old["open"] = old["open"], 0
            self._say("C", original, gone)
            return
        dead = self.random.random() < 0.1
        old["open"] = 0
        self._orders[token] = {"open": 0 if dead else left, "done": old["done"]}
        code = "D" if dead else "L"
        self._say("U", token, left, code=code, orig_user_ref_num=original)

    def _act(self) -> None:
        working = [token for token, order in self._orders.items() if order["open"]]
        chance = self.random.random()
        if self._fills and chance < 0.1:
            fill = self._fills.pop(self.random.randrange(len(self._fills)))
            self._say("B", fill[0], reference=fill[1])
        elif working:
            token = self.random.choice(working)
            shares = self.random.randint(1, self._orders[token]["open"])
            self._orders[token]["open"] -= shares
            if chance < 0.3:
                self._say("C", token, shares)
                return
            self._orders[token]["done"] += shares
            match = self._soup + 1
            self._fills.append((token, match))
            self._say("E", token, shares, code="A", reference=match)
