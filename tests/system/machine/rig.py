"""One whole machine under test: the demo's own start and stop, with what tests ask of it."""

import json
import shutil
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tickgate.engine.commands import OrderRow, State, TopRow
from tickgate.fix.store import MemoryStore
from tickgate_sim.clients.trader import ClientSummary
from tickgate_sim.demo.channels import ChannelError
from tickgate_sim.demo.judge import Verdict, judge
from tickgate_sim.demo.machine import Machine
from tickgate_sim.demo.processes import Process, Supervisor
from tickgate_sim.demo.settings import VENUE_USER, Client, Settings, default_clients
from tickgate_sim.demo.trade import trade
from tickgate_sim.wire.mode import choose

from tests.system.machine.peer import Peer

POLL_S = 0.02
WAIT_S = 30.0
PROBE = Client("PROBE", "PROBE", "probe", duplicate_window_ms=0)
"""A fourth client, which a test speaks for while the three trade; its orders may be equal."""


def until(done: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    """Poll until true; fail with ``what`` when time is over."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, f"{what}: not in {timeout_s:g} s"
        time.sleep(POLL_S)


class Rig:
    """A machine, its supervisor, and shorthands."""

    def __init__(self, machine: Machine, supervisor: Supervisor, mode: str) -> None:
        self.machine = machine
        self.settings = machine.settings
        self.mode = mode
        self._supervisor = supervisor
        self._token = ""
        self._peers: dict[str, Peer] = {}
        self._stores: dict[str, MemoryStore] = {}
        self._books: dict[str, ClientSummary] = {}

    def process(self, name: str) -> Process:
        """The process that has a name now."""
        return self._supervisor.processes[name]

    def launch_engine(self) -> Process:
        """Start the engine without waiting for anything."""
        config = str(self.settings.folder / "engine.toml")
        return self._supervisor.start(
            "engine", [sys.executable, "-m", "tickgate.cli", "engine", "--config", config]
        )

    def peer(self, comp_id: str = PROBE.comp_id) -> Peer:
        """The test's client on a session; always the same one, as it has the session's numbers."""
        if comp_id not in self._peers:
            client = next(c for c in self.settings.clients if c.comp_id == comp_id)
            port = self.settings.fix_port
            self._peers[comp_id] = Peer(port, comp_id, client.account, client.password)
        return self._peers[comp_id]

    def explain(self) -> None:
        """Print what the engine says of the card, for whoever looks into a failure."""
        try:
            state = self.state()
            print("engine:", state["card"], state["bad_input"])
        except ChannelError as error:
            print(error)

    # ---- looking ----

    def state(self) -> State:
        """The engine's state."""
        return self.machine.engine.state()

    def records(self) -> dict[str, Any]:
        """The exchange's own records of us."""
        records: dict[str, Any] = self.machine.exchange.call("records")["users"][VENUE_USER]
        return records

    def orders(self) -> list[OrderRow]:
        """The newest 1000 orders, newest first."""
        rows: list[OrderRow] = self.machine.engine.call("orders", limit=1000)["orders"]
        return rows

    def open_orders(self) -> list[OrderRow]:
        """Those of them that may still trade."""
        return [row for row in self.orders() if row["leaves"]]

    def arrived(self) -> int:
        """Orders and replaces that reached the exchange."""
        inbound = self.records()["inbound"]
        return sum(inbound.get(kind, {"count": 0})["count"] for kind in "OU")

    def top(self, symbol: str) -> TopRow:
        """Best bid and offer that the card sees."""
        return next(top for top in self.state()["tops"] if top["symbol"] == symbol)

    def until_state(self, wanted: Callable[[State], bool], what: str) -> None:
        """Poll the engine until its state is as wanted; an engine that is away is asked again."""

        def done() -> bool:
            try:
                return wanted(self.state())
            except ChannelError:
                return False

        until(done, what)

    def until_armed(self) -> None:
        """Wait for an open gate and a venue session."""
        self.until_state(
            lambda state: state["card"]["armed"] and state["card"]["session_up"],
            "the gate was armed",
        )

    # ---- trading ----

    def trade_aside(self, seconds: float) -> "Trading":
        """Let the three clients trade in a thread of their own."""
        clients = tuple(c for c in self.settings.clients if c.behaviour != PROBE.behaviour)
        for client in clients:
            self._stores.setdefault(client.comp_id, MemoryStore())
        held = {comp_id: books.positions for comp_id, books in self._books.items()}
        return Trading(replace(self.settings, clients=clients), seconds, self._stores, held)

    def verdict(self, clients: list[ClientSummary]) -> Verdict:
        """Wait until nothing is open on either side, then compare the books of all parties.

        ``clients`` is what came of the trading since the last verdict.
        """
        until(
            lambda: not self.records()["open_orders"] and not self.state()["open_orders"],
            "no order is open",
        )
        # The last fill may be on its way from card to engine.
        until(lambda: self.state()["fills"] >= len(self.records()["fills"]), "all fills are booked")
        for client in clients:
            self._books[client.comp_id] = together(self._books.get(client.comp_id), client)
        return judge(self.state(), self.records(), list(self._books.values()))

    # ---- the console's REST interface ----

    def rest(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A call as the operator, who is logged in at the first one. Raises HTTPError."""
        if not self._token:
            self.machine.add_user("risk", "risk", "a password for tests")
            until(self._log_in, "the console let the operator in")
        return self._http(method, path, body)

    def _log_in(self) -> bool:
        who = {"user": "risk", "password": "a password for tests"}
        try:
            self._token = self._http("POST", "login", who)["token"]
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def _http(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.machine.console_url}api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
        return result


def together(before: ClientSummary | None, now: ClientSummary) -> ClientSummary:
    """The books of a client that traded twice."""
    if before is None:
        return now
    return replace(
        now,
        positions={
            symbol: now.positions[symbol] + before.positions[symbol] for symbol in now.positions
        },
        cash=now.cash + before.cash,
        unanswered=now.unanswered + before.unanswered,
        unknown_reports=now.unknown_reports + before.unknown_reports,
        problems=now.problems + before.problems,
    )


@dataclass
class Trading:
    """The three clients at work; ``join`` gives what each did by its own books."""

    settings: Settings
    seconds: float
    stores: Mapping[str, MemoryStore]
    """Each session's numbers, from one trading to the next."""
    held: Mapping[str, Mapping[str, int]]
    """What each client has from the tradings before."""
    _result: list[ClientSummary] = field(default_factory=list)
    _failure: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="clients", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the clients are done."""
        return not self._thread.is_alive()

    def join(self) -> list[ClientSummary]:
        """Wait for the clients' end; raises what one of them raised."""
        self._thread.join(self.seconds + 60)
        assert self.over, "the clients did not end"
        if self._failure:
            raise self._failure[0]
        return self._result

    def _run(self) -> None:
        try:
            self._result += trade(self.settings, self.seconds, self.stores, self.held)
        except BaseException as error:
            self._failure.append(error)


@contextmanager
def rig(logs: Path, mode: str = "auto") -> Iterator[Rig]:
    """A machine of which nothing runs yet; on leaving, whatever runs is stopped."""
    plan = choose("relay" if mode == "relay" else "tap" if mode == "tap" else "auto")
    folder = Path(tempfile.mkdtemp(prefix="tickgate-"))  # socket names must be short
    settings = Settings(folder, plan.address, clients=(*default_clients(), PROBE))
    try:
        with Supervisor(logs) as supervisor:
            yield Rig(Machine(settings, supervisor, print), supervisor, plan.mode)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
