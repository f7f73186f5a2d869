"""Engine events to TotalView-ITCH 5.0 messages (itch50.md), each with its exact book effect.

A rebuild from these messages gives the engine's displayed book after every command. At the start
of the day the directory (R) follows system event O, the trading states (H) follow as the engine
reports them, and the short sale states (Y) come before system event S.
"""

from collections.abc import Callable, Iterable

from tickgate.protocols import itch50

from tickgate_sim.exchange.events import (
    BookAdded,
    BookDeleted,
    BookReduced,
    BookReplaced,
    Event,
    Executed,
    MarketEvent,
    Notice,
    TradingState,
)
from tickgate_sim.exchange.instruments import Instrument

NOTICES = frozenset("YLVWKJhQBINO")
"""ITCH types that can be published as a Notice: those that touch no order and no trading state."""


class FeedPublisher:
    """Turns event lists into encoded ITCH messages; what only an owner may know is left out."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._instruments = {item.symbol: item for item in instruments}

    def messages(self, events: Iterable[Event]) -> list[bytes]:
        """The ITCH messages that ``events`` show to the public, in order."""
        out: list[bytes] = []
        for event in events:
            match event:
                case Executed():
                    out.append(self._trade(event))
                case BookAdded() | BookReduced() | BookDeleted() | BookReplaced():
                    out.append(self._book_change(event))
                case TradingState():
                    out.append(self._trading_action(event))
                case Notice():
                    out.append(self._notice(event))
                case MarketEvent():
                    out.extend(self._market_event(event))
                case _:  # for the owner's port only
                    pass
        return out

    def _locate(self, symbol: str) -> int:
        return self._instruments[symbol].locate

    def _trade(self, event: Executed) -> bytes:
        if event.displayed and event.improved:
            return itch50.OrderExecutedWithPrice(
                stock_locate=self._locate(event.symbol),
                tracking_number=0,
                timestamp=event.time,
                order_reference_number=event.resting.reference,
                executed_shares=event.quantity,
                match_number=event.match_number,
                printable="Y",
                execution_price=event.price,
            ).encode()
        if event.displayed:
            return itch50.OrderExecuted(
                stock_locate=self._locate(event.symbol),
                tracking_number=0,
                timestamp=event.time,
                order_reference_number=event.resting.reference,
                executed_shares=event.quantity,
                match_number=event.match_number,
            ).encode()
        return itch50.Trade(
            stock_locate=self._locate(event.symbol),
            tracking_number=0,
            timestamp=event.time,
            order_reference_number=0,
            buy_sell_indicator="B",
            shares=event.quantity,
            stock=event.symbol,
            price=event.price,
            match_number=event.match_number,
        ).encode()

    def _book_change(self, event: BookAdded | BookReduced | BookDeleted | BookReplaced) -> bytes:
        locate = self._locate(event.symbol)
        match event:
            case BookAdded(mpid=""):
                return itch50.AddOrder(
                    stock_locate=locate,
                    tracking_number=0,
                    timestamp=event.time,
                    order_reference_number=event.reference,
                    buy_sell_indicator=event.side,
                    shares=event.shares,
                    stock=event.symbol,
                    price=event.price,
                ).encode()
            case BookAdded():
                return itch50.AddOrderMpid(
                    stock_locate=locate,
                    tracking_number=0,
                    timestamp=event.time,
                    order_reference_number=event.reference,
                    buy_sell_indicator=event.side,
                    shares=event.shares,
                    stock=event.symbol,
                    price=event.price,
                    attribution=event.mpid,
                ).encode()
            case BookReduced():
                return itch50.OrderCancel(
                    stock_locate=locate,
                    tracking_number=0,
                    timestamp=event.time,
                    order_reference_number=event.reference,
                    cancelled_shares=event.shares,
                ).encode()
            case BookDeleted():
                return itch50.OrderDelete(
                    stock_locate=locate,
                    tracking_number=0,
                    timestamp=event.time,
                    order_reference_number=event.reference,
                ).encode()
            case BookReplaced():
                return itch50.OrderReplace(
                    stock_locate=locate,
                    tracking_number=0,
                    timestamp=event.time,
                    original_order_reference_number=event.reference,
                    new_order_reference_number=event.new_reference,
                    shares=event.shares,
                    price=event.price,
                ).encode()

    def _trading_action(self, event: TradingState) -> bytes:
        return itch50.StockTradingAction(
            stock_locate=self._locate(event.symbol),
            tracking_number=0,
            timestamp=event.time,
            stock=event.symbol,
            trading_state=event.state,
            reserved=" ",
            reason=event.reason,
        ).encode()

    def _notice(self, event: Notice) -> bytes:
        if event.kind not in NOTICES:
            known = ", ".join(sorted(NOTICES))
            raise ValueError(f"kind must be one of {known}, not {event.kind!r}")
        message = itch50.MESSAGES[event.kind]
        given: dict[str, int | str] = dict(event.values)
        given |= {"tracking_number": 0, "timestamp": event.time, "stock_locate": 0}
        if event.symbol:
            given["stock_locate"] = self._locate(event.symbol)
        wanted = {row.name for row in message.FIELDS if not row.is_constant}
        if "stock" in wanted:
            given["stock"] = event.symbol
        if set(given) != wanted:
            missing, extra = sorted(wanted - set(given)), sorted(set(given) - wanted)
            raise ValueError(f"{message.__name__} lacks {missing} and does not have {extra}")
        build: Callable[..., itch50.ItchMessage] = message
        return build(**given).encode()

    def _market_event(self, event: MarketEvent) -> list[bytes]:
        instruments = self._instruments.values()
        system_event = itch50.SystemEvent(
            stock_locate=0, tracking_number=0, timestamp=event.time, event_code=event.code
        ).encode()
        match event.code:
            case "O":
                return [system_event, *(_directory(event.time, item) for item in instruments)]
            case "S":
                return [
                    *(_short_sale_state(event.time, item) for item in instruments),
                    system_event,
                ]
            case _:
                return [system_event]


def _directory(time: int, item: Instrument) -> bytes:
    return itch50.StockDirectory(
        stock_locate=item.locate,
        tracking_number=0,
        timestamp=time,
        stock=item.symbol,
        market_category="Q",
        financial_status_indicator="N",
        round_lot_size=item.round_lot,
        round_lots_only="N",
        issue_classification="C",
        issue_sub_type="Z",
        authenticity="T",
        short_sale_threshold_indicator="N",
        ipo_flag="N",
        luld_reference_price_tier="1",
        etp_flag="N",
        etp_leverage_factor=0,
        inverse_indicator="N",
    ).encode()


def _short_sale_state(time: int, item: Instrument) -> bytes:
    return itch50.RegShoRestriction(
        stock_locate=item.locate,
        tracking_number=0,
        timestamp=time,
        stock=item.symbol,
        reg_sho_action="0",
    ).encode()
