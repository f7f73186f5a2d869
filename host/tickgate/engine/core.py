"""The engine's deterministic core: journalled inputs in, effects out.

``Core.handle`` is the only way in. It reads no clock, no random number and no file: the same
entries in the same order give the same state (``state_hash``) and the same effects, whoever feeds
them: the engine, a replay at start, a console following the journal.
"""

from collections import Counter
from dataclasses import dataclass

from tickgate.engine.cardside import CardSide
from tickgate.engine.inputs import (
    CancelOrder,
    CardDown,
    CardUp,
    Command,
    Drift,
    Input,
    LimitsSet,
    LimitWarning,
    NewOrder,
    NotSent,
    ReferencesSet,
    ReplaceOrder,
    SessionChanged,
    Settled,
    Slot,
    Started,
)
from tickgate.engine.kills import Kills
from tickgate.engine.market_orders import limit_for_market_order
from tickgate.engine.reasons import OTHER, host_reject_reason
from tickgate.execution.effects import Effect, Filled, Submit
from tickgate.execution.manager import IOC, MARKET, Wanted
from tickgate.risk.host_checks import HOST_BY_NAME
from tickgate.risk.limits import NO_LIMITS, Limits, LimitsError, parse
from tickgate.risk.order import OrderToCheck
from tickgate.risk.warnings import Scope, StandingWarnings

NO_CARD = HOST_BY_NAME["no_card"].text


@dataclass(frozen=True, slots=True)
class Earlier:
    """Limits that are no longer in force, and the last generation under which they were."""

    generation: int
    toml: str


class Core(CardSide):
    """All state of the engine. ``CardSide`` has what the card and the venue tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: Limits = NO_LIMITS
        self.limits_toml = ""
        self.limits_hash = ""
        self.limits_file_hash = ""
        self.generation = 0
        self.previous: Earlier | None = None
        """Other limits that were in force before those, to roll back to."""
        self.warnings = StandingWarnings()
        """Of limits that are used up to a percentage that they name."""
        self.warned: Counter[str] = Counter()
        """Levels that were reached, and over, since the journal began."""
        self.kills = Kills()
        self.disarmed = False
        """An operator shut the gate; it stays shut until one opens it."""
        self.orders_in = 0
        self.orders_by_session: Counter[str] = Counter()
        self.sequence = 0

    def handle(self, value: Input, sequence: int, time_ns: int) -> list[Effect]:
        """Take one input in: journal entry ``sequence``, taken in at ``time_ns`` (UTC)."""
        self.sequence = sequence
        self.orders.begin(sequence, time_ns)
        effects = self._dispatch(value)
        for effect in effects:
            if isinstance(effect, Filled):
                self._book(effect)
            elif isinstance(effect, Submit) and effect.action != "X":
                self.risk.on_message(effect.account, time_ns)
        for order in self.orders.touched.values():
            self.exposure.follow(order)
        if self.orphans:  # it walks through all open orders
            self.orphans.intersection_update(self.orders.open)
        return effects

    def _dispatch(self, value: Input) -> list[Effect]:
        match value:
            case Slot():
                return self.on_slot(value.data)
            case NewOrder():
                return self._new(value)
            case CancelOrder():
                return self._cancel(value)
            case ReplaceOrder():
                return self._replace(value)
            case NotSent():
                self.rejected[f"host:{value.reason}"] += 1
                return self.orders.on_refused(value.token, value.action, OTHER, value.reason)
            case CardUp():
                if value.fresh:
                    self._keep_stopped()
                self.on_card_up(value)
            case CardDown():
                self.card_up = False
            case Settled():
                return self.on_settled(value)
            case LimitsSet():
                self._set_limits(value)
            case Command():
                return self._command(value)
            case Started():
                self.on_started(value)
            case Drift():
                self.on_drift(value)
            case LimitWarning():
                self._warn(value)
            case SessionChanged() | ReferencesSet():
                pass
        return []

    # ---- clients ----

    def _new(self, new: NewOrder) -> list[Effect]:
        self._count_order(new.session)
        if new.repeated and self.orders.known(new.session, new.cl_ord_id):
            return self.orders.repeat(new.session, new.cl_ord_id)
        order = self.to_check(new)
        result = self.risk.check_pre_trade_risk(order)
        wanted = Wanted(
            new.cl_ord_id,
            new.quantity,
            order.price if result.passed else new.price,
            new.order_type,
            order.time_in_force,
        )
        if result.passed:
            return self.orders.enter(
                new.session,
                new.account,
                new.symbol,
                new.side,
                wanted,
                new.capacity,
                order.strategy or "",
            )
        check = result.checks[0]
        self.rejected[f"host:{check.name}"] += 1
        return self.orders.refuse(
            new.session,
            new.account,
            new.symbol,
            new.side,
            wanted,
            host_reject_reason(check),
            result.text,
        )

    def to_check(self, new: NewOrder) -> OrderToCheck:
        """A new order for the risk engine, a market order with its limit."""
        price, no_price, time_in_force = new.price, "", new.time_in_force
        if new.order_type == MARKET:
            limits = self.limits.symbols.get(new.symbol)
            collar, tick = (limits.numbers["collar"], limits.tick) if limits else (None, 1)
            price, no_price = limit_for_market_order(new.side, new.bid, new.ask, collar, tick)
            time_in_force = IOC
        return OrderToCheck(
            new.account,
            new.symbol,
            new.side,
            new.quantity,
            price,
            time_in_force,
            session=new.session,
            cl_ord_id=new.cl_ord_id,
            strategy=self._strategy(new.session, new.algo_id),
            algo_id=new.algo_id,
            own_account=self.sessions.get(new.session, ""),
            symbol_known=new.symbol in self.symbols,
            card_up=self.card_up,
            used_before=self.orders.known(new.session, new.cl_ord_id),
            capacity=new.capacity,
            locate=new.locate,
            refusal=new.refusal,
            no_price=no_price,
        )

    def _strategy(self, session: str, algo_id: int | None) -> str | None:
        """The strategy that an order names, or else its session's; None for an unknown one."""
        if algo_id is None:
            return self.usual_strategy.get(session, "")
        return self.limits.strategy(algo_id)

    def _cancel(self, ask: CancelOrder) -> list[Effect]:
        self._count_order(ask.session)
        if ask.repeated and self.orders.known(ask.session, ask.cl_ord_id):
            return self.orders.repeat(ask.session, ask.orig_cl_ord_id)
        if not self.card_up:
            return self.orders.refuse_request(
                ask.session, ask.cl_ord_id, ask.orig_cl_ord_id, "1", NO_CARD
            )
        return self.orders.cancel(ask.session, ask.cl_ord_id, ask.orig_cl_ord_id)

    def _replace(self, ask: ReplaceOrder) -> list[Effect]:
        self._count_order(ask.session)
        if ask.repeated and self.orders.known(ask.session, ask.cl_ord_id):
            return self.orders.repeat(ask.session, ask.orig_cl_ord_id)
        order = self._replacement(ask)
        result = self.risk.check_pre_trade_risk(order)
        if not result.passed:
            self.rejected[f"host:{result.checks[0].name}"] += 1
            return self.orders.refuse_request(
                ask.session, ask.cl_ord_id, ask.orig_cl_ord_id, "2", result.text
            )
        wanted = Wanted(
            ask.cl_ord_id, ask.quantity, ask.price, ask.order_type, ask.time_in_force
        )
        return self.orders.replace(
            ask.session,
            ask.orig_cl_ord_id,
            ask.symbol,
            ask.side,
            wanted,
            None if ask.algo_id is None else order.strategy,
        )

    def _replacement(self, ask: ReplaceOrder) -> OrderToCheck:
        """A replacement for the risk engine; of no quantity when there is no order to replace."""
        order = self.orders.find(ask.session, ask.orig_cl_ord_id)
        return OrderToCheck(
            order.chain.account if order else "",
            ask.symbol,
            ask.side,
            ask.quantity if order else 0,
            ask.price,
            ask.time_in_force,
            "U",
            session=ask.session,
            cl_ord_id=ask.cl_ord_id,
            strategy="" if ask.algo_id is None else self.limits.strategy(ask.algo_id),
            algo_id=ask.algo_id,
            card_up=self.card_up,
            refusal=ask.refusal,
            executed=order.chain.cum if order else 0,
            replaced_open=order.leaves if order else 0,
            replaced_price=order.price if order else 0,
        )

    def _count_order(self, session: str) -> None:
        self.orders_in += 1
        self.orders_by_session[session] += 1

    # ---- operators ----

    def _command(self, command: Command) -> list[Effect]:
        if command.name == "kill":
            return self._kill(command)
        if command.name == "resume":
            self.exposure.throttles.resume(command.arguments["scope"], command.arguments["target"])
        if command.name in ("arm", "disarm"):
            self.disarmed = command.name == "disarm"
        return []

    def _keep_stopped(self) -> None:
        """Kill what throttles had stopped: a card that was reset knows nothing of it, and it goes
        on only when a person says so (RTS 6 Art. 15(3))."""
        for scope, name in self.exposure.throttles.stopped(self.limits):
            self.kills.switch(scope, name, on=True)

    def _kill(self, command: Command) -> list[Effect]:
        arguments = command.arguments
        scope, target = str(arguments["scope"]), arguments.get("target")
        self.kills.switch(scope, target, bool(arguments["on"]))
        if not (arguments["on"] and arguments.get("cancel")):
            return []
        hit = [
            order
            for order in self.orders.open.values()
            if scope == "all"
            or target == {
                "session": order.chain.session,
                "account": order.chain.account,
                "symbol": order.chain.symbol,
                "strategy": order.chain.strategy,
            }[scope]
        ]
        return self.orders.mass_cancel(hit)

    def _set_limits(self, change: LimitsSet) -> None:
        try:
            self.limits = parse(change.toml)
        except LimitsError:
            # Journalled by a version that had fewer limits: what is not set refuses.
            self.limits = NO_LIMITS
        self.risk.update_limits(self.limits)
        if self.generation and change.toml != self.limits_toml:
            self.previous = Earlier(self.generation, self.limits_toml)
        self.limits_toml = change.toml
        self.limits_hash = change.hash
        self.generation = change.generation
        self.limits_file_hash = change.file_hash or self.limits_file_hash

    def _warn(self, warning: LimitWarning) -> None:
        self.warned["over" if warning.over else "reached"] += 1
        scope = Scope(warning.scope, warning.name, warning.symbol)
        self.warnings.tell(scope, warning.limit, warning.percent, warning.over)
