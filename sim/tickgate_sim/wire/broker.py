"""The wire broker: gives the card its frames and its order-entry stream, and runs the exchange
beside it."""

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tickgate_sim.wire import namespace
from tickgate_sim.wire.flow import BytePipe, FrameFlow
from tickgate_sim.wire.frames import MAX_PAYLOAD
from tickgate_sim.wire.mode import Plan
from tickgate_sim.wire.pcap import Pcap, TcpRecorder
from tickgate_sim.wire.relay import MulticastRelay
from tickgate_sim.wire.sockets import announce, open_bound

__all__ = ["Broker", "Wire", "run"]

_CONNECT_TIMEOUT_S = 1.0
_STOP_TIMEOUT_S = 10.0
_MAX_FRAME = MAX_PAYLOAD + 42 + 4


@dataclass(frozen=True, slots=True)
class Wire:
    """What the broker is told: where the card asks, the feed's lines, the gateway, the recording.

    ``services`` are addresses of this machine at which the exchange is to serve, by name (see
    ``sockets``).
    """

    socket: Path
    feeds: tuple[tuple[str, int], ...]
    ouch: tuple[str, int]
    pcap: Path | None = None
    services: Mapping[str, tuple[str, int]] = field(default_factory=dict)


class Broker:
    """Serves cards at ``wire.socket`` until it is closed; `turn` does what there is to do.

    A card asks "frames" or "connect" and gets "ok" with a descriptor, or "error: why" (see the
    card's ``wire_link.hpp``). Without a recording the card gets the TAP and the TCP socket
    themselves.
    """

    def __init__(self, wire: Wire, plan: Plan, tap: int | None = None) -> None:
        self._wire = wire
        self._tap = tap
        self._selector = selectors.DefaultSelector()
        self._pcap = Pcap(wire.pcap) if wire.pcap else None
        self._pipes: list[BytePipe] = []
        self.relays = [MulticastRelay(*feed) for feed in wire.feeds if plan.mode == "relay"]
        self.flow: FrameFlow | None = None
        if self.relays:
            self.flow = FrameFlow(self._selector)
            for relay in self.relays:
                self.flow.add_source(relay.fileno(), partial(self._from_relay, relay))
        elif tap is not None and self._pcap is not None:
            self.flow = FrameFlow(self._selector)
            self.flow.add_source(tap, self._from_tap)
        self.connects = 0
        wire.socket.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(wire.socket))
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def wait_also(self, descriptor: int, action: Callable[[int], None]) -> None:
        """Call ``action`` when a descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, action)

    def turn(self, timeout_s: float | None = None) -> None:
        """Wait for something to happen and deal with it."""
        ready = self._selector.select(timeout_s)
        for key, events in ready:
            if key.fd in self._selector.get_map():  # an earlier one may have closed it
                key.data(events)
        if self._pcap is not None and ready:
            self._pcap.flush()

    def summary(self) -> str:
        """Say what went over the wire."""
        parts = [f"{self.connects} order-entry connections"]
        if self.flow is not None:
            parts.append(f"{self.flow.frames} frames, {self.flow.dropped} dropped")
        if self.relays:
            lost = sum(relay.dropped for relay in self.relays)
            oversized = sum(relay.oversized for relay in self.relays)
            parts.append(f"{lost} lost, {oversized} oversized datagrams")
        else:
            parts.append(f"{namespace.dropped_frames()} dropped by {namespace.DEVICE}")
        if self._pcap is not None:
            parts.append(f"{self._pcap.frames} frames recorded")
        return ", ".join(parts)

    def close(self) -> None:
        """Let go of everything."""
        for pipe in self._pipes:
            pipe.close(by_exchange=False)
        if self.flow is not None:
            self.flow.close()
        for relay in self.relays:
            relay.close()
        if self._pcap is not None:
            self._pcap.close()
        self._listener.close()
        self._wire.socket.unlink(missing_ok=True)
        self._selector.close()

    def _accept(self, _: int) -> None:
        card, _address = self._listener.accept()
        self._selector.register(card, selectors.EVENT_READ, lambda _: self._request(card))

    def _request(self, card: socket.socket) -> None:
        try:
            request = card.recv(256)
            if request:
                self._answer(card, request.decode("ascii", "replace"))
                return
        except OSError as error:
            say(f"a card is gone: {error.strerror}")
        self._selector.unregister(card)
        card.close()

    def _answer(self, card: socket.socket, request: str) -> None:
        try:
            if request == "frames":
                given = self._frames()
            elif request == "connect":
                given = self._connect()
            else:
                card.send(f"error: {request!r} is neither frames nor connect".encode())
                return
        except OSError as error:
            host, port = self._wire.ouch
            card.send(f"error: {host}:{port}: {error.strerror or error}".encode())
            return
        try:
            socket.send_fds(card, [b"ok"], [given])
        finally:
            os.close(given)

    def _frames(self) -> int:
        if self.flow is not None:
            return self.flow.connect().detach()
        assert self._tap is not None
        return os.dup(self._tap)

    def _connect(self) -> int:
        exchange = socket.create_connection(self._wire.ouch, _CONNECT_TIMEOUT_S)
        exchange.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connects += 1
        if self._pcap is None:
            return exchange.detach()
        mine, theirs = socket.socketpair()
        recorder = TcpRecorder(self._pcap, self._wire.ouch[1])
        self._pipes = [pipe for pipe in self._pipes if pipe.open]
        self._pipes.append(BytePipe(self._selector, mine, exchange, recorder))
        return theirs.detach()

    def _from_tap(self) -> bytes | None:
        assert self._tap is not None
        try:
            return self._recorded(os.read(self._tap, _MAX_FRAME))
        except BlockingIOError:
            return None

    def _from_relay(self, relay: MulticastRelay) -> bytes | None:
        frame = relay.receive()
        return frame if frame is None else self._recorded(frame)

    def _recorded(self, frame: bytes) -> bytes:
        if self._pcap is not None:
            self._pcap.write(frame)
        return frame


def run(wire: Wire, plan: Plan, command: Sequence[str]) -> int:
    """Run ``command`` (the exchange) with a broker beside it until it ends or SIGTERM or SIGINT
    comes.

    The sockets of ``wire.services`` are made first: in tap mode this process then moves to a
    namespace for good. ``{address}``, ``{iface}`` and
    ``{mcast_if}`` in the command are replaced, and TICKGATE_EXCHANGE_ADDRESS is set, to what the
    exchange must bind. Returns the command's exit status, 0 when it was told to stop. Raises
    NamespaceError, OSError.
    """
    say(f"{plan.mode} mode: {plan.reason}; the exchange is at {plan.address}")
    services = {name: open_bound(name, address) for name, address in wire.services.items()}
    tap = namespace.enter() if plan.mode == "tap" else None
    broker = Broker(wire, plan, tap)
    # The signal itself writes to the pipe. A handler in Python would not run when the signal comes
    # just before a turn begins to wait, and nothing else might ever end that turn.
    stop, stop_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(stop_write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    child = _start(command, plan, services) if command else None
    for sock in services.values():
        sock.close()  # the exchange has it now; when that ends, nobody shall seem to be there
    ended = []

    def told(_: int) -> None:
        os.read(stop, 64)  # or it stays readable, and no turn of _stop waits for the command
        ended.append(0)

    broker.wait_also(stop, told)
    if child is not None:
        broker.wait_also(os.pidfd_open(child.pid), lambda _: ended.append(child.wait()))
    try:
        while not ended:
            broker.turn()
    finally:
        if child is not None:
            _stop(child, broker)
        say(broker.summary())
        broker.close()
    if ended[0]:
        say(f"the command ended with status {ended[0]}")
    return ended[0]


def _start(
    command: Sequence[str], plan: Plan, services: Mapping[str, socket.socket]
) -> subprocess.Popen[bytes]:
    device = namespace.DEVICE if plan.mode == "tap" else "lo"
    names = {"{address}": plan.address, "{iface}": device, "{mcast_if}": plan.address}
    words = []
    for word in command:
        for name, value in names.items():
            word = word.replace(name, value)
        words.append(word)
    environment = {**os.environ, "TICKGATE_EXCHANGE_ADDRESS": plan.address, **announce(services)}
    # The exchange must not outlive a broker that was killed.
    guard = [sys.executable, "-m", "tickgate_sim.wire.guard", str(os.getpid())]
    passed = [sock.fileno() for sock in services.values()]
    return subprocess.Popen([*guard, *words], env=environment, pass_fds=passed)


def _stop(child: subprocess.Popen[bytes], broker: Broker) -> None:
    """End the command, while what it still sends goes on to the card."""
    if child.poll() is None:
        child.terminate()
        for _ in range(int(_STOP_TIMEOUT_S / 0.05)):
            broker.turn(0.05)
            if child.poll() is not None:
                return
        say("the command does not end; it is killed")
        child.kill()
        child.wait()


def say(line: str) -> None:
    """Tell the person at the terminal."""
    print(f"wire: {line}", file=sys.stderr, flush=True)
