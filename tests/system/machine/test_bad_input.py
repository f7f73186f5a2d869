"""Bad input at the FIX port and the command socket: answered as the protocol says, and counted."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tickgate.engine.commandserver import LINE_LIMIT, TOKEN_FILE
from tickgate.fix import orders, tags
from tickgate.fix.codec import FixMessage

from tests.system.machine.peer import Peer
from tests.system.machine.rig import Rig, until

pytestmark = pytest.mark.system

SYMBOL = "AAPL"
DOLLAR = 10_000


@pytest.fixture
def client(running: Rig) -> Iterator[Peer]:
    """The probe, logged on; after the test it trades, whatever the test did."""
    peer = running.peer()
    peer.log_on()
    yield peer
    if peer.closed:
        peer.log_on()
    cl_ord_id = peer.enter(SYMBOL, orders.BUY, 1, DOLLAR)
    assert peer.answer(cl_ord_id).get(tags.ORD_STATUS) == "0"
    peer.answer(peer.cancel(cl_ord_id, SYMBOL, orders.BUY), "4")
    peer.log_out()


@contextmanager
def counted(rig: Rig, name: str, at_least: int = 1) -> Iterator[None]:
    """What is done inside moves this counter of bad input."""
    before = rig.state()["bad_input"].get(name, 0)
    yield
    until(
        lambda: rig.state()["bad_input"].get(name, 0) >= before + at_least,
        f"bad input {name!r} was counted",
    )


def order(client: Peer, **changes: str) -> tuple[str, list[tuple[int, str | bytes | int]]]:
    """Fields of a good order but for ``changes``, by name of the tag in ``tags``."""
    cl_ord_id = client.new_id()
    fields = dict(client.order_fields(cl_ord_id, SYMBOL, orders.BUY, 1, DOLLAR))
    fields |= {getattr(tags, name.upper()): value for name, value in changes.items()}
    return cl_ord_id, [(tag, value) for tag, value in fields.items() if value != ""]


@pytest.mark.parametrize(
    ("changes", "tag"),
    [
        ({"order_qty": "many"}, tags.ORDER_QTY),
        ({"order_qty": "-5"}, tags.ORDER_QTY),
        ({"order_qty": "0"}, tags.ORDER_QTY),
        ({"order_qty": "1.5"}, tags.ORDER_QTY),
        ({"order_qty": "1e3"}, tags.ORDER_QTY),
        ({"order_qty": "9" * 400}, tags.ORDER_QTY),
        ({"order_qty": "\xb2"}, tags.ORDER_QTY),
        ({"price": "dear"}, tags.PRICE),
        ({"price": "1.00001"}, tags.PRICE),
        ({"price": "nan"}, tags.PRICE),
        ({"side": "X"}, tags.SIDE),
        ({"ord_type": "9"}, tags.ORD_TYPE),
        ({"transact_time": "yesterday"}, tags.TRANSACT_TIME),
        ({"cl_ord_id": "C" * 65}, tags.CL_ORD_ID),
        ({"symbol": "S" * 33}, tags.SYMBOL),
        ({"account": "A" * 33}, tags.ACCOUNT),
        ({"symbol": ""}, tags.SYMBOL),
        ({"order_qty": ""}, tags.ORDER_QTY),
    ],
    ids=lambda value: (
        "-".join(f"{k}={v[:6]}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_a_field_that_is_wrong(
    running: Rig, client: Peer, changes: dict[str, str], tag: int
) -> None:
    reached, seen = running.arrived(), len(client.received)
    _, fields = order(client, **changes)
    with counted(running, "fix: rejects_out"):
        number = client.send(tags.NEW_ORDER_SINGLE, fields)
        reject = client.message(tags.REJECT, seen)
    assert reject.integer(tags.REF_SEQ_NUM) == number
    assert reject.integer(tags.REF_TAG_ID) == tag
    assert reject.get(tags.TEXT)
    assert running.arrived() == reached


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"symbol": "NOSUCH"}, "unknown symbol NOSUCH", "1"),
        ({"account": "MAKER"}, "Account must be PROBE on this session", "99"),
        ({"order_qty": "4294967295"}, "RISK malformed: ", "99"),
        ({"price": "429496.7295"}, "RISK malformed: ", "99"),
    ],
)
def test_an_order_that_cannot_be(
    running: Rig, client: Peer, changes: dict[str, str], text: str, reason: str
) -> None:
    reached = running.arrived()
    cl_ord_id, fields = order(client, **changes)
    client.send(tags.NEW_ORDER_SINGLE, fields)
    answer = client.answer(cl_ord_id)
    assert answer.get(tags.EXEC_TYPE) == "8"
    assert (answer.get(tags.TEXT) or "").startswith(text)
    assert answer.get(tags.ORD_REJ_REASON) == reason
    assert running.arrived() == reached


def test_a_cl_ord_id_that_was_used(running: Rig, client: Peer) -> None:
    cl_ord_id, fields = order(client)
    client.send(tags.NEW_ORDER_SINGLE, fields)
    client.answer(cl_ord_id, "0")
    reached = running.arrived()
    client.send(tags.NEW_ORDER_SINGLE, fields)
    assert "was used before" in (client.answer(cl_ord_id, "8").get(tags.TEXT) or "")
    assert running.arrived() == reached
    client.answer(client.cancel(cl_ord_id, SYMBOL, orders.BUY), "4")


def test_a_cancel_of_an_unknown_order(running: Rig, client: Peer) -> None:
    refusal = client.answer(client.cancel("NEVER-WAS", SYMBOL, orders.BUY))
    assert refusal.msg_type == tags.ORDER_CANCEL_REJECT
    assert refusal.get(tags.CXL_REJ_REASON) == "1"


def test_message_types_that_are_none_or_not_ours(running: Rig, client: Peer) -> None:
    seen = len(client.received)
    with counted(running, "fix: rejects_out"):
        client.send("??", [(tags.TEXT, "what")])
        client.message(tags.REJECT, seen)
    with counted(running, "fix: business_rejects_out"):
        client.send("E", [(66, "LIST")])  # NewOrderList: FIX has it, this gateway does not
        client.message(tags.BUSINESS_MESSAGE_REJECT, seen)


def garbled(client: Peer, kind: str) -> bytes:
    """An order that is no message, under the next number."""
    _, fields = order(client)
    raw = client.frame(tags.NEW_ORDER_SINGLE, fields, client.next_out)
    if kind == "checksum":
        return raw[:-4] + b"%03d\x01" % ((int(raw[-4:-1]) + 1) % 256)
    if kind == "length":
        return raw.replace(b"\x019=", b"\x019=1", 1)
    if kind == "noise":
        return b"\x00\xff\x01noise" * 50
    return b"8=FIX.4.4\x01" + raw.partition(b"\x01")[2].partition(b"\x01")[2]  # no BodyLength


@pytest.mark.parametrize("kind", ["checksum", "noise", "no length"])
def test_what_is_garbled_is_passed_over(running: Rig, client: Peer, kind: str) -> None:
    """FIX: ignore it; what it may have been shows as a gap, and the gap is asked for."""
    reached = running.arrived()
    with counted(running, "fix: garbled"):
        client.send_raw(garbled(client, kind))
        if kind != "noise":
            client.next_out += 1  # the gateway does not know that this number was used
        cl_ord_id = client.enter(SYMBOL, orders.BUY, 1, DOLLAR, orders.IMMEDIATE_OR_CANCEL)
        client.answer(cl_ord_id, "4")
    if kind != "noise":
        assert running.state()["bad_input"]["fix: early_in"] > 0
    assert running.arrived() == reached + 1  # the garbled order itself never left


def test_a_number_that_is_too_high_is_asked_for(running: Rig, client: Peer) -> None:
    with counted(running, "fix: early_in"):
        client.next_out += 5
        client.answer(client.enter(SYMBOL, orders.BUY, 1, DOLLAR, orders.IMMEDIATE_OR_CANCEL), "4")


def ended(client: Peer, seen: int) -> FixMessage:
    """The gateway's Logout, after which it closed."""
    logout = client.message(tags.LOGOUT, seen)
    client.wait(lambda: client.closed, "the end of the connection")
    client.drop()
    return logout


def test_a_number_that_is_too_low_ends_the_session(running: Rig, client: Peer) -> None:
    reached, seen = running.arrived(), len(client.received)
    _, fields = order(client)
    client.send(tags.NEW_ORDER_SINGLE, fields, sequence=1)
    assert "MsgSeqNum too low" in (ended(client, seen).get(tags.TEXT) or "")
    assert running.arrived() == reached


def test_a_number_that_is_none_ends_the_session(running: Rig, client: Peer) -> None:
    seen = len(client.received)
    _, fields = order(client)
    raw = client.frame(tags.NEW_ORDER_SINGLE, [*fields], 7_777)
    client.send_raw(with_checksum(raw.replace(b"\x0134=7777\x01", b"\x0134=no-1\x01")))
    assert ended(client, seen).get(tags.TEXT)


def test_a_message_that_is_too_long_ends_the_session(running: Rig, client: Peer) -> None:
    seen = len(client.received)
    with counted(running, "fix: garbled"):
        _, fields = order(client, text="T" * 20_000)
        client.send(tags.NEW_ORDER_SINGLE, fields)
        client.next_out -= 1  # it was never taken
        assert "16384" in (ended(client, seen).get(tags.TEXT) or "")


def test_the_name_of_another_ends_the_session(running: Rig, client: Peer) -> None:
    seen = len(client.received)
    _, fields = order(client)
    raw = client.frame(tags.NEW_ORDER_SINGLE, fields, client.next_out, sender="ALPHA")
    client.next_out += 1
    with counted(running, "fix: rejects_out"):
        client.send_raw(raw)
        assert "SenderCompID" in (ended(client, seen).get(tags.TEXT) or "")


def with_checksum(raw: bytes) -> bytes:
    """A message with the checksum that its bytes have."""
    body = raw[: raw.rindex(b"10=")]
    return body + b"10=%03d\x01" % (sum(body) % 256)


def strangers(rig: Rig) -> dict[str, tuple[str, bytes]]:
    """First bytes of a connection that is turned away, and the counter of each."""
    peer = rig.peer("CHARLIE")  # never logged on in this file
    logon = [(tags.ENCRYPT_METHOD, 0), (tags.HEART_BT_INT, 30)]
    wrong = [*logon, (tags.PASSWORD, "wrong")]
    return {
        "http": ("fix: not_fix", b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n"),
        "noise": ("fix: not_fix", bytes(range(256)) * 40),
        "stranger": (
            "fix: unknown_session",
            peer.frame(tags.LOGON, logon, 1, sender="NOBODY"),
        ),
        "other gateway": (
            "fix: unknown_session",
            peer.frame(tags.LOGON, logon, 1, target="ELSEWHERE"),
        ),
        "password": ("fix: logons_refused", peer.frame(tags.LOGON, wrong, 1)),
        "no password": ("fix: logons_refused", peer.frame(tags.LOGON, logon, 1)),
        "order first": (
            "fix: not_logon",
            peer.frame(tags.NEW_ORDER_SINGLE, order(peer)[1], 1),
        ),
    }


@pytest.mark.parametrize(
    "who", ["http", "noise", "stranger", "other gateway", "password", "no password", "order first"]
)
def test_strangers_are_turned_away_without_a_word(running: Rig, who: str) -> None:
    counter, data = strangers(running)[who]
    with (
        counted(running, counter),
        socket.create_connection(("127.0.0.1", running.settings.fix_port), 10) as stranger,
    ):
        stranger.sendall(data)
        assert read_to_end(stranger) == b""


def test_a_second_connection_of_a_session_is_turned_away(running: Rig, client: Peer) -> None:
    logon = [(tags.ENCRYPT_METHOD, 0), (tags.HEART_BT_INT, 30)]
    with (
        counted(running, "fix: already_connected"),
        socket.create_connection(("127.0.0.1", running.settings.fix_port), 10) as second,
    ):
        second.sendall(client.frame(tags.LOGON, logon, 1))
        assert read_to_end(second) == b""


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes; what it did not read may come back as a reset."""
    data = b""
    try:
        while chunk := connection.recv(65_536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def test_silent_connections_cost_nobody_anything(running: Rig, client: Peer) -> None:
    silent = [
        socket.create_connection(("127.0.0.1", running.settings.fix_port), 10) for _ in range(20)
    ]
    try:
        for connection in silent:
            connection.sendall(b"8=FIX.4.4\x019=10")
        client.answer(client.enter(SYMBOL, orders.BUY, 1, DOLLAR, orders.IMMEDIATE_OR_CANCEL), "4")
    finally:
        for connection in silent:
            connection.close()


def ask(rig: Rig, line: bytes) -> dict[str, Any]:
    """The command socket's answer to a line; empty when it closed without one."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(rig.settings.command_socket))
        try:
            connection.sendall(line)
            with connection.makefile("rb") as stream:
                answer = stream.readline()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    result: dict[str, Any] = json.loads(answer) if answer else {}
    return result


def token(rig: Rig) -> str:
    return (rig.settings.state_dir / TOKEN_FILE).read_text().strip()


@pytest.mark.parametrize(
    ("counter", "line"),
    [
        ("command: not a JSON object", b"\x00\xffgarbage\n"),
        ("command: not a JSON object", b"[1, 2]\n"),
        ("command: not a JSON object", b"[" * 100_000 + b"\n"),
        ("command: not a JSON object", b"\n"),
        ("command: wrong token", b"{}\n"),
        ("command: wrong token", b'{"token": 7, "actor": "x", "command": "disarm"}\n'),
        ("command: wrong token", b'{"token": "\\ud800", "actor": "x", "command": "disarm"}\n'),
        ("command: wrong token", b'{"token": "guess", "actor": "x", "command": "disarm"}\n'),
        ("command: too long", b"x" * (LINE_LIMIT + 2)),
    ],
)
def test_the_command_socket_refuses(running: Rig, counter: str, line: bytes) -> None:
    with counted(running, counter):
        answer = ask(running, line)
    if counter != "command: too long":  # that one may be cut off before it is read
        assert answer["ok"] is False
        assert answer["error"]
    assert running.state()["card"]["armed"]


@pytest.mark.parametrize(
    ("request_", "counter"),
    [
        ({"actor": "", "command": "disarm"}, "command: no actor"),
        ({"actor": "x" * 65, "command": "disarm"}, "command: no actor"),
        ({"actor": "x", "command": "sell everything"}, "command: refused"),
        ({"actor": "x", "command": "kill", "scope": "some"}, "command: refused"),
        ({"actor": "x", "command": "kill", "scope": "symbol", "target": []}, "command: refused"),
        ({"actor": "x", "command": "kill", "scope": ["all"]}, "command: refused"),
        ({"actor": "x", "command": "set_limits", "toml": "not = [toml"}, "command: refused"),
        ({"actor": "x", "command": "set_limits", "toml": 5}, "command: refused"),
        ({"actor": "x", "command": "orders", "limit": "all"}, "command: refused"),
    ],
)
def test_a_command_that_cannot_be(running: Rig, request_: dict[str, Any], counter: str) -> None:
    with counted(running, counter):
        line = json.dumps({"token": token(running), **request_}).encode() + b"\n"
        answer = ask(running, line)
    assert answer["ok"] is False
    assert answer["error"]
    assert running.state()["card"]["armed"]


def test_at_the_end_all_books_agree(running: Rig) -> None:
    trading = running.trade_aside(2.0)
    started_ns = time.time_ns()
    verdict = running.verdict(trading.join())
    assert verdict.all_agree, verdict.differences
    assert running.state()["started_ns"] < started_ns
    assert running.process("engine").returncode is None
