"""The engine's hold on the card: requests out, events in, switches and limits; noticing its end."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tickgate.card.errors import CardNotReady
from tickgate.card.kills import KillScope
from tickgate.card.status import Status
from tickgate.engine.cardport import Card
from tickgate.engine.config import EngineConfig
from tickgate.engine.core import Core
from tickgate.engine.inputs import CardDown, Input, LimitsSet
from tickgate.execution.effects import Submit
from tickgate.records.codec import to_slot
from tickgate.records.messages import OrderRequest
from tickgate.records.schema import HEADER_BYTES, SEQUENCE_OFFSET
from tickgate.risk.compile import Image, RowNames, compile_image
from tickgate.risk.image import USUAL_SIZES
from tickgate.risk.limits import Limits
from tickgate.risk.throttles import ThrottleScope

_LIMIT = 4096
"""Most slots taken from a ring at once."""
_MESSAGES = 512
"""Most slots taken from the message ring at once: decoding them delays orders."""


class Taker(Protocol):
    """Journals an input and carries out its effects."""

    def __call__(self, value: Input) -> None: ...


class CardHold:
    """Holds the card, if there is one. When a method raises CardError, call ``fail``."""

    def __init__(
        self,
        config: EngineConfig,
        core: Core,
        take: Taker,
        connect: Callable[[], Card],
        watch: Callable[[list[int]], None],
    ) -> None:
        """``watch`` is told which file descriptors to wait on, before any of them is closed."""
        self.card: Card | None = None
        self.phase = "down"
        self.reason = "not tried yet"
        """Why the card is not there, or what is waited for; empty while all is well."""
        self.status: Status | None = None
        self.initial: tuple[Limits, str] | None = None
        """Limits of the file and its hash, to be put into force on the next card."""
        self.drained_ns = 0
        """When the events ring was last looked at and emptied."""
        self._config = config
        self._core = core
        self._take = take
        self._connect = connect
        self._watch_descriptors = watch
        self._doorbell = False
        self._rearm = False
        self._next_ns = 0
        self._status_ns = 0
        self._login_ns = self._lease_ns = 0
        self._touch_ns = 0
        self._heard_ns = 0
        self._cancel_ns = 0
        self._replay_ns = 0
        self._soup_seen = 0

    # ---- called by the loop ----

    def fail(self, error: Exception) -> None:
        """The card is gone, or not usable: let go, and try again later."""
        card, self.card = self.card, None
        if card is not None:
            self._watch_descriptors([])
            card.close()
        self.phase, self.status, self._doorbell = "down", None, False
        self.reason = str(error)
        if self._core.card_up:
            self._take(CardDown(self.reason))

    def poll(self, now_ns: int) -> Sequence[bytes]:
        """New slots of the events ring; call ``consumed`` when they are journalled."""
        if self.card is None or self.phase == "sweeping":
            return ()
        slots = self.card.poll_events(_LIMIT)
        if len(slots) < _LIMIT:
            self.drained_ns = now_ns
        if slots:
            self._heard_ns = now_ns
        return slots

    def consumed(self, slots: int) -> None:
        """Give slots back to the card: they are journalled."""
        if self.card is not None:
            self.card.consume_events(slots)
            self._rearm = True

    def poll_market(self) -> Sequence[bytes]:
        """New slots of the market-data ring."""
        if self.card is None or self.phase == "sweeping":
            return ()
        slots = self.card.poll_market(_LIMIT)
        self._rearm |= bool(slots)
        return slots

    def poll_messages(self) -> Sequence[bytes]:
        """New slots of the message ring."""
        if self.card is None or self.phase == "sweeping":
            return ()
        slots = self.card.poll_messages(_MESSAGES)
        self._rearm |= bool(slots)
        return slots

    @property
    def configured(self) -> Card | None:
        """The card, once its feed is set."""
        return self.card if self.phase in ("venue", "settling", "armed") else None

    @property
    def settled(self) -> Card | None:
        """The card, once it holds our positions and no orders but ours."""
        return self.card if self.phase == "armed" else None

    def before_wait(self) -> None:
        """Take the interrupts and arm them again, if anything was consumed since."""
        if self.card is not None and self._rearm and self.phase != "sweeping":
            self.card.acknowledge()
            self.card.arm_interrupts()
            self._rearm = False

    def woken(self) -> None:
        """An interrupt fired."""
        self._rearm = True

    def submit(self, request: Submit) -> bool:
        """Put a request on the order ring; False when there is no card or no room."""
        if self.card is None:
            return False
        core = self._core
        try:
            account = core.accounts.index(request.account)
            symbol = core.symbols.index(request.symbol)
            session = list(core.sessions).index(request.session)
            cancels = request.action == "X"  # of no strategy, and none may stand in its way
            strategy = 0 if cancels else core.strategies.index(request.strategy)
        except ValueError:
            return False  # an old order whose names are no longer configured
        body = OrderRequest(
            user_ref_num=request.token,
            orig_user_ref_num=request.original,
            price=request.price,
            quantity=request.quantity,
            account=account,
            symbol=symbol,
            session=session,
            action=request.action,
            side=request.side,
            time_in_force=request.time_in_force,
            display="Y",
            capacity=request.capacity,
            intermarket_sweep="N",
            cross_type="N",
            clordid=f"TG{request.token}",
            strategy=strategy,
        )
        slot = to_slot(body, 0)
        if not self.card.submit(slot[HEADER_BYTES:SEQUENCE_OFFSET]):
            return False
        self._doorbell = True
        return True

    def ring_doorbell(self) -> None:
        """Announce what was submitted."""
        if self._doorbell and self.card is not None:
            self._doorbell = False
            self.card.ring_doorbell()

    # ---- called by commands ----

    def kill(self, scope: KillScope, index: int | None, on: bool) -> int:
        """Write a kill switch and read it back; UTC ns when the card is known to have it."""
        return self._there().kill(scope, index, on)

    def resume(self, scope: ThrottleScope, index: int) -> None:
        """Let a strategy or an account go on that its throttle stopped."""
        self._there().clear_throttle(scope, index)

    def throttle(self, scope: ThrottleScope, index: int) -> int:
        """Executions of a strategy, or rejects in a row of an account, as the card counts them."""
        return self._there().throttle(scope, index)

    def image(self, limits: Limits) -> Image:
        """Compile limits for the card that is there, or for one of the usual size."""
        sizes = self.card.identify().tables if self.card else USUAL_SIZES
        core, config = self._core, self._config
        names = RowNames(
            accounts=core.accounts,
            symbols=core.symbols,
            groups=config.groups,
            clearing_firms=config.clearing_firms,
            sessions=list(core.sessions),
            strategies=core.strategies,
        )
        return compile_image(limits, names, sizes)

    def upload(self, limits: Limits, file_hash: str = "", reason: str = "") -> int:
        """Put limits into force on the card and journal them; returns their generation.

        ``file_hash`` and ``reason`` are as ``LimitsSet`` has them.
        """
        card = self._there()
        image = self.image(limits)
        on_card = self.status.generation if self.status else 0
        generation = max(self._core.generation, on_card) + 1
        card.touch_watchdog()
        card.upload_limits(image.words, generation)
        card.touch_watchdog()
        self._take(LimitsSet(generation, limits.text(), limits.hash(), file_hash, reason))
        card.renew_lease(generation)
        return generation

    def arm(self) -> int:
        """Open the gate; returns the generation of the limits in force.

        The card opens a gate that was disarmed only with another generation than then: the limits
        in force are uploaded again as a new one.
        """
        card = self._there()
        card.touch_watchdog()
        self.status = card.status()
        if self.status.generation_used and not self.status.armed:
            self.upload(self._core.limits, reason="the gate is opened again")
        card.renew_lease(self._core.generation)
        card.arm()
        self.phase, self.reason = "armed", ""
        return self._core.generation

    def disarm(self) -> None:
        """Shut the gate."""
        self._there().disarm()

    def close(self) -> None:
        """Let go of the card, which keeps its state; its watchdog will shut the gate."""
        if self.card is not None:
            self._watch_descriptors([])
            self.card.close()
            self.card = None

    def _there(self) -> Card:
        if self.card is None or self.phase == "sweeping":
            raise CardNotReady(f"the card is not there: {self.reason}")
        return self.card
