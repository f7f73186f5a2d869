"""The book: applies the feed's messages to orders and levels, keeps every best bid and offer."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from tickgate.protocols import itch50

from tickgate_hdl.book.decode import BookOperation, ItchDecode
from tickgate_hdl.book.level_layouts import DepthRow
from tickgate_hdl.book.locate_map import LocateMap
from tickgate_hdl.book.order_table import OrderTable
from tickgate_hdl.book.price_levels import Levels
from tickgate_hdl.book.publish import NO_SYMBOL, EventRecord, Origin, TopRecord
from tickgate_hdl.book.status import StatusTable
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.layouts import RecordBody, SymbolStatus, TopOfBook

__all__ = ["Book"]

_NO_TOP = {"trading_state": ord(" ")}


class Book(wiring.Component):
    """Apply messages one after the other; tell each change of a best bid or offer, and each event.

    After every message the best bid and offer are exact, also when a level has emptied. A replace
    changes them once, when both its halves are done. What cannot be applied is counted and told,
    never hidden:

    - An order that finds no place in the order table: event O, and the symbol is stale until the
      books are emptied.
    - Levels that find no place: event O with code L; the best bid and offer stay exact. Only when
      the others are used up is the symbol stale.
    - A symbol that is enabled after orders were seen is stale.
    - An order reference that is not known, or that an Add or Replace uses again: event U; the
      message has no effect on the book (of a Replace with a used new reference only the removal).
    - More shares taken off an order than it has: the order is gone.

    Events O and U are told once for a symbol until the books are emptied; the counters count all.
    An order added with 0 shares is not added.

    From the cycle in which a message is taken to the new best bid and offer it takes 4 cycles (an
    Add), 5 (Executed, Cancel, Delete) or 7 (Replace); more where ``registered``. A message is taken
    every 2 cycles, a Replace takes 4.

    Parameters
    ----------
    config : :class:`~tickgate_hdl.top.config.CardConfig`
        Sizes.
    locate_bits : :class:`int`
        Width of the stock locates that can be told apart, 16 but in small tests.

    Members
    -------
    i : :py:`In(stream.Signature(FeedItem))`
        Messages in order, each once.
    clear : :py:`In(1)`
        Strobe: empty the books; ``busy`` follows, while nothing is taken.
    cycles : :py:`In(32)`
        Cycle counter.
    symbol_write, symbol_index, symbol_name, symbol_enable : :py:`In`
        Write port of the symbol table.
    feed_stale : :py:`In(1)`
        No book is known to be right.
    query_symbol, query_top, query_status : :py:`In(8)`, :py:`Out`
        Best bid and offer of a symbol and its status, in the next cycle, always; stale also while
        ``feed_stale`` or ``busy``, when it is not enabled or out of range.
    tob : :py:`Out(stream.Signature(RecordBody))`
        TopOfBook records, one for each change of an enabled symbol; taken in every cycle.
    depth_write, depth_row, depth_clear : :py:`Out`
        The best levels of a side that may have changed; all are empty.
    events : :py:`Out(stream.Signature(RecordBody))`
        FeedEvent records.
    count_* : :py:`Out(32)`
        As the registers of the same names; they wrap.
    itch_type_select, itch_type_count : :py:`In(8)`, :py:`Out(32)`
        Messages of the selected type among ``count_itch_messages``.
    busy : :py:`Out(1)`
        Tables are being emptied: after reset, and after ``clear``.
    active : :py:`Out(1)`
        A message is being worked on or a record offered.
    """

    def __init__(self, config, *, locate_bits=16):
        self._config, self._locate_bits = config, locate_bits
        counters = (
            "count_itch_messages", "count_itch_unknown", "count_itch_malformed",
            "count_itch_untracked", "count_itch_slow", "count_book_updates",
            "count_book_order_overflow", "count_book_level_overflow",
            "count_book_unknown_reference",
        )
        super().__init__({
            "i": In(stream.Signature(FeedItem)), "clear": In(1), "cycles": In(32),
            "symbol_write": In(1), "symbol_index": In(8), "symbol_name": In(64),
            "symbol_enable": In(1), "feed_stale": In(1),
            "query_symbol": In(8), "query_top": Out(TopOfBook), "query_status": Out(SymbolStatus),
            "tob": Out(stream.Signature(RecordBody)),
            "depth_write": Out(1), "depth_row": Out(DepthRow), "depth_clear": Out(1),
            "events": Out(stream.Signature(RecordBody)),
            "itch_type_select": In(8), "itch_type_count": Out(32),
            "busy": Out(1, init=1), "active": Out(1),
            **{name: Out(32) for name in counters},
        })

    def elaborate(self, platform):
        m = Module()
        config = self._config
        symbols = config.symbols
        bits = (symbols - 1).bit_length()
        m.submodules.decode = decode = ItchDecode()
        m.submodules.locate_map = locates = LocateMap(
            symbols=symbols, channels=config.channels, locate_bits=self._locate_bits)
        m.submodules.orders = orders = OrderTable(
            sets=config.order_sets, ways=config.order_ways, symbol_bits=bits,
            registered=config.registered)
        m.submodules.levels = levels = Levels(
            symbols=symbols, front=config.front, leaf=config.leaf, leaves=config.leaves,
            registered=config.registered)
        m.submodules.status = status = StatusTable(symbols=symbols)
        m.submodules.tops = tops = Memory(shape=TopOfBook, depth=symbols, init=[])
        m.submodules.top_record = top_record = TopRecord()
        m.submodules.event_record = event = EventRecord()
        top_read, top_query, top_write = tops.read_port(), tops.read_port(), tops.write_port()

        def one_more(counter):
            m.d.sync += counter.eq(counter + 1)

        # Of each symbol: not known to be right; to be published again; events to tell, and told.
        stale, marked = Signal(symbols), Signal(symbols)
        overflowed, overflow_told = Signal(symbols), Signal(symbols)
        misused, misuse_told = Signal(symbols), Signal(symbols)
        by_levels = Signal(symbols)  # the overflow is one of levels
        traded = Signal()  # orders were seen since the books were emptied

        m.d.comb += [
            locates.write.eq(self.symbol_write), locates.write_index.eq(self.symbol_index),
            locates.write_name.eq(self.symbol_name), locates.write_enable.eq(self.symbol_enable),
            self.depth_write.eq(levels.depth_write), self.depth_row.eq(levels.depth_row),
            self.count_book_level_overflow.eq(levels.count_level_dropped),
        ]

        # ---- the message in hand ----
        hand, held = Signal(BookOperation), Signal()
        taken, done = Signal(), Signal()
        searching, found_name = Signal(), Signal()  # by text; it is tracked
        named_symbol = Signal(bits)
        clearing = Signal()
        running = Signal()
        m.d.comb += [
            decode.item.eq(self.i.payload),
            self.i.ready.eq(running & ~clearing & (~held | done)),
            taken.eq(self.i.valid & self.i.ready),
            locates.look.eq(taken), locates.channel.eq(decode.operation.channel),
            locates.locate.eq(decode.operation.locate), locates.name.eq(hand.stock),
        ]
        with m.If(done):
            m.d.sync += held.eq(0)
        with m.If(taken):
            m.d.sync += [hand.eq(decode.operation), held.eq(1), found_name.eq(0)]
        self._count(m, taken, decode.operation)

        # ---- the operation on an order: at the order table, then at its level ----
        work, working = Signal(BookOperation), Signal()
        symbol, second = Signal(bits), Signal()  # second half of a replace
        sells = Signal()
        age = Signal(range(orders.latency + 1))  # cycles since the order was looked for
        sent = Signal()  # an Add's level operation was taken: its check is due
        find_next, find_second = Signal(), Signal()
        ended = Signal()
        adding, early = Signal(), Signal()
        order = orders.order
        m.d.comb += [
            adding.eq(work.insert | second),
            early.eq(work.insert),
            orders.find.eq(find_next | find_second),
            orders.channel.eq(Mux(find_second, work.channel, hand.channel)),
            orders.reference.eq(Mux(find_second, work.new_reference, hand.reference)),
        ]
        mine = orders.found & (order.symbol == symbol)
        free = ~orders.found & orders.free & (work.shares != 0)
        taken_off = Signal(32)
        part = work.reduce & (order.shares > work.shares)
        m.d.comb += taken_off.eq(Mux(part, work.shares, order.shares))
        op = levels.op.payload
        m.d.comb += [
            op.symbol.eq(symbol), op.add.eq(adding),
            op.sell.eq(Mux(adding, sells, order.sell)),
            op.price.eq(Mux(adding, work.price, order.price)),
            op.shares.eq(Mux(adding, work.shares, taken_off)),
            op.order.eq(adding | ~part),
            orders.entry.valid.eq(adding | part),
            orders.entry.sell.eq(op.sell), orders.entry.channel.eq(work.channel),
            orders.entry.symbol.eq(symbol), orders.entry.price.eq(op.price),
            orders.entry.shares.eq(Mux(adding, work.shares, order.shares - work.shares)),
            orders.entry.reference.eq(Mux(second, work.new_reference, work.reference)),
        ]
        passing = levels.op.valid & levels.op.ready
        refused = Signal()  # a new order that cannot be added; its level operation is suppressed
        misuse, overflow = Signal(), Signal()
        with m.If(working):
            with m.If(age != orders.latency):
                m.d.sync += age.eq(age + 1)
            with m.If(adding):
                # An Add goes to its level before the table has answered, and is checked then.
                ready_to_add = age >= orders.latency - 2 if orders.latency > 2 else 1
                m.d.comb += levels.op.valid.eq(
                    ~sent & Mux(early, ready_to_add, orders.answer_valid))
                with m.If(passing):
                    m.d.sync += sent.eq(1)
                with m.If(sent):
                    m.d.comb += [
                        ended.eq(1), refused.eq(~free), orders.commit.eq(free),
                        misuse.eq(orders.found), overflow.eq(~orders.found & ~orders.free),
                    ]
            with m.Elif(orders.answer_valid):
                m.d.comb += [
                    levels.op.valid.eq(mine), orders.commit.eq(passing), misuse.eq(~mine),
                    ended.eq(passing | ~mine),
                ]
        m.d.comb += levels.kill.eq(refused)
        with m.If(ended):
            m.d.sync += working.eq(0)
            with m.If(misuse):
                one_more(self.count_book_unknown_reference)
                m.d.sync += misused.bit_select(symbol, 1).eq(1)
            with m.If(overflow):
                one_more(self.count_book_order_overflow)
                m.d.sync += [
                    overflowed.bit_select(symbol, 1).eq(1),
                    by_levels.bit_select(symbol, 1).eq(0), stale.bit_select(symbol, 1).eq(1),
                    marked.bit_select(symbol, 1).eq(1),
                ]
        m.d.comb += find_second.eq(ended & work.replace & ~second & mine)

        # ---- start the next one ----
        tracked = locates.mapped | found_name
        hand_symbol = Signal(bits)
        is_order = hand.insert | hand.reduce | hand.remove | hand.replace
        m.d.comb += [
            hand_symbol.eq(Mux(found_name, named_symbol, locates.symbol)),
            find_next.eq(
                held & running & hand.known & is_order & tracked & ~searching
                & (~working | ended) & ~find_second & ~orders.busy),
            levels.read.eq(
                (find_next & hand.insert)
                | (working & ~early & (age == 0))),
            levels.read_symbol.eq(Mux(find_next & hand.insert, hand_symbol, symbol)),
        ]
        with m.If(find_next | find_second):
            m.d.sync += [working.eq(1), age.eq(0), sent.eq(0), second.eq(find_second)]
        with m.If(find_second):
            m.d.sync += sells.eq(order.sell)
        with m.Elif(find_next):
            m.d.sync += [
                work.eq(hand), symbol.eq(hand_symbol), sells.eq(hand.sell), traded.eq(1)]

        # ---- the result ----
        origin, publishes, result_symbol = Signal(Origin), Signal(), Signal(bits)
        top = Signal(TopOfBook)
        old = Signal(TopOfBook)
        with m.If(passing):
            m.d.sync += [
                *(origin[name].eq(work[name]) for name in Origin.members),
                publishes.eq(adding | ~work.replace), result_symbol.eq(symbol),
            ]
        reading = Signal(bits)
        m.d.comb += [
            reading.eq(result_symbol),
            top_read.addr.eq(reading), Value.cast(old).eq(Value.cast(top_read.data)),
            Value.cast(top).eq(Value.cast(old)),
        ]
        result = levels.result
        with m.If(levels.result_valid):
            m.d.comb += [
                *(top[name].eq(result[name].price) for name in ("bid", "ask")),
                *(top[f"{name}_size"].eq(result[name].size) for name in ("bid", "ask")),
                *(top[f"{name}_orders"].eq(result[name].orders) for name in ("bid", "ask")),
                top.stale.eq(stale.bit_select(reading, 1)),
            ]
        store, publish, changed = Signal(), Signal(), Signal()
        m.d.comb += [
            changed.eq(Value.cast(top) != Value.cast(old)),
            top_write.addr.eq(reading), top_write.data.eq(top), top_write.en.eq(store),
            top_record.symbol.eq(reading), top_record.top.eq(top),
            top_record.origin.eq(origin), top_record.cycles.eq(self.cycles),
        ]
        with m.If(levels.result_valid & publishes & changed):
            m.d.comb += [store.eq(1), publish.eq(1)]
            one_more(self.count_book_updates)
        m.d.sync += self.tob.valid.eq(
            publish & locates.enabled.bit_select(reading, 1))
        with m.If(publish):
            m.d.sync += self.tob.payload.eq(top_record.record)

        # ---- levels that found no place; symbols enabled late ----
        with m.If(levels.lost):
            m.d.sync += [
                overflowed.bit_select(levels.strobe_symbol[:bits], 1).eq(1),
                by_levels.bit_select(levels.strobe_symbol[:bits], 1).eq(1),
            ]
        with m.If(levels.unknown):
            m.d.sync += [
                stale.bit_select(levels.strobe_symbol[:bits], 1).eq(1),
                marked.bit_select(levels.strobe_symbol[:bits], 1).eq(1),
            ]
        with m.If(locates.changed & traded):
            m.d.sync += [
                stale.bit_select(self.symbol_index[:bits], 1).eq(1),
                marked.bit_select(self.symbol_index[:bits], 1).eq(1),
            ]

        # ---- events ----
        event_room, telling = Signal(), Signal()
        m.d.comb += [
            event_room.eq(~self.events.valid | self.events.ready),
            event.locate.eq(hand.locate), event.sequence.eq(hand.sequence),
            event.time_ns.eq(hand.time_ns), event.code.eq(ord(" ")), event.symbol.eq(NO_SYMBOL),
        ]
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        with m.If(telling):
            m.d.sync += [self.events.valid.eq(1), self.events.payload.eq(event.record)]
        to_tell = (overflowed & ~overflow_told, misused & ~misuse_told)

        quiet = Signal()
        m.d.comb += quiet.eq(~working & ~levels.active & ~self.tob.valid)
        walk = Signal(range(symbols))
        state = Signal(8)  # what H said, behind the stock
        with m.If(self.clear):
            m.d.sync += clearing.eq(1)

        with m.FSM(init="Clear"):
            with m.State("Clear"):
                m.d.comb += [
                    orders.clear.eq(1), levels.clear.eq(1), locates.clear.eq(1),
                    status.clear.eq(1), self.depth_clear.eq(1),
                ]
                m.d.sync += [
                    self.busy.eq(1), clearing.eq(0), stale.eq(0), marked.eq(0), walk.eq(0),
                    overflowed.eq(0), overflow_told.eq(0), misused.eq(0), misuse_told.eq(0),
                    traded.eq(0),
                ]
                m.next = "Sweep"
            with m.State("Sweep"), m.If(~orders.busy & ~levels.busy & ~locates.busy):
                m.next = "Empty"
            with m.State("Empty"):  # every symbol, one a cycle
                m.d.comb += [
                    reading.eq(walk), store.eq(1), publish.eq(1), top.eq(TopOfBook.const(_NO_TOP))]
                m.d.sync += walk.eq(walk + 1)
                with m.If(walk == symbols - 1):
                    m.d.sync += self.busy.eq(0)
                    m.next = "Run"
            with m.State("Run"):
                m.d.comb += running.eq(1)
                with m.If(held):
                    self._in_hand(m, hand, done, is_order & tracked, find_next, locates,
                                  searching, found_name, named_symbol)
                with m.If(held & hand.known & hand.status & (~hand.named | found_name)
                          & quiet & event_room):
                    m.next = "Status"
                with m.Elif(~held & clearing & quiet):
                    m.next = "Clear"
                with m.Elif(quiet & event_room & (to_tell[0] | to_tell[1]).any()):
                    m.next = "Tell"
                with m.Elif(quiet & marked.any()):
                    for number in reversed(range(symbols)):
                        with m.If(marked[number]):
                            m.d.sync += walk.eq(number)
                    m.next = "Read Mark"
            with m.State("Status"):
                m.d.comb += [
                    status.write.eq(1), telling.eq(1), done.eq(1),
                    reading.eq(named_symbol),
                    event.kind.eq(Mux(
                        Cat(hand.letter == ord(letter) for letter in "SRH").any(),
                        hand.letter, ord("T"))),
                    event.code.eq(Mux(hand.letter == ord("R"), ord(" "), hand.letter)),
                ]
                with m.If(hand.named):
                    m.d.comb += event.symbol.eq(named_symbol)
                with m.If((hand.letter == ord("H")) | (hand.letter == ord("S"))):
                    m.d.comb += event.code.eq(
                        Mux(hand.letter == ord("S"), hand.body[:8], hand.body[64:72]))
                m.d.sync += [
                    *(origin[name].eq(hand[name]) for name in Origin.members),
                    walk.eq(named_symbol), state.eq(hand.body[64:72]),
                ]
                m.next = "Run"
                with m.If(hand.letter == ord("H")):
                    m.next = "State"
            with m.State("State"):  # the row was read while the status was stored
                m.d.comb += [
                    reading.eq(walk), store.eq(1), publish.eq(1),
                    top.trading_state.eq(state),
                ]
                m.next = "Run"
            with m.State("Tell"):
                is_misuse = to_tell[1].any()
                pending = Mux(is_misuse, to_tell[1], to_tell[0])
                lowest = Signal(symbols)
                m.d.comb += [
                    lowest.eq(pending & (~pending + 1)), telling.eq(1),
                    event.kind.eq(Mux(is_misuse, ord("U"), ord("O"))),
                    event.code.eq(Mux(
                        is_misuse, ord(" "),
                        Mux((lowest & by_levels).any(), ord("L"), ord("O")))),
                ]
                for number in range(symbols):
                    with m.If(lowest[number]):
                        m.d.comb += event.symbol.eq(number)
                with m.If(is_misuse):
                    m.d.sync += misuse_told.eq(misuse_told | lowest)
                with m.Else():
                    m.d.sync += overflow_told.eq(overflow_told | lowest)
                m.next = "Run"
            with m.State("Read Mark"):
                m.d.comb += reading.eq(walk)
                m.next = "Mark"
            with m.State("Mark"):
                m.d.comb += [
                    reading.eq(walk), store.eq(1), publish.eq(1),
                    top.stale.eq(stale.bit_select(walk, 1)),
                ]
                m.d.sync += marked.bit_select(walk, 1).eq(0)
                m.next = "Run"

        self._answer(m, tops_query=top_query, write=top_write, stale=stale, locates=locates,
                     status=status)
        m.d.comb += [
            status.operation.eq(hand), status.symbol.eq(named_symbol),
            self.active.eq(
                held | working | levels.active | self.tob.valid | self.events.valid | clearing
                | marked.any() | (to_tell[0] | to_tell[1]).any()),
        ]
        return m

    def _in_hand(self, m, hand, done, goes, going, locates, searching, found_name, named_symbol):
        """What becomes of the message in hand: to the order table, searched by text, or nothing."""
        by_text = hand.known & ((hand.insert & ~goes) | (hand.status & hand.named & ~found_name))
        is_order = hand.insert | hand.reduce | hand.remove | hand.replace
        untracked = Signal()
        with m.If(searching), m.If(locates.searched):
            m.d.sync += [
                searching.eq(0), found_name.eq(locates.matched),
                named_symbol.eq(locates.match),
            ]
            m.d.comb += [
                locates.learn.eq(hand.insert | (hand.letter == ord("R"))),
                untracked.eq(~locates.matched),
            ]
        with m.Elif(by_text):
            m.d.comb += locates.search.eq(1)
            m.d.sync += [searching.eq(1), self.count_itch_slow.eq(self.count_itch_slow + 1)]
        with m.Elif(hand.known & is_order):
            m.d.comb += [done.eq(going), untracked.eq(~goes)]
        with m.Elif(~(hand.known & hand.status)):
            m.d.comb += done.eq(1)  # the book has no use for it
        with m.If(untracked):
            m.d.comb += done.eq(1)
            m.d.sync += self.count_itch_untracked.eq(self.count_itch_untracked + 1)

    def _count(self, m, taken, operation):
        """Count messages by type as they are taken."""
        types = sorted(itch50.MESSAGES)
        for name, condition in (
            ("messages", operation.known), ("malformed", operation.malformed),
            ("unknown", ~operation.known & ~operation.malformed),
        ):
            counter = getattr(self, f"count_itch_{name}")
            m.d.sync += counter.eq(counter + (taken & condition))
        for letter in types:
            count = Signal(32, name=f"count_{ord(letter)}")
            with m.If(taken & operation.known & (operation.letter == ord(letter))):
                m.d.sync += count.eq(count + 1)
            with m.If(self.itch_type_select == ord(letter)):
                m.d.comb += self.itch_type_count.eq(count)

    def _answer(self, m, *, tops_query, write, stale, locates, status):
        """The gate's view: a symbol's row, or what is written into it at this moment."""
        symbols = self._config.symbols
        asked, again = Signal(8), Signal()
        newest = Signal(TopOfBook)
        m.d.sync += [asked.eq(self.query_symbol), newest.eq(write.data),
                     again.eq(write.en & (write.addr == self.query_symbol))]
        index = asked[:(symbols - 1).bit_length()]
        m.d.comb += [
            tops_query.addr.eq(self.query_symbol), status.query.eq(self.query_symbol),
            self.query_status.eq(status.status),
            Value.cast(self.query_top).eq(
                Mux(again, Value.cast(newest), Value.cast(tops_query.data))),
        ]
        right = ((asked < symbols) & ~self.busy & ~self.feed_stale
                 & locates.enabled.bit_select(index, 1) & ~stale.bit_select(index, 1))
        m.d.comb += self.query_top.stale.eq(~right)
