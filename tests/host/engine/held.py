"""What a card holds, from what it let through and what the venue said: docs/gate.md, "Exposure"."""

from dataclasses import dataclass

from tickgate.records.messages import OrderRequest, VenueMessage


@dataclass
class _Order:
    row: tuple[int, int]
    side: str
    shares: int
    replaces: int = 0


class HeldShares:
    """Position and open shares by account and symbol; tests add to ``drift`` what is wrong."""

    def __init__(self) -> None:
        self.positions: dict[tuple[int, int], int] = {}
        self.drift: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._orders: dict[int, _Order] = {}

    def exposure(self, account: int, symbol: int) -> tuple[int, int, int]:
        row = account, symbol
        mine = [order for order in self._orders.values() if order.row == row]
        buys = sum(order.shares for order in mine if order.side == "B")
        sells = sum(order.shares for order in mine if order.side != "B")
        more = self.drift.get(row, (0, 0, 0))
        return self.positions.get(row, 0) + more[0], buys + more[1], sells + more[2]

    def reserve(self, request: OrderRequest) -> None:
        if request.action != "X":
            row = request.account, request.symbol
            self._orders[request.user_ref_num] = _Order(
                row, request.side, request.quantity, request.orig_user_ref_num
            )

    def tell(self, message: VenueMessage) -> None:
        token = message.user_ref_num
        order = self._orders.get(token)
        if order is None:
            return
        match message.message_type:
            case "A":
                order.shares = message.quantity
            case "U":
                self._orders.pop(message.orig_user_ref_num, None)
                order.shares, order.replaces = message.quantity, 0
            case "E":
                signed = message.quantity if order.side == "B" else -message.quantity
                self.positions[order.row] = self.positions.get(order.row, 0) + signed
                order.shares -= message.quantity
            case "C":
                order.shares -= message.quantity
        if not order.shares:
            del self._orders[token]
            for heir, other in list(self._orders.items()):
                if other.replaces == token:
                    del self._orders[heir]
