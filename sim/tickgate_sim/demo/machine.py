"""The whole machine as processes, started in the order in which each finds what it needs."""

import sys
from collections.abc import Callable
from pathlib import Path

from tickgate.console.users import UserStore
from tickgate.engine.commands import State

from tickgate_sim.demo.channels import ChannelError, Engine, ExchangeAdmin
from tickgate_sim.demo.processes import Process, Supervisor
from tickgate_sim.demo.settings import FEED_GROUP, FEED_GROUP_B, RECOVERY_HOST, Settings

START_S = 60.0


class Machine:
    """Exchange, card, engine and console. ``say`` is told about each step."""

    def __init__(
        self, settings: Settings, supervisor: Supervisor, say: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.engine = Engine(settings.command_socket, settings.state_dir)
        self.exchange = ExchangeAdmin(settings.admin_socket)
        self._supervisor = supervisor
        self._say = say
        settings.write()

    def start(self, *, mode: str, pcap: Path | None = None, console: bool = True) -> None:
        """Start everything and open the trading day; returns when the gate is armed."""
        self.start_exchange(mode, pcap)
        self.start_card()
        self.start_engine()
        if console:
            self.start_console()
        self.open_day()

    def start_exchange(self, mode: str, pcap: Path | None = None) -> Process:
        """The wire with the exchange inside."""
        settings = self.settings
        words = [
            *_module("tickgate_sim.wire"),
            *("--mode", mode, "--socket", str(settings.wire_socket)),
            *("--feed", f"{FEED_GROUP}:{settings.feed_port}"),
            *("--feed-b", f"{FEED_GROUP_B}:{settings.feed_port_b}"),
            *("--rerequest", f"{RECOVERY_HOST}:{settings.rerequest_port}"),
            *("--glimpse", f"{RECOVERY_HOST}:{settings.glimpse_port}"),
            *("--ouch", f"{settings.exchange_address}:{settings.ouch_port}"),
        ]
        if pcap is not None:
            words += ["--pcap", str(pcap)]
        config = str(settings.folder / "exchange.toml")
        words += ["--", *_module("tickgate_sim.exchange"), "--config", config]
        process = self._supervisor.start("exchange", words)
        process.wait_until(
            lambda: settings.wire_socket.exists() and self._exchange_answers(),
            "the exchange answered",
            START_S,
        )
        self._say("exchange: listening, the day is not open yet")
        return process

    def start_card(self) -> Process:
        """The Verilated card."""
        settings = self.settings
        settings.card_socket.unlink(missing_ok=True)
        words = [*_module("tickgate_sim.card"), "run", "--socket", str(settings.card_socket)]
        words += ["--wire", str(settings.wire_socket), "--line-b", FEED_GROUP_B]
        process = self._supervisor.start("card", words)
        process.wait_until(settings.card_socket.exists, "the card listened", START_S)
        self._say("card: Verilated card running")
        return process

    def start_engine(self) -> Process:
        """The host engine; returns when it is logged in to the venue with limits in force."""
        config = str(self.settings.folder / "engine.toml")
        process = self._supervisor.start(
            "engine", [*_module("tickgate.cli"), "engine", "--config", config]
        )
        process.wait_until(
            lambda: self._state(
                lambda state: state["card"]["session_up"] and state["card"]["armed"]
            ),
            "the gate was armed",
            START_S,
        )
        generation = self.engine.state()["limits_generation"]
        self._say(f"engine: limits read back (generation {generation}), venue logged in, armed")
        return process

    def start_console(self) -> Process:
        """The console; its users must be added before anyone can log in."""
        config = str(self.settings.folder / "console.toml")
        process = self._supervisor.start(
            "console", [*_module("tickgate.cli"), "console", "serve", "--config", config]
        )
        self._say(f"console: {self.console_url}")
        return process

    def add_user(self, name: str, role: str, password: str) -> None:
        """Let someone log in to the console."""
        UserStore(self.settings.folder / "users.json").add(name, role, password)

    def kill(self, name: str) -> None:
        """End a process as a crash would: SIGKILL."""
        self._supervisor.processes[name].kill()

    def open_day(self) -> None:
        """Open the exchange's day and wait until the card has every symbol trading."""
        self.exchange.call("start")
        self._supervisor.processes["exchange"].wait_until(
            lambda: self._state(
                lambda state: (
                    bool(state["tops"])
                    and all(
                        top["trading_state"] == "T" and top["bid"] and top["ask"]
                        for top in state["tops"]
                    )
                )
            ),
            "the card's books had two sides",
            START_S,
        )
        self._say("market: open, the card's books have two sides")

    @property
    def console_url(self) -> str:
        """Address of the console."""
        return f"http://127.0.0.1:{self.settings.console_port}/"

    def _exchange_answers(self) -> bool:
        try:
            self.exchange.call("stats")
        except ChannelError:
            return False
        return True

    def _state(self, wanted: Callable[[State], bool]) -> bool:
        try:
            return wanted(self.engine.state())
        except ChannelError:
            return False


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
