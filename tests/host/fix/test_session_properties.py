"""The session layer under any input: it never raises, and how bytes are cut makes no difference."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tickgate.fix.codec import FrameReader, encode, parse, timestamp_to_text
from tickgate.fix.outputs import AppMessage, Disconnect, LoggedOn, LoggedOut, Output, SendBytes
from tickgate.fix.session import Session, SessionConfig
from tickgate.fix.store import MemoryStore

NOW = 1_700_000_000_000_000_000
STAMP = timestamp_to_text(NOW)

TAGS = st.sampled_from(
    [7, 8, 9, 10, 11, 16, 34, 35, 36, 38, 40, 43, 44, 45, 49, 52, 54, 55, 56, 58, 60, 90, 91, 97,
     98, 108, 112, 122, 123, 141, 371, 372, 373, 380, 453, 554, 999, 9001, 123_456_789]
)  # fmt: skip
VALUES = st.sampled_from(
    ["", "0", "1", "2", "3", "-1", "Y", "N", "A", "D", "4", "5", "99", "9" * 18, "9" * 30, "1.5",
     "AAPL", "CLIENT", "GATE", "FIX.4.4", STAMP, "é²", "*"]
) | st.text(st.characters(max_codepoint=255, exclude_characters="\x01"), max_size=8)  # fmt: skip
TYPES = st.sampled_from([*"012345A8DFGjRZ*", "AE", "é"])
CHANGES = st.lists(st.tuples(TAGS, VALUES), max_size=4)

BODIES = {
    "1": [(112, "x")], "2": [(7, "1"), (16, "0")], "3": [(45, "1")], "4": [(36, "9")],
    "A": [(98, "0"), (108, "30")], "j": [(372, "8"), (380, "3")],
    "D": [(11, "a"), (55, "AAPL"), (54, "1"), (38, "1"), (40, "2"), (44, "1"), (60, STAMP)],
}  # fmt: skip


def framed(fields: list[tuple[int, str]]) -> bytes:
    """A message with a right frame and any content, which ``encode`` would refuse to build."""
    body = "".join(f"{tag}={value}\x01" for tag, value in fields).encode("latin-1")
    head = b"8=FIX.4.4\x019=%d\x01%b" % (len(body), body)
    return head + b"10=%03d\x01" % (sum(head) % 256)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    kind = draw(TYPES)
    seq = draw(st.integers(1, 12))
    fields = [(35, kind), (49, "CLIENT"), (56, "GATE"), (34, str(seq)), (52, STAMP)]
    if draw(st.booleans()):
        fields += [(43, "Y"), (122, STAMP)]
    fields += BODIES.get(kind, [])
    for tag, value in draw(CHANGES):
        places = [index for index, field in enumerate(fields) if field[0] == tag and index]
        if places:
            fields[places[0]] = (tag, value)
        else:
            fields.append((tag, value))
    return framed(fields)


def logged_on() -> Session:
    session = Session(SessionConfig("FIX.4.4", "GATE", "CLIENT", resend_burst=3), MemoryStore())
    logon = [(35, "A"), (49, "CLIENT"), (56, "GATE"), (34, 1), (52, STAMP), (98, 0), (108, 30)]
    assert LoggedOn() in session.on_bytes(encode("FIX.4.4", logon), NOW)
    for number in range(3):
        session.send("8", [(17, f"e{number}")], NOW)
    return session


def check(session: Session, outputs: list[Output]) -> None:
    """What holds for any outputs: whole messages, rising numbers, one end."""
    numbers: list[int] = []
    for output in outputs:
        if isinstance(output, SendBytes):
            assert FrameReader().feed(output.data) == [output.data]
            sent = parse(output.data)
            assert sent.defect is None
            if sent.get(43) != "Y":
                numbers.append(sent.integer(34))
    if not any(parse(o.data).get(141) == "Y" for o in outputs if isinstance(o, SendBytes)):
        assert numbers == sorted(set(numbers))
    ends = [index for index, output in enumerate(outputs) if isinstance(output, Disconnect)]
    assert ends in ([], [len(outputs) - 1])
    assert session.connected == (not ends)
    assert [isinstance(output, LoggedOut) for output in outputs].count(True) == len(ends)
    assert session.store.next_target_seq >= 1


def but_resends(outputs: list[Output]) -> list[object]:
    """Outputs in a form that compares, without what is sent again.

    Resends are worked off at the end of each call, so that their place depends on the calls.
    """
    plain = [item.message.raw if isinstance(item, AppMessage) else item for item in outputs]
    return [
        item for item in plain if not (isinstance(item, SendBytes) and b"\x0143=Y" in item.data)
    ]


@settings(max_examples=300)
@given(st.lists(messages() | st.binary(max_size=40), max_size=8))
def test_any_messages(stream: list[bytes]) -> None:
    session = logged_on()
    outputs: list[Output] = []
    for raw in stream:
        outputs += session.on_bytes(raw, NOW)
        if not session.connected:
            break
    check(session, outputs)
    session.on_timer(NOW + 10**9)


@settings(max_examples=150)
@given(st.lists(messages(), max_size=6), st.lists(st.integers(1, 400), max_size=6))
def test_any_split_gives_the_same_outputs(stream: list[bytes], sizes: list[int]) -> None:
    raw = b"".join(stream)
    session, other = logged_on(), logged_on()
    whole = session.on_bytes(raw, NOW)
    pieces: list[Output] = []
    for size in [*sizes, len(raw)]:
        if other.connected:
            pieces += other.on_bytes(raw[:size], NOW)
        raw = raw[size:]
    assert but_resends(pieces) == but_resends(whole)
    assert other.connected == session.connected
    assert other.store.next_target_seq == session.store.next_target_seq


@settings(max_examples=200)
@given(messages() | st.binary(max_size=100))
def test_any_first_message(raw: bytes) -> None:
    session = Session(SessionConfig("FIX.4.4", "GATE", "CLIENT"), MemoryStore())
    outputs = session.on_bytes(raw, NOW)
    if LoggedOn() not in outputs:
        assert not any(isinstance(output, AppMessage) for output in outputs)
        assert not session.logged_on
