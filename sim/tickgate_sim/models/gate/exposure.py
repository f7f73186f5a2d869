"""What the gate accounts for: orders that may trade, fills, positions, what was used of credit."""

from dataclasses import dataclass

from tickgate.records.messages import OrderRequest

from tickgate_sim.models.gate.inputs import Update

__all__ = ["Exposure", "Order"]

_U32 = (1 << 32) - 1


@dataclass
class Order:
    """An order that the gate accounts for.

    A replacement that is not confirmed (``replaces``) has reserved ``remaining`` shares and
    ``beyond`` of value on top of its order.
    """

    token: int
    account: int
    symbol: int
    sells: bool
    asked: int
    """OUCH quantity of the request."""
    price: int
    strategy: int
    remaining: int
    beyond: int
    executed: int = 0
    """By it and those that it replaced, before and after."""
    replaces: int | None = None
    replaced_by: int | None = None

    @property
    def liability(self) -> int:
        """Most that it and those that it replaced may execute in all, as far as 32 bits go."""
        if self.replaces is not None:
            return self.asked
        return self.executed + self.remaining & _U32

    @property
    def reserved(self) -> int:
        """Value that counts as open."""
        return self.remaining * self.price if self.replaces is None else self.beyond


@dataclass(frozen=True)
class Fill:
    """A fill that the venue may break."""

    match_number: int
    token: int
    account: int
    symbol: int
    sells: bool
    quantity: int
    price: int


@dataclass
class Traded:
    """What an account, or the firm, has done in the day. Values in 1/10000 USD."""

    bought: int = 0
    sold: int = 0
    ordered: int = 0
    """Shares of orders that passed."""
    ordered_value: int = 0


class Exposure:
    """Exposure of a card of so many accounts and slots for orders, moved by orders that pass and by
    what the venue says of them."""

    def __init__(self, *, accounts: int, open_orders: int) -> None:
        self.accounts, self.open_orders = accounts, open_orders
        self.position: dict[tuple[int, int], int] = {}
        self.orders: dict[int, Order] = {}  # by slot
        self.fills: dict[int, Fill] = {}
        self.located: dict[tuple[int, int], int] = {}  # shares of short orders that passed
        self.traded = [Traded() for _ in range(accounts)]
        self.executions = [0] * 32
        """Of each strategy, since a person let it go on."""
        self.rejects = [0] * accounts
        """Of each account, in a row."""
        self.unknown = 0

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        """Position, open buy and open sell quantity of a row, as far as 32 bits can show them."""
        position, open_buy, open_sell = self.held(account, symbol)
        return max(-(1 << 31), min(_U32 >> 1, position)), min(_U32, open_buy), min(_U32, open_sell)

    def held(self, account: int, symbol: int) -> tuple[int, int, int]:
        """The same, whole."""
        mine = [order for order in self.working(account) if order.symbol == symbol]
        return (
            self.position.get((account, symbol), 0),
            sum(order.remaining for order in mine if not order.sells),
            sum(order.remaining for order in mine if order.sells),
        )

    def credit(self, accounts: list[int]) -> tuple[int, int, int]:
        """Gross, most bought less sold, and most sold less bought, with open orders."""
        bought = sum(self.traded[account].bought for account in accounts)
        sold = sum(self.traded[account].sold for account in accounts)
        opened = [0, 0]
        for order in self.orders.values():
            if order.account in accounts:
                opened[order.sells] += order.reserved
        return bought + sold + sum(opened), bought - sold + opened[0], sold - bought + opened[1]

    def working(self, account: int) -> list[Order]:
        """Orders of an account that may trade."""
        return [order for order in self.orders.values() if order.account == account]

    def more(self, request: OrderRequest) -> tuple[int, int]:
        """Shares and value that a request may trade beyond the order that it replaces, if any.

        That is what its slot holds. If it is another order, the request does not pass.
        """
        shares, value = request.quantity, request.quantity * request.price
        old = self.orders.get(request.orig_user_ref_num % self.open_orders)
        if request.action != "U" or old is None:
            return shares, value
        further = max(0, shares - old.liability)
        if request.price < old.price:
            return further, value if further else 0
        worth = old.liability * old.price if old.replaces is None else old.beyond
        return further, max(0, value - worth)

    def find(self, token: int) -> Order | None:
        """The order of a UserRefNum, if there is one."""
        order = self.orders.get(token % self.open_orders)
        return order if order is not None and order.token == token else None

    def reserve(self, request: OrderRequest) -> None:
        """An order request passed: what it may trade counts from now on."""
        order = Order(
            request.user_ref_num,
            request.account,
            request.symbol,
            request.side != "B",
            request.quantity,
            request.price,
            request.strategy,
            *self.more(request),
        )
        self.traded[request.account].ordered += request.quantity
        self.traded[request.account].ordered_value += request.quantity * request.price
        if request.side in "TE":
            row = request.account, request.symbol
            self.located[row] = self.located.get(row, 0) + request.quantity
        if request.action == "U":
            old = self.find(request.orig_user_ref_num)
            if old is None:
                raise AssertionError("a replacement of no order passed")
            order.replaces, old.replaced_by = old.token, order.token
        self.orders[order.token % self.open_orders] = order

    def remove(self, order: Order) -> None:
        """An order works no more."""
        del self.orders[order.token % self.open_orders]

    def venue(self, update: Update) -> None:
        """Apply a venue message to the exposure."""
        order = self.find(update.user_ref_num)
        kind, quantity = update.message_type, update.quantity
        unknown = self.unknown
        if kind == "B":
            self._broken(update)
        elif order is None or kind not in "AMUJECD":
            self.unknown += 1
        elif kind == "U":
            self._replaced(order, update)
        elif kind in "AMCD" and order.replaces is not None:
            self.unknown += 1
        elif kind in "AM":
            self._lose(order, 0 if update.dead else quantity)
        elif kind in "CD":
            self._lose(order, max(0, order.remaining - quantity))
        elif kind == "J":
            self.die(order)
        else:
            self._executed(order, update)
        if order is not None and self.unknown == unknown:
            self._throttle(order, kind)

    def _lose(self, order: Order, remaining: int) -> None:
        """An order has so much left, for another reason than that it traded.

        What it lost its replacement may still trade, at the replacement's price.
        """
        lost = order.remaining - remaining
        order.remaining = remaining
        heir = None if order.replaced_by is None else self.find(order.replaced_by)
        if remaining and heir is not None:
            heir.remaining = max(0, heir.asked - order.liability)
            heir.beyond += max(0, lost) * heir.price
        self._bury(order)

    def _executed(self, order: Order, update: Update) -> None:
        fill = Fill(
            update.match_number,
            order.token,
            order.account,
            order.symbol,
            order.sells,
            update.quantity,
            update.price,
        )
        self._trade(fill, 1)
        self.fills[self._fill_place(update)] = fill
        if order.replaces is None:
            order.executed += fill.quantity
            order.remaining -= min(fill.quantity, order.remaining)
            self._bury(order)

    def _throttle(self, order: Order, kind: str) -> None:
        """The venue said something of an order that the gate has."""
        if kind == "E":
            self.executions[order.strategy] += 1
        if kind == "J":
            self.rejects[order.account] += 1
        elif kind in "AUE":
            self.rejects[order.account] = 0

    def _replaced(self, order: Order, update: Update) -> None:
        if order.replaces is None or order.replaces != update.orig_user_ref_num:
            self.unknown += 1
            return
        old = self.find(order.replaces)
        if old is not None:
            self.remove(old)
        order.replaces = None
        order.executed = 0 if old is None else old.executed
        order.remaining = 0 if update.dead else update.quantity
        self._bury(order)

    def _broken(self, update: Update) -> None:
        place = self._fill_place(update)
        fill = self.fills.get(place)
        if fill is None or (fill.match_number, fill.token) != (
            update.match_number,
            update.user_ref_num,
        ):
            self.unknown += 1
            return
        del self.fills[place]
        self._trade(fill, -1)

    def _fill_place(self, update: Update) -> int:
        bits = self.open_orders.bit_length() - 1
        mirrored = int(f"{update.user_ref_num % self.open_orders:0{bits}b}"[::-1], 2)
        return update.match_number % self.open_orders ^ mirrored

    def _trade(self, fill: Fill, times: int) -> None:
        """A fill happens, or (-1) has not happened."""
        row = fill.account, fill.symbol
        shares = -fill.quantity if fill.sells else fill.quantity
        self.position[row] = self.position.get(row, 0) + times * shares
        traded, value = self.traded[fill.account], times * fill.quantity * fill.price
        if fill.sells:
            traded.sold += value
        else:
            traded.bought += value

    def _bury(self, order: Order) -> None:
        if order.remaining == 0:
            self.die(order)

    def die(self, order: Order) -> None:
        """An order is gone, with the one that was to replace it."""
        self.remove(order)
        if order.replaced_by is not None and (heir := self.find(order.replaced_by)) is not None:
            self.remove(heir)
        if order.replaces is not None and (old := self.find(order.replaces)) is not None:
            old.replaced_by = None
