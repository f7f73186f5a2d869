"""Drives a gate in cocotb, cycle by cycle, and keeps what it says."""

import os
from collections import deque
from functools import lru_cache

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from tickgate.records.codec import pack, slot, unpack
from tickgate.records.schema import BY_TEMPLATE, ORDER_REQUEST
from tickgate.risk.image import SESSIONS, TableSizes
from tickgate_hdl.lib.layouts import RecordBody, SymbolStatus, TopOfBook
from tickgate_hdl.risk.kills import KILL_FIELDS, kill_words
from tickgate_hdl.risk.layouts import VenueUpdate

from tickgate_sim.models.gate import Limits, References, Top, Update

__all__ = [
    "CLEARING_FIRMS",
    "EVERY_SESSION",
    "EVERY_STRATEGY",
    "GROUPS",
    "NEVER",
    "OPEN_CREDIT",
    "OPEN_RATE",
    "GateDriver",
    "record_of",
    "symbol_row",
]

GROUPS = int(os.environ.get("GATE_GROUPS", "2"))
CLEARING_FIRMS = int(os.environ.get("GATE_CLEARING_FIRMS", "2"))
OPEN_CREDIT = {0: (1, 0, *(0xFFFF_FFFF, 0x7FFF_FFFF) * 2)}
"""Rows of groups, or of clearing firms: that of accounts which name none, without end."""
OPEN_RATE = 0, 65535
"""Rate and burst that no test of something else uses up."""
EVERY_SESSION = dict.fromkeys(range(32), (1, *OPEN_RATE))
NEVER = (1 << 32) - 1
"""As many times as no test reaches."""
EVERY_STRATEGY = dict.fromkeys(range(32), (1, NEVER))

_IDLE_CYCLES = 20


def record_of(bits):
    """Return the record in a RecordBody payload."""
    body = RecordBody.from_bits(bits)
    record = BY_TEMPLATE[body.template]
    return unpack(slot(record, body.body.to_bytes(48, "little"), 1))[1]


def _order_bits(request):
    body = int.from_bytes(pack(ORDER_REQUEST, **request._asdict()), "little")
    return RecordBody.const({"template": ORDER_REQUEST.template, "body": body}).as_bits()


def _update_bits(update):
    values = {name: getattr(update, name) for name in (
        "user_ref_num", "orig_user_ref_num", "quantity", "match_number", "dead", "price")}
    for name, value in values.items():  # Amaranth would cut it, and the model would not
        assert 0 <= value < 1 << VenueUpdate[name].width, (name, value)
    return VenueUpdate.const({**values, "message_type": ord(update.message_type)}).as_bits()


def symbol_row(*words, rate=OPEN_RATE):
    """A row of a symbol of which so many words are said; it waives references if not all are."""
    return *words, *([0] * 7 + [0b111])[len(words):], *rate


@lru_cache(maxsize=1024)
def _top_bits(top):
    return TopOfBook.const({
        "bid": top.bid, "ask": top.ask, "bid_size": 1, "ask_size": 1,
        "trading_state": ord(top.trading_state), "stale": top.stale}).as_bits()


def _status_bits(top):
    return SymbolStatus.const(
        {"system_event": ord(top.phase), "reg_sho": ord(top.reg_sho)}).as_bits()


class GateDriver:
    """The gate's surroundings: order ring, entry, book, host registers.

    ``log`` lists what the gate took, in order: ("order", request), ("venue", update),
    ("withdraw", None) where it gave an order back that was not sent, and ("clear", (throttle, row))
    where it set a count to 0, as ``clears`` asks for, one after the other.
    ``decisions``, ``passed`` and ``events`` list what it gave; the cycle of each is in ``cycles``.
    ``mass_cancels`` lists the UserRefNums of those it had sent: each is taken when
    ``takes_mass_cancel``, and ``mass_cancel_delay`` cycles later sent, or cut if ``cuts``.
    """

    def __init__(self, dut, *, symbols, accounts):
        self.dut, self.accounts = dut, accounts
        self.sizes = accounts, symbols, GROUPS, CLEARING_FIRMS
        self.tops = {index: Top() for index in range(symbols)}
        self.orders, self.updates, self.clears = deque(), deque(), deque()
        self._clearing, self._was_busy = None, False
        self.log, self.decisions, self.passed, self.events = [], [], [], []
        self.cycles = {"order": [], "venue": [], "decision": [], "passed": []}
        self.cycle = 0
        self.send_delay = 1
        self.mass_cancels, self.takes_mass_cancel, self.cuts = [], True, False
        self.mass_cancel_delay = 3
        self._mass_cancel_at = None
        self.unsend = False
        self._pulses = []
        self._top = None
        self._offered = {"order": None, "venue": None}
        self._send_at = deque()

    async def start(self):
        """Start the clock, reset, and set every input to its quiet value."""
        for name in ("decision__ready", "events__ready", "passed__ready"):
            getattr(self.dut, name).value = 1
        for name in ("order__valid", "venue__valid", "query_status", "sent", "unsent",
                     "symbol_write", "ms_tick", "control__arm", "control__disarm",
                     "watchdog_touch__touch", "limit_lease__ms", "limit_renew__value",
                     "limit_renew__value__we", "limit_commit__commit", "events_room", "session_up",
                     "watchdog_timeout__ms",
                     "limit_data__value__we",
                     "watchdog_cancel__ms", "mass_cancel_taken", "mass_cancel_sent",
                     "mass_cancel_cut",
                     "limit_address__value__we", "position_load__value__we", "time_ns", "cycles",
                     "reference_symbol__value__we", "throttle_clear__executions",
                     "throttle_clear__rejects",
                     *(port for kill in KILL_FIELDS for port in (kill, f"{kill}__we"))):
            getattr(self.dut, name).value = 0
        self.dut.ready.value = 1
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start())
        await self.reset()

    async def reset(self):
        """Reset the gate and wait until its tables are swept."""
        self.dut.rst.value = 1
        self._offered = {"order": None, "venue": None}
        self.orders.clear()
        self.updates.clear()
        self.clears.clear()
        self._clearing, self._was_busy = None, False
        self._send_at.clear()
        self._mass_cancel_at = None
        self.dut.order__valid.value = 0
        self.dut.venue__valid.value = 0
        for _ in range(2):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)
        for _ in range(1 << 16):
            await self.step()
            if not self.dut.busy.value:
                return
        raise AssertionError("the gate must end its sweep")

    def pulse(self, name, value=1):
        """Set an input for the next cycle only."""
        getattr(self.dut, name).value = value
        self._pulses.append(name)

    def forget(self):
        """Drop what is listed so far."""
        for kept in (self.log, self.decisions, self.passed, self.events, *self.cycles.values()):
            kept.clear()

    async def step(self):
        """Run one cycle."""
        dut = self.dut
        await RisingEdge(dut.clk)
        self.cycle += 1
        for name in self._pulses:
            getattr(dut, name).value = 0
        self._pulses.clear()

        for kind, queue, bits in (("order", self.orders, _order_bits),
                                  ("venue", self.updates, _update_bits)):
            if self._offered[kind] is not None and getattr(dut, f"{kind}__ready").value:
                self.log.append((kind, self._offered[kind]))
                self.cycles[kind].append(self.cycle)
                self._offered[kind] = None
                getattr(dut, f"{kind}__valid").value = 0
            if self._offered[kind] is None and queue:
                self._offered[kind] = item = queue.popleft()
                getattr(dut, f"{kind}__payload").value = bits(item)
                getattr(dut, f"{kind}__valid").value = 1

        if dut.passed__valid.value and dut.passed__ready.value:
            self.passed.append(dut.passed__payload.value.to_unsigned())
            self.cycles["passed"].append(self.cycle)
            self._send_at.append(self.cycle + self.send_delay)
        if self._send_at and self.cycle >= self._send_at[0]:
            self.pulse("unsent" if self.unsend else "sent")
            self._send_at.popleft()
        if dut.withdrawn.value:
            self.log.append(("withdraw", None))
        self._clear_throttles()
        if dut.decision__valid.value and dut.decision__ready.value:
            self.decisions.append(record_of(dut.decision__payload.value.to_unsigned()))
            self.cycles["decision"].append(self.cycle)
        if dut.events__valid.value and dut.events__ready.value:
            self.events.append(record_of(dut.events__payload.value.to_unsigned()))
        top = self.tops[int(dut.query_symbol.value)]
        if top is not self._top:  # to write is slow, and it seldom changes
            self._top = top
            dut.query_top.value, dut.query_status.value = _top_bits(top), _status_bits(top)
        await self._send_mass_cancel()

    def _clear_throttles(self):
        """Ask for the next once the last is done; no order is taken in the cycle in which it is."""
        busy = bool(self.dut.throttle_clear__busy.value)
        if self._was_busy and not busy:
            self.log.append(("clear", self._clearing))
            self._clearing = None
        self._was_busy = busy
        if self.clears and self._clearing is None:
            self._clearing = name, row = self.clears.popleft()
            which = "strategy" if name == "executions" else "account"
            getattr(self.dut, f"throttle_address__{which}").value = row
            self.pulse(f"throttle_clear__{name}")

    async def _send_mass_cancel(self):
        """Take it as entry does, in the cycle in which it is offered, and send it or cut it."""
        dut = self.dut
        if self._mass_cancel_at is not None and self.cycle >= self._mass_cancel_at:
            self.pulse("mass_cancel_cut" if self.cuts else "mass_cancel_sent")
            self._mass_cancel_at = None
        elif self.takes_mass_cancel and dut.mass_cancel.value:
            await FallingEdge(dut.clk)  # what is offered in this cycle, and not in the one before
            if dut.mass_cancel.value:
                self.pulse("mass_cancel_taken")
                self.mass_cancels.append(int(dut.mass_cancel_token.value))
                self._mass_cancel_at = self.cycle + self.mass_cancel_delay

    async def steps(self, count):
        """Run ``count`` cycles."""
        for _ in range(count):
            await self.step()

    async def settle(self):
        """Run until everything offered is taken and answered, and the gate is at rest."""
        quiet = 0
        for _ in range(1 << 14):
            await self.step()
            offered = any(item is not None for item in self._offered.values())
            waits = (self.orders or self.updates or self.clears or self._clearing or offered
                     or self._send_at or self.dut.active.value)
            quiet = 0 if waits else quiet + 1
            if quiet > _IDLE_CYCLES:
                return
        raise AssertionError("the gate must take what it is offered")

    async def ask(self, request):
        """Offer one order and return its decision."""
        count = len(self.decisions)
        self.orders.append(request)
        await self.settle()
        assert len(self.decisions) == count + 1
        return self.decisions[-1]

    async def tell(self, *args, **kwargs):
        """Give the gate one venue message."""
        self.updates.append(Update(*args, **kwargs))
        await self.settle()

    async def write(self, name, value):
        """Write a register that the gate only reads."""
        getattr(self.dut, name).value = value
        await self.step()

    async def strobe(self, name, value=None):
        """Write a register whose write is an event: value and strobe."""
        if value is not None:
            getattr(self.dut, name).value = value
            name = f"{name}__we"
        self.pulse(name)
        await self.steps(6)

    async def kill(self, scope, mask):
        """Write the kill switches of a scope; return what the gate is to tell of each register:
        the scope's letter, which it is, its value."""
        letter, names = kill_words(TableSizes(*self.sizes))[scope]
        words = [mask >> 32 * number & 0xFFFF_FFFF for number in range(len(names))]
        for name, word in zip(names, words, strict=True):
            await self.strobe(name, word)
        return [(letter, number, word) for number, word in enumerate(words)]

    async def tick(self):
        """Let a millisecond pass, and the buckets refill."""
        self.pulse("ms_tick")
        await self.steps(2 * max(SESSIONS, *self.sizes) + 6)

    async def upload(self, limits: Limits, crc, generation, *, leave_out=()):
        """Upload an image, but for the addresses in ``leave_out``, and commit it."""
        expected = None
        for address, word in limits.words(*self.sizes):
            if address in leave_out:
                continue
            if address != expected:
                self.dut.limit_address__value.value = address
                self.pulse("limit_address__value__we")
                await self.step()
            self.dut.limit_data__value.value = word
            self.pulse("limit_data__value__we")
            await self.step()
            expected = address + 1
        await self.commit(crc, generation)

    async def commit(self, crc, generation):
        """Commit what the shadow bank holds and wait for the outcome."""
        self.dut.limit_crc__value.value = crc
        self.dut.limit_generation__value.value = generation
        self.pulse("limit_commit__commit")
        await self.steps(2)
        for _ in range(1 << 16):
            await self.step()
            if not self.dut.limit_status__busy.value:
                await self.steps(3)
                return
        raise AssertionError("the commit must end")

    async def lease(self, ms, generation):
        """Set the lease of the limits, and renew it."""
        await self.write("limit_lease__ms", ms)
        await self.strobe("limit_renew__value", generation)

    async def list_symbol(self, index, name, enable=True):
        """Write an entry of the symbol table."""
        self.dut.symbol_index.value = index
        self.dut.symbol_name.value = int.from_bytes(name.ljust(8).encode(), "little")
        self.dut.symbol_enable.value = enable
        self.pulse("symbol_write")
        await self.steps(2)

    async def stage(self, references: References):
        """Write references to their registers, one after the other; none is in force by that."""
        for name, value in vars(references).items():
            await self.write(f"reference_{name}__value", value)

    async def refer(self, symbol, references: References):
        """Put references of a symbol in force."""
        await self.stage(references)
        self.dut.reference_symbol__value.value = symbol
        self.pulse("reference_symbol__value__we")
        await self.steps(2)

    async def exposure(self, account, symbol):
        """Read a row of the exposure table as the host does."""
        self.dut.position_address__account.value = account
        self.dut.position_address__symbol.value = symbol
        await self.steps(4)
        position = int(self.dut.position__value.value)
        if position >> 31:
            position -= 1 << 32
        return position, int(self.dut.open_buy__value.value), int(self.dut.open_sell__value.value)

    async def throttles(self, strategy, account):
        """Read executions of a strategy and rejects of an account as the host does."""
        self.dut.throttle_address__strategy.value = strategy
        self.dut.throttle_address__account.value = account
        await self.steps(4)
        return int(self.dut.executions__count.value), int(self.dut.rejects__count.value)

    async def clear(self, name, row):
        """Set the ``executions`` of a strategy, or the ``rejects`` of an account, to 0."""
        self.clears.append((name, row))
        await self.settle()

    async def load_position(self, account, symbol, shares):
        """Set a position as the host does."""
        self.dut.position_address__account.value = account
        self.dut.position_address__symbol.value = symbol
        self.dut.position_load__value.value = shares & 0xFFFF_FFFF
        self.pulse("position_load__value__we")
        await self.steps(4)
