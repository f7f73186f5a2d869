"""The exchange's time of day."""

import time

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


class DayClock:
    """Nanoseconds since the UTC midnight before the start; never steps back, never wraps.

    The wall clock is read once; from then on the monotonic clock counts, so a correction of the
    wall clock cannot reorder the feed. A process that runs past midnight counts on.
    """

    def __init__(self) -> None:
        wall = time.time_ns()
        self.midnight_utc_ns = wall - wall % DAY_NS
        self._offset = wall - self.midnight_utc_ns - time.monotonic_ns()

    def __call__(self) -> int:
        return time.monotonic_ns() + self._offset

    def utc_ns(self, time_of_day: int) -> int:
        """UTC nanoseconds since the epoch of a time of this day."""
        return self.midnight_utc_ns + time_of_day
