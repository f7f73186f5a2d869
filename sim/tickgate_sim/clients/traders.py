"""Three behaviours: one that makes a market, one that takes it, one that breaks limits."""

from tickgate.fix import orders
from tickgate.fix.store import MessageStore

from tickgate_sim.clients.ledger import OrderRecord
from tickgate_sim.clients.trader import (
    TICK,
    ClientSummary,
    Quotes,
    Trader,
    TraderConfig,
    no_quotes,
)

__all__ = [
    "ClientSummary",
    "FatFinger",
    "MarketMaker",
    "Quotes",
    "Taker",
    "Trader",
    "TraderConfig",
]


class MarketMaker(Trader):
    """Rests one order a side in each symbol and keeps moving them with the market.

    A side that would make a large position larger is taken away.
    """

    def __init__(
        self,
        config: TraderConfig,
        quotes: Quotes = no_quotes,
        store: MessageStore | None = None,
    ) -> None:
        super().__init__(config, quotes, store)
        self._quoted: dict[tuple[str, str], OrderRecord] = {}

    def act(self) -> None:
        """Look at both sides of one symbol."""
        symbol = self.random.choice(self.config.symbols)
        market = self.market(symbol)
        if market is None:
            return
        bid, ask = market
        step = TICK * self.random.randint(0, 2)
        self._quote(symbol, orders.BUY, max(TICK, bid - step))
        self._quote(symbol, orders.SELL, ask + step)

    def _quote(self, symbol: str, side: str, price: int) -> None:
        order = self._quoted.get((symbol, side))
        wanted = self.lean(symbol) in (None, side)
        if order is not None and (order.pending_change or not order.answered):
            return
        if order is None or not order.live:
            if order is not None and order.orig_cl_ord_id is not None:
                # A replace that was refused leaves the order before it resting.
                original = self.ledger.orders[order.orig_cl_ord_id]
                if original.live:
                    self._quoted[symbol, side] = original
                    return
            if wanted:
                entered = self.enter(symbol, side, self.lots(3), price, orders.DAY)
                self._quoted[symbol, side] = entered
        elif not wanted:
            self.cancel(order)
        elif order.price != price:
            self._quoted[symbol, side] = self.replace(order, order.quantity, price)


class Taker(Trader):
    """Sends immediate-or-cancel orders at or through the other side's price."""

    def act(self) -> None:
        """Take from one side of one symbol."""
        symbol = self.random.choice(self.config.symbols)
        market = self.market(symbol)
        if market is None:
            return
        bid, ask = market
        side = self.lean(symbol) or self.random.choice((orders.BUY, orders.SELL))
        through = TICK * self.random.randint(0, 2)
        price = ask + through if side == orders.BUY else max(TICK, bid - through)
        self.enter(symbol, side, self.lots(3), price, orders.IMMEDIATE_OR_CANCEL)


class FatFinger(Trader):
    """Trades like the others most of the time, and slips: too large, far off, too many.

    One action in eight is a quantity that no limit should allow, one in eight a price at double or
    half the market, one in sixteen a burst of orders at once.
    """

    BURST = 60

    def act(self) -> None:
        """Trade, or slip."""
        symbol = self.random.choice(self.config.symbols)
        market = self.market(symbol)
        if market is None:
            return
        bid, ask = market
        side = self.lean(symbol) or self.random.choice((orders.BUY, orders.SELL))
        touch = ask if side == orders.BUY else bid
        slip = self.random.randrange(16)
        if slip < 2:
            self.enter(symbol, side, self.lots(3) * 2_000, touch, orders.DAY)
        elif slip < 4:
            far = touch * 2 if side == orders.BUY else max(TICK, touch // 2 // TICK * TICK)
            self.enter(symbol, side, self.lots(1), far, orders.IMMEDIATE_OR_CANCEL)
        elif slip < 5:
            for _ in range(self.BURST):
                self.enter(symbol, side, self.config.lot, touch, orders.IMMEDIATE_OR_CANCEL)
        else:
            self.enter(symbol, side, self.lots(2), touch, orders.IMMEDIATE_OR_CANCEL)
