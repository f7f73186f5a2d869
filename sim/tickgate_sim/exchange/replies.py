"""Engine events to OUCH 5.0 messages for the ports of the owners concerned.

Messages whose appendage is optional go out in the short form unless they carry a UserRefIdx, as in
the 2025 text of the specification.
"""

from collections.abc import Iterable, Mapping

from tickgate.protocols import ouch50
from tickgate.protocols.ouch50 import Option, Tag

from tickgate_sim.exchange.events import (
    Accepted,
    Canceled,
    Event,
    Executed,
    MarketEvent,
    Modified,
    Party,
    Rejected,
    Replaced,
)
from tickgate_sim.exchange.ports import Details, Port, channel_and_number

NO_DETAILS = Details(capacity=" ", cross_type=" ", clordid="", intermarket_sweep_eligibility=" ")
"""For rejects of requests that are not about an order."""
DAY_EVENTS = {"S": "S", "E": "E"}
"""The OUCH System Event that goes with an ITCH one."""


def appendage_for(channel: int) -> tuple[Option, ...] | None:
    """The appendage of a reply on ``channel``; None stands for the short form."""
    return (Option(Tag.USER_REF_IDX, channel),) if channel else None


def deliver(events: Iterable[Event], ports: Mapping[str, Port]) -> None:
    """Send what each event tells the owners of orders; owners without a port are told nothing."""
    for event in events:
        match event:
            case Executed():
                for party, flag in (
                    (event.resting, "A" if event.displayed else "J"),
                    (event.aggressor, "R"),
                ):
                    if party.owner in ports:
                        ports[party.owner].send(_executed(event, party, flag))
            case MarketEvent() if event.code in DAY_EVENTS:
                for port in ports.values():
                    port.send(_day_event(event))
            case Accepted() | Replaced() | Canceled() | Modified() | Rejected():
                if event.owner in ports:
                    port = ports[event.owner]
                    port.send(_reply(event, port.details.get(event.token, NO_DETAILS)))
            case _:  # for the feed only
                pass


def _day_event(event: MarketEvent) -> bytes:
    return ouch50.SystemEvent(timestamp=event.time, event_code=DAY_EVENTS[event.code]).encode()


def _executed(event: Executed, party: Party, flag: str) -> bytes:
    channel, number = channel_and_number(party.token)
    return ouch50.OrderExecuted(
        timestamp=event.time,
        user_ref_num=number,
        quantity=event.quantity,
        price=event.price,
        liquidity_flag=flag,
        match_number=event.match_number,
        appendage=appendage_for(channel) or (),
    ).encode()


def _reply(event: Accepted | Replaced | Canceled | Modified | Rejected, details: Details) -> bytes:
    channel, number = channel_and_number(event.token)
    options = appendage_for(channel)
    match event:
        case Accepted():
            return ouch50.OrderAccepted(
                timestamp=event.time,
                user_ref_num=number,
                side=event.side,
                quantity=event.quantity,
                symbol=event.symbol,
                price=event.price,
                time_in_force=event.time_in_force,
                display=event.display,
                order_reference_number=event.reference,
                capacity=details.capacity,
                intermarket_sweep_eligibility=details.intermarket_sweep_eligibility,
                cross_type=details.cross_type,
                order_state="L",
                clordid=details.clordid,
                appendage=options or (),
            ).encode()
        case Replaced():
            return ouch50.OrderReplaced(
                timestamp=event.time,
                orig_user_ref_num=channel_and_number(event.orig_token)[1],
                user_ref_num=number,
                side=event.side,
                quantity=event.quantity,
                symbol=event.symbol,
                price=event.price,
                time_in_force=event.time_in_force,
                display=event.display,
                order_reference_number=event.reference,
                capacity=details.capacity,
                intermarket_sweep_eligibility=details.intermarket_sweep_eligibility,
                cross_type=details.cross_type,
                order_state="L",
                clordid=details.clordid,
                appendage=options or (),
            ).encode()
        case Canceled():
            return ouch50.OrderCanceled(
                timestamp=event.time,
                user_ref_num=number,
                quantity=event.quantity,
                reason=event.reason,
                appendage=options,
            ).encode()
        case Modified():
            return ouch50.OrderModified(
                timestamp=event.time,
                user_ref_num=number,
                side=event.side,
                quantity=event.quantity,
                appendage=options,
            ).encode()
        case Rejected():
            return ouch50.Rejected(
                timestamp=event.time,
                user_ref_num=number,
                reason=event.reason,
                clordid=details.clordid,
                appendage=options,
            ).encode()
