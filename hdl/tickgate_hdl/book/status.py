"""What status messages said of each symbol: ``StatusTable``."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.decode import BookOperation
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import SymbolStatus
from tickgate_hdl.lib.wire import fields

__all__ = ["StatusTable"]

# Of each message with a row of its own: the members of SymbolStatus and the fields they are.
_ROWS = {
    "H": {"trading_state": "trading_state", "trading_reason": "reason"},
    "Y": {"reg_sho": "reg_sho_action"},
    "J": {
        "collar_reference": "auction_collar_reference_price",
        "collar_upper": "upper_auction_collar_price",
        "collar_lower": "lower_auction_collar_price",
        "collar_extension": "auction_collar_extension",
    },
    "K": {
        "ipo_qualifier": "ipo_quotation_release_qualifier",
        "ipo_release": "ipo_quotation_release_time", "ipo_price": "ipo_price",
    },
    "N": {"rpii": "interest_flag"},
    "R": {
        "round_lot": "round_lot_size", "financial_status": "financial_status_indicator",
        "authenticity": "authenticity", "luld_tier": "luld_reference_price_tier",
    },
}
_SET = {"J": "collar_set", "K": "ipo_set", "R": "listed"}
_TEXTS = (
    "trading_state", "reg_sho", "ipo_qualifier", "rpii", "financial_status", "authenticity",
    "luld_tier",
)
_MARKETS = "QBX"
_TRADES = ord("T")


class StatusTable(wiring.Component):
    """Keep the newest status of each symbol, by the type of message that told it.

    Each type has a memory of its own, so that a message writes a whole row and nothing is read
    before; whether a symbol has one at all is a bit, and clearing takes a cycle.

    Parameters
    ----------
    symbols : int
        Rows, a power of two.
    registered : bool
        What type a message is of is registered: it is kept a cycle later.

    Members
    -------
    write, operation, symbol : In(1), In(BookOperation), In(16)
        A status message, about that symbol if it is about one. Where ``registered``, message and
        symbol stay for another cycle.
    query, status : In(16), Out(SymbolStatus)
        The status of a symbol, in the next cycle, always.
    clear : In(1)
        Forget all.
    """

    def __init__(self, *, symbols, registered=False):
        self._symbols, self._registered = symbols, registered
        super().__init__({
            "write": In(1), "operation": In(BookOperation), "symbol": In(16),
            "query": In(16), "status": Out(SymbolStatus), "clear": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits = (self._symbols - 1).bit_length()
        out = self.status
        symbol, query = self.symbol[:bits], self.query[:bits]
        asked = Signal(bits)
        m.d.sync += asked.eq(query)
        m.d.comb += [out[name].eq(ord(" ")) for name in _TEXTS]
        m.d.comb += out.trading_reason.eq(int.from_bytes(b"    ", "big"))

        for letter, members in _ROWS.items():
            values = self._fields(letter)
            row = StructLayout({name: len(values[field]) for name, field in members.items()})
            table = Memory(shape=row, depth=self._symbols, init=[])
            m.submodules[f"table_{letter}"] = table
            store, fetch = table.write_port(), table.read_port()
            filled = Signal(self._symbols, name=f"filled_{letter}")
            told = self._told(m, letter)
            newest = Signal(row, name=f"newest_{letter}", reset_less=True)
            again = Signal(name=f"again_{letter}")
            fetched = Signal(row, name=f"fetched_{letter}")
            m.d.comb += [
                store.addr.eq(symbol), store.en.eq(told),
                *(store.data[name].eq(values[field]) for name, field in members.items()),
                fetch.addr.eq(query),
                Value.cast(fetched).eq(
                    Mux(again, Value.cast(newest), Value.cast(fetch.data))),
            ]
            # What is written in the cycle of the read is taken from beside the memory.
            m.d.sync += again.eq(told & (symbol == query))
            with m.If(told):
                m.d.sync += [newest.eq(store.data), filled.bit_select(symbol, 1).eq(1)]
            with m.If(filled.bit_select(asked, 1)):
                m.d.comb += [out[name].eq(fetched[name]) for name in members]
                if letter in _SET:
                    m.d.comb += out[_SET[letter]].eq(1)
            with m.If(self.clear):
                m.d.sync += filled.eq(0)

        self._halts(m, symbol, asked)
        self._market(m, symbol, asked)
        return m

    def _halts(self, m, symbol, asked):
        """Operational halts: a bit for each symbol and market."""
        values = self._fields("h")
        told = self._told(m, "h")
        for number, market in enumerate(_MARKETS):
            halted = Signal(self._symbols, name=f"halted_{market}")
            with m.If(told & (values["market_code"] == ord(market))):
                m.d.sync += halted.bit_select(symbol, 1).eq(
                    values["operational_halt_action"] != _TRADES)
            with m.If(self.clear):
                m.d.sync += halted.eq(0)
            m.d.comb += self.status.halted_markets[number].eq(halted.bit_select(asked, 1))

    def _market(self, m, symbol, asked):
        """System events, and the market-wide breaker: of all symbols, until each trades again."""
        event, level = Signal(8, init=ord(" ")), Signal(2)
        resumed = Signal(self._symbols)
        trades = self._fields("H")["trading_state"] == _TRADES
        with m.If(self._told(m, "S")):
            m.d.sync += event.eq(self._fields("S")["event_code"])
        with m.If(self._told(m, "W")):
            breached = self._fields("W")["breached_level"]
            m.d.sync += [level.eq(Mux(breached[2:] == ord("0") >> 2, breached[:2], 3)),
                         resumed.eq(0)]
        with m.If(self._told(m, "H") & trades):
            m.d.sync += resumed.bit_select(symbol, 1).eq(1)
        with m.If(self.clear):
            m.d.sync += [event.eq(ord(" ")), level.eq(0)]
        m.d.comb += [
            self.status.system_event.eq(event),
            self.status.breaker.eq(Mux(resumed.bit_select(asked, 1), 0, level)),
        ]

    def _told(self, m, letter):
        """Return whether a message of this type is to be kept."""
        return delayed(
            m, self.write & (self.operation.letter == ord(letter)), f"told_{ord(letter)}",
            int(self._registered))

    def _fields(self, letter):
        """Fields of the message in hand, of which only what follows the header is there."""
        header = 8 * itch50.ItchMessage.LENGTH
        message = itch50.MESSAGES[letter]
        padded = Value.cast(self.operation.body) << header
        return fields(message, padded[:8 * message.LENGTH])
