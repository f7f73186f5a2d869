"""Golden model of the risk gate: one operation after the other, plain Python.

It shares no logic with the gateware: checks, exposure and image are written again from
``docs/gate.md``, from the rules' side. It has no clock; a caller says what happens in which order.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tickgate.records.messages import OrderRequest
from tickgate.risk.checks import BY_NAME, NO_CHECK

__all__ = ["GateModel", "Limits", "Order", "References", "Top", "Update", "Verdict"]

_U32 = (1 << 32) - 1


@dataclass(frozen=True)
class Top:
    """What the feed says of a symbol: best bid and offer in 1/10000 USD, 0 = none; its states."""

    bid: int = 0
    ask: int = 0
    trading_state: str = "T"
    stale: bool = False
    phase: str = "Q"
    """System event of the feed that came last."""
    reg_sho: str = "0"


@dataclass(frozen=True)
class References:
    """What the host says of a symbol that no feed of the card tells: prices in 1/10000 USD, 0 where
    it does not know them."""

    national_bid: int = 0
    band_low: int = 0
    band_high: int = 0
    window: int = 0


@dataclass(frozen=True)
class Update:
    """What entry tells the gate of one venue message."""

    message_type: str
    user_ref_num: int
    quantity: int = 0
    orig_user_ref_num: int = 0
    match_number: int = 0
    dead: bool = False
    price: int = 0


@dataclass(frozen=True)
class Verdict:
    """The gate's answer to one order request."""

    checks: int
    first: int
    generation: int
    bid: int
    ask: int

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return self.checks == 0


@dataclass
class Order:
    """An order that the gate accounts for."""

    token: int
    account: int
    symbol: int
    sells: bool
    remaining: int
    price: int
    replaces: int | None = None
    replaced_by: int | None = None


@dataclass(frozen=True)
class Fill:
    """A fill that the venue may break."""

    match_number: int
    token: int
    account: int
    symbol: int
    sells: bool
    quantity: int
    price: int


@dataclass
class Traded:
    """What an account, or the firm, has done in the day. Values in 1/10000 USD."""

    bought: int = 0
    sold: int = 0
    ordered: int = 0
    """Shares of orders that passed."""
    ordered_value: int = 0


def _pair(words: tuple[int, ...], at: int) -> int:
    return words[at] | words[at + 1] << 32


@dataclass(frozen=True)
class Limits:
    """A limits image: rows of words, all zero where nothing was written."""

    account: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 32 words; in pairs, low word first, what ends with 2: enabled, max quantity, max
    value 2, rate, burst, permissions, working orders, open quantity 2, open value 2, day quantity
    2, day value 2, gross credit 2, net credit 2, group, clearing firm, duplicate window, cancel
    rate, cancel burst; the others 0."""
    symbol: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 16 words: enabled, collar, tick, lot, restricted, collar of the time window, largest
    age of references in ms, references waived: bit 0 the national best bid, bit 1 the price band,
    bit 2 the time window's; rate, burst."""
    position: Mapping[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    """Rows of 4 words, by account and symbol: longest, shortest, flags, locates."""
    firm: tuple[int, ...] = ()
    """8 words: enabled, 0, gross credit 2, net credit 2."""
    group: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows as the firm's."""
    clearing: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows as the firm's, of clearing firms."""
    session: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 4 words: enabled, rate, burst."""

    def words(
        self, accounts: int, symbols: int, groups: int, clearing: int
    ) -> list[tuple[int, int]]:
        """All words of the image with their addresses, in the order of the CRC."""
        words: list[tuple[int, int]] = []

        pairs = [divmod(index, symbols) for index in range(accounts * symbols)]
        for base, width, rows in (
            (0x0000, 32, [self.account.get(index, ()) for index in range(accounts)]),
            (0x1000_0000, 16, [self.symbol.get(index, ()) for index in range(symbols)]),
            (0x2000_0000, 4, [self.position.get(pair, ()) for pair in pairs]),
            (0x3000_0000, 8, [self.firm]),
            (0x4000_0000, 8, [self.group.get(index, ()) for index in range(groups)]),
            (0x5000_0000, 8, [self.clearing.get(index, ()) for index in range(clearing)]),
            (0x6000_0000, 4, [self.session.get(index, ()) for index in range(32)]),
        ):
            table = [word for row in rows for word in _full(row, width)]
            words += [(base + at, word) for at, word in enumerate(table)]
        return words

    def crc(self, *sizes: int) -> int:
        """CRC that the card must find."""
        return zlib.crc32(b"".join(struct.pack("<I", word) for _, word in self.words(*sizes)))


def _order_key(request: OrderRequest) -> tuple[int, int, str, int, int]:
    return request.account, request.symbol, request.side, request.price, request.quantity


def _full(row: tuple[int, ...], width: int) -> tuple[int, ...]:
    return row + (0,) * (width - len(row))


class GateModel:
    """The gate of a card with these sizes, after reset."""

    def __init__(
        self,
        *,
        symbols: int,
        accounts: int,
        open_orders: int,
        groups: int,
        clearing: int,
        recent_orders: int,
    ) -> None:
        self.symbols, self.accounts, self.open_orders = symbols, accounts, open_orders
        self.recent_orders = recent_orders
        self.recent: dict[int, tuple[tuple[int, int, str, int, int], int]] = {}
        """By place: an enter that passed, and when."""
        self.forgotten = 0
        self.groups, self.clearing = groups, clearing
        self.member: dict[int, tuple[int, int]] = {}  # group and clearing firm of an account
        self.limits = Limits()
        self.generation = 0
        self.armed = False
        self.armed_with = 0  # generation in force when the gate was last armed
        self.watchdog_timeout = 0
        self.watchdog_left = 0
        self.cancel_ms = 0
        self.cancel_left = 0
        self.cancel_due = False
        self.lease_ms = 0
        self.lease_left = 0
        self.session_up = False
        self.events_room = False
        self.kill_all = False
        self.kill_session = 0
        self.kill_account = 0
        self.kill_symbol = 0
        self.listed: set[int] = set()
        self.ms = 0
        """Milliseconds since reset."""
        self.references: dict[int, tuple[References, int]] = {}
        """By symbol, with the millisecond in which they came."""
        self.references_ignored = 0
        self.position: dict[tuple[int, int], int] = {}
        self.orders: dict[int, Order] = {}  # by slot
        self.fills: dict[int, Fill] = {}
        self.located: dict[tuple[int, int], int] = {}  # shares of short orders that passed
        self.traded = [Traded() for _ in range(accounts)]
        self.spent: dict[tuple[str, int], int] = {}
        """In 1/1000 messages, by bucket: the check that it makes, and whose it is."""
        self.last_token = 0
        self.unknown = 0
        self.refused_first = [0] * len(BY_NAME)

    # States

    @property
    def watchdog_ok(self) -> bool:
        """Whether the host touched the watchdog in time."""
        return self.watchdog_left > 0 and self.watchdog_timeout > 0

    def tick(self) -> bool:
        """A millisecond passes. Returns whether the watchdog ran out by it."""
        was = self.watchdog_ok
        self.ms += 1
        self.cancel_due = self.cancel_due or self.cancel_left == 1
        self.cancel_left = max(0, self.cancel_left - 1)
        self.watchdog_left = max(0, self.watchdog_left - 1)
        self.lease_left = max(0, self.lease_left - 1)
        for (check, index), spent in self.spent.items():
            rate, _ = self._bucket(check, index)
            self.spent[check, index] = max(0, spent - rate)
        self.armed = self.armed and self.watchdog_ok
        if was and not self.watchdog_ok:
            self.cancel_left = self.cancel_ms
            return True
        return False

    def _bucket(self, check: str, index: int) -> tuple[int, int]:
        """Rate and burst of a bucket."""
        limits = self.limits
        rows, width, at = {
            "message_rate": (limits.account, 32, 4),
            "cancel_rate": (limits.account, 32, 23),
            "session_rate": (limits.session, 4, 1),
            "symbol_rate": (limits.symbol, 16, 8),
        }[check]
        row = _full(rows.get(index, ()), width)
        return row[at] & 0xFFFF, row[at + 1] & 0xFFFF

    def touch(self) -> None:
        """The host touches the watchdog."""
        self.watchdog_left = self.watchdog_timeout
        self.cancel_left, self.cancel_due = 0, False

    def set_timeout(self, ms: int) -> None:
        """The host sets the time between touches; 0 is out at once."""
        if self.watchdog_ok and ms == 0:
            self.cancel_left = self.cancel_ms
        self.watchdog_timeout = ms
        if self.watchdog_ok:
            self.cancel_left, self.cancel_due = 0, False

    def set_cancel(self, ms: int) -> None:
        """The host sets when the second stage follows the first; 0 switches it off at once."""
        self.cancel_ms = ms
        if ms == 0:
            self.cancel_left, self.cancel_due = 0, False

    def mass_cancel(self) -> int | None:
        """The UserRefNum of the mass cancel that leaves now, or None."""
        if not (self.cancel_due and self.session_up):
            return None
        self.cancel_due = False
        self.last_token = min(self.last_token + 1, _U32)
        return self.last_token

    def renew(self, generation: int) -> None:
        """The host says that the limits of a generation are right."""
        if generation == self.generation != 0:
            self.lease_left = self.lease_ms

    @property
    def generation_used(self) -> bool:
        """Whether the gate was last armed with the limits in force."""
        return self.generation == self.armed_with != 0

    def arm(self) -> None:
        """The host asks to arm; a gate that was disarmed needs another generation than then."""
        if self.generation != 0 and self.watchdog_ok and not self.generation_used:
            self.armed, self.armed_with = True, self.generation

    def commit(self, limits: Limits, crc: int, generation: int) -> bool:
        """The host commits a whole image. Returns whether it is in force now."""
        if generation == 0 or limits.crc(*self.sizes) != crc:
            return False
        named = {
            account: (words[20], words[21])
            for account, row in limits.account.items()
            if (words := _full(row, 32))[0] & 1
        }
        for account, (group, clearing) in named.items():
            if group >= self.groups or clearing >= self.clearing:
                return False
            if self.member.get(account, (group, clearing)) != (group, clearing):
                return False
        self.member |= named
        self.limits, self.generation = limits, generation
        if self.armed:
            self.armed_with = generation
        return True

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Accounts, symbols, groups and clearing firms: rows of the image."""
        return self.accounts, self.symbols, self.groups, self.clearing

    def upload(self, symbol: int, references: References) -> None:
        """The host uploads references of a symbol, which take the place of all before."""
        if symbol < self.symbols:
            self.references[symbol] = references, self.ms
        else:
            self.references_ignored += 1

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        """Position, open buy and open sell quantity of a row, as far as 32 bits can show them."""
        position, open_buy, open_sell = self._held(account, symbol)
        return max(-(1 << 31), min(_U32 >> 1, position)), min(_U32, open_buy), min(_U32, open_sell)

    def _held(self, account: int, symbol: int) -> tuple[int, int, int]:
        mine = [
            order
            for order in self.orders.values()
            if (order.account, order.symbol) == (account, symbol)
        ]
        return (
            self.position.get((account, symbol), 0),
            sum(order.remaining for order in mine if not order.sells),
            sum(order.remaining for order in mine if order.sells),
        )

    # Orders

    def order(self, request: OrderRequest, top: Top) -> Verdict:
        """Judge an order request and, when it passes, reserve what it may trade."""
        failed = self._state_checks(request)
        fresh = request.action != "X"
        malformed = self._malformed(request)
        if malformed:
            failed.add("malformed")
        judged = fresh and not malformed
        if judged:
            failed |= self._order_checks(request, top)
            self.last_token = max(self.last_token, request.user_ref_num)
        if not malformed and self._limited(request):
            rated = self._rate_checks(request)
            failed |= rated if fresh else set()

        bits = sorted(BY_NAME[name].bit for name in failed)
        verdict = Verdict(
            checks=sum(1 << bit for bit in bits),
            first=bits[0] if bits else NO_CHECK,
            generation=self.generation,
            bid=top.bid if judged else 0,
            ask=top.ask if judged else 0,
        )
        if bits:
            self.refused_first[bits[0]] += 1
        elif fresh:
            self._reserve(request)
        return verdict

    def withdraw(self, request: OrderRequest) -> None:
        """An order that passed was not sent: take its reservation back."""
        self.refused_first[BY_NAME["venue_down"].bit] += 1
        order = self._find(request.user_ref_num)
        if request.action != "X" and order is not None:
            self._die(order)

    def _limited(self, request: OrderRequest) -> bool:
        return (
            self.generation != 0
            and request.session < 32
            and bool(_full(self.limits.account.get(request.account, ()), 32)[0] & 1)
            and bool(_full(self.limits.symbol.get(request.symbol, ()), 16)[0] & 1)
            and bool(_full(self.limits.session.get(request.session, ()), 4)[0] & 1)
            and all(row[0] & 1 for row in self._owners(request.account))
        )

    def _owners(self, account: int) -> list[tuple[int, ...]]:
        """Rows of the firm, and of the group and clearing firm of an account."""
        group, clearing = self.member.get(account, (0, 0))
        limits = self.limits
        rows = limits.firm, limits.group.get(group, ()), limits.clearing.get(clearing, ())
        return [_full(row, 8) for row in rows]

    def _state_checks(self, request: OrderRequest) -> set[str]:
        failed = set() if self.session_up else {"venue_down"}
        if request.action == "X":
            return failed
        for name, fails in (
            ("gate_closed", not self.armed),
            ("kill_all", self.kill_all),
            ("kill_session", request.session < 32 and self.kill_session >> request.session & 1),
            (
                "kill_account",
                request.account < self.accounts and self.kill_account >> request.account & 1,
            ),
            (
                "kill_symbol",
                request.symbol < self.symbols and self.kill_symbol >> request.symbol & 1,
            ),
            ("no_limits", not self._limited(request)),
            ("host_stale", not self.watchdog_ok),
            ("lease", self.lease_left == 0),
            ("events_full", not self.events_room),
        ):
            if fails:
                failed.add(name)
        return failed

    def _malformed(self, request: OrderRequest) -> bool:
        if request.reserved_a or request.reserved_b or request.quantity > 999_999:
            return True
        if request.action == "X":
            return False
        return (
            request.action not in "OU"
            or request.side not in "BSTE"
            or request.time_in_force not in "03"
            or not 1 <= request.price <= 1_999_999_900
            or request.quantity == 0
            or request.account >= self.accounts
            or request.symbol not in self.listed
            or request.session >= 32
        )

    def _order_checks(self, request: OrderRequest, top: Top) -> set[str]:
        failed = set()
        buys = request.side == "B"
        if self._token_used(request):
            failed.add("token")
        if top.trading_state != "T":
            failed.add("halted")
        touches = [price for price in ((top.ask, top.bid) if buys else (top.bid, top.ask)) if price]
        reference = None if top.stale or not touches else touches[0]
        if reference is None:
            failed.add("no_reference")
        if not self._limited(request):
            return failed

        account = _full(self.limits.account[request.account], 32)
        symbol = _full(self.limits.symbol[request.symbol], 16)
        pair = _full(self.limits.position.get((request.account, request.symbol), ()), 4)
        if reference is not None:
            through = request.price - reference if buys else reference - request.price
            if through > symbol[1]:
                failed.add("price_collar")
        value = request.price * request.quantity
        if request.quantity > account[1]:
            failed.add("max_quantity")
        if value > _pair(account, 2):
            failed.add("max_value")
        if top.phase != "Q" and not (top.phase in "SM" and account[6] & 0x80):
            failed.add("session_phase")
        failed |= self._reference_checks(request, top, symbol)
        failed |= self._may_not(request, account, symbol, pair)
        failed |= self._position_checks(request, pair)
        failed |= self._working_checks(request, account, value)
        failed |= self._credit_checks(request, account, value)
        if request.action == "O":
            before, passed = self.recent.get(self._recent_place(request), ((), 0))
            if before == _order_key(request) and self.ms - passed < account[22]:
                failed.add("duplicative")
        return failed

    def _rate_checks(self, request: OrderRequest) -> set[str]:
        """Buckets without a message left; the others lose one to an order that costs one."""
        failed = set()
        for check, index, costs in (
            ("message_rate", request.account, "OU"),
            ("session_rate", request.session, "OU"),
            ("symbol_rate", request.symbol, "OU"),
            ("cancel_rate", request.account, "UX"),
        ):
            spent = self.spent.get((check, index), 0)
            if spent + 1000 > self._bucket(check, index)[1] * 1000:
                failed.add(check)
            elif request.action in costs:
                self.spent[check, index] = spent + 1000
        return failed

    def _reference_checks(
        self, request: OrderRequest, top: Top, symbol: tuple[int, ...]
    ) -> set[str]:
        """Reg SHO 201, price band, collar of the time window, and age of what they need."""
        failed = set()
        buys, price = request.side == "B", request.price
        waives = {name: bool(symbol[7] >> bit & 1) for bit, name in enumerate("nbw")}
        uploaded, stamp = self.references.get(request.symbol, (References(), None))
        if not all(waives.values()) and (stamp is None or self.ms > stamp + symbol[6]):
            failed.add("reference_age")
        if not waives["b"]:
            low, high = uploaded.band_low, uploaded.band_high
            if 0 in (low, high) or (price > high if buys else price < low):
                failed.add("luld_band")
        if not waives["w"]:
            away = price - uploaded.window if buys else uploaded.window - price
            if uploaded.window == 0 or away > symbol[5]:
                failed.add("window_collar")
        if request.side == "T" and top.reg_sho in "12":
            own = 0 if top.stale else top.bid
            bid = own if waives["n"] else uploaded.national_bid
            if bid == 0 or price <= bid:
                failed.add("short_price")
        return failed

    def _may_not(
        self,
        request: OrderRequest,
        account: tuple[int, ...],
        symbol: tuple[int, ...],
        pair: tuple[int, ...],
    ) -> set[str]:
        """Entitlement, restricted list, permissions, tick and lot."""
        failed = set()
        if not pair[2] & 8:
            failed.add("entitlement")
        restricted = symbol[4] | pair[2]
        if (
            (restricted & 1 and request.side == "B")
            or (restricted & 2 and request.side != "B")
            or (restricted & 4 and request.side in "TE")
        ):
            failed.add("restricted")
        needed = {"BSTE".index(request.side), {"0": 4, "3": 5}[request.time_in_force]}
        if request.intermarket_sweep == "Y":
            needed.add(6)
        if any(not account[6] >> bit & 1 for bit in needed):
            failed.add("permission")
        for name, number, word, mask, divisors in (
            ("tick", request.price, symbol[2], 3, {2: 25}),
            ("lot", request.quantity, symbol[3], 7, {3: 5, 4: 25}),
        ):
            odd = [divisor for bit, divisor in divisors.items() if word >> bit & 1]
            if number & word & mask or any(number % divisor for divisor in odd):
                failed.add(name)
        return failed

    def _position_checks(self, request: OrderRequest, pair: tuple[int, ...]) -> set[str]:
        failed = set()
        position, open_buy, open_sell = self._held(request.account, request.symbol)
        if request.side == "B":
            over = position + open_buy + request.quantity > pair[0] & _U32
        else:
            over = -(position - open_sell - request.quantity) > pair[1] & _U32
        if over:
            failed.add("position_limit")
        if request.side == "S" and request.quantity > position - open_sell:
            failed.add("short_mark")
        row = request.account, request.symbol
        if request.side in "TE" and self.located.get(row, 0) + request.quantity > pair[3] & _U32:
            failed.add("locate_budget")
        return failed

    def _working_checks(
        self, request: OrderRequest, account: tuple[int, ...], value: int
    ) -> set[str]:
        working = [order for order in self.orders.values() if order.account == request.account]
        traded = self.traded[request.account]
        used = {
            "max_orders": (len(working) + 1, account[7]),
            "open_quantity": (
                sum(order.remaining for order in working) + request.quantity,
                _pair(account, 8),
            ),
            "open_value": (
                sum(order.remaining * order.price for order in working) + value,
                _pair(account, 10),
            ),
            "day_quantity": (traded.ordered + request.quantity, _pair(account, 12)),
            "day_value": (traded.ordered_value + value, _pair(account, 14)),
        }
        return {name for name, (total, limit) in used.items() if total > limit}

    def _credit_checks(
        self, request: OrderRequest, account: tuple[int, ...], value: int
    ) -> set[str]:
        failed = set()
        own = self.member[request.account]
        shared = [("firm_", list(range(self.accounts)))]
        for place, prefix in enumerate(("group_", "clearing_firm_")):
            shared.append((prefix, [a for a, of in self.member.items() if of[place] == own[place]]))
        scopes = [("", [request.account], _pair(account, 16), _pair(account, 18))]
        for (prefix, accounts), row in zip(shared, self._owners(request.account), strict=True):
            scopes.append((prefix, accounts, _pair(row, 2), _pair(row, 4)))
        for prefix, accounts, gross_limit, net_limit in scopes:
            gross, net_long, net_short = self.credit(accounts)
            if gross + value > gross_limit:
                failed.add(f"{prefix}gross_credit")
            if (net_long if request.side == "B" else net_short) + value > net_limit:
                failed.add(f"{prefix}net_credit")
        return failed

    def credit(self, accounts: list[int]) -> tuple[int, int, int]:
        """Gross, most bought less sold, and most sold less bought, with open orders."""
        bought = sum(self.traded[account].bought for account in accounts)
        sold = sum(self.traded[account].sold for account in accounts)
        opened = [0, 0]
        for order in self.orders.values():
            if order.account in accounts:
                opened[order.sells] += order.remaining * order.price
        return bought + sold + sum(opened), bought - sold + opened[0], sold - bought + opened[1]

    def _token_used(self, request: OrderRequest) -> bool:
        if request.user_ref_num <= self.last_token:
            return True
        if request.user_ref_num % self.open_orders in self.orders:
            return True
        if request.action == "O":
            return False
        old = self._find(request.orig_user_ref_num)
        return (
            old is None
            or old.replaces is not None
            or old.replaced_by is not None
            or (old.account, old.symbol) != (request.account, request.symbol)
            or old.sells != (request.side != "B")
        )

    def _reserve(self, request: OrderRequest) -> None:
        order = Order(
            request.user_ref_num,
            request.account,
            request.symbol,
            request.side != "B",
            request.quantity,
            request.price,
        )
        self.traded[request.account].ordered += request.quantity
        self.traded[request.account].ordered_value += request.quantity * request.price
        if request.side in "TE":
            row = request.account, request.symbol
            self.located[row] = self.located.get(row, 0) + request.quantity
        if request.action == "U":
            old = self._find(request.orig_user_ref_num)
            if old is None:
                raise AssertionError("a replacement of no order passed")
            order.replaces, old.replaced_by = old.token, order.token
        self.orders[order.token % self.open_orders] = order
        if request.action == "O":
            self._remember(request)

    def _remember(self, request: OrderRequest) -> None:
        place, key = self._recent_place(request), _order_key(request)
        window = _full(self.limits.account[request.account], 32)[22]
        before = self.recent.get(place)
        if before is not None and before[0] != key and self.ms - before[1] < window:
            self.forgotten += 1
        self.recent[place] = key, self.ms

    def _recent_place(self, request: OrderRequest) -> int:
        """Place of an enter: its price from bit 2 on, bits 1 and 0 on top; its quantity, mirrored;
        its symbol; and its account in the highest bits. All of them, exclusive or."""
        bits = self.recent_orders.bit_length() - 1
        low = self.recent_orders - 1
        price = (request.price >> 2) & (low >> 2) | (request.price & 3) << (bits - 2)
        quantity = int(f"{request.quantity & low:0{bits}b}"[::-1], 2)
        account = request.account << (bits - (self.accounts - 1).bit_length())
        return price ^ quantity ^ request.symbol & low ^ account

    # Venue messages

    def venue(self, update: Update) -> None:
        """Apply a venue message to the exposure."""
        order = self._find(update.user_ref_num)
        kind, quantity = update.message_type, update.quantity
        if kind == "B":
            self._broken(update)
        elif order is None or kind not in "AMUJECD":
            self.unknown += 1
        elif kind == "U":
            self._replaced(order, update)
        elif kind in "AM":
            if order.replaces is not None:
                self.unknown += 1
                return
            order.remaining = 0 if update.dead else quantity
            self._bury(order)
        elif kind == "J":
            self._die(order)
        else:
            if kind == "E":
                fill = Fill(
                    update.match_number,
                    order.token,
                    order.account,
                    order.symbol,
                    order.sells,
                    quantity,
                    update.price,
                )
                self._trade(fill, 1)
                self.fills[self._fill_place(update)] = fill
            order.remaining -= min(quantity, order.remaining)
            self._bury(order)

    def _replaced(self, order: Order, update: Update) -> None:
        if order.replaces is None or order.replaces != update.orig_user_ref_num:
            self.unknown += 1
            return
        old = self._find(order.replaces)
        if old is not None:
            del self.orders[old.token % self.open_orders]
        order.replaces = None
        order.remaining = 0 if update.dead else update.quantity
        self._bury(order)

    def _broken(self, update: Update) -> None:
        place = self._fill_place(update)
        fill = self.fills.get(place)
        if fill is None or (fill.match_number, fill.token) != (
            update.match_number,
            update.user_ref_num,
        ):
            self.unknown += 1
            return
        del self.fills[place]
        self._trade(fill, -1)

    def _fill_place(self, update: Update) -> int:
        bits = self.open_orders.bit_length() - 1
        mirrored = int(f"{update.user_ref_num % self.open_orders:0{bits}b}"[::-1], 2)
        return update.match_number % self.open_orders ^ mirrored

    def _find(self, token: int) -> Order | None:
        order = self.orders.get(token % self.open_orders)
        return order if order is not None and order.token == token else None

    def _trade(self, fill: Fill, times: int) -> None:
        """A fill happens, or (-1) has not happened."""
        row = fill.account, fill.symbol
        shares = -fill.quantity if fill.sells else fill.quantity
        self.position[row] = self.position.get(row, 0) + times * shares
        traded, value = self.traded[fill.account], times * fill.quantity * fill.price
        if fill.sells:
            traded.sold += value
        else:
            traded.bought += value

    def _bury(self, order: Order) -> None:
        if order.remaining == 0:
            self._die(order)

    def _die(self, order: Order) -> None:
        del self.orders[order.token % self.open_orders]
        if order.replaced_by is not None and (heir := self._find(order.replaced_by)) is not None:
            del self.orders[heir.token % self.open_orders]
        if order.replaces is not None and (old := self._find(order.replaces)) is not None:
            old.replaced_by = None
