"""The card's way from wherever it is to armed, one step per call of ``tick``.

No step waits, so that clients are answered all the time:

========  ===================================================================================
down      no card; tried again twice a second
sweeping  the card clears its memories after reset
draining  only the card of an earlier engine: it takes the requests that were announced, and
          their answers are read; then what never left is known
venue     configured; the venue's stream connects and logs in, missed messages come again
settling  only a fresh card: orders that it does not know are cancelled, positions are loaded
armed     orders flow; a venue session that drops is logged in again
========  ===================================================================================
"""

from tickgate.card.errors import CardError
from tickgate.card.kills import KillScope
from tickgate.card.status import Status
from tickgate.engine.cardhold import CardHold
from tickgate.engine.cardport import Card
from tickgate.engine.inputs import CardUp, Settled

RETRY_NS = 500_000_000
LOGIN_RETRY_NS = 2_000_000_000
STATUS_NS = 50_000_000
QUIET_NS = 300_000_000
"""Silence of the venue after which its missed messages are taken to have come."""
CANCEL_RETRY_NS = 2_000_000_000
DRAIN_NS = 100_000_000
"""Silence of the card after which it has judged all that an earlier engine sent."""
_CLEARS = "the card clears its memories"


class CardLink(CardHold):
    """Brings the card from wherever it is to armed, and keeps it there."""

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
        if now_ns >= self._lease_ns:
            self._lease_ns = now_ns + self._config.lease_ms * 1_000_000 // 4
            card.renew_lease(self._core.generation)
        if now_ns >= self._status_ns:
            self._status_ns = now_ns + STATUS_NS
            self.status = card.status()
            self._advance(card, self.status, now_ns)

    def _attach(self) -> None:
        try:
            self.card = self._connect()
            self._watch_descriptors(self.card.wake_filenos())
            self.card.identify()
        except CardError as error:
            self.fail(error)
            return
        self.phase, self.reason = "sweeping", _CLEARS
        self._status_ns = self._touch_ns = self._lease_ns = self._login_ns = 0

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
        card.set_watchdog_cancel(self._config.watchdog_cancel_ms, self._config.venue_firm)
        card.set_lease(self._config.lease_ms)
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
        core = self._core
        for number, symbol in enumerate(core.symbols):
            card.load_symbol(number, symbol)
        self._set_feed(card)
        self.status = card.status()
        if self.initial is not None:
            limits, file_hash = self.initial
            self.upload(limits, file_hash)
            self.initial = None
        elif self.status.generation != core.generation or not self.status.limits_valid:
            self.upload(core.limits, reason="the card did not hold the limits in force")
        self._load_kills(card)
        card.soup_connect(True)
        self.phase, self.reason = "venue", "the venue's stream is not connected"

    def _set_feed(self, card: Card) -> None:
        feed = self._config.feed
        card.set_address(feed.address, feed.mac)
        card.set_reorder(feed.reorder_cycles)
        card.set_feed(*feed.line_a, line="a")
        card.set_feed(*feed.line_b, line="b")
        card.set_depth(feed.depth)
        if feed.full_stream:
            card.enable_messages(feed.message_log2)
        else:
            card.disable_messages()

    def _load_kills(self, card: Card) -> None:
        """Make the card's kill switches what the operators want, both ways."""
        core, there = self._core, card.kill_state()
        if there.all != core.kills.all:
            card.kill("all", None, core.kills.all)
        masks: dict[KillScope, int] = {
            "session": there.sessions,
            "account": there.accounts,
            "symbol": there.symbols,
            "strategy": there.strategies,
        }
        for scope, mask in masks.items():
            for index, name in enumerate(core.names(scope)):
                wanted = name in core.kills.targets[scope]
                if wanted != bool(mask >> index & 1):
                    card.kill(scope, index, wanted)

    def _reach_venue(self, card: Card, status: Status, now_ns: int) -> None:
        if not status.session_up:
            self._login(card, status, now_ns)
        elif not self._core.unsettled:
            if not self._clears(status):
                self._open_gate(now_ns)
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
        elif not self._clears(status):
            for account, symbol, ledger in core.positions.items():
                if account in core.accounts and symbol in core.symbols:
                    indexes = core.accounts.index(account), core.symbols.index(symbol)
                    card.load_position(*indexes, ledger.position)
            self._open_gate(now_ns)

    def _clears(self, status: Status) -> bool:
        """Return whether the card must be waited for before its gate is opened, and say so.

        Recovery of the feed empties the books, too. A gate that stays shut waits for nothing.
        """
        if status.ready or self._core.disarmed:
            return False
        self.reason = _CLEARS
        return True

    def _open_gate(self, now_ns: int) -> None:
        if self._core.disarmed:
            self.phase, self.reason = "armed", "an operator shut the gate"
            return
        self.arm()
        self._status_ns = now_ns

    def _watch(self, card: Card, status: Status, now_ns: int) -> None:
        if not status.session_up:
            self._login(card, status, now_ns)
        elif self._core.disarmed:
            self.reason = "an operator shut the gate"
        elif not status.armed:
            cancelled = ", and the card had the venue cancel every order"
            self.reason = (
                f"the gate shut itself (watchdog{cancelled if self._core.mass_cancelled else ''}); "
                "arm it again when the cause is known (the limits are put into force as a new "
                "generation then)"
            )
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
