"""Recovery between a window and servers that may do anything, in simulated time."""

import random
import struct
from dataclasses import dataclass

from tickgate.marketdata.recovery import Forget, Inject, Rebuild, Recovery, Resume
from tickgate.marketdata.settings import RecoverySettings

from tests.host.marketdata.feed_model import Venue, Window, packet

MS = 1_000_000


@dataclass(frozen=True)
class Faults:
    """What goes wrong; chances are in percent."""

    loss_a: int = 0
    loss_b: int = 0
    bad: int = 0
    rerequest: str = "answer"
    """answer, ignore, garble, some (a third of each), none (there is no server)."""
    glimpse: str = "answer"
    """answer, refuse, cut, garble, some, none."""


class World:
    """A step is a millisecond."""

    def __init__(self, seed: int, faults: Faults, *, max_missing: int = 60) -> None:
        self.rng = random.Random(seed)
        self.faults = faults
        self.venue = Venue(self.rng)
        self.card = Window()
        settings = RecoverySettings(
            rerequest=() if faults.rerequest == "none" else (("one", 1), ("two", 2)),
            glimpse=None if faults.glimpse == "none" else ("snapshots", 3),
            glimpse_user="U",
            glimpse_password="P",
            max_missing=max_missing,
            request_messages=8,
            request_timeout_ms=4,
            request_longest_ms=20,
            snapshot_retry_ms=5,
            snapshot_slowest_ms=20,
            snapshot_silence_ms=30,
            session_silence_ms=40,
            card_stall_ms=500,
        )
        self.resumed: list[tuple[int, int, int]] = []
        self.recovery = Recovery(settings, lambda *told: self.resumed.append(told))
        self.now_ms = 1
        self.asked: list[int] = []
        """Which server each request went to."""
        self._answers: list[bytes] = []
        self._stream: list[bytes] | None = None
        self._cut_after = -1
        self._told = False

    @property
    def now(self) -> int:
        return self.now_ms * MS

    # ---- one step ----

    def step(self, messages: int = 0, *, heartbeat: bool = False, cut: bool = False) -> None:
        if (messages or heartbeat) and not cut:
            self._send(self.venue.publish(messages))
        elif messages:
            self.venue.publish(messages)
        if self.card.gap and not self._told:
            self.recovery.hint()  # event G
        self._told = self.card.gap
        self.pump()
        self.card.work(self.rng.randrange(4))
        self.check()
        self.now_ms += 1

    def run(self, steps: int, **faults: bool) -> None:
        for _ in range(steps):
            self.step(self.rng.randrange(4), **faults)

    def settle(self, steps: int = 6000) -> None:
        """Let the feed only tell where it is, until all is right and quiet or time is up."""
        for _ in range(steps):
            self.step(heartbeat=self.now_ms % 10 == 0)
            if (
                not self.card.stale
                and self.card.expected == self.venue.next
                and not self.recovery.busy
            ):
                return

    def check(self) -> None:
        card = self.card
        if card.stale or card.session != self.venue.session:
            return
        assert card.expected == card.highest
        assert not card.wrong, "a message did not fit, and the book is not stale"
        assert card.book == self.venue.book(card.expected), "a book is wrong and not stale"

    def _send(self, data: bytes) -> None:
        rng, faults = self.rng, self.faults
        lines = [loss for loss in (faults.loss_a, faults.loss_b) if rng.randrange(100) >= loss]
        for _ in lines:
            bad = rng.randrange(100) < faults.bad
            flipped = data[:40] + bytes((data[40] ^ 0x7F,)) + data[41:] if len(data) > 41 else data
            self.card.line(flipped if bad else data, bad=bad)

    # ---- the adapter ----

    def pump(self) -> None:
        recovery, now = self.recovery, self.now
        for answer in self._answers:
            recovery.on_datagram(answer, now)
        self._answers = []
        self._serve_stream()
        recovery.tick(now)
        if recovery.state_due(now):
            recovery.on_state(self.card.state(), now)
        while recovery.commands and self._carry_out(recovery.commands[0]):
            recovery.done(recovery.commands[0], now)
        for server, request in recovery.requests(now):
            self.asked.append(server)
            self._rerequest(request)
        if recovery.to_send() and self._stream == []:
            self._log_in()

    def _carry_out(self, command) -> bool:
        match command:
            case Inject():
                return self.card.inject(command.payload, command.snapshot)
            case Rebuild():
                self.card.rebuild()
            case Resume():
                self.card.resume(command.sequence)
            case Forget():
                self.card.forgetting = True
        return True

    # ---- servers ----

    def _mode(self, mode: str, *choices: str) -> str:
        return self.rng.choice(choices) if mode == "some" else mode

    def _rerequest(self, request: bytes) -> None:
        session = request[:10].decode().strip()
        sequence, count = struct.unpack(">QH", request[10:])
        mode = self._mode(self.faults.rerequest, "answer", "ignore", "garble")
        if mode == "ignore" or session != self.venue.session or sequence >= self.venue.next:
            return
        most = self.rng.randrange(1, count + 1)
        messages = self.venue.messages[sequence - 1 : sequence - 1 + most]
        good = packet(session, sequence, messages)
        self._answers.append(good if mode == "answer" else self._garbled(good, sequence))

    def _garbled(self, good: bytes, sequence: int) -> bytes:
        rng = self.rng
        return rng.choice([
            b"",
            rng.randbytes(rng.randrange(60)),
            good[: rng.randrange(len(good))],
            good + b"x",
            b"OTHER     " + good[10:],
            good[:18] + b"\xff\xff" + good[20:],
            good[:18] + struct.pack(">H", rng.randrange(1 << 16)) + good[20:],
            packet(self.venue.session, sequence, []),
            packet(self.venue.session, sequence, [b"A" * rng.choice((1, 35, 37, 300))]),
            packet(self.venue.session, sequence, [b""]),
            packet(self.venue.session, sequence + 1000, [add_one()]),
            packet(self.venue.session, max(0, sequence - 5), [add_one()]),
        ])  # fmt: skip

    def _serve_stream(self) -> None:
        recovery = self.recovery
        if not recovery.wants_stream:
            self._stream = None
            return
        if self._stream is None:
            mode = self._mode(self.faults.glimpse, "answer", "refuse", "cut", "garble")
            self._stream_mode, self._stream, self._waits = mode, [], 2
            return
        self._waits -= 1
        if self._waits == 0:
            if self._stream_mode == "refuse":
                recovery.on_closed("refused", self.now)
            else:
                recovery.on_connected()
        for _ in range(self.rng.randrange(3)):
            if not self._stream or not recovery.wants_data:
                break
            part = self._stream.pop(0)
            if part == b"":
                recovery.on_closed("the server closed", self.now)
                self._stream = None
                break
            recovery.on_stream(part, self.now)

    def _log_in(self) -> None:
        messages, end = self.venue.snapshot()
        packets = [_soup(b"A" + self.venue.session.rjust(10).encode() + b"%20d" % 1)]
        packets += [_soup(b"S" + message) for message in messages]
        packets += [_soup(b"SG%020d" % end), _soup(b"Z")]
        if self._stream_mode == "cut":
            packets = packets[: self.rng.randrange(len(packets) - 1)]
        elif self._stream_mode == "garble":
            at = self.rng.randrange(len(packets) - 1)
            wrong = (b"\x00\x00", _soup(b"Q"), _soup(b"SA"), _soup(b"J" + b"A"), _soup(b"Z"))
            packets[at] = self.rng.choice(wrong)
        whole = b"".join(packets)
        at = 0
        while at < len(whole):
            size = self.rng.randrange(1, 400)
            self._stream.append(whole[at : at + size])
            at += size
        self._stream.append(b"")


def add_one() -> bytes:
    return b"A" + b"x" * 35


def _soup(body: bytes) -> bytes:
    return struct.pack(">H", len(body)) + body
