"""The book: applies the feed's messages to orders and levels, keeps every best bid and offer."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tickgate_hdl.book.decode import BookOperation
from tickgate_hdl.book.intake import Intake
from tickgate_hdl.book.level_layouts import DepthRow
from tickgate_hdl.book.locate_map import LocateMap
from tickgate_hdl.book.message_counts import MessageCounts
from tickgate_hdl.book.order_table import OrderTable
from tickgate_hdl.book.price_levels import Levels
from tickgate_hdl.book.publish import NO_SYMBOL, EventRecord, Origin
from tickgate_hdl.book.status import StatusTable
from tickgate_hdl.book.tops import Tops
from tickgate_hdl.book.trees import index_of, is_greater, lowest
from tickgate_hdl.feed.items import FeedItem
from tickgate_hdl.lib.delay import delayed
from tickgate_hdl.lib.layouts import RecordBody, SymbolStatus, TopOfBook
from tickgate_hdl.lib.own_reset import own_reset
from tickgate_hdl.lib.stream import connect_streams

__all__ = ["Book"]


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
    query_symbol, query_top, query_status : :py:`In(16)`, :py:`Out`
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
        Messages of the type selected in the cycle before, among ``count_itch_messages``.
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
            "symbol_write": In(1), "symbol_index": In(16), "symbol_name": In(64),
            "symbol_enable": In(1), "feed_stale": In(1),
            "query_symbol": In(16), "query_top": Out(TopOfBook), "query_status": Out(SymbolStatus),
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
        locates = LocateMap(
            symbols=symbols, channels=config.channels, locate_bits=self._locate_bits,
            registered=config.registered)
        orders = OrderTable(
            sets=config.order_sets, ways=config.order_ways, symbol_bits=bits,
            registered=config.registered)
        levels = Levels(
            symbols=symbols, front=config.front, leaf=config.leaf, leaves=config.leaves,
            registered=config.registered)
        status = StatusTable(symbols=symbols, registered=config.registered)
        tops = Tops(symbols=symbols, registered=config.registered)
        for name, part in (("locate_map", locates), ("orders", orders), ("levels", levels),
                           ("status", status), ("tops", tops)):
            m.submodules[name] = own_reset(config.registered, part, name)
        m.submodules.event_record = event = EventRecord()
        m.submodules.intake = intake = Intake(
            look_latency=locates.latency, registered=config.registered)
        m.submodules.message_counts = message_counts = MessageCounts()

        counted = []  # strobes, registered before they are counted

        def one_more(counter):
            happens, counts = Signal(), Signal()
            m.d.comb += happens.eq(1)
            counted.append((counter, happens, counts))

        # Of each symbol: not known to be right; to be published again; events to tell, and told.
        stale, marked = Signal(symbols), Signal(symbols)
        overflowed, overflow_told = Signal(symbols), Signal(symbols)
        misused, misuse_told = Signal(symbols), Signal(symbols)
        by_levels = Signal(symbols)  # the overflow is one of levels
        traded = Signal()  # orders, of whatever symbol, were seen since the books were emptied

        m.d.comb += [
            locates.write.eq(self.symbol_write), locates.write_index.eq(self.symbol_index),
            locates.write_name.eq(self.symbol_name), locates.write_enable.eq(self.symbol_enable),
            self.depth_write.eq(levels.depth_write), self.depth_row.eq(levels.depth_row),
            self.count_book_level_overflow.eq(levels.count_level_dropped),
        ]

        # ---- messages that wait: decoded, and their locates looked up ----
        clearing, running, calm = Signal(), Signal(), Signal()
        walk = Signal(range(symbols))  # the symbol that is dealt with while none is in work
        next_op, next_is_order = intake.operation, Signal()
        waits, move = intake.waits, Signal()  # a message is next; it goes to work
        connect_streams(m, self.i, intake.i)
        m.d.comb += [
            intake.closed.eq(self.busy | clearing), intake.move.eq(move),
            locates.look.eq(intake.look), locates.channel.eq(intake.channel),
            locates.locate.eq(intake.locate),
        ]
        m.d.comb += intake.again.eq(  # the next one may be of it
            delayed(m, locates.learn, "learnt", 1 + config.registered))
        m.d.comb += next_is_order.eq(
            next_op.known
            & (next_op.insert | next_op.reduce | next_op.remove | next_op.replace))

        # ---- the message in work: at the order table, then at its level ----
        work, working = Signal(BookOperation, reset_less=True), Signal()
        is_order, is_status = Signal(), Signal()  # what the message in work is, if it is known
        tracked, symbol = Signal(), Signal(bits)
        searching = Signal()  # its symbol, by text
        new = Signal()  # it is in work for the first cycle
        sells = Signal()
        # Cycles in work, until the order table has answered; where registered, and what of it is
        # taken off is known.
        known_after = orders.latency - 1 + config.registered
        age = Signal(range(known_after + 1))
        answered = Signal()
        read_due = Signal()  # the rows of its symbol are to be read
        live = Signal()  # it is about orders of a tracked symbol
        adding = Signal()  # it adds an order now
        sent = Signal()  # its level operation was taken in the cycle before: its check is due
        first_half, find_second = Signal(), Signal()
        ended, ends_status = Signal(), Signal()
        order = orders.order
        # Where registered, what was stored is read in the cycle after; it need not be forwarded.
        finds_second = find_second if config.registered else first_half
        m.d.comb += [
            # What is looked for in vain does no harm.
            orders.find.eq(move | find_second), orders.symbol.eq(symbol),
            orders.channel.eq(Mux(finds_second, work.channel, next_op.channel)),
            orders.reference.eq(
                Mux(finds_second, work.new_reference, next_op.reference)),
        ]
        mine = orders.owned
        none = Signal()  # an order of no shares: it is not added
        m.d.sync += none.eq(work.shares == 0)
        free = ~orders.found & orders.free & ~none
        unknown = answered & ~mine & ~adding  # the order that it is about is not there
        taken_off = Signal(32)
        part = work.reduce & is_greater(order.shares, work.shares)
        left = order.shares - work.shares
        if config.registered:  # known a cycle after the answer
            part, left = delayed(m, part, "part"), delayed(m, left[:32], "left")
        m.d.comb += taken_off.eq(Mux(part, work.shares, order.shares))
        op = levels.op.payload
        m.d.comb += [
            op.symbol.eq(symbol), op.add.eq(adding),
            op.sell.eq(Mux(adding, sells, order.sell)),
            op.price.eq(Mux(adding, work.price, order.price)),
            op.shares.eq(Mux(adding, work.shares, taken_off)),
            op.order.eq(adding | ~part),
            orders.entry.valid.eq(adding | part),
            orders.entry.sell.eq(op.sell),
            orders.entry.symbol.eq(symbol), orders.entry.price.eq(op.price),
            orders.entry.shares.eq(Mux(adding, work.shares, left)),
        ]
        passing = levels.op.valid & levels.op.ready
        refused = Signal()  # a new order that cannot be added; its level operation is suppressed
        misuse, overflow = Signal(), Signal()
        untracked = Signal()
        m.d.comb += locates.name.eq(work.stock)
        m.d.comb += answered.eq(age == known_after)
        with m.If(working & ~answered):
            m.d.sync += age.eq(age + 1)
        # An Add goes to its level before the table has answered, and is checked then.
        ready_to_add = age >= known_after - 2 if config.registered else 1
        nearly = age >= known_after - 1 if config.registered else answered
        offers = live & Mux(
            adding, ~sent & ~read_due & Mux(work.insert, ready_to_add, nearly), nearly & mine)
        if config.registered:  # offered in the cycle after that is known
            offers = delayed(m, offers & ~passing, "offers")
        m.d.comb += [levels.op.valid.eq(offers), refused.eq(sent & ~free)]
        m.d.sync += sent.eq(passing & adding)
        with m.If(sent):
            m.d.comb += [
                ended.eq(1), orders.commit.eq(free),
                misuse.eq(orders.found), overflow.eq(~orders.found & ~orders.free),
            ]
        with m.Elif(live):
            m.d.comb += [
                orders.commit.eq(passing & ~adding), misuse.eq(unknown),
                ended.eq(~adding & (passing | (answered & ~mine))),
            ]
        with m.Elif(searching), m.If(locates.searched):
            m.d.sync += [
                searching.eq(0), tracked.eq(locates.matched), symbol.eq(locates.match),
                live.eq(locates.matched & is_order)]
            m.d.comb += [
                locates.learn.eq(work.insert | (work.letter == ord("R"))),
                untracked.eq(~locates.matched),
            ]
        with m.Elif(working & ~tracked & Mux(is_status, work.named, work.insert & is_order)):
            m.d.comb += locates.search.eq(1)
            m.d.sync += searching.eq(1)
            one_more(self.count_itch_slow)
        with m.Elif(working & ~is_status):
            m.d.comb += [untracked.eq(is_order), ended.eq(~is_order)]  # or the book has no use
        with m.If(untracked):
            m.d.comb += ended.eq(1)
            one_more(self.count_itch_untracked)
        with m.If(ends_status):
            m.d.comb += ended.eq(1)
        m.d.comb += [
            locates.learn_channel.eq(work.channel), locates.learn_locate.eq(work.locate)]

        m.d.comb += levels.kill.eq(refused)
        with m.If(ended):
            m.d.sync += [working.eq(0), live.eq(0), first_half.eq(0)]
            with m.If(misuse):
                one_more(self.count_book_unknown_reference)
                m.d.sync += misused.bit_select(symbol, 1).eq(1)
            with m.If(overflow):
                one_more(self.count_book_order_overflow)
                m.d.sync += [
                    overflowed.bit_select(symbol, 1).eq(1),
                    by_levels.bit_select(symbol, 1).eq(0),
                    stale.bit_select(symbol, 1).eq(1),  # in time for the result of the operation
                ]
        stored = m.d.sync if config.registered else m.d.comb
        stored += find_second.eq(first_half & answered & mine & passing)

        # ---- start the next one ----
        idle = (~working & ~find_second) if config.registered else ~working | (ended & ~first_half)
        moves = waits & ~intake.looking & running & calm & idle
        if config.registered:  # known a cycle before, and then nothing else is begun
            m.d.sync += move.eq(moves & ~move)
        else:
            m.d.comb += move.eq(moves)
        m.d.comb += [
            levels.read.eq((move & next_op.insert) | (working & read_due)),
            levels.read_symbol.eq(Mux(working & read_due, symbol, locates.symbol)),
        ]
        m.d.sync += new.eq(move)
        with m.If(working):
            m.d.sync += read_due.eq(locates.searched & locates.matched & is_order)
        with m.If(find_second):
            m.d.sync += [
                working.eq(1), live.eq(1), first_half.eq(0), age.eq(0),
                adding.eq(1), sells.eq(order.sell), read_due.eq(1),
            ]
        with m.Elif(move):
            m.d.sync += [
                working.eq(1), live.eq(next_is_order & locates.mapped), age.eq(0),
                first_half.eq(next_op.replace & locates.mapped),
                adding.eq(next_op.insert), sells.eq(next_op.sell),
                symbol.eq(locates.symbol),
                is_order.eq(next_is_order), is_status.eq(next_op.known & next_op.status),
                tracked.eq(next_is_order & locates.mapped),
                read_due.eq(next_is_order & locates.mapped & ~next_op.insert),
            ]
        if config.registered:  # what nobody looks at while none is in work is loaded all the time
            told = {"sequence", "time_ns", "locate"}
            for name in BookOperation.members:
                with m.If(move if name in told else ~working & ~find_second):
                    m.d.sync += work[name].eq(next_op[name])
        else:
            with m.If(move):
                m.d.sync += work.eq(next_op)
        with m.If(working & is_order):
            m.d.sync += traded.eq(1)
        m.d.comb += [
            message_counts.taken.eq(new), message_counts.operation.eq(work),
            message_counts.select.eq(self.itch_type_select),
            self.itch_type_count.eq(message_counts.count),
            *(getattr(self, f"count_itch_{name}").eq(getattr(message_counts, name))
              for name in ("messages", "malformed", "unknown")),
        ]

        # ---- the result ----
        origin = Signal(Origin, reset_less=True)
        publishes, result_symbol = Signal(), Signal(bits)
        state = Signal(8)  # what H said, behind the stock
        passed, stores = (
            delayed(m, strobe, name, int(config.registered))
            for strobe, name in ((passing, "passed"), (status.write, "stores")))
        with m.If(passed | stores):
            m.d.sync += [origin[name].eq(work[name]) for name in Origin.members]
        with m.If(passed):
            m.d.sync += [
                publishes.eq(adding | ~work.replace), result_symbol.eq(symbol),
            ]
        # What makes a symbol stale while no message of it need be in work: its levels are not known
        # any more, or it was enabled late.
        unknown_now, late, strobe_symbol, late_symbol = (
            Signal(), Signal(), Signal(bits), Signal(bits))

        def is_hit(one):
            return (unknown_now & (strobe_symbol == one)) | (late & (late_symbol == one))

        m.d.comb += [
            tops.result_valid.eq(levels.result_valid), tops.result.eq(levels.result),
            tops.symbol.eq(result_symbol), tops.origin.eq(origin), tops.publishes.eq(publishes),
            tops.stale.eq(stale.bit_select(result_symbol, 1) | overflow | is_hit(result_symbol)),
            tops.enabled.eq(locates.enabled), tops.cycles.eq(self.cycles),
            tops.apart.eq(~running), tops.row.eq(walk),
            tops.trading_state.eq(state),
        ]
        connect_streams(m, tops.tob, self.tob)
        with m.If(tops.moved):
            one_more(self.count_book_updates)

        # ---- levels that found no place; symbols enabled late ----
        lost_now = Signal()
        m.d.sync += [
            lost_now.eq(levels.lost), unknown_now.eq(levels.unknown),
            strobe_symbol.eq(levels.strobe_symbol),
        ]
        with m.If(lost_now):
            m.d.sync += [
                overflowed.bit_select(strobe_symbol, 1).eq(1),
                by_levels.bit_select(strobe_symbol, 1).eq(1),
            ]
        with m.If(unknown_now):
            m.d.sync += [
                stale.bit_select(strobe_symbol, 1).eq(1),
                marked.bit_select(strobe_symbol, 1).eq(1),
            ]
        m.d.comb += [
            late.eq(locates.changed & (traded | (working & is_order))),
            late_symbol.eq(locates.changed_symbol),
        ]
        with m.If(late):
            m.d.sync += [
                stale.bit_select(late_symbol, 1).eq(1), marked.bit_select(late_symbol, 1).eq(1)]

        # ---- events ----
        event_room, telling = Signal(), Signal()
        m.d.comb += [
            event_room.eq(~self.events.valid | (0 if config.registered else self.events.ready)),
            event.locate.eq(work.locate), event.sequence.eq(work.sequence),
            event.time_ns.eq(work.time_ns), event.code.eq(ord(" ")), event.symbol.eq(NO_SYMBOL),
        ]
        with m.If(self.events.ready):
            m.d.sync += self.events.valid.eq(0)
        with m.If(telling):
            m.d.sync += self.events.valid.eq(1)
        with m.If(~self.events.valid if config.registered else telling):
            m.d.sync += self.events.payload.eq(event.record)

        # What is to be told of symbols, and to be published again, waits until no message is in
        # work; none is begun while there is any.
        to_tell = (overflowed & ~overflow_told, misused & ~misuse_told)
        tells, misuses, marks = Signal(), Signal(), Signal()
        touched = Signal()  # there may be something new of these in the next cycle
        pending, is_mark, is_misuse = Signal(symbols), Signal(), Signal()
        m.d.sync += [
            tells.eq((to_tell[0] | to_tell[1]).any()), misuses.eq(to_tell[1].any()),
            marks.eq(marked.any()),
            touched.eq(late | levels.lost | levels.unknown | lost_now | unknown_now | ended),
        ]
        m.d.comb += calm.eq(~tells & ~marks)
        # What an event says of the status message in work, known before it is told.
        status_kind, status_code, is_action = Signal(8), Signal(8), Signal()
        m.d.sync += [
            status_kind.eq(Mux(
                Cat(work.letter == ord(letter) for letter in "SRH").any(), work.letter, ord("T"))),
            status_code.eq(work.letter), is_action.eq(work.letter == ord("H")),
        ]
        for letter, code in (("R", ord(" ")), ("S", work.body[:8]), ("H", work.body[64:72])):
            with m.If(work.letter == ord(letter)):
                m.d.sync += status_code.eq(code)
        quiet = Signal()
        still = ~levels.active & ~tops.active
        if config.registered:
            m.d.sync += quiet.eq(still & ~passing & ~moves)
        else:
            m.d.comb += quiet.eq(still)
        with m.If(self.clear):
            m.d.sync += clearing.eq(1)
        clears = Signal()
        sweeping = Cat(part.busy for part in (orders, levels, locates, message_counts)).any()
        if config.registered:
            sweeping = delayed(m, sweeping | clears, "sweeping")

        with m.FSM(init="Clear"):
            with m.State("Clear"):
                m.d.comb += [
                    clears.eq(1), orders.clear.eq(1), levels.clear.eq(1), locates.clear.eq(1),
                    status.clear.eq(1), self.depth_clear.eq(1),
                ]
                m.d.sync += [
                    self.busy.eq(1), clearing.eq(0), stale.eq(0), marked.eq(0), walk.eq(0),
                    overflowed.eq(0), overflow_told.eq(0), misused.eq(0), misuse_told.eq(0),
                    traded.eq(0),
                ]
                m.next = "Sweep"
            with m.State("Sweep"), m.If(~sweeping):
                m.next = "Empty"
            with m.State("Empty"):  # every symbol, one every other cycle
                m.d.comb += tops.empty.eq(1)
                m.d.sync += walk.eq(walk + 1)
                m.next = "Next Empty"
                with m.If(walk == symbols - 1):
                    m.d.sync += self.busy.eq(0)
                    m.next = "Run"
            with m.State("Next Empty"):
                m.next = "Empty"
            with m.State("Run"):
                m.d.comb += running.eq(1)
                with m.If(working & is_status & (~work.named | tracked) & quiet & event_room):
                    m.next = "Status"
                with m.Elif(~working & quiet):
                    with m.If(clearing & ~waits & ~intake.behind):
                        m.next = "Clear"
                    with m.Elif(tells & event_room):
                        m.d.sync += is_mark.eq(0)
                        m.next = "Pick"
                    with m.Elif(marks):
                        m.d.sync += is_mark.eq(1)
                        m.next = "Pick"
            with m.State("Status"):
                m.d.comb += [
                    status.write.eq(1), telling.eq(1), ends_status.eq(1),
                    event.kind.eq(status_kind), event.code.eq(status_code),
                ]
                with m.If(work.named):
                    m.d.comb += event.symbol.eq(symbol)
                m.d.sync += [walk.eq(symbol), state.eq(work.body[64:72])]
                m.next = "Run"
                with m.If(is_action):
                    m.next = "Row"
            with m.State("Row"):
                m.next = "State"
            with m.State("State"):
                m.d.comb += tops.act.eq(1)
                m.next = "Run"
            with m.State("Pick"):
                m.d.sync += [
                    is_misuse.eq(misuses),
                    pending.eq(Mux(is_mark, marked, Mux(misuses, to_tell[1], to_tell[0]))),
                ]
                m.next = "Aim"
            with m.State("Aim"):
                m.d.sync += pending.eq(lowest(pending))
                m.next = "Encode"
            with m.State("Encode"):
                m.d.sync += walk.eq(index_of(pending))
                m.next = "Tell"
                with m.If(is_mark):
                    m.next = "Read Mark"
            with m.State("Tell"):
                told = misuse_told, overflow_told
                m.d.comb += [
                    telling.eq(1), event.symbol.eq(walk),
                    event.kind.eq(Mux(is_misuse, ord("U"), ord("O"))),
                    event.code.eq(Mux(
                        is_misuse, ord(" "),
                        Mux(by_levels.bit_select(walk, 1), ord("L"), ord("O")))),
                ]
                with m.If(is_misuse):
                    m.d.sync += told[0].bit_select(walk, 1).eq(1)
                with m.Else():
                    m.d.sync += told[1].bit_select(walk, 1).eq(1)
                m.next = "Settle"
            with m.State("Read Mark"):
                m.next = "Mark"
            with m.State("Mark"):  # only what is stale is marked
                m.d.comb += tops.mark.eq(1)
                m.d.sync += marked.bit_select(walk, 1).eq(0)
                m.next = "Settle"
            with m.State("Settle"):  # whether there is more shows in the next cycle
                m.next = "Run"

        self._answer(m, tops=tops, stale=stale, locates=locates, status=status, is_hit=is_hit)
        for counter, happens, counts in counted:
            m.d.sync += [counts.eq(happens), counter.eq(counter + counts)]
        m.d.comb += [
            status.operation.eq(work), status.symbol.eq(symbol),
            self.active.eq(
                waits | intake.behind | working | levels.active | tops.active
                | self.events.valid | clearing | stores
                | Cat(counts for _, _, counts in counted).any()
                | tells | marks | touched | ~running),
        ]
        return m

    def _answer(self, m, *, tops, stale, locates, status, is_hit):
        """The gate's view of a symbol."""
        symbols = self._config.symbols
        asked = Signal(16)
        index = asked[:(symbols - 1).bit_length()]
        m.d.sync += asked.eq(self.query_symbol)
        m.d.comb += [
            tops.query.eq(self.query_symbol), status.query.eq(self.query_symbol),
            self.query_status.eq(status.status), self.query_top.eq(tops.top),
        ]
        right = ((asked < symbols) & ~self.busy & ~self.feed_stale
                 & locates.enabled.bit_select(index, 1) & ~stale.bit_select(index, 1)
                 & ~is_hit(index))
        m.d.comb += self.query_top.stale.eq(~right)
