"""The order state machine: one table, every state against every event.

A step is *expected* or not. What a client asks for and is not expected is refused; what gate or
venue say and is not expected is still believed where it carries quantity (the venue's word on
fills is final), and counted as an anomaly.
"""

from enum import Enum
from typing import Final, NamedTuple


class State(Enum):
    """State of one order; a replacement is an order of its own."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    FILLED = "filled"
    CANCELED = "canceled"
    REPLACED = "replaced"
    REJECTED = "rejected"


TERMINAL: Final = frozenset((State.FILLED, State.CANCELED, State.REPLACED, State.REJECTED))


class Event(Enum):
    """What happens to one order."""

    PASS = "the gate let it through"
    REFUSE = "it did not leave: gate, card or restart"
    ACCEPT = "the venue accepted it"
    ACCEPT_DEAD = "the venue accepted and cancelled it at once"
    VENUE_REJECT = "the venue rejected it"
    FILL = "a fill that leaves something open"
    FILL_LAST = "a fill that leaves nothing open"
    REDUCE = "the venue took some of the open quantity off"
    CANCEL = "the venue took all of the open quantity off"
    ASK_CANCEL = "the client asks to cancel it"
    ASK_REPLACE = "the client asks to replace it"
    REQUEST_REFUSED = "the pending cancel or replace will not happen"
    REPLACE = "its replacement took its place"
    BREAK = "one of its fills is broken"


class Step(NamedTuple):
    """``to`` is the next state, None to stay, ``LIVE`` for the state that its quantities say."""

    to: State | str | None
    expected: bool


LIVE: Final = "live"
"""PENDING_NEW before the venue's answer, then NEW, or PARTIALLY_FILLED once something is filled."""

_STAY: Final = Step(None, True)
_ODD: Final = Step(None, False)

_FATE: Final = {
    Event.FILL_LAST: Step(State.FILLED, True),
    Event.CANCEL: Step(State.CANCELED, True),
    Event.ACCEPT_DEAD: Step(State.CANCELED, True),
}
_OPEN: Final = {
    **_FATE,
    Event.PASS: _STAY,
    Event.FILL: Step(State.PARTIALLY_FILLED, True),
    Event.REDUCE: Step(LIVE, True),
    Event.ASK_CANCEL: Step(State.PENDING_CANCEL, True),
    Event.ASK_REPLACE: Step(State.PENDING_REPLACE, True),
    Event.REQUEST_REFUSED: _STAY,
    Event.REPLACE: Step(State.REPLACED, True),
    Event.BREAK: Step(LIVE, True),
}
_PENDING: Final = {
    **_FATE,
    Event.PASS: _STAY,
    Event.FILL: _STAY,
    Event.REDUCE: _STAY,
    Event.REQUEST_REFUSED: Step(LIVE, True),
    Event.REPLACE: Step(State.REPLACED, True),
    Event.BREAK: _STAY,
}
_CLOSED: Final = {Event.PASS: _STAY, Event.REQUEST_REFUSED: _STAY, Event.BREAK: _STAY}

_ROWS: Final[dict[State, dict[Event, Step]]] = {
    State.PENDING_NEW: {
        **_FATE,
        Event.PASS: _STAY,
        Event.REFUSE: Step(State.REJECTED, True),
        Event.ACCEPT: Step(LIVE, True),
        Event.VENUE_REJECT: Step(State.REJECTED, True),
        Event.FILL: Step(State.PARTIALLY_FILLED, True),
        Event.REDUCE: _STAY,
        Event.ASK_CANCEL: Step(State.PENDING_CANCEL, True),
        Event.REQUEST_REFUSED: _STAY,
    },
    State.NEW: _OPEN,
    State.PARTIALLY_FILLED: _OPEN,
    State.PENDING_CANCEL: {
        **_PENDING,
        # The cancel overtook nothing: the order's own answers may still be on their way.
        Event.REFUSE: Step(State.REJECTED, True),
        Event.ACCEPT: _STAY,
        Event.VENUE_REJECT: Step(State.REJECTED, True),
    },
    State.PENDING_REPLACE: {**_PENDING, Event.ASK_CANCEL: Step(State.PENDING_CANCEL, True)},
    # Nothing is open any more, so the shares of a broken fill are gone for good.
    State.FILLED: {**_CLOSED, Event.BREAK: Step(State.CANCELED, True)},
    State.CANCELED: _CLOSED,
    State.REPLACED: _CLOSED,
    State.REJECTED: {
        **_CLOSED,
        Event.REFUSE: _STAY,
        # We had given it up, and the venue has it after all.
        Event.ACCEPT: Step(LIVE, False),
        Event.ACCEPT_DEAD: Step(State.CANCELED, False),
        Event.FILL: Step(State.PARTIALLY_FILLED, False),
        Event.FILL_LAST: Step(State.FILLED, False),
        Event.CANCEL: Step(State.CANCELED, False),
    },
}

TABLE: Final[dict[tuple[State, Event], Step]] = {
    (state, event): _ROWS[state].get(event, _ODD) for state in State for event in Event
}
"""Every pair; a pair that the rows above do not name stays where it is and is not expected."""
