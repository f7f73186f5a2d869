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

__all__ = ["GateModel", "Limits", "Order", "Top", "Update", "Verdict"]

_U32 = (1 << 32) - 1


@dataclass(frozen=True)
class Top:
    """Best bid and offer of a symbol, in 1/10000 USD; 0 = none."""

    bid: int = 0
    ask: int = 0
    trading_state: str = "T"
    stale: bool = False


@dataclass(frozen=True)
class Update:
    """What entry tells the gate of one venue message."""

    message_type: str
    user_ref_num: int
    quantity: int = 0
    orig_user_ref_num: int = 0
    match_number: int = 0
    dead: bool = False


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
    replaces: int | None = None
    replaced_by: int | None = None


@dataclass(frozen=True)
class Limits:
    """A limits image: rows of words, all zero where nothing was written."""

    account: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Rows of 8 words: enabled, max quantity, max value low and high, rate, burst, 0, 0."""
    symbol: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Rows of 2 words: enabled, collar."""
    position: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """Rows of 2 words, by account and symbol: longest, shortest."""

    def words(self, accounts: int, symbols: int) -> list[tuple[int, int]]:
        """All words of the image with their addresses, in the order of the CRC."""
        words: list[tuple[int, int]] = []
        for index in range(accounts):
            row = self.account.get(index, (0,) * 8)
            words += [(index * 8 + at, word) for at, word in enumerate(row)]
        for index in range(symbols):
            pair = self.symbol.get(index, (0, 0))
            words += [(0x4000 + index * 2 + at, word) for at, word in enumerate(pair)]
        for index in range(accounts * symbols):
            pair = self.position.get(divmod(index, symbols), (0, 0))
            words += [(0x8000 + index * 2 + at, word) for at, word in enumerate(pair)]
        return words

    def crc(self, accounts: int, symbols: int) -> int:
        """CRC that the card must find."""
        return zlib.crc32(
            b"".join(struct.pack("<I", word) for _, word in self.words(accounts, symbols))
        )


class GateModel:
    """The gate of a card with these sizes, after reset."""

    def __init__(self, *, symbols: int, accounts: int, open_orders: int) -> None:
        self.symbols, self.accounts, self.open_orders = symbols, accounts, open_orders
        self.limits = Limits()
        self.generation = 0
        self.armed = False
        self.watchdog_timeout = 0
        self.watchdog_left = 0
        self.session_up = False
        self.events_room = False
        self.kill_all = False
        self.kill_session = 0
        self.kill_account = 0
        self.kill_symbol = 0
        self.listed: set[int] = set()
        self.position: dict[tuple[int, int], int] = {}
        self.orders: dict[int, Order] = {}  # by slot
        self.fills: dict[int, tuple[int, int, int, int, int]] = {}
        self.spent = [0] * accounts
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
        self.watchdog_left = max(0, self.watchdog_left - 1)
        for account, spent in enumerate(self.spent):
            rate = self.limits.account.get(account, (0,) * 8)[4] & 0xFFFF
            self.spent[account] = max(0, spent - rate)
        self.armed = self.armed and self.watchdog_ok
        return was and not self.watchdog_ok

    def touch(self) -> None:
        """The host touches the watchdog."""
        self.watchdog_left = self.watchdog_timeout

    def arm(self) -> None:
        """The host asks to arm."""
        self.armed = self.armed or (self.generation != 0 and self.watchdog_ok)

    def commit(self, limits: Limits, crc: int, generation: int) -> bool:
        """The host commits a whole image. Returns whether it is in force now."""
        if generation == 0 or limits.crc(self.accounts, self.symbols) != crc:
            return False
        self.limits, self.generation = limits, generation
        return True

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
            and bool(self.limits.account.get(request.account, (0,))[0] & 1)
            and bool(self.limits.symbol.get(request.symbol, (0, 0))[0] & 1)
        )

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

        _, max_quantity, low, high, _, burst, *_ = self.limits.account[request.account]
        collar = self.limits.symbol[request.symbol][1]
        if reference is not None:
            through = request.price - reference if buys else reference - request.price
            if through > collar:
                failed.add("price_collar")
        if request.quantity > max_quantity:
            failed.add("max_quantity")
        if request.price * request.quantity > high << 32 | low:
            failed.add("max_value")
        longest, shortest = self.limits.position.get((request.account, request.symbol), (0, 0))
        position, open_buy, open_sell = self._held(request.account, request.symbol)
        if buys:
            over = position + open_buy + request.quantity > longest
        else:
            over = -(position - open_sell - request.quantity) > shortest
        if over:
            failed.add("position_limit")
        if self.spent[request.account] + 1000 > (burst & 0xFFFF) * 1000:
            failed.add("message_rate")
        else:
            self.spent[request.account] += 1000
        return failed

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
        )
        if request.action == "U":
            old = self._find(request.orig_user_ref_num)
            if old is None:
                raise AssertionError("a replacement of no order passed")
            order.replaces, old.replaced_by = old.token, order.token
        self.orders[order.token % self.open_orders] = order

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
                self._move(order.account, order.symbol, -quantity if order.sells else quantity)
                self.fills[self._fill_place(update)] = (
                    update.match_number,
                    order.token,
                    order.account,
                    order.symbol,
                    -quantity if order.sells else quantity,
                )
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
        if fill is None or fill[:2] != (update.match_number, update.user_ref_num):
            self.unknown += 1
            return
        del self.fills[place]
        self._move(fill[2], fill[3], -fill[4])

    def _fill_place(self, update: Update) -> int:
        bits = self.open_orders.bit_length() - 1
        mirrored = int(f"{update.user_ref_num % self.open_orders:0{bits}b}"[::-1], 2)
        return update.match_number % self.open_orders ^ mirrored

    def _find(self, token: int) -> Order | None:
        order = self.orders.get(token % self.open_orders)
        return order if order is not None and order.token == token else None

    def _move(self, account: int, symbol: int, shares: int) -> None:
        self.position[account, symbol] = self.position.get((account, symbol), 0) + shares

    def _bury(self, order: Order) -> None:
        if order.remaining == 0:
            self._die(order)

    def _die(self, order: Order) -> None:
        del self.orders[order.token % self.open_orders]
        if order.replaced_by is not None and (heir := self._find(order.replaced_by)) is not None:
            del self.orders[heir.token % self.open_orders]
        if order.replaces is not None and (old := self._find(order.replaces)) is not None:
            old.replaced_by = None
