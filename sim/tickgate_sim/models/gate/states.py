"""States of the card that an order is judged by: arming, watchdog, lease, kill switches."""

__all__ = ["States"]


class States:
    """States after reset. A caller says when a millisecond passes."""

    def __init__(self) -> None:
        self.ms = 0
        """Milliseconds since reset."""
        self.generation = 0
        self.armed = False
        self.armed_with = 0  # generation in force when the gate was last armed
        self.watchdog_timeout = 0
        self.watchdog_left = 0
        self.cancel_ms = 0
        self.cancel_left = 0
        self.cancel_due = False
        self.lease_ms = 0
        self.lease_left = 0
        self.session_up = False
        self.events_room = False
        self.kill_all = False
        self.kill_session = 0
        self.kill_account = 0
        self.kill_symbol = 0
        self.kill_strategy = 0

    @property
    def watchdog_ok(self) -> bool:
        """Whether the host touched the watchdog in time."""
        return self.watchdog_left > 0 and self.watchdog_timeout > 0

    def tick(self) -> bool:
        """A millisecond passes. Returns whether the watchdog ran out by it."""
        was = self.watchdog_ok
        self.ms += 1
        self.cancel_due = self.cancel_due or self.cancel_left == 1
        self.cancel_left = max(0, self.cancel_left - 1)
        self.watchdog_left = max(0, self.watchdog_left - 1)
        self.lease_left = max(0, self.lease_left - 1)
        self.armed = self.armed and self.watchdog_ok
        if was and not self.watchdog_ok:
            self.cancel_left = self.cancel_ms
            return True
        return False

    def touch(self) -> None:
        """The host touches the watchdog."""
        self.watchdog_left = self.watchdog_timeout
        self.cancel_left, self.cancel_due = 0, False

    def set_timeout(self, ms: int) -> None:
        """The host sets the time between touches; 0 is out at once."""
        if self.watchdog_ok and ms == 0:
            self.cancel_left = self.cancel_ms
        self.watchdog_timeout = ms
        if self.watchdog_ok:
            self.cancel_left, self.cancel_due = 0, False

    def set_cancel(self, ms: int) -> None:
        """The host sets when the second stage follows the first; 0 switches it off at once."""
        self.cancel_ms = ms
        if ms == 0:
            self.cancel_left, self.cancel_due = 0, False

    def renew(self, generation: int) -> None:
        """The host says that the limits of a generation are right."""
        if generation == self.generation != 0:
            self.lease_left = self.lease_ms

    @property
    def generation_used(self) -> bool:
        """Whether the gate was last armed with the limits in force."""
        return self.generation == self.armed_with != 0

    def arm(self) -> None:
        """The host asks to arm; a gate that was disarmed needs another generation than then."""
        if self.generation != 0 and self.watchdog_ok and not self.generation_used:
            self.armed, self.armed_with = True, self.generation
