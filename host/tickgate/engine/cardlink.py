"""The engine's hold on the card: attaching, configuring, logging in, arming, and noticing its end.

One step per call of ``tick``, none of which waits, so that clients are answered all the time:

down       no card; tried again twice a second sweeping   the card clears its memories after reset
draining   (only the card of an earlier engine) it takes the requests that were announced, and
their answers
           are read; then what never left is known
venue      configured; the venue's stream connects and logs in, missed messages come again
settling   (only a fresh card) orders that it does not know are cancelled, then positions are loaded
armed      orders flow; a venue session that drops is logged in again
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from tickgate.card.errors import CardError, CardNotReady
from tickgate.card.status import KillScope, Status
from tickgate.engine.cardport import Card
from tickgate.engine.config import EngineConfig
from tickgate.engine.core import Core
from tickgate.engine.inputs import CardDown, CardUp, Input, LimitsSet, Settled
from tickgate.execution.effects import Submit
from tickgate.records.codec import to_slot
from tickgate.records.messages import OrderRequest
from tickgate.records.schema import HEADER_BYTES, SEQUENCE_OFFSET
from tickgate.risk.compile import Image, compile_image
from tickgate.risk.limits import Limits

RETRY_NS = 500_000_000
LOGIN_RETRY_NS = 2_000_000_000
STATUS_NS = 50_000_000
QUIET_NS = 300_000_000
"""Silence of the venue after which its missed messages are taken to have come."""
CANCEL_RETRY_NS = 2_000_000_000
DRAIN_NS = 100_000_000
"""Silence of the card after which it has judged all that an earlier engine sent."""

_LIMIT = 4096


class Taker(Protocol):
    """Journals an input and carries out its effects."""

    def __call__(self, value: Input) -> None: ...


class CardLink:
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
        self._config = config
        self._core = core
        self._take = take
        self._connect = connect
        self._watch_descriptors = watch
        self._doorbell = False
        self._rearm = False
        self._next_ns = 0
        self._status_ns = 0
        self._login_ns = 0
        self._touch_ns = 0
        self._heard_ns = 0
        self._cancel_ns = 0
        self._replay_ns = 0
        self._soup_seen = 0

    # ---- called by the loop ----

    def tick(self, now_ns: int) -> None:
        """Go on with what is due; ``now_ns`` is monotonic. Raises CardError."""
        card = self.card
        if card is None:
            if now_ns >= self._next_ns:
                self._next_ns = now_ns + RETRY_NS
                self._attach()
            return
        if now_ns >= self._touch_ns:
            self._touch_ns = now_ns + self._config.watchdog_ms * 1_000_000 // 4
            card.touch_watchdog()
        if now_ns >= self._status_ns:
            self._status_ns = now_ns + STATUS_NS
            self.status = card.status()
            self._advance(card, self.status, now_ns)

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
            capacity="A",
            intermarket_sweep="N",
            cross_type="N",
            clordid=f"TG{request.token}",
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

    def image(self, limits: Limits) -> Image:
        """Compile limits for the card that is there, or for one of the usual size."""
        size = self.card.identify() if self.card else None
        return compile_image(
            limits,
            self._core.accounts,
            self._core.symbols,
            card_accounts=size.accounts if size else 16,
            card_symbols=size.symbols if size else 64,
        )

    def upload(self, limits: Limits, file_hash: str = "") -> int:
        """Put limits into force on the card and journal them; returns their generation."""
        card = self._there()
        image = self.image(limits)
        on_card = self.status.generation if self.status else 0
        generation = max(self._core.generation, on_card) + 1
        card.touch_watchdog()
        card.upload_limits(image.words, generation)
        card.touch_watchdog()
        self._take(LimitsSet(generation, limits.text(), limits.hash(), file_hash))
        return generation

    def arm(self) -> None:
        """Open the gate."""
        card = self._there()
        card.touch_watchdog()
        card.arm()
        self.phase, self.reason = "armed", ""

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

    # ---- phases ----

    def _attach(self) -> None:
        try:
            self.card = self._connect()
            self._watch_descriptors(self.card.wake_filenos())
            self.card.identify()
        except CardError as error:
            self.fail(error)
            return
        self.phase, self.reason = "sweeping", "the card clears its memories"
        self._status_ns = self._touch_ns = self._login_ns = 0

    def _advance(self, card: Card, status: Status, now_ns: int) -> None:
        if self.phase == "sweeping" and status.ready:
            self._configure(card, now_ns)
        elif self.phase == "draining":
            # A request that was just taken has yet to be judged: wait until all is quiet.
            if card.requests_pending():
                self._heard_ns = now_ns
            elif now_ns - self._heard_ns >= DRAIN_NS:
                self._drained(card)
        elif self.phase == "venue":
            self._reach_venue(card, status, now_ns)
        elif self.phase == "settling":
            self._settle(card, status, now_ns)
        elif self.phase == "armed":
            self._watch(card, status, now_ns)

    def _configure(self, card: Card, now_ns: int) -> None:
        self._rearm = True
        card.set_watchdog(self._config.watchdog_ms)
        card.touch_watchdog()
        if card.rings_enabled():
            card.attach_rings(self._core.last_ring)
            self.phase, self.reason = "draining", "answers to earlier requests are read"
            self._heard_ns = now_ns
            return
        # Journalled first: a restart in between finds no rings, and takes it for fresh again.
        self._take(CardUp(fresh=True, build=card.identify().build))
        card.setup_rings(*self._config.ring_log2)
        self._load(card)

    def _drained(self, card: Card) -> None:
        self._take(CardUp(fresh=False, build=card.identify().build))
        lost = self._core.unsent(card.last_token())
        self._take(Settled(lost, "the engine restarted before the order left"))
        self._load(card)

    def _load(self, card: Card) -> None:
        config, core = self._config, self._core
        for number, symbol in enumerate(core.symbols):
            card.load_symbol(number, symbol)
        card.set_feed(config.feed_group, config.feed_port)
        self.status = card.status()
        if self.initial is not None:
            limits, file_hash = self.initial
            self.upload(limits, file_hash)
            self.initial = None
        elif self.status.generation != core.generation or not self.status.limits_valid:
            self.upload(core.limits)
        self._load_kills(card)
        card.soup_connect(True)
        self.phase, self.reason = "venue", "the venue's stream is not connected"

    def _load_kills(self, card: Card) -> None:
        """Make the card's kill switches what the operators want, both ways."""
        core, there = self._core, card.kill_state()
        if there.all != core.kills.all:
            card.kill("all", None, core.kills.all)
        rows: tuple[tuple[KillScope, list[str], int], ...] = (
            ("session", list(core.sessions), there.sessions),
            ("account", core.accounts, there.accounts),
            ("symbol", core.symbols, there.symbols),
        )
        for scope, names, mask in rows:
            for index, name in enumerate(names):
                wanted = name in core.kills.targets[scope]
                if wanted != bool(mask >> index & 1):
                    card.kill(scope, index, wanted)

    def _reach_venue(self, card: Card, status: Status, now_ns: int) -> None:
        if not status.session_up:
            self._login(card, status, now_ns)
        elif not self._core.unsettled:
            self._open_gate(card, now_ns)
        elif self._core.soup_next != self._soup_seen:
            self._soup_seen, self._replay_ns = self._core.soup_next, now_ns
        elif now_ns - max(self._replay_ns, self._login_ns) >= QUIET_NS:
            self.phase, self.reason = "settling", "orders of the earlier card are cancelled"
            reason = "the card stopped before the venue acknowledged the order"
            lost = self._core.unanswered_orphans()
            self._take(Settled(lost, reason, cancel=True))
            self._cancel_ns = now_ns
            self._settle(card, status, now_ns)

    def _settle(self, card: Card, status: Status, now_ns: int) -> None:
        core = self._core
        if not status.session_up:
            self.phase = "venue"
        elif core.orphans:
            if now_ns - self._cancel_ns >= CANCEL_RETRY_NS:
                self._cancel_ns = now_ns
                self._take(Settled([], "", cancel=True))
        else:
            for account, symbol, ledger in core.positions.items():
                if account in core.accounts and symbol in core.symbols:
                    indexes = core.accounts.index(account), core.symbols.index(symbol)
                    card.load_position(*indexes, ledger.position)
            self._open_gate(card, now_ns)

    def _open_gate(self, card: Card, now_ns: int) -> None:
        if self._core.disarmed:
            self.phase, self.reason = "armed", "an operator shut the gate"
            return
        card.touch_watchdog()
        card.arm()
        self.phase, self.reason = "armed", ""
        self._status_ns = now_ns

    def _watch(self, card: Card, status: Status, now_ns: int) -> None:
        if not status.session_up:
            self._login(card, status, now_ns)
        elif self._core.disarmed:
            self.reason = "an operator shut the gate"
        elif not status.armed:
            self.reason = "the gate shut itself (watchdog); arm it again when the cause is known"
        else:
            self.reason = ""

    def _login(self, card: Card, status: Status, now_ns: int) -> None:
        if not status.link_up:
            self.reason = "the venue's stream is not connected"
            self._login_ns = 0
        elif now_ns - self._login_ns >= LOGIN_RETRY_NS or not self._login_ns:
            self.reason = "the venue's session is not logged in"
            self._login_ns = now_ns
            core, config = self._core, self._config
            card.soup_login(
                config.venue_user, config.venue_password, core.venue_session, core.soup_next
            )
