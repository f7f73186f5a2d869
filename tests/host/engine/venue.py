"""A venue in plain Python."""

from typing import TYPE_CHECKING, Any

from tickgate.records.messages import OrderRequest, VenueMessage

if TYPE_CHECKING:
    from tests.host.engine.card import Card


class Venue:
    """A venue without matching: tests say what it does. Keeps every message for replay."""

    def __init__(self) -> None:
        self.session = "S1"
        self.log: list[VenueMessage] = []
        self.orders: dict[int, dict[str, Any]] = {}
        self.received: list[OrderRequest] = []
        self.card: Card | None = None
        self.silent = False

    def say(self, **fields: Any) -> None:
        message = VenueMessage(soup_sequence=len(self.log) + 1, **fields)
        self.log.append(message)
        if self.card is not None and self.card.logged_in:
            self.card.emit(message)

    def take(self, request: OrderRequest) -> None:
        self.received.append(request)
        if self.silent:
            return
        token = request.user_ref_num
        if request.action == "O":
            self.orders[token] = {"open": request.quantity, "side": request.side, "done": 0}
            self.say(
                user_ref_num=token,
                message_type="A",
                code="L",
                quantity=request.quantity,
                price=request.price,
            )
        elif request.action == "U":
            old = self.orders.get(request.orig_user_ref_num)
            if old and old["open"]:
                left = request.quantity - old["done"]
                self.orders[token] = {"open": left, "side": old["side"], "done": old["done"]}
                old["open"] = 0
                self.say(
                    user_ref_num=token,
                    orig_user_ref_num=request.orig_user_ref_num,
                    message_type="U",
                    code="L",
                    quantity=left,
                    price=request.price,
                )
        elif self.orders.get(token, {}).get("open"):
            self.say(
                user_ref_num=token,
                message_type="C",
                code="U",
                quantity=self.orders[token]["open"],
            )
            self.orders[token]["open"] = 0

    def fill(self, token: int, quantity: int, price: int) -> int:
        match = len(self.log) + 1000
        self.orders[token]["open"] -= quantity
        self.orders[token]["done"] += quantity
        self.say(
            user_ref_num=token,
            message_type="E",
            code="A",
            quantity=quantity,
            price=price,
            reference=match,
        )
        return match

    def broken(self, token: int, match: int) -> None:
        self.say(user_ref_num=token, message_type="B", code="E", reference=match)
