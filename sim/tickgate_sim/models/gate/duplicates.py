"""Orders that passed lately, by which a duplicate is known."""

from tickgate.records.messages import OrderRequest

__all__ = ["Duplicates"]

_Key = tuple[int, int, str, int, int]


class Duplicates:
    """As many places as a card of so many accounts has; each keeps one enter that passed."""

    def __init__(self, *, accounts: int, places: int) -> None:
        self._accounts, self._places = accounts, places
        self.recent: dict[int, tuple[_Key, int]] = {}
        """By place: an enter that passed, and when in ms."""
        self.forgotten = 0

    def known(self, request: OrderRequest, ms: int, window: int) -> bool:
        """Whether an enter like it passed less than ``window`` ms ago, and is remembered."""
        before, passed = self.recent.get(self._place(request), ((), 0))
        return before == _order_key(request) and ms - passed < window

    def remember(self, request: OrderRequest, ms: int, window: int) -> None:
        """An enter passed; what has its place is forgotten, perhaps too early."""
        place, key = self._place(request), _order_key(request)
        before = self.recent.get(place)
        if before is not None and before[0] != key and ms - before[1] < window:
            self.forgotten += 1
        self.recent[place] = key, ms

    def _place(self, request: OrderRequest) -> int:
        """Place of an enter: its price from bit 2 on, bits 1 and 0 on top; its quantity, mirrored;
        its symbol; and its account in the highest bits. All of them, exclusive or."""
        bits = self._places.bit_length() - 1
        low = self._places - 1
        price = (request.price >> 2) & (low >> 2) | (request.price & 3) << (bits - 2)
        quantity = int(f"{request.quantity & low:0{bits}b}"[::-1], 2)
        account = request.account << (bits - (self._accounts - 1).bit_length())
        return price ^ quantity ^ request.symbol & low ^ account


def _order_key(request: OrderRequest) -> _Key:
    return request.account, request.symbol, request.side, request.price, request.quantity
