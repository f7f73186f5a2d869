"""Distributions of times and cycle counts in integer buckets."""

from collections.abc import Iterable

from tickgate.engine.commands import Percentiles

_BITS = 5
_SUB = 1 << _BITS
"""Buckets of a power of two: a value is known to 1 part in 32."""


class Histogram:
    """Counts of values from 0 up; exact below 64, to about 3 % above."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = 0
        self._min = 0
        self._max = 0

    def add(self, value: int) -> None:
        """Take one value in; a negative one counts as 0."""
        value = max(0, value)
        self._min = value if not self._count else min(self._min, value)
        self._max = max(self._max, value)
        self._count += 1
        bucket = _bucket(value)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def extend(self, values: Iterable[int]) -> None:
        """Take several values in."""
        for value in values:
            self.add(value)

    def percentiles(self) -> Percentiles:
        """Count, extremes and percentiles (upper edge of the bucket, at most the largest value)."""
        return Percentiles(
            count=self._count,
            min=self._min,
            p50=self._at(500),
            p99=self._at(990),
            p999=self._at(999),
            max=self._max,
        )

    def _at(self, permille: int) -> int:
        rank = -(-self._count * permille // 1000)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(_upper(bucket), self._max)
        return 0


def _bucket(value: int) -> int:
    shift = max(0, value.bit_length() - _BITS - 1)
    return (shift << _BITS) + (value >> shift)


def _upper(bucket: int) -> int:
    if bucket < 2 * _SUB:
        return bucket
    shift = (bucket >> _BITS) - 1
    top = bucket - (shift << _BITS)
    return ((top + 1) << shift) - 1
