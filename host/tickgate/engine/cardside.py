"""The core's half that hears the card: gate decisions, venue messages, session and gate events."""

import hashlib
import json
from collections import Counter

from tickgate.card.kills import KillScope
from tickgate.engine.inputs import CardUp, Drift, Settled, Started
from tickgate.engine.reasons import cancel_text, refusal_text, reject_reason, venue_reject_text
from tickgate.execution.effects import Effect, Filled
from tickgate.execution.manager import OrderManager
from tickgate.execution.model import Order
from tickgate.execution.table import State
from tickgate.positions.book import PositionBook
from tickgate.records.codec import RecordError, ring_sequence, unpack
from tickgate.records.messages import CardEvent, GateDecision, SessionEvent, VenueMessage
from tickgate.risk.checks import CHECKS, NO_CHECK
from tickgate.risk.engine import RiskEngine
from tickgate.risk.exposure import ExposureBook, Pair


class CardSide:
    """Names, orders, positions and where the card and the venue session stand."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.symbols: list[str] = []
        self.sessions: dict[str, str] = {}
        """Account by CompID, in order of the session numbers."""
        self.strategies: list[str] = []
        self.usual_strategy: dict[str, str] = {}
        """By CompID, of orders that name none; sessions in an old journal have none."""
        self.venue = ""
        self.orders = OrderManager()
        self.positions = PositionBook()
        self.exposure = ExposureBook()
        self.risk = RiskEngine(self.exposure, self.positions)
        self.drifts: dict[Pair, Drift] = {}
        """Where the card's exposure is not ours, as last found."""
        self.drifts_told = 0
        self.card_up = False
        self.last_ring = 0
        """Ring sequence of the last event of this card that was taken in."""
        self.venue_session = ""
        self.soup_next = 1
        """Sequence number of the venue's next message."""
        self.mass_cancelled = False
        """The card had the venue cancel every order, and was not armed since."""
        self.card_tokens: set[int] = set()
        """UserRefNums that this card used by itself."""
        self.orphans: set[int] = set()
        """Open orders that the present card does not know."""
        self.rejected: Counter[str] = Counter()
        self.passed = 0
        self.unsettled = False
        """The card lacks positions, or orders that it does not know may be open."""
        self.bad_records = 0
        self.duplicates = 0
        """Records of the card that were taken in before."""
        self._ended_session = ""

    def state_hash(self) -> str:
        """SHA-256 over everything that decides what happens next, in hex."""
        orders = [
            (
                order.token,
                order.chain.order_id,
                order.cl_ord_id,
                order.state.value,
                order.quantity,
                order.open,
                order.price,
                order.chain.cum,
                order.chain.value,
                order.accepted,
                order.chain.cancel,
            )
            for order in self.orders.orders.values()
        ]
        ledgers = [
            (account, symbol, ledger.position, ledger.cost, ledger.cash)
            for account, symbol, ledger in self.positions.items()
        ]
        state = (
            orders,
            ledgers,
            sorted(map(str, self.orders.ids.items())),
            self.orders.next_token,
            (self.last_ring, self.venue_session, self.soup_next, sorted(self.orphans)),
            sorted(self.rejected.items()),
        )
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()

    def names(self, scope: KillScope) -> list[str]:
        """Names of a scope's rows on the card, in their order; ``all`` has none."""
        rows = {
            "session": list(self.sessions),
            "account": self.accounts,
            "symbol": self.symbols,
            "strategy": self.strategies,
        }
        return rows.get(scope, [])

    def on_started(self, started: Started) -> None:
        """The engine started with these names."""
        self.accounts = list(started.accounts)
        self.symbols = list(started.symbols)
        self.strategies = list(started.strategies)
        self.sessions = {session[0]: session[1] for session in started.sessions}
        self.usual_strategy = {s[0]: s[2] for s in started.sessions if len(s) > 2}
        self.venue = started.venue
        self.card_up = False
        self.drifts.clear()  # found again by this engine, if it still is one

    def on_card_up(self, up: CardUp) -> None:
        """A card is attached."""
        self.card_up = True
        if up.fresh:
            self.unsettled = True
            self.last_ring = 0
            self.mass_cancelled = False
            self.card_tokens.clear()
            self.drifts.clear()
            self.orphans = set(self.orders.open)
            self.exposure.throttles.reset()

    def on_settled(self, settled: Settled) -> list[Effect]:
        """Give up what never left; ask again for the cancels whose answers may be lost."""
        effects: list[Effect] = []
        for token in settled.lost:
            effects += self.orders.on_gone(token, settled.reason)
        if settled.cancel:
            again = [self.orders.orders[token] for token in sorted(self.orphans)]
        else:
            again = [
                order
                for order in self.orders.open.values()
                if order.state is State.PENDING_CANCEL
            ]
        return effects + self.orders.mass_cancel([order for order in again if order.live])

    def unsent(self, last_token: int) -> list[int]:
        """Orders that the gate has not seen: no word of them since, and above its last token or
        one that the card used by itself."""
        return [
            order.token
            for order in self.orders.open.values()
            if not order.passed
            and (order.token > last_token or order.token in self.card_tokens)
        ]

    def unanswered_orphans(self) -> list[int]:
        """Orders of an earlier card that the venue never acknowledged."""
        return [
            token for token in sorted(self.orphans) if not self.orders.orders[token].accepted
        ]

    def on_slot(self, data: bytes) -> list[Effect]:
        """A record of the card's events ring; one that was taken in before is passed over."""
        sequence = ring_sequence(data)
        if sequence <= self.last_ring:
            self.duplicates += 1
            return []
        self.last_ring = sequence
        try:
            _, record = unpack(data)
        except RecordError:
            self.bad_records += 1
            return []
        match record:
            case GateDecision():
                return self._on_decision(record)
            case VenueMessage():
                return self._on_venue(record)
            case SessionEvent():
                return self._on_session(record)
            case CardEvent():
                self._on_card(record)
        return []

    def _on_card(self, event: CardEvent) -> None:
        if event.kind == "A":
            self.mass_cancelled = False
            if self.unsettled:  # armed, so all of that was done
                self.unsettled = False
                self.exposure.new_day()
        elif event.kind == "M":
            self.mass_cancelled = True
            self.card_tokens.add(event.value)
            self.orders.next_token = max(self.orders.next_token, event.value + 1)

    def _on_decision(self, decision: GateDecision) -> list[Effect]:
        token, action = decision.user_ref_num, decision.action
        if decision.first_check == NO_CHECK:
            self.passed += 1
            return self.orders.on_passed(token, action)
        check = decision.first_check
        name = CHECKS[check].name if check < len(CHECKS) else f"check {check}"
        self.rejected[name] += 1
        text = refusal_text(decision.checks, check, decision.generation)
        return self.orders.on_refused(token, action, reject_reason(check), text)

    def _on_venue(self, message: VenueMessage) -> list[Effect]:
        if message.soup_sequence and message.soup_sequence < self.soup_next:
            self.duplicates += 1
            return []
        if message.soup_sequence:
            self.soup_next = message.soup_sequence + 1
        token, quantity = message.user_ref_num, message.quantity
        if message.message_type in "XJ" and token in self.card_tokens:
            return self._on_mass_cancel_answered(message)
        dead = message.code == "D"
        orders = self.orders
        if token in orders.open and token not in self.orphans:  # as the gate does: only its own
            chain = orders.open[token].chain
            self.exposure.throttles.hear(message.message_type, chain.strategy, chain.account)
        match message.message_type:
            case "A":
                return orders.on_accepted(token, quantity, message.price, dead)
            case "U":
                return orders.on_replaced(
                    token, message.orig_user_ref_num, quantity, message.price, dead
                )
            case "E":
                return orders.on_executed(token, quantity, message.price, message.reference)
            case "C" | "D":
                return orders.on_canceled(token, quantity, cancel_text(message.code))
            case "J":
                text = venue_reject_text(message.reason)
                self.rejected[f"venue:{text}"] += 1
                return orders.on_venue_rejected(token, f"rejected by the venue: {text}")
            case "B":
                return orders.on_broken(token, message.reference, f"reason {message.code}")
        return []

    def _on_mass_cancel_answered(self, answer: VenueMessage) -> list[Effect]:
        """The venue took a mass cancel, and cancels order by order; or refused it."""
        if answer.message_type == "J":
            self.rejected[f"venue: mass cancel: {venue_reject_text(answer.reason)}"] += 1
        return []

    def _on_session(self, event: SessionEvent) -> list[Effect]:
        if event.kind == "J" and event.code == "S":
            # The venue has no such session any more: take the one that it has, from its start.
            self._ended_session, self.venue_session = self.venue_session, ""
            self.soup_next = 1
        if event.kind != "A":
            return []
        ended = self.venue_session or self._ended_session
        self._ended_session = ""
        if event.session == ended or not ended:
            self.venue_session = event.session
            return []
        self.venue_session = event.session
        self.soup_next = event.sequence
        effects: list[Effect] = []
        for token in sorted(self.orders.open):
            effects += self.orders.on_gone(token, f"the venue's session {ended} ended")
        return effects

    def on_drift(self, drift: Drift) -> None:
        """The card's exposure was found to be another than ours, or to be ours again."""
        pair = drift.account, drift.symbol
        if drift.over:
            self.drifts.pop(pair, None)
            return
        self.drifts_told += pair not in self.drifts
        self.drifts[pair] = drift

    def _book(self, fill: Filled) -> None:
        if fill.broken:
            self.positions.unbook(fill.account, fill.symbol, fill.key)
        else:
            self.positions.book(
                fill.account, fill.symbol, fill.side, fill.quantity, fill.price, fill.key
            )
        self.risk.update_position(
            fill.account, fill.symbol, fill.side, fill.quantity, fill.price, fill.broken
        )

    def recent_orders(self, limit: int) -> list[Order]:
        """The newest orders, newest first."""
        tokens = sorted(self.orders.orders, reverse=True)[:limit]
        return [self.orders.orders[token] for token in tokens]
