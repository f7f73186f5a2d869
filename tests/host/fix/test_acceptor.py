"""From a new connection to its session."""

import pytest
from tickgate.fix.acceptor import AcceptorConnection, Registry
from tickgate.fix.codec import encode, timestamp_to_text
from tickgate.fix.outputs import Disconnect, LoggedOn, LoggedOut, SendBytes
from tickgate.fix.session import Session, SessionConfig
from tickgate.fix.store import MemoryStore

NOW = 1_700_000_000_000_000_000
NS = 1_000_000_000


def session(client: str) -> Session:
    return Session(SessionConfig("FIX.4.4", "GATE", client), MemoryStore())


def message(msg_type: str, client: str = "A", seq: int = 1, **more: str) -> bytes:
    fields = [(35, msg_type), (49, client), (56, "GATE"), (34, seq)]
    fields += [(52, timestamp_to_text(NOW))]
    if msg_type == "A":
        fields += [(98, 0), (108, 30)]
    return encode(more.get("begin", "FIX.4.4"), fields)


@pytest.fixture
def registry() -> Registry:
    return Registry([session("A"), session("B")])


def test_first_message_leads_to_its_session(registry: Registry) -> None:
    one, two = AcceptorConnection(registry), AcceptorConnection(registry)
    assert LoggedOn() in one.on_bytes(message("A", "B"), NOW)
    assert LoggedOn() in two.on_bytes(message("A", "A"), NOW)
    assert one.session is registry.sessions[1]
    assert two.session is registry.sessions[0]
    assert [item.logged_on for item in registry.sessions] == [True, True]


def test_first_message_in_pieces_with_more_behind_it(registry: Registry) -> None:
    connection = AcceptorConnection(registry)
    raw = message("A") + message("1", seq=2)
    for place in range(len(raw) - 1):
        connection.on_bytes(raw[place : place + 1], NOW)
    # TestReqID is missing from the second message: its Reject shows that it got there.
    (reject,) = connection.on_bytes(raw[-1:], NOW)
    assert isinstance(reject, SendBytes)
    assert b"\x01371=112\x01" in reject.data


@pytest.mark.parametrize(
    ("raw", "counter", "reason"),
    [
        (message("A", "STRANGER"), "unknown_session", "no session for FIX.4.4 'STRANGER'"),
        (message("A", begin="FIX.4.2"), "unknown_session", "no session for FIX.4.2 'A'"),
        (message("0"), "not_logon", "must be a Logon, not '0'"),
        (b"GET / HTTP/1.1\r\n\r\n", "not_fix", "no FIX message"),
        (b"8=FIX.4.4\x019=9999999\x01", "not_fix", "9999999 bytes long"),
    ],
)
def test_turned_away(registry: Registry, raw: bytes, counter: str, reason: str) -> None:
    connection = AcceptorConnection(registry)
    (output,) = connection.on_bytes(raw, NOW)
    assert isinstance(output, Disconnect)
    assert reason in output.reason
    assert connection.closed
    assert connection.on_bytes(message("A"), NOW) == []
    assert connection.on_timer(NOW + 60 * NS) == []
    assert connection.on_disconnect(NOW) == []
    expected = dict.fromkeys(registry.counters.as_dict(), 0) | {counter: 1}
    assert registry.counters.as_dict() == expected
    assert not any(item.connected for item in registry.sessions)


def test_silent_connection_is_closed(registry: Registry) -> None:
    connection = AcceptorConnection(registry)
    assert connection.on_timer(NOW) == []
    assert connection.on_timer(NOW + 9 * NS) == []
    (output,) = connection.on_timer(NOW + 10 * NS)
    assert isinstance(output, Disconnect)
    assert registry.counters.timed_out == 1


def test_second_connection_is_refused_and_the_first_unharmed(registry: Registry) -> None:
    first, second = AcceptorConnection(registry), AcceptorConnection(registry)
    first.on_bytes(message("A"), NOW)
    (output,) = second.on_bytes(message("A", seq=2), NOW)
    assert isinstance(output, Disconnect)
    assert "has a connection already" in output.reason
    assert registry.counters.already_connected == 1
    assert second.on_disconnect(NOW) == []
    assert registry.sessions[0].logged_on
    assert not first.closed


def test_late_events_of_an_old_connection_do_not_reach_the_new_one(registry: Registry) -> None:
    old, new = AcceptorConnection(registry), AcceptorConnection(registry)
    old.on_bytes(message("A"), NOW)
    registry.sessions[0].on_disconnect(NOW)
    assert old.closed
    assert LoggedOn() in new.on_bytes(message("A", seq=2), NOW)
    assert old.on_bytes(message("5", seq=3), NOW) == []
    assert old.on_disconnect(NOW) == []
    assert registry.sessions[0].logged_on
    assert new.on_disconnect(NOW) == [LoggedOut("connection lost")]
    assert new.closed


def test_session_timers_run_through_the_connection(registry: Registry) -> None:
    connection = AcceptorConnection(registry)
    connection.on_bytes(message("A"), NOW)
    (heartbeat,) = connection.on_timer(NOW + 30 * NS)
    assert isinstance(heartbeat, SendBytes)
    assert b"\x0135=0\x01" in heartbeat.data


def test_one_name_one_session(registry: Registry) -> None:
    with pytest.raises(ValueError, match="registered once"):
        registry.add(session("A"))


def test_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one of FIX\.4\.4, not 'FIX\.9'"):
        Session(SessionConfig("FIX.9", "GATE", "A"), MemoryStore())
