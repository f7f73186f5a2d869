"""Order entry: encoding, the session, and the receiving side against its golden model."""

import os
import random
import struct

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from tickgate.protocols.ouch50 import inbound
from tickgate.protocols.soupbintcp import (
    ClientHeartbeat,
    Debug,
    EndOfSession,
    LoginAccepted,
    LoginRejected,
    LoginRequest,
    LogoutRequest,
    SequencedData,
    ServerHeartbeat,
    UnsequencedData,
)
from tickgate.records.messages import OrderRequest

from tickgate_sim.bfm.stream import StreamMonitor, randomly
from tickgate_sim.models.entry import _SHAPES, EntryModel, Session, mass_cancel
from tickgate_sim.tb.entry_driver import EntryDriver

FIRST_WORD_CYCLES = 1


def test(function):
    return cocotb.test(timeout_time=20, timeout_unit="ms")(function)


def _request(rng, token):
    return OrderRequest(
        user_ref_num=token, orig_user_ref_num=rng.getrandbits(32), price=rng.getrandbits(31),
        quantity=rng.randrange(1_000_000), account=1, symbol=2, action=rng.choice("OUX"),
        side=rng.choice("BSTE"), time_in_force=rng.choice("03"), display=rng.choice("YNA"),
        capacity=rng.choice("APRO"), intermarket_sweep=rng.choice("YN"), cross_type="N",
        clordid="".join(rng.choices("ABCxyz019 -", k=rng.randrange(15))).rstrip())


def _expected(request, name):
    common = {"user_ref_num": request.user_ref_num, "quantity": request.quantity}
    entered = {
        "price": request.price, "time_in_force": request.time_in_force,
        "display": request.display, "clordid": request.clordid,
        "intermarket_sweep_eligibility": request.intermarket_sweep}
    if request.action == "X":
        return inbound.CancelOrder(**common)
    if request.action == "U":
        return inbound.ReplaceOrder(
            orig_user_ref_num=request.orig_user_ref_num, **common, **entered)
    return inbound.EnterOrder(
        side=request.side, symbol=name, capacity=request.capacity,
        cross_type=request.cross_type, **common, **entered)


@test
async def orders_leave_as_the_codec_writes_them(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    rng = random.Random(cocotb.RANDOM_SEED)
    for share in (0.0, 0.5):
        bench.tx.set_pause_generator(randomly(share, 5))
        wanted = []
        for token in range(1, 120):
            name = rng.choice(("AAPL", "A", "BRKxA", "ABCDEFGH"))
            request = _request(rng, token)
            bench.offer(request, name)
            wanted.append(UnsequencedData(_expected(request, name).encode()))
        await bench.passed.wait()
        await bench.settle()
        assert bench.packets() == wanted
    assert bench.strobes == ["sent"] * 238
    assert int(dut.count_ouch_out__count.value) == 238


@test
async def the_first_word_leaves_at_once(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    orders, words = StreamMonitor(dut, "passed"), StreamMonitor(dut, "tx")
    rng = random.Random(1)
    for token in range(1, 6):
        bench.offer(_request(rng, token), "AAPL")
        await bench.settle()
        taken = orders.transfers[-1][0]
        first = min(cycle for cycle, _ in words.transfers if cycle > taken)
        assert first == taken + FIRST_WORD_CYCLES


def _sent(bench):
    """The bytes of what was sent since the last call."""
    return b"".join(packet.encode() for packet in bench.packets())


TAKEN, SENT, CUT = "mass_cancel_taken", "mass_cancel_sent", "mass_cancel_cut"


@test
async def a_mass_cancel_leaves_as_the_model_writes_it(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    for share in (0.0, 0.5, 0.9):
        bench.tx.set_pause_generator(randomly(share, 5))
        for token, firm, symbol in (
                (1, "ALFA", ""), ((1 << 32) - 1, "A", "AAPL"), (0x1020304, "TG", "ABCDEFGH")):
            bench.set_mass_cancel(firm, symbol)
            bench.cancel_all(token)
            await bench.settle()
            wanted = inbound.MassCancel(user_ref_num=token, firm=firm, symbol=symbol)
            assert UnsequencedData(wanted.encode()).encode() == mass_cancel(token, firm, symbol)
            assert _sent(bench) == mass_cancel(token, firm, symbol)
    assert bench.strobes == [TAKEN, SENT] * 9
    assert int(dut.count_ouch_out__count.value) == 9
    assert bench.records()[2:] == []  # nobody is told of it here


@test
async def a_mass_cancel_goes_between_two_orders(dut):
    """It comes in each cycle of a run of orders, with the wire pausing or not."""
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    rng, token, count = random.Random(cocotb.RANDOM_SEED), 0, 0
    for share in (0.0, 0.6):
        bench.tx.set_pause_generator(randomly(share, 5))
        for wait in range(24):
            wanted = []
            for _ in range(3):
                token += 1
                request = _request(rng, token)
                bench.offer(request, "AAPL")
                wanted.append(UnsequencedData(_expected(request, "AAPL").encode()).encode())
            await ClockCycles(dut.clk, wait + 1)
            bench.cancel_all(77)
            await bench.passed.wait()
            await bench.settle()
            mine = mass_cancel(77, "ALFA", "")
            sent = [packet.encode() for packet in bench.packets()]
            assert [packet for packet in sent if packet != mine] == wanted
            assert sent.count(mine) == 1
            count += sent[-1] != mine
            assert bench.strobes.count("sent") == token
            assert bench.strobes[-1] in ("sent", SENT)
            assert "unsent" not in bench.strobes
    assert count > 10  # most go before an order that waits


@test
async def a_mass_cancel_waits_for_the_session_and_for_the_whole_message(dut):
    bench = EntryDriver(dut)
    await bench.start(link=False)
    bench.cancel_all(5)
    await bench.settle()
    await bench.link(True)
    await bench.settle()
    assert bench.strobes == []  # connected, not logged in
    assert bench.packets() == []
    await bench.log_in()
    await bench.settle()
    assert _sent(bench) == mass_cancel(5, "ALFA", "")
    assert bench.strobes == [TAKEN, SENT]
    outcomes = set()
    for wait in range(8):
        bench.strobes.clear()
        bench.cancel_all(6)
        await ClockCycles(dut.clk, wait + 1)
        await bench.link(False)
        dut.mass_cancel.value = 0
        beats_taken = len(bench.tx.recv_all())
        outcomes.add(beats_taken)
        assert bench.strobes in ([], [TAKEN, CUT], [TAKEN, SENT])
        assert (SENT in bench.strobes) == (beats_taken == 3)
        await bench.link(True)
        await bench.settle()
        assert bench.packets() == []  # nothing of it is left for the next connection
        await bench.log_in()
        bench.strobes.clear()
        bench.cancel_all(7)
        await bench.settle()
        assert _sent(bench) == mass_cancel(7, "ALFA", "")
        assert bench.strobes == [TAKEN, SENT]
    assert outcomes == {0, 1, 2, 3}


@test
async def a_reset_forgets_a_mass_cancel(dut):
    bench = EntryDriver(dut)
    await bench.start()
    for wait in range(4):
        await bench.log_in()
        bench.strobes.clear()
        bench.tx.set_pause_generator(randomly(1.0, 1))
        await ClockCycles(dut.clk, 2)
        bench.cancel_all(5)
        await ClockCycles(dut.clk, 3 + wait)
        dut.rst.value = 1
        dut.mass_cancel.value = 0
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        bench.tx.set_pause_generator(None)
        await bench.settle()
        assert bench.packets() == []
        assert bench.strobes == [TAKEN]
        assert not dut.session_up.value


@test
async def a_mass_cancel_puts_the_heartbeat_off(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    await bench.ticks(990)
    bench.cancel_all(1)
    await bench.settle()
    await bench.ticks(990)
    await bench.settle()
    assert _sent(bench) == mass_cancel(1, "ALFA", "")
    await bench.ticks(10)
    await bench.settle()
    assert bench.packets() == [ClientHeartbeat()]


@test
async def a_log_in_carries_texts_and_number(dut):
    bench = EntryDriver(dut)
    await bench.start()
    for user, password, session, number in (
        ("USER01", "SECRET", "", 1), ("A", "0123456789", "SESSION001", 0),
        ("ZZ", "P", "X", (1 << 32) - 1), ("ZZ", "P", "X", 1_000_000_000), ("ZZ", "P", "X", 90_807),
    ):
        bench.set_texts(user, password, session)
        dut.soup_sequence__value.value = number
        assert await bench.log_in(sequence=number) == LoginRequest(
            username=user, password=password, requested_session=session,
            requested_sequence_number=number)
        assert dut.session_up.value
        assert int(dut.soup_next__value.value) == number
        await bench.link(False)
        assert not dut.session_up.value
        await bench.link(True)
    assert [record.kind for record in bench.records()] == list("U" + "ADU" * 5)


@test
async def numbers_are_read_with_padding_on_either_side(dut):
    bench = EntryDriver(dut)
    await bench.start()
    for text, number in (
        (b"135".rjust(20), 135), (b"135".ljust(20), 135), (b" 7 ".center(20), 7),
        (b"135".ljust(20, b"\0"), 135), (b"0" * 20, 0), (b"18446744073709551615", (1 << 64) - 1),
        (b" " * 20, None), (b"1 2".rjust(20), None), (b"-1".rjust(20), None),
        (b"18446744073709551616", None), (b"99999999999999999999", None), (b"1a".rjust(20), None),
    ):
        await bench.strobe("soup_control__login")
        await bench.settle()
        bench.records()
        await bench.receive(b"\0\x1fASESSION 1 " + text)
        told, = bench.records()
        if number is None:
            assert told.kind == "M", text
            assert not dut.session_up.value
            assert not dut.connect.value
        else:
            assert told == Session("A", number, " ", "SESSION 1"), text
            assert dut.session_up.value
        await bench.link(False)
        await bench.link(True)
        assert dut.connect.value
        bench.packets()


@test
async def a_refused_log_in_is_told_and_can_be_repeated(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.strobe("soup_control__login")
    await bench.settle()
    await bench.receive(LoginRejected(reject_reason_code="S").encode())
    assert [(r.kind, r.code) for r in bench.records()] == [("U", " "), ("J", "S")]
    assert not dut.session_up.value
    bench.packets()
    await bench.log_in()
    assert dut.session_up.value


@test
async def heartbeats_fill_the_silence(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.ticks(1100)
    await bench.settle()
    assert bench.packets() == []  # nothing before the log-in
    await bench.log_in()
    await bench.ticks(999)
    await bench.settle()
    assert bench.packets() == []
    await bench.ticks(1)
    await bench.settle()
    assert bench.packets() == [ClientHeartbeat()]
    await bench.ticks(600)
    bench.offer(_request(random.Random(1), 1), "A")
    await bench.settle()
    await bench.ticks(600)
    await bench.settle()
    assert len(bench.packets()) == 1
    await bench.ticks(400)
    await bench.settle()
    assert bench.packets() == [ClientHeartbeat()]


@test
async def a_silent_venue_is_left(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.ticks(15_100)
    assert bench.records() == [Session("U", 1)]  # nothing is expected before a log-in
    await bench.log_in(sequence=40)
    await bench.ticks(14_999)
    await bench.receive(ServerHeartbeat().encode())
    await bench.ticks(14_999)
    assert dut.session_up.value
    await bench.ticks(1)
    await bench.settle()
    assert not dut.session_up.value
    assert not dut.connect.value
    assert [record.kind for record in bench.records()] == ["A", "T"]
    await bench.link(False)
    assert dut.connect.value
    await bench.settle()
    assert bench.records() == [Session("D", 40)]
    assert int(dut.soup_next__value.value) == 40  # what to log in with again


@test
async def sessions_end(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    await bench.strobe("soup_control__logout")
    await bench.settle()
    assert bench.packets() == [LogoutRequest()]
    assert not dut.session_up.value
    await bench.receive(SequencedData(b"S" + bytes(8) + b"E").encode())  # still on its way
    await bench.link(False)
    await bench.link(True)
    await bench.log_in(2)
    await bench.receive(EndOfSession().encode())
    assert not dut.session_up.value
    assert [record[0] for record in bench.records()] == ["U", "A", "S", "D", "U", "A", "Z"]


@test
async def without_a_session_orders_come_back(dut):
    bench = EntryDriver(dut)
    await bench.start(link=False)
    request = _request(random.Random(1), 1)
    bench.offer(request, "A")
    await bench.settle()
    await bench.link(True)
    bench.offer(request, "A")
    await bench.settle()
    assert bench.strobes == ["unsent"] * 2
    await bench.log_in()
    bench.tx.set_pause_generator(randomly(1.0, 1))
    await ClockCycles(dut.clk, 2)
    bench.offer(request, "A")
    await ClockCycles(dut.clk, 20)
    assert bench.strobes == ["unsent"] * 2
    await bench.link(False)  # the link drops before the wire took a word
    assert bench.strobes == ["unsent"] * 3
    bench.tx.set_pause_generator(None)
    await bench.link(True)
    await bench.settle()
    assert bench.packets() == []  # nothing of it is left for the next connection
    await bench.log_in()
    bench.offer(request, "A")
    await bench.settle()
    assert bench.strobes == ["unsent"] * 3 + ["sent"]


@test
async def a_link_that_drops_in_a_packet_leaves_nothing(dut):
    bench = EntryDriver(dut)
    await bench.start()
    whole = SequencedData(b"S" + bytes(8) + b"S").encode()
    for cut in range(1, len(whole)):
        await bench.log_in(cut)
        bench.records()
        await bench.receive(whole[:cut])
        await bench.link(False)
        await bench.link(True)
        await bench.settle()
        assert [record[0] for record in bench.records()] == ["D", "U"]
        assert int(dut.soup_next__value.value) == cut
    await bench.log_in(5)
    request = _request(random.Random(1), 1)._replace(action="O")
    bench.offer(request, "A")
    while not dut.sent.value:
        await RisingEdge(dut.clk)
    await bench.link(False)
    bench.packets()
    await bench.link(True)
    await bench.settle()
    assert bench.packets() == []
    assert bench.strobes == ["sent"]


MALFORMED = (
    b"\0\0", b"\0\x01?", b"\0\x01L", b"\0\x2fL" + bytes(46), b"\0\x02H ", b"\0\x02Z ", b"\0\x1eA",
    b"\0\x01J", b"\0\x01R", b"\0\x01O", b"\xff\xffA", LoginAccepted(
        session="", sequence_number=1).encode(), LoginRejected(reject_reason_code="A").encode(),
)


@test
async def what_is_no_packet_ends_the_link(dut):
    bench = EntryDriver(dut)
    await bench.start()
    good = SequencedData(b"S" + bytes(8) + b"S").encode()
    for count, bad in enumerate(MALFORMED, 1):
        await bench.log_in()
        bench.records()
        await bench.receive(good + bad + good + good)
        assert [record[0] for record in bench.records()] == ["S", "M"], bad
        assert int(dut.count_soup_malformed__count.value) == count
        assert not dut.session_up.value
        assert not dut.connect.value
        await bench.link(False)
        await bench.link(True)
        await bench.settle()
        bench.records()
    await bench.receive(good)  # sequenced data before any log-in
    assert bench.records() == [Session("M", 2)]


@test
async def exposure_is_updated_before_the_host_can_know(dut):
    bench = EntryDriver(dut)
    await bench.start()
    await bench.log_in()
    bench.records()
    bench.venue.set_pause_generator(randomly(1.0, 1))
    await ClockCycles(dut.clk, 2)
    canceled = struct.pack(">cQIIc", b"C", 5, 6, 7, b"U")
    await bench.receive(SequencedData(canceled).encode())
    assert bench.records() == []
    bench.venue.set_pause_generator(None)
    await bench.settle()
    assert [record[0] for record in bench.records()] == ["C"]
    assert len(bench.updates()) == 1


def _message(rng):
    """A payload of Sequenced Data: mostly right, sometimes of wrong length or type."""
    letter = rng.choice(sorted(_SHAPES))
    shape = _SHAPES[letter]
    fixed = struct.calcsize(shape.code)
    body = bytearray(letter.encode() + rng.randbytes(fixed - 1))
    if rng.random() < 0.5:  # a price that fits 32 bits
        at = 0
        for code, name in zip(struct_parts(shape.code), shape.names.split(), strict=True):
            if name == "price":
                body[at:at + 4] = bytes(4)
            if name == "code" and letter in "AU":
                body[at:at + 1] = rng.choice((b"L", b"D"))
            at += struct.calcsize(">" + code)
    kind = rng.random()
    if kind < 0.45:
        return bytes(body)
    if kind < 0.85:
        extra = rng.randbytes(rng.choice((0, 0, 6, 9, 40)))
        return bytes(body) + struct.pack(">H", len(extra)) + extra
    if kind < 0.9:
        return bytes(body[:rng.randrange(len(body))])
    if kind < 0.95:
        return bytes(body) + rng.randbytes(rng.choice((1, 2, 3, 30, 300)))
    return rng.randbytes(rng.randrange(1, 20))


def struct_parts(code):
    """Split a struct code into those of its fields."""
    parts, count = [], ""
    for letter in code[1:]:
        if letter.isdigit():
            count += letter
        else:
            parts.append(count + letter)
            count = ""
    return parts


@test
async def equals_the_model(dut):
    """Random packets, split anyhow, with everyone pausing; the link drops now and then."""
    bench = EntryDriver(dut, seed=cocotb.RANDOM_SEED)
    rng = random.Random(cocotb.RANDOM_SEED)
    model = EntryModel()
    await bench.start()
    model.link(True)
    for _ in range(int(os.environ.get("ENTRY_ROUNDS", "150"))):
        if not model.hears and not model.awaiting and not model.leaving:
            await bench.strobe("soup_control__login")
            await bench.settle()
            model.login_sent()
        data = b""
        for _ in range(rng.randint(1, 12)):
            packet = rng.choices(
                ("message", "heartbeat", "debug", "unsequenced", "accept", "empty", "end", "bad"),
                (60, 8, 4, 3, 3, 2, 0.5, 0.7))[0]
            if model.awaiting and rng.random() < 0.9:
                packet = "accept"
            data += {
                "message": lambda: SequencedData(_message(rng)).encode(),
                "heartbeat": ServerHeartbeat().encode,
                "debug": lambda: Debug(rng.randbytes(rng.randrange(100))).encode(),
                "unsequenced": lambda: UnsequencedData(rng.randbytes(5)).encode(),
                "accept": lambda: LoginAccepted(
                    session=rng.choice(("", "ABC", "0123456789")),
                    sequence_number=rng.choice((1, 77, (1 << 32) - 2))).encode(),
                "empty": SequencedData(b"").encode,
                "end": EndOfSession().encode,
                "bad": lambda: rng.choice(MALFORMED),
            }[packet]()
            if packet == "accept" and model.awaiting:
                break
        if rng.random() < 0.1:
            data = data[:rng.randrange(1, len(data) + 1)]
        await bench.receive(data)
        model.receive(data)
        if model.leaving or rng.random() < 0.05:
            await bench.link(False)
            model.link(False)
            await bench.settle()
            await bench.link(True)
            model.link(True)
            await bench.settle()
        assert bench.records() == model.records
        assert bench.updates() == model.updates
        model.records.clear()
        model.updates.clear()
        assert dut.session_up.value == model.logged_in
        assert int(dut.soup_next__value.value) == model.next_sequence
        assert int(dut.count_ouch_in__count.value) == model.messages
        assert int(dut.count_ouch_unknown__count.value) == model.unknown
        assert int(dut.count_soup_malformed__count.value) == model.malformed
        bench.tx.clear()
    assert model.messages > 100
    assert model.malformed > 0
