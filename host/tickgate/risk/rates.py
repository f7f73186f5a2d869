"""How fast each account sends: the gate's token bucket, as the host can know it."""

from dataclasses import dataclass

from tickgate.risk.image import MESSAGE_COST

_NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Bucket:
    """What an account has spent; the gate's own may differ by a millisecond's refill."""

    spent: int = 0
    """In 1/1000 messages."""
    seen_ms: int = 0

    def spend(self, now_ns: int, rate: int) -> None:
        """Count a message that is sent at ``now_ns``."""
        self.spent = self.left(now_ns, rate) + MESSAGE_COST
        self.seen_ms = now_ns // _NS_PER_MS

    def left(self, now_ns: int, rate: int) -> int:
        """What of ``spent`` has not flowed back by ``now_ns``."""
        return max(0, self.spent - rate * max(0, now_ns // _NS_PER_MS - self.seen_ms))

    def allows(self, now_ns: int, rate: int, burst: int) -> bool:
        """Whether there is room for a message at ``now_ns``."""
        return self.left(now_ns, rate) + MESSAGE_COST <= burst * MESSAGE_COST
