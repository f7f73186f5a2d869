"""``preview``: an operator's question whether an order would pass, answered without sending it."""

import time
from typing import Any

from tickgate.engine.cardlink import CardLink
from tickgate.engine.commands import PreviewCheck, PreviewResult
from tickgate.engine.commandserver import CommandError
from tickgate.engine.core import Core
from tickgate.engine.inputs import NewOrder
from tickgate.execution.manager import LIMIT, MARKET
from tickgate.fix.orders import ALGO_ID_MAX
from tickgate.marketdata.view import STALE, MarketView
from tickgate.protocols.ouch50 import MAX_PRICE, MAX_QUANTITY
from tickgate.risk.host_checks import HOST_CHECKS
from tickgate.risk.order import CAPACITIES, SHORT_SALES, OrderToCheck
from tickgate.risk.preview import NOT_PREVIEWED, Moment

TRADING = "T"
"""Trading state (ITCH 5.0, "Stock Trading Action") in which orders pass."""


class Preview:
    """Asks the core's risk engine with what card and market data say now; changes nothing."""

    def __init__(self, core: Core, link: CardLink, market: MarketView) -> None:
        self._core = core
        self._link = link
        self._market = market

    def answer(self, arguments: dict[str, Any]) -> PreviewResult:
        """Answer the command. Raises CommandError for an order that cannot be."""
        new = self._order(arguments)
        order = self._core.to_check(new)
        result = self._core.risk.preview(order, self._moment(new, order))
        rows = zip(result.checks, result.texts, strict=True)
        return PreviewResult(
            passes=result.passed,
            checks=[
                PreviewCheck(
                    name=check.name, by="host" if check in HOST_CHECKS else "card", text=text
                )
                for check, text in rows
            ],
            generation=self._core.generation,
            not_previewed=list(NOT_PREVIEWED),
        )

    def _order(self, arguments: dict[str, Any]) -> NewOrder:
        core = self._core
        session, symbol = arguments.get("session"), arguments.get("symbol")
        if session not in core.sessions:
            raise CommandError(f"session must be one of {', '.join(core.sessions)}")
        side, capacity = arguments.get("side"), arguments.get("capacity", "A")
        if side not in ("B", "S", "T", "E") or not isinstance(symbol, str):
            raise CommandError("side must be B, S, T or E, and symbol a text")
        if capacity not in CAPACITIES:
            raise CommandError("capacity must be A, P or R")
        price = arguments.get("price")
        bid, ask = self._touch(symbol)
        return NewOrder(
            session=session,
            cl_ord_id="",
            account=core.sessions[session],
            symbol=symbol,
            side=side,
            quantity=_number(arguments, "quantity", MAX_QUANTITY),
            price=0 if price is None else _number(arguments, "price", MAX_PRICE),
            order_type=MARKET if price is None else LIMIT,
            time_in_force=str(arguments.get("time_in_force", "0")),
            bid=bid,
            ask=ask,
            capacity=capacity,
            locate=arguments.get("locate", "N") if side in SHORT_SALES else None,
            algo_id=_algo_id(arguments),
        )

    def _touch(self, symbol: str) -> tuple[int, int]:
        if symbol not in self._core.symbols:
            return 0, 0
        quote = self._market.quote(self._core.symbols.index(symbol))
        return quote.bid, quote.ask

    def _moment(self, new: NewOrder, order: OrderToCheck) -> Moment:
        core, status = self._core, self._link.status
        known = new.symbol in core.symbols
        top = self._market.tops[core.symbols.index(new.symbol)] if known else None
        targets = {
            "session": new.session,
            "account": new.account,
            "symbol": new.symbol,
            "strategy": order.strategy,
        }
        kills = [
            f"kill_{scope}" for scope, name in targets.items() if name in core.kills.targets[scope]
        ]
        return Moment(
            armed=bool(status and status.armed),
            venue_up=bool(status and status.session_up),
            kills=["kill_all", *kills] if core.kills.all else kills,
            bid=new.bid,
            ask=new.ask,
            trading=top is not None and top.trading_state == TRADING,
            stale=top is None or bool(top.flags & STALE),
            now_ns=time.time_ns(),
        )


def _algo_id(arguments: dict[str, Any]) -> int | None:
    if arguments.get("algo_id") is None:
        return None
    return _number(arguments, "algo_id", ALGO_ID_MAX)


def _number(arguments: dict[str, Any], name: str, most: int) -> int:
    value = arguments.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise CommandError(f"{name} must be a whole number, 0 to {most}, was {value!r}")
    return value
