"""The OUCH 5.0 desk: what each inbound message does, and who is told what came of it.

Duplicates and old numbers on Enter and Replace are ignored, so a client may send everything again
after a reconnect. Options that this exchange cannot honour are rejected, never overlooked. A
message that cannot be decoded does nothing but raise a count in ``Port.ignored``.
"""

from collections.abc import Iterable, Mapping

from tickgate.protocols import ouch50
from tickgate.protocols.kinds import UnknownMessage, WireError
from tickgate.protocols.ouch50 import Tag

from tickgate_sim.exchange.events import Event, Rejected, RejectReason
from tickgate_sim.exchange.matching import USER, MatchingEngine, NewOrder
from tickgate_sim.exchange.orderbook import Order
from tickgate_sim.exchange.ports import Details, Port, token_of
from tickgate_sim.exchange.replies import appendage_for, deliver

CAPACITIES = frozenset("APRO")
NEUTRAL_OPTIONS: dict[int, tuple[frozenset[int | str | bytes], RejectReason]] = {
    Tag.MIN_QTY: (frozenset({0}), RejectReason.INVALID_MIN_QUANTITY),
    Tag.MAX_FLOOR: (frozenset({0}), RejectReason.INVALID_MAX_FLOOR),
    Tag.PRICE_TYPE: (frozenset({"L"}), RejectReason.PEGGING_NOT_ALLOWED),
    Tag.PEG_OFFSET: (frozenset({0}), RejectReason.PEGGING_NOT_ALLOWED),
    Tag.DISCRETION_PRICE: (frozenset({0}), RejectReason.OTHER),
    Tag.DISCRETION_PRICE_TYPE: (frozenset({"L"}), RejectReason.OTHER),
    Tag.DISCRETION_PEG_OFFSET: (frozenset({0}), RejectReason.OTHER),
    Tag.POST_ONLY: (frozenset({"N", " "}), RejectReason.OTHER),
    Tag.RANDOM_RESERVES: (frozenset({0}), RejectReason.OTHER),
    Tag.ROUTE: (frozenset({""}), RejectReason.ROUTING_NOT_ALLOWED),
    Tag.EXPIRE_TIME: (frozenset({0}), RejectReason.OTHER),
    Tag.HANDLE_INST: (frozenset({" "}), RejectReason.OTHER),
}
"""Options that change how an order trades: the values that change nothing, else the reject."""


class OuchDesk:
    """Takes decoded requests to the engine. Ports are keyed by their owner's name."""

    def __init__(self, engine: MatchingEngine, ports: Mapping[str, Port]) -> None:
        self._engine = engine
        self._ports = ports

    def deliver(self, events: Iterable[Event]) -> None:
        """Tell the owners, in order, on their ports."""
        deliver(events, self._ports)

    def handle(self, port: Port, data: bytes, now: int) -> list[Event]:
        """What one inbound message causes; replies that are no event are sent at once."""
        try:
            request = ouch50.decode_inbound(data)
        except UnknownMessage:
            port.ignored["unknown_type"] += 1
            return []
        except WireError:
            port.ignored["malformed"] += 1
            return []
        port.arrived(request.message_type, now)
        channel = request.option(Tag.USER_REF_IDX)
        channel = channel if isinstance(channel, int) else 0
        match request:
            case ouch50.EnterOrder():
                return self._enter(port, request, channel, now)
            case ouch50.ReplaceOrder():
                return self._replace(port, request, channel, now)
            case ouch50.CancelOrder():
                token = token_of(channel, request.user_ref_num)
                return self._engine.cancel(now, port.owner, token, request.quantity)
            case ouch50.ModifyOrder():
                token = token_of(channel, request.user_ref_num)
                return self._engine.modify(now, port.owner, token, request.side, request.quantity)
            case ouch50.MassCancel():
                return self._mass_cancel(port, request, channel, now)
            case ouch50.DisableOrderEntry() | ouch50.EnableOrderEntry():
                return self._switch_entry(port, request, channel, now)
            case _:
                self._query(port, channel, now)
                return []

    def _is_new(self, port: Port, channel: int, user_ref_num: int) -> bool:
        if user_ref_num <= port.highest[channel]:
            port.ignored["old_user_ref_num"] += 1
            return False
        port.highest[channel] = user_ref_num
        return True

    def _enter(self, port: Port, request: ouch50.EnterOrder, channel: int, now: int) -> list[Event]:
        if not self._is_new(port, channel, request.user_ref_num):
            return []
        token = token_of(channel, request.user_ref_num)
        port.details[token] = Details(
            capacity=request.capacity,
            cross_type=request.cross_type,
            clordid=request.clordid,
            intermarket_sweep_eligibility=request.intermarket_sweep_eligibility,
        )
        fault = self._entry_fault(port, request)
        if fault is None and request.cross_type != "N":
            fault = RejectReason.INVALID_CROSS_ORDER
        if fault is None and request.capacity not in CAPACITIES:
            fault = RejectReason.OTHER
        if fault is not None:
            return [Rejected(now, port.owner, token, fault)]
        group = request.option(Tag.GROUP_ID)
        return self._engine.enter(
            now,
            NewOrder(
                owner=port.owner,
                token=token,
                symbol=request.symbol,
                side=request.side,
                quantity=request.quantity,
                price=request.price,
                time_in_force=request.time_in_force,
                display=request.display,
                mpid=port.account.firm,
                group=group if isinstance(group, int) else 0,
            ),
        )

    def _replace(
        self, port: Port, request: ouch50.ReplaceOrder, channel: int, now: int
    ) -> list[Event]:
        if not self._is_new(port, channel, request.user_ref_num):
            return []
        token = token_of(channel, request.user_ref_num)
        orig_token = token_of(channel, request.orig_user_ref_num)
        original = port.details.get(orig_token)
        if original is None or not self._engine.is_live(port.owner, orig_token):
            port.ignored["replace_not_live"] += 1
            return []
        port.details[token] = Details(
            capacity=original.capacity,
            cross_type=original.cross_type,
            clordid=request.clordid,
            intermarket_sweep_eligibility=request.intermarket_sweep_eligibility,
        )
        fault = self._entry_fault(port, request)
        if fault is not None:
            return [Rejected(now, port.owner, token, fault)]
        return self._engine.replace(
            now,
            port.owner,
            orig_token,
            token,
            quantity=request.quantity,
            price=request.price,
            time_in_force=request.time_in_force,
            display=request.display,
        )

    def _entry_fault(
        self, port: Port, request: ouch50.EnterOrder | ouch50.ReplaceOrder
    ) -> RejectReason | None:
        firm = request.option(Tag.FIRM)
        if port.entry_disabled or firm not in (None, "", port.account.firm):
            return RejectReason.FIRM_NOT_AUTHORISED
        for option in request.appendage or ():
            neutral, reason = NEUTRAL_OPTIONS.get(option.tag, (None, RejectReason.OTHER))
            if neutral is not None and option.value not in neutral:
                return reason
        return None

    def _mass_cancel(
        self, port: Port, request: ouch50.MassCancel, channel: int, now: int
    ) -> list[Event]:
        token = token_of(channel, request.user_ref_num)
        if request.firm != port.account.firm:
            return [Rejected(now, port.owner, token, RejectReason.FIRM_NOT_AUTHORISED)]
        if request.symbol and request.symbol not in self._engine.books:
            return [Rejected(now, port.owner, token, RejectReason.INVALID_SYMBOL)]
        side, group = request.option(Tag.SIDE), request.option(Tag.GROUP_ID)

        def wanted(order: Order) -> bool:
            return (
                request.symbol in ("", order.symbol)
                and (side is None or side == order.side)
                and (group is None or group == order.group)
            )

        port.send(
            ouch50.MassCancelResponse(
                timestamp=now,
                user_ref_num=request.user_ref_num,
                firm=request.firm,
                symbol=request.symbol,
                appendage=request.appendage,
            ).encode()
        )
        return self._engine.cancel_where(now, port.owner, USER, wanted)

    def _switch_entry(
        self,
        port: Port,
        request: ouch50.DisableOrderEntry | ouch50.EnableOrderEntry,
        channel: int,
        now: int,
    ) -> list[Event]:
        if request.firm != port.account.firm:
            token = token_of(channel, request.user_ref_num)
            return [Rejected(now, port.owner, token, RejectReason.FIRM_NOT_AUTHORISED)]
        disable = isinstance(request, ouch50.DisableOrderEntry)
        port.entry_disabled = disable
        response = ouch50.DisableOrderEntryResponse if disable else ouch50.EnableOrderEntryResponse
        port.send(
            response(
                timestamp=now,
                user_ref_num=request.user_ref_num,
                firm=request.firm,
                appendage=appendage_for(channel) or (),
            ).encode()
        )
        return []

    def _query(self, port: Port, channel: int, now: int) -> None:
        port.send(
            ouch50.AccountQueryResponse(
                timestamp=now,
                next_user_ref_num=port.highest[channel] + 1,
                appendage=appendage_for(channel),
            ).encode()
        )
