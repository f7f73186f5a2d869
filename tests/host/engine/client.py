"""A FIX client of an engine that works only when it is told to."""

import socket
import time
from collections.abc import Callable
from typing import Any

from tickgate.fix.codec import FixMessage, FrameReader, encode, parse
from tickgate.fix.values import timestamp_to_text


class Client:
    """A FIX client on a socket; ``turn`` lets the engine work."""

    def __init__(self, address: tuple[str, int], comp_id: str, turn: Callable[[], None]) -> None:
        self.comp_id = comp_id
        self.turn = turn
        self.seq = 1
        self.expected = 1
        self.reader = FrameReader()
        self.inbox: list[FixMessage] = []
        self.address = address
        self.sock: socket.socket | None = None

    def connect(self) -> "Client":
        self.sock = socket.create_connection(self.address)
        self.sock.setblocking(False)
        self.reader = FrameReader()
        return self

    def send(self, msg_type: str, *fields: tuple[int, Any], seq: int | None = None) -> None:
        header = [
            (35, msg_type),
            (49, self.comp_id),
            (56, "TICKGATE"),
            (34, seq or self.seq),
            (52, timestamp_to_text(time.time_ns())),
        ]
        if seq is None:
            self.seq += 1
        else:
            header.append((43, "Y"))
            header.append((122, header[4][1]))
        self.sock.sendall(encode("FIX.4.4", [*header, *fields]))

    def logon(self) -> None:
        if self.sock is None:
            self.connect()
        self.send("A", (98, 0), (108, 30))
        if int(self.expect(35, "A").get(34)) > self.expected - 1:
            self.send("2", (7, self.expected), (16, 0))

    def poll(self) -> None:
        self.turn()
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        for frame in self.reader.feed(data):
            message = parse(frame)
            number = int(message.get(34))
            if message.get(35) == "4":
                self.expected = int(message.get(36))
            elif number == self.expected:
                self.expected += 1
            self.inbox.append(message)

    def expect(self, *wanted: Any, timeout_s: float = 5.0) -> FixMessage:
        """Next message in which the given tag, value pairs hold; those before it are dropped."""
        pairs = list(zip(wanted[::2], wanted[1::2], strict=True))
        deadline = time.monotonic() + timeout_s
        while True:
            while self.inbox:
                message = self.inbox.pop(0)
                if all(message.get(tag) == str(value) for tag, value in pairs):
                    return message
            assert time.monotonic() < deadline, f"no message with {pairs}"
            self.poll()

    def order(self, cl_ord_id: str, quantity: int = 100, price: str | None = "150.00", **more):
        fields = [
            (11, cl_ord_id),
            (55, more.get("symbol", "AAPL")),
            (54, more.get("side", "1")),
            (38, quantity),
            (40, "2" if price else "1"),
            (60, timestamp_to_text(time.time_ns())),
        ]
        if price:
            fields.append((44, price))
        if "tif" in more:
            fields.append((59, more["tif"]))
        if "account" in more:
            fields.append((1, more["account"]))
        if "algo_id" in more:
            fields.append((847, more["algo_id"]))
        self.send("D", *fields, seq=more.get("seq"))

    def cancel(self, cl_ord_id: str, original: str) -> None:
        self.send(
            "F",
            (11, cl_ord_id),
            (41, original),
            (55, "AAPL"),
            (54, "1"),
            (60, timestamp_to_text(time.time_ns())),
        )

    def replace(
        self, cl_ord_id: str, original: str, quantity: int, price: str, *more: tuple[int, Any]
    ) -> None:
        self.send(
            "G",
            (11, cl_ord_id),
            (41, original),
            (55, "AAPL"),
            (54, "1"),
            (38, quantity),
            (40, "2"),
            (44, price),
            (60, timestamp_to_text(time.time_ns())),
            *more,
        )
