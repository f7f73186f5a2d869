"""The engine's deterministic core: journalled inputs in, effects out.

``Core.handle`` is the only way in. It reads no clock, no random number and no file: the same
entries in the same order give the same state (``state_hash``) and the same effects, whoever feeds
them: the engine, a replay at start, a console following the journal.
"""

from collections import Counter

from tickgate.engine.cardside import CardSide
from tickgate.engine.inputs import (
    CancelOrder,
    CardDown,
    CardUp,
    Command,
    Drift,
    Input,
    LimitsSet,
    NewOrder,
    NotSent,
    ReplaceOrder,
    SessionChanged,
    Settled,
    Slot,
    Started,
)
from tickgate.engine.kills import Kills
from tickgate.engine.market_orders import limit_for_market_order
from tickgate.execution.effects import Effect, Filled
from tickgate.execution.manager import DAY, IOC, MARKET, MAX_U32, Wanted
from tickgate.risk.limits import NO_LIMITS, Limits, LimitsError, parse

UNKNOWN_SYMBOL, DUPLICATE_ORDER, UNSUPPORTED, OTHER = 1, 6, 11, 99
"""OrdRejReason (103)."""

NO_CARD = "the card is not there"


class Core(CardSide):
    """All state of the engine. ``CardSide`` has what the card and the venue tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: Limits = NO_LIMITS
        self.limits_toml = ""
        self.limits_hash = ""
        self.limits_file_hash = ""
        self.generation = 0
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
        for order in self.orders.touched.values():
            self.exposure.follow(order)
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
            case SessionChanged():
                pass
        return []

    # ---- clients ----

    def _new(self, new: NewOrder) -> list[Effect]:
        self._count_order(new.session)
        if new.repeated and self.orders.known(new.session, new.cl_ord_id):
            return self.orders.repeat(new.session, new.cl_ord_id)
        price, name, reason, text = self._judge(new)
        wanted = Wanted(
            new.cl_ord_id,
            new.quantity,
            price,
            new.order_type,
            IOC if new.order_type == MARKET else new.time_in_force,
        )
        if not name:
            return self.orders.enter(new.session, new.account, new.symbol, new.side, wanted)
        self.rejected[f"host:{name}"] += 1
        return self.orders.refuse(
            new.session, new.account, new.symbol, new.side, wanted, reason, text
        )

    def _judge(self, new: NewOrder) -> tuple[int, str, int, str]:
        """Price to send; and, when the order cannot go, a name, OrdRejReason and text."""
        price = new.price
        if self.orders.known(new.session, new.cl_ord_id):
            text = f"ClOrdID {new.cl_ord_id} was used before"
            return price, "duplicate", DUPLICATE_ORDER, text
        if new.symbol not in self.symbols:
            return price, "unknown symbol", UNKNOWN_SYMBOL, f"unknown symbol {new.symbol}"
        account = self.sessions.get(new.session)
        if new.account != account:
            return price, "account", OTHER, f"Account must be {account} on this session"
        if new.refusal:
            return price, "not ready", OTHER, new.refusal
        if not self.card_up:
            return price, "no card", OTHER, NO_CARD
        if new.order_type == MARKET:
            limits = self.limits.symbols.get(new.symbol)
            collar, tick = (limits.numbers["collar"], limits.tick) if limits else (None, 1)
            price, text = limit_for_market_order(new.side, new.bid, new.ask, collar, tick)
            return price, "no price" if text else "", OTHER, text
        if new.time_in_force not in (DAY, IOC):
            text = "TimeInForce must be 0 (day) or 3 (immediate or cancel)"
            return price, "time in force", UNSUPPORTED, text
        if price > MAX_U32:
            return price, "price", OTHER, f"Price must be at most {MAX_U32} in 1/10000 USD"
        return price, "", 0, ""

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
        refusal = ask.refusal or ("" if self.card_up else NO_CARD)
        if refusal:
            return self.orders.refuse_request(
                ask.session, ask.cl_ord_id, ask.orig_cl_ord_id, "2", refusal
            )
        wanted = Wanted(
            ask.cl_ord_id, ask.quantity, ask.price, ask.order_type, ask.time_in_force
        )
        return self.orders.replace(
            ask.session, ask.orig_cl_ord_id, ask.symbol, ask.side, wanted
        )

    def _count_order(self, session: str) -> None:
        self.orders_in += 1
        self.orders_by_session[session] += 1

    # ---- operators ----

    def _command(self, command: Command) -> list[Effect]:
        if command.name == "kill":
            return self._kill(command)
        if command.name in ("arm", "disarm"):
            self.disarmed = command.name == "disarm"
        return []

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
            }[scope]
        ]
        return self.orders.mass_cancel(hit)

    def _set_limits(self, change: LimitsSet) -> None:
        try:
            self.limits = parse(change.toml)
        except LimitsError:
            # Journalled by a version that had fewer limits: what is not set refuses.
            self.limits = NO_LIMITS
        self.limits_toml = change.toml
        self.limits_hash = change.hash
        self.generation = change.generation
        self.limits_file_hash = change.file_hash or self.limits_file_hash
