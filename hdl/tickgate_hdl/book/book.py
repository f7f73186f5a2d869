"""The book: applies commands to orders and levels, keeps and tells every best bid and offer."""

from amaranth import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.layouts import BookCommand
from tickgate_hdl.book.levels import PriceLevels
from tickgate_hdl.book.orders import OrderTable
from tickgate_hdl.book.reports import Reports
from tickgate_hdl.book.symbols import SymbolTable
from tickgate_hdl.lib.layouts import RecordBody, TopOfBook
from tickgate_hdl.lib.stream import connect_streams

__all__ = ["Book"]

_BY_NAME = "ARH"
_NO_TOP = {"trading_state": ord(" ")}


class Book(wiring.Component):
    """Apply commands one after the other; tell each change of a best bid or offer, and each event.

    After every command the best bid and offer are exact, also when a level has emptied. A replace
    changes them once, when both its halves are done. What cannot be applied is counted and told,
    never hidden:

    - An order or level that finds no place: event O, and the symbol is stale until the next
    session.
    - A gap: event G, and all symbols are stale until the next session.
    - A symbol that is enabled after orders were seen is stale until the next session.
    - An order reference that is not known, or that an Add or Replace uses again: event U; the
    message has
      no effect on the book (of a Replace with a used new reference only the removal has).
    - More shares taken off an order than it has: the order is gone.

    Events O and U are told once for a symbol and session; the counters count all. A new session
    empties everything but the names of the symbols. An order added with 0 shares is not added.

    A command takes 13 to 17 cycles at the touch, a replace 23 or more, and the depth of the price
    beyond that; nothing is lost meanwhile: ``i.ready`` is low. Emptying takes as long as the
    longest table.

    Parameters
    ----------
    config : :class:`~tickgate_hdl.top.config.CardConfig`
        Sizes.
    locate_bits : :class:`int`
        Width of the stock locates that can be told apart, 16 but in small tests.

    Members
    -------
    i : :py:`In(stream.Signature(BookCommand))`
        Commands.
    cycles : :py:`In(32)`
        Cycle counter.
    symbol_write, symbol_index, symbol_name, symbol_enable : :py:`In`
        Write port of the symbol table.
    query_symbol, query_top : :py:`In(8)`, :py:`Out(TopOfBook)`
        Best bid and offer of a symbol, in the next cycle, always; stale while ``busy`` or out of
        range.
    tob, events : :py:`Out(stream.Signature(RecordBody))`
        TopOfBook records, one per change of an enabled symbol; FeedEvent records.
    count_itch_untracked : :py:`Out(32)`
        Commands about symbols that are not tracked. Wraps, as all do.
    count_book_updates : :py:`Out(32)`
        Changes of a best bid or offer, price or size.
    count_book_order_overflow, count_book_level_overflow : :py:`Out(32)`
        Orders and levels that found no place.
    count_book_unknown_reference : :py:`Out(32)`
        Commands whose reference is unknown, or used again.
    busy : :py:`Out(1)`
        Tables are being emptied: after reset, and when a session changes.
    active : :py:`Out(1)`
        A command is being worked on or a record offered.
    """

    def __init__(self, config, *, locate_bits=16):
        self._config = config
        self._locate_bits = locate_bits
        super().__init__(
            {
                "i": In(stream.Signature(BookCommand)),
                "cycles": In(32),
                "symbol_write": In(1),
                "symbol_index": In(8),
                "symbol_name": In(64),
                "symbol_enable": In(1),
                "query_symbol": In(8),
                "query_top": Out(TopOfBook),
                "tob": Out(stream.Signature(RecordBody)),
                "events": Out(stream.Signature(RecordBody)),
                "count_itch_untracked": Out(32),
                "count_book_updates": Out(32),
                "count_book_order_overflow": Out(32),
                "count_book_level_overflow": Out(32),
                "count_book_unknown_reference": Out(32),
                "busy": Out(1, init=1),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self._config
        symbols = config.symbols
        bits = (symbols - 1).bit_length()
        m.submodules.symbols = table = SymbolTable(symbols=symbols, locate_bits=self._locate_bits)
        m.submodules.orders = orders = OrderTable(
            sets=config.order_sets, ways=config.order_ways, symbol_bits=bits
        )
        m.submodules.levels = levels = PriceLevels(symbols=symbols, levels=config.levels)
        m.submodules.reports = reports = Reports()
        m.submodules.tops = tops = memory.Memory(shape=TopOfBook, depth=symbols, init=[])
        top_read, top_query, top_write = tops.read_port(), tops.read_port(), tops.write_port()
        connect_streams(m, reports.tob, self.tob)
        connect_streams(m, reports.events, self.events)

        command = Signal(BookCommand)
        symbol = Signal(bits)
        top, before = Signal(TopOfBook), Signal(TopOfBook)
        loaded = Signal()  # top is in use, and to be published
        replacing = Signal()  # the old half of a replace is done
        event = Signal(8)  # to be told; 0 = none
        event_symbol = Signal()  # the event is about the symbol
        touched, traded = Signal(), Signal()  # since the tables were emptied
        late = Signal(symbols)  # enabled after orders were seen
        told_overflow, told_reference = Signal(symbols), Signal(symbols)
        swept = Signal()  # the tables were emptied since reset: their content means something
        marking, emptying = Signal(), Signal()  # walking over all symbols; to empty them

        def one_more(counter):
            m.d.sync += counter.eq(counter + 1)

        m.d.comb += [
            table.write.eq(self.symbol_write),
            table.write_index.eq(self.symbol_index),
            table.write_name.eq(self.symbol_name),
            table.write_enable.eq(self.symbol_enable),
            table.name.eq(command.stock),
            table.locate.eq(command.locate),
            table.by_name.eq(_is(command.kind, _BY_NAME)),
            top_read.addr.eq(symbol),
            top_write.addr.eq(symbol),
            top_write.data.eq(top),
            levels.change.symbol.eq(symbol),
            levels.change.sell.eq(command.sell),
            levels.change.price.eq(command.price),
            levels.change.shares.eq(command.shares),
            levels.change.add.eq(1),
            orders.reference.eq(Mux(replacing, command.new_reference, command.reference)),
            orders.entry.symbol.eq(symbol),
            orders.entry.sell.eq(command.sell),
            orders.entry.price.eq(command.price),
            orders.entry.shares.eq(command.shares),
            orders.entry.reference.eq(orders.reference),
        ]

        # The gate's view.
        out_of_range = Signal()
        m.d.sync += out_of_range.eq(self.query_symbol >= symbols)
        m.d.comb += [
            top_query.addr.eq(self.query_symbol),
            self.query_top.eq(top_query.data),
        ]
        with m.If(self.busy | out_of_range):
            m.d.comb += self.query_top.stale.eq(1)

        def set_side(answer):
            """Take the book's new best of the command's side into the top of book."""
            with m.If(~loaded):
                m.d.sync += [top.eq(top_read.data), before.eq(top_read.data), loaded.eq(1)]
            with m.If(command.sell):
                m.d.sync += [top.ask.eq(answer.price), top.ask_size.eq(answer.size)]
            with m.Else():
                m.d.sync += [top.bid.eq(answer.price), top.bid_size.eq(answer.size)]

        def set_stale():
            with m.If(~loaded):
                m.d.sync += [top.eq(top_read.data), before.eq(top_read.data), loaded.eq(1)]
            m.d.sync += top.stale.eq(1)

        def tell_once(told, kind):
            with m.If(~told.bit_select(symbol, 1)):
                m.d.sync += [event.eq(ord(kind)), event_symbol.eq(1)]
            m.d.sync += told.bit_select(symbol, 1).eq(1)

        with m.If(table.changed & traded):
            m.d.sync += late.bit_select(self.symbol_index[:bits], 1).eq(1)

        with m.FSM(init="Clear") as fsm:
            with m.State("Clear"):
                m.d.comb += [table.clear.eq(1), orders.clear.eq(1), levels.clear.eq(1)]
                m.d.sync += [
                    self.busy.eq(1),
                    touched.eq(0),
                    traded.eq(0),
                    late.eq(0),
                    told_overflow.eq(0),
                    told_reference.eq(0),
                    symbol.eq(0),
                    marking.eq(1),
                    emptying.eq(1),
                ]
                m.next = "Sweep"
            with m.State("Sweep"), m.If(~table.busy & ~orders.busy & ~levels.busy):
                m.next = "Mark"
            with m.State("Mark"):
                m.next = "Marked"  # the row is being read
            with m.State("Marked"):
                m.d.sync += [top.eq(top_read.data), before.eq(top_read.data), loaded.eq(1)]
                m.d.sync += top.stale.eq(1)
                with m.If(emptying):
                    m.d.sync += top.eq(TopOfBook.const(_NO_TOP))
                m.next = "Publish"
            with m.State("Idle"):
                m.d.sync += [
                    self.busy.eq(0),
                    swept.eq(1),
                    emptying.eq(0),
                    marking.eq(0),
                    loaded.eq(0),
                    replacing.eq(0),
                    event.eq(0),
                    event_symbol.eq(0),
                ]
                with m.If(late.any()):
                    lowest = late & (~late + 1)
                    for index in range(symbols):
                        with m.If(lowest[index]):
                            m.d.sync += [symbol.eq(index), late[index].eq(0)]
                    m.next = "Mark"
                with m.Else():
                    m.d.comb += self.i.ready.eq(1)
                    with m.If(self.i.valid):
                        m.d.sync += command.eq(self.i.payload)
                        m.next = "Decode"
            with m.State("Decode"), m.Switch(command.kind):
                with m.Case(*map(ord, "NGZS")):
                    m.d.sync += event.eq(command.kind)
                    m.next = "Tell"
                with m.Default():
                    m.d.comb += table.look.eq(1)
                    m.d.sync += touched.eq(1)
                    with m.If(~_is(command.kind, "RH")):
                        m.d.sync += traded.eq(1)
                    m.next = "Symbol"
            with m.State("Symbol"):
                m.d.sync += symbol.eq(table.symbol)
                m.d.comb += table.remember.eq(_is(command.kind, "AR"))
                with m.If(~table.tracked):
                    one_more(self.count_itch_untracked)
                    m.next = "Idle"
                with m.Elif(_is(command.kind, "RH")):
                    m.d.sync += [event.eq(command.kind), event_symbol.eq(1)]
                    m.next = "Status"
                with m.Else():
                    m.d.comb += orders.find.eq(1)
                    m.next = "Found"

            with m.State("Status"):
                m.next = "State"  # the row is being read
            with m.State("State"):
                with m.If(command.kind == ord("H")):
                    m.d.sync += [top.eq(top_read.data), before.eq(top_read.data), loaded.eq(1)]
                    m.d.sync += top.trading_state.eq(command.code)
                m.next = "Tell"

            with m.State("Found"):
                adding = _is(command.kind, "A") | replacing
                with m.If(orders.done):
                    with m.If(orders.found == adding):
                        one_more(self.count_book_unknown_reference)
                        tell_once(told_reference, "U")
                        m.next = "Tell"
                    with m.Elif(~adding):
                        m.d.sync += symbol.eq(orders.order.symbol)
                        m.next = "Take"
                    with m.Elif(command.shares == 0):
                        m.next = "Tell"
                    with m.Elif(~orders.free):
                        one_more(self.count_book_order_overflow)
                        tell_once(told_overflow, "O")
                        set_stale()
                        m.next = "Tell"
                    with m.Else():
                        m.d.comb += [orders.insert.eq(1), levels.start.eq(1)]
                        m.next = "Put"
            with m.State("Put"), m.If(levels.done):
                set_side(levels.answer)
                with m.If(levels.answer.overflow):
                    one_more(self.count_book_level_overflow)
                    tell_once(told_overflow, "O")
                    m.d.sync += top.stale.eq(1)
                m.next = "Tell"
            with m.State("Take"):
                taken = Signal(32)
                rest = orders.order.shares > command.shares
                partial = _is(command.kind, "X") & rest
                m.d.comb += [
                    taken.eq(Mux(partial, command.shares, orders.order.shares)),
                    orders.update.eq(1),
                    orders.shares.eq(orders.order.shares - taken),
                    levels.start.eq(1),
                    levels.change.sell.eq(orders.order.sell),
                    levels.change.price.eq(orders.order.price),
                    levels.change.shares.eq(taken),
                    levels.change.add.eq(0),
                ]
                m.d.sync += command.sell.eq(orders.order.sell)
                m.next = "Taken"
            with m.State("Taken"), m.If(levels.done):
                set_side(levels.answer)
                m.next = "Tell"
                with m.If(_is(command.kind, "U")):
                    m.d.sync += replacing.eq(1)
                    m.next = "Replace"
            with m.State("Replace"):
                m.d.comb += orders.find.eq(1)
                m.next = "Found"

            with m.State("Tell"), m.If((event == 0) | reports.event_room):
                m.d.comb += reports.tell.eq(event != 0)
                m.next = "Publish"
                with m.Switch(event):
                    with m.Case(ord("G")):
                        m.d.sync += [touched.eq(1), traded.eq(1)]
                        m.d.sync += [symbol.eq(0), marking.eq(1)]
                        m.next = "Mark"
                    with m.Case(ord("N")):
                        m.next = "Idle"
                        with m.If(touched):
                            m.next = "Clear"
            with m.State("Publish"):
                changed = top.as_value() != before.as_value()
                quoted = top.as_value()[:128] != before.as_value()[:128]
                shown = table.enabled.bit_select(symbol, 1) & changed & swept
                with m.If(~loaded | ~shown | reports.tob_room):
                    m.d.comb += [
                        top_write.en.eq(loaded),
                        reports.publish.eq(loaded & shown),
                    ]
                    with m.If(loaded & shown & quoted):
                        one_more(self.count_book_updates)
                    m.next = "Idle"
                    with m.If(marking & (symbol != symbols - 1)):
                        m.d.sync += symbol.eq(symbol + 1)
                        m.next = "Mark"

        m.d.comb += [
            reports.event.eq(event),
            reports.event_symbol.eq(Mux(event_symbol, symbol, 0xFFFF)),
            reports.command.eq(command),
            reports.symbol.eq(symbol),
            reports.top.eq(top),
            reports.cycles.eq(self.cycles),
            self.active.eq(~fsm.ongoing("Idle") | late.any() | self.tob.valid | self.events.valid),
        ]
        return m


def _is(kind, letters):
    """Whether a command is of one of these kinds."""
    return sum(kind == ord(letter) for letter in letters)[0]
