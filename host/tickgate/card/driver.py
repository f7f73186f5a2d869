"""The driver of the card: limits, switches, venue session and counters, over rings and feed."""

import struct
import time
from collections.abc import Iterable, Mapping

from tickgate.card import limits
from tickgate.card import registers as reg
from tickgate.card.errors import CardNotReady
from tickgate.card.feed_driver import FeedDriver
from tickgate.card.kills import KillScope, KillState, kill_register, kill_registers
from tickgate.card.regmap import Register
from tickgate.risk.checks import CHECKS
from tickgate.risk.image import STRATEGIES
from tickgate.risk.throttles import ThrottleScope

__all__ = ["CardDriver"]

_COUNTERS = (
    *(register for register in reg.REGISTERS if register.name.startswith("count_")),
    reg.MARKET_MERGED,
    reg.MESSAGE_DROPPED,
)
_SIGN = 1 << 31
_THROTTLE_READS = 10_000
"""Most looks at whether the card set a count to 0: each takes it many cycles."""


class CardDriver(FeedDriver):
    """One card, as seen by the one host that is attached to it. Not thread-safe.

    Start with `identify` and `wait_ready`, then `setup_rings` (new rings, gate shut) or
    `attach_rings` (go on with those of an earlier host). Every method raises CardGone when the card
    does not answer.
    """

    # ---- limits and the gate ----

    def upload_limits(
        self, image_words: Mapping[int, int], generation: int, timeout_s: float = 5.0
    ) -> None:
        """Put a limits image into force as ``generation``; see ``tickgate.card.limits.upload``."""
        card = self.identify()
        limits.upload(
            self.registers,
            image_words,
            generation,
            sizes=card.tables,
            timeout_s=timeout_s,
        )

    def arm(self) -> None:
        """Open the gate. Raises CardNotReady, naming what is missing, when the card stays shut.

        A gate that was disarmed opens only once limits were committed as another generation.
        """
        self.registers.set(reg.CONTROL, arm=1)
        status = self.status()
        if not status.armed:
            needed = {
                "ready": status.ready,
                "limits_valid": status.limits_valid,
                "watchdog_ok": status.watchdog_ok,
                f"limits of another generation than {status.generation} (the gate was disarmed "
                "with it: upload them as a new one)": not status.generation_used,
            }
            missing = ", ".join(name for name, there in needed.items() if not there)
            raise CardNotReady(f"the gate did not arm; missing: {missing or 'nothing it shows'}")

    def set_watchdog(self, ms: int) -> None:
        """Set the longest time between two touches, in ms; 0 refuses every new order."""
        self.registers.write_checked(reg.WATCHDOG_TIMEOUT, reg.WATCHDOG_TIMEOUT.pack(ms=ms))

    def touch_watchdog(self) -> None:
        """Show the card that the host is alive."""
        self.registers.set(reg.WATCHDOG_TOUCH, touch=1)

    def set_watchdog_cancel(self, ms: int, firm: str = "", symbol: str = "") -> None:
        """Have the card send the venue a mass cancel ``ms`` after the watchdog ran out; 0: never.

        It cancels the orders of ``firm`` in ``symbol``, in all when that is empty. Takes effect the
        next time the watchdog runs out; what was due before is given up. Raises ValueError for a
        time, firm or symbol that does not fit, with the second stage off.
        """
        self.registers.write_checked(reg.WATCHDOG_CANCEL, 0)
        word = reg.WATCHDOG_CANCEL.pack(ms=ms)
        if not ms:
            return
        if not firm or firm != firm.strip():
            raise ValueError(f"the firm of a mass cancel must be 1 to 4 characters, not {firm!r}")
        self._write_text((reg.MASS_CANCEL_FIRM,), "the firm of a mass cancel", firm, 4)
        symbols = (reg.MASS_CANCEL_SYMBOL_LOW, reg.MASS_CANCEL_SYMBOL_HIGH)
        self._write_text(symbols, "the symbol of a mass cancel", symbol, 8)
        self.registers.write_checked(reg.WATCHDOG_CANCEL, word)

    def set_lease(self, ms: int) -> None:
        """Set how long limits may be used after a renewal, in ms; 0 refuses every new order."""
        self.registers.write_checked(reg.LIMIT_LEASE, reg.LIMIT_LEASE.pack(ms=ms))

    def renew_lease(self, generation: int) -> None:
        """Let the limits in force be used on; the card ignores it if they are of another one."""
        self.registers.write(reg.LIMIT_RENEW, generation)

    def kill(self, scope: KillScope, index: int | None, on: bool) -> int:
        """Switch a kill switch; return the UTC time in ns at which the card is known to have it.

        The card has taken the write before this returns. Raises WriteLost when it shows another
        value.
        """
        register, bit = kill_register(scope, index, self.identify().tables)
        mask = self.registers.read(register)
        self.registers.write_checked(register, mask | bit if on else mask & ~bit)
        return time.time_ns()

    def kill_state(self) -> KillState:
        """Return all kill switches as the card has them."""

        masks = {
            scope: sum(
                self.registers.read(register) << 32 * number
                for number, register in enumerate(registers)
            )
            for scope, registers in kill_registers(self.identify().tables).items()
        }
        return KillState(
            all=bool(masks["all"]),
            sessions=masks["session"],
            accounts=masks["account"],
            symbols=masks["symbol"],
            strategies=masks["strategy"],
        )

    def load_position(self, account: int, symbol: int, shares: int) -> None:
        """Set the position of an account in a symbol; the card ignores it while the gate is armed.

        Raises CardNotReady when the card shows another position then.
        """
        if not -_SIGN <= shares < _SIGN:
            raise ValueError(f"a position must fit 32 bits, was {shares}")
        self._select_position(account, symbol)
        self.registers.write(reg.POSITION_LOAD, shares & 0xFFFF_FFFF)
        seen = self.exposure(account, symbol)[0]
        if seen != shares:
            raise CardNotReady(
                f"the position of account {account} in symbol {symbol} was loaded as {shares} and "
                f"reads {seen}; positions load only while the gate is not armed"
            )

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        """Return position, open buy and open sell quantity of an account in a symbol, in shares."""
        self._select_position(account, symbol)
        position = self.registers.read(reg.POSITION)
        return (
            position - ((position & _SIGN) << 1),
            self.registers.read(reg.OPEN_BUY),
            self.registers.read(reg.OPEN_SELL),
        )

    def throttle(self, scope: ThrottleScope, index: int) -> int:
        """Return executions of a strategy, or rejects in a row of an account, that count."""
        self._select_throttle(scope, index)
        return self.registers.read(reg.EXECUTIONS if scope == "strategy" else reg.REJECTS)

    def clear_throttle(self, scope: ThrottleScope, index: int) -> None:
        """Let a strategy count executions, or an account rejects, from 0 again.

        It is in force when this returns. Raises ValueError for a row that the card has not,
        CardNotReady when the card does not get to it.
        """
        rows = STRATEGIES if scope == "strategy" else self.identify().accounts
        if not 0 <= index < rows:
            raise ValueError(f"the card has no throttle of {scope} {index}")
        self._wait_for_throttles()
        self._select_throttle(scope, index)
        cleared = "executions" if scope == "strategy" else "rejects"
        self.registers.set(reg.THROTTLE_CLEAR, **{cleared: 1})
        self._wait_for_throttles()

    def _wait_for_throttles(self) -> None:
        """Wait until the card has set what it was told to 0: longest behind 16 orders unsent."""
        for _ in range(_THROTTLE_READS):
            if not self.registers.fields(reg.THROTTLE_CLEAR)["busy"]:
                return
        raise CardNotReady("a throttle was to count anew, and the card did not get to it")

    def _select_throttle(self, scope: ThrottleScope, index: int) -> None:
        word = reg.THROTTLE_ADDRESS.pack(**{scope: index})
        self.registers.write_checked(reg.THROTTLE_ADDRESS, word)  # as for positions

    def _select_position(self, account: int, symbol: int) -> None:
        word = reg.POSITION_ADDRESS.pack(account=account, symbol=symbol)
        # The read back also gives the card the cycles that the row needs to show.
        self.registers.write_checked(reg.POSITION_ADDRESS, word)

    # ---- symbols and venue session ----

    def load_symbol(self, i: int, name: str | None) -> None:
        """Track symbol ``name`` as number ``i``, or with None track nothing there.

        Raises ValueError for a number that the card does not have or a name that is no stock
        symbol.
        """
        self._known_symbol(i)
        self.registers.write_checked(reg.SYMBOL_ADDRESS, i)
        if name is None:
            self.registers.set(reg.SYMBOL_STORE, clear=1)
            return
        if not name or name != name.strip():
            raise ValueError(f"a symbol must be 1 to 8 ASCII characters, not {name!r}")
        self._write_text((reg.SYMBOL_NAME_LOW, reg.SYMBOL_NAME_HIGH), "a symbol", name, 8)
        self.registers.set(reg.SYMBOL_STORE, store=1)

    def write_reference(
        self,
        symbol: int,
        *,
        national_bid: int = 0,
        band_low: int = 0,
        band_high: int = 0,
        window: int = 0,
    ) -> None:
        """Put reference prices of a symbol in force, all four at once, as of now.

        They are the national best bid, the limit up-limit down band and the reference of the time
        window, in 1/10000 USD; 0 is not known, and refuses the orders that need it. They are good
        for the symbol's ``max_reference_age`` from when the card has them. Raises ValueError for a
        symbol that the card does not have or a price that does not fit, and then writes nothing.
        """
        self._known_symbol(symbol)
        words = (
            (reg.REFERENCE_NATIONAL_BID, national_bid),
            (reg.REFERENCE_BAND_LOW, band_low),
            (reg.REFERENCE_BAND_HIGH, band_high),
            (reg.REFERENCE_WINDOW, window),
            (reg.REFERENCE_SYMBOL, symbol),
        )
        # Not read back: what is lost on the way gets too old, and refuses.
        self.registers.transfer([(register, register.pack(value=word)) for register, word in words])

    def _known_symbol(self, i: int) -> None:
        symbols = self.identify().symbols
        if not 0 <= i < symbols:
            raise ValueError(f"the card tracks symbols 0 to {symbols - 1}, not {i}")

    def soup_connect(self, on: bool) -> None:
        """Ask the network side to connect the order-entry stream, again whenever it drops, or not
        to."""
        self.registers.set(reg.SOUP_CONTROL, connect=int(on))

    def soup_login(self, user: str, password: str, session: str, sequence: int) -> None:
        """Log in at the venue, on a stream that is connected; a SessionEvent has the answer.

        ``session`` may be empty for the venue's active one; ``sequence`` is the next sequence
        number wanted, 1 from the start, 0 for only new messages.
        """
        names = (reg.SOUP_USERNAME_0, reg.SOUP_USERNAME_1)
        self._write_text(names, "a SoupBinTCP user name", user, 6)
        secret = (reg.SOUP_PASSWORD_0, reg.SOUP_PASSWORD_1, reg.SOUP_PASSWORD_2)
        self._write_text(secret, "a SoupBinTCP password", password, 10)
        wanted = (reg.SOUP_SESSION_0, reg.SOUP_SESSION_1, reg.SOUP_SESSION_2)
        self._write_text(wanted, "a SoupBinTCP session", session, 10)
        self.registers.write_checked(reg.SOUP_SEQUENCE, sequence)
        self._soup_command(login=1)

    def soup_logout(self) -> None:
        """Log out at the venue."""
        self._soup_command(logout=1)

    def soup_next(self) -> int:
        """Return the next expected sequence number of the venue session."""
        return self.registers.read(reg.SOUP_NEXT)

    def _soup_command(self, **command: int) -> None:
        connect = self.registers.fields(reg.SOUP_CONTROL)["connect"]
        self.registers.set(reg.SOUP_CONTROL, connect=connect, **command)

    def _write_text(
        self, registers: tuple[Register, ...], what: str, text: str, width: int
    ) -> None:
        if not text.isascii() or not text.isprintable() or len(text) > width:
            # The text stays out of the message: it may be a password.
            raise ValueError(f"{what} must be at most {width} printable ASCII characters")
        padded = text.ljust(width).encode("ascii").ljust(4 * len(registers), b"\0")
        packed = struct.unpack(f"<{len(registers)}I", padded)
        for register, word in zip(registers, packed, strict=True):
            self.registers.write(register, word)

    # ---- counters ----

    def counters(self) -> dict[str, int]:
        """Return all counters by name, widened to 64 bits (read them once in 2**32 counts)."""
        return {
            register.name.removeprefix("count_"): self.registers.count(register)
            for register in _COUNTERS
        }

    def check_counts(self) -> dict[str, int]:
        """Return by check how many orders it refused first; wraps at 2**32."""
        counts = {}
        for check in CHECKS:
            self.registers.write_checked(reg.CHECK_SELECT, check.bit)
            counts[check.name] = self.registers.read(reg.CHECK_COUNT)
        return counts

    def itch_type_counts(self, types: Iterable[str]) -> dict[str, int]:
        """Return how many ITCH messages of each of these types came; wraps at 2**32."""
        counts = {}
        for letter in types:
            self.registers.write_checked(reg.ITCH_TYPE_SELECT, ord(letter))
            counts[letter] = self.registers.read(reg.ITCH_TYPE_COUNT)
        return counts
