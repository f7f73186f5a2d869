"""What the engine shows of itself: the answers to ``state`` and ``orders``."""

from collections import Counter

from tickgate.card.errors import CardError
from tickgate.engine.cardlink import CardLink
from tickgate.engine.commands import (
    CardState,
    DriftRow,
    ExposureState,
    FeedRow,
    KillState,
    OrderRow,
    PositionRow,
    SessionRow,
    State,
    ThrottleRow,
    TopRow,
    WarningRow,
    WarningState,
)
from tickgate.engine.core import Core
from tickgate.engine.exposurecheck import ExposureCheck
from tickgate.engine.feedlink import FeedLink
from tickgate.engine.fixgate import FixGate
from tickgate.engine.inputs import Drift
from tickgate.engine.latency import Histogram
from tickgate.engine.limitwatch import LimitWatch
from tickgate.execution.model import Order
from tickgate.marketdata.handler import MarketDataHandler
from tickgate.marketdata.view import STALE
from tickgate.risk.throttles import THROTTLES, most

_FIX_NOISE = frozenset(("messages_in", "messages_out", "logons", "resent"))
"""Session counters that say nothing of bad input."""

_FEED_FAULTS = ("answers ", "snapshot: ", "request refused: ", "request not sent: ")
"""Beginnings of recovery's counters that are of what servers did wrong."""


class StateView:
    """Reads core, card, sessions and market data; changes nothing."""

    def __init__(
        self,
        core: Core,
        link: CardLink,
        fix: FixGate,
        market_data: MarketDataHandler,
        feed: FeedLink,
        exposure: ExposureCheck,
        limit_watch: LimitWatch,
        latency: dict[str, Histogram],
        counters: Counter[str],
        started_ns: int,
    ) -> None:
        self._core = core
        self._link = link
        self._fix = fix
        self._market_data = market_data
        self._market = market_data.view
        self._feed = feed
        self._exposure_check = exposure
        self._limit_watch = limit_watch
        self._latency = latency
        self._counters = counters
        self._started_ns = started_ns

    def state(self, now_ns: int) -> State:
        """Everything but the orders; reads the card's counters, if it is there."""
        core = self._core
        return State(
            time_ns=now_ns,
            started_ns=self._started_ns,
            venue=core.venue,
            card=self._card(),
            kill=kill_state(core),
            limits_generation=core.generation,
            orders_in=core.orders_in,
            orders_sent=core.passed,
            rejected=dict(core.rejected),
            fills=core.orders.fills,
            open_orders=len(core.orders.open),
            sessions=[self._session(comp_id) for comp_id in core.sessions],
            positions=self._positions(),
            tops=self._tops(),
            feed=self._feeds(),
            exposure=self._exposure(),
            warnings=self._warnings(),
            throttles=self._throttles(),
            market=self._market_counts(),
            latency={name: histogram.percentiles() for name, histogram in self._latency.items()},
            bad_input=self._bad_input(),
            journal_sequence=core.sequence,
        )

    def orders(self, limit: int) -> list[OrderRow]:
        """The newest orders, newest first."""
        return [_order_row(order) for order in self._core.recent_orders(limit)]

    def _card(self) -> CardState:
        link, counters = self._link, {}
        status = link.status
        if link.card is not None and link.phase not in ("down", "sweeping"):
            try:
                status, counters = link.card.status(), link.card.counters()
            except CardError as error:
                link.fail(error)
                status = None
        return CardState(
            connected=status is not None,
            kind=link.card.kind if link.card else "none",
            reason=link.reason,
            ready=bool(status and status.ready),
            armed=bool(status and status.armed),
            watchdog_ok=bool(status and status.watchdog_ok),
            mass_cancel_on=bool(status and status.mass_cancel_on),
            mass_cancel_due=bool(status and status.mass_cancel_due),
            lease_good=bool(status and status.lease_good),
            link_up=bool(status and status.link_up),
            session_up=bool(status and status.session_up),
            limits_valid=bool(status and status.limits_valid),
            counters=counters,
        )

    def _session(self, comp_id: str) -> SessionRow:
        session = self._fix.sessions[comp_id]
        connection = self._fix.by_session.get(comp_id)
        connected = "connected" if session.connected else "down"
        return SessionRow(
            comp_id=comp_id,
            account=self._core.sessions[comp_id],
            state="logged_on" if session.logged_on else connected,
            next_in=session.store.next_target_seq,
            next_out=session.store.next_sender_seq,
            peer=connection.peer if connection else "",
            orders=self._core.orders_by_session[comp_id],
        )

    def _positions(self) -> list[PositionRow]:
        rows = []
        for account, symbol, ledger in self._core.positions.items():
            mark = 0
            if symbol in self._core.symbols:
                quote = self._market.quote(self._core.symbols.index(symbol))
                mark = quote.touch(ledger.position)
            rows.append(
                PositionRow(
                    account=account,
                    symbol=symbol,
                    position=ledger.position,
                    average_price=ledger.average_price,
                    realised=ledger.realised,
                    unrealised=ledger.unrealised(mark) if mark else 0,
                    cash=ledger.cash,
                    bought=ledger.bought,
                    sold=ledger.sold,
                )
            )
        return rows

    def _tops(self) -> list[TopRow]:
        rows = []
        for symbol, top in zip(self._core.symbols, self._market.tops, strict=False):
            if top is not None:
                rows.append(
                    TopRow(
                        symbol=symbol,
                        bid=top.bid,
                        bid_size=top.bid_size,
                        ask=top.ask,
                        ask_size=top.ask_size,
                        trading_state=top.trading_state,
                        stale=bool(top.flags & STALE),
                        message=top.message,
                        time_ns=top.time_ns,
                    )
                )
        return rows

    def _feeds(self) -> list[FeedRow]:
        recovery = self._feed.recovery
        state = recovery.state
        if state is None:
            return []
        return [
            FeedRow(
                channel=0,
                session=state.session,
                expected=state.expected,
                highest=state.highest,
                missing=max(0, state.highest - state.expected) if state.gap_open else 0,
                started=state.started,
                ended=state.ended,
                gap_open=state.gap_open,
                suspect=state.suspect,
                rebuilding=state.rebuilding,
                stale=state.stale,
                recovery=recovery.phase.value,
                problem=recovery.problem,
                counters=dict(sorted(recovery.counters.items())),
            )
        ]

    def _exposure(self) -> ExposureState:
        core, check = self._core, self._exposure_check
        return ExposureState(
            on=check.on,
            pairs=len(core.exposure.held),
            counters=dict(check.counters),
            round_ns=check.round_ns,
            told=core.drifts_told,
            drifts=[_drift_row(drift) for drift in core.drifts.values()],
        )

    def _warnings(self) -> WarningState:
        core = self._core
        return WarningState(
            percent=list(core.limits.warnings),
            counters=dict(core.warned + self._limit_watch.counters),
            standing=[
                WarningRow(
                    scope=scope.kind,
                    name=scope.name,
                    symbol=scope.symbol,
                    limit=use.limit,
                    used=use.used,
                    most=use.most,
                    percent=percent,
                )
                for scope, use, percent in core.warnings.now(core.limits, core.exposure)
            ],
        )

    def _throttles(self) -> list[ThrottleRow]:
        core, card = self._core, self._link.configured
        rows = []
        for scope in THROTTLES:
            heard = core.exposure.throttles.of(scope)
            for index, name in enumerate(core.names(scope)):
                counted = heard[name]
                if card is not None:
                    try:
                        counted = card.throttle(scope, index)
                    except CardError as error:
                        self._link.fail(error)
                        card = None
                limit = most(core.limits, scope, name) or 0
                rows.append(ThrottleRow(scope=scope, name=name, counted=counted, most=limit))
        return rows

    def _market_counts(self) -> dict[str, int]:
        market = self._market_data
        counts = Counter(market.counters)
        counts.update({"updates": self._market.updates, "merged": self._market.merged})
        if market.stream is not None:
            counts.update({f"full stream, {k}": v for k, v in market.stream.counters.items()})
            counts.update({f"books, {k}": v for k, v in market.stream.books.counters.items()})
        return dict(sorted(counts.items()))

    def _bad_input(self) -> dict[str, int]:
        core = self._core
        counts = Counter(self._counters)
        counts.update({f"fix: {k}": v for k, v in self._fix.registry.counters.as_dict().items()})
        counts.update(self._fix.counters)
        for session in self._fix.sessions.values():
            for name, value in session.counters.as_dict().items():
                if name not in _FIX_NOISE:
                    counts[f"fix: {name}"] += value
        counts.update({f"order, {name}": count for name, count in core.orders.anomalies.items()})
        counts["card: bad records"] += core.bad_records + self._market_data.counters["bad records"]
        counts.update(
            {
                f"feed, {name}": count
                for name, count in self._feed.counters.items()
                if name.startswith(_FEED_FAULTS)
            }
        )
        counts["card: records for unknown symbols"] += self._market.unknown
        return {name: count for name, count in sorted(counts.items()) if count}


def kill_state(core: Core) -> KillState:
    """The kill switches that are on, by name."""
    targets = core.kills.targets
    return KillState(
        all=core.kills.all,
        sessions=sorted(targets["session"]),
        accounts=sorted(targets["account"]),
        symbols=sorted(targets["symbol"]),
        strategies=sorted(targets["strategy"]),
    )


def _drift_row(drift: Drift) -> DriftRow:
    return DriftRow(
        account=drift.account,
        symbol=drift.symbol,
        host_position=drift.host[0],
        host_open_buy=drift.host[1],
        host_open_sell=drift.host[2],
        card_position=drift.card[0],
        card_open_buy=drift.card[1],
        card_open_sell=drift.card[2],
    )


def _order_row(order: Order) -> OrderRow:
    chain = order.chain
    return OrderRow(
        order_id=chain.order_id,
        cl_ord_id=order.cl_ord_id,
        comp_id=chain.session,
        account=chain.account,
        symbol=chain.symbol,
        side=order.chain.side,
        quantity=order.quantity,
        price=order.price,
        state=order.state.value,
        filled=chain.cum,
        leaves=order.leaves,
        average_price=chain.average_price,
        text=order.text,
        time_ns=order.updated_ns,
    )
