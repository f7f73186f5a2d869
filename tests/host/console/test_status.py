"""The word of the header: the worst of what is the matter."""

import pytest
from tickgate.console.pages.status import system_word


def state(**more):
    card = {"connected": True, "reason": "", "armed": True, "session_up": True}
    kill = {"all": False, "sessions": [], "accounts": [], "symbols": [], "strategies": []}
    return {
        "card": {**card, **more.get("card", {})},
        "kill": {**kill, **more.get("kill", {})},
        "exposure": {"drifts": more.get("drifts", [])},
        "warnings": {"standing": more.get("warnings", [])},
        "throttles": [
            {"scope": "strategy", "name": "MAKER", "counted": 4, "most": 5},
            {"scope": "account", "name": "UNSET", "counted": 0, "most": 0},
            *more.get("throttles", []),
        ],
    }


DRIFT = {"account": "ALPHA", "symbol": "AAPL"}
WARNINGS = [{"percent": 80}, {"percent": 95}]
STOPPED = [{"scope": "strategy", "name": "TAKER", "counted": 5, "most": 5}]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"card": {"connected": False}, "kill": {"all": True}}, "CARD GONE"),
        ({"kill": {"all": True}, "drifts": [DRIFT]}, "KILLED"),
        ({"card": {"armed": False}, "drifts": [DRIFT]}, "CLOSED"),
        ({"card": {"session_up": False}, "drifts": [DRIFT]}, "VENUE DOWN"),
        ({"kill": {"accounts": ["BETA"]}, "drifts": [DRIFT]}, "EXPOSURE DRIFT"),
        ({"kill": {"accounts": ["BETA"]}, "warnings": WARNINGS}, "PARTLY KILLED"),
        ({"kill": {"strategies": ["MAKER"]}, "throttles": STOPPED}, "PARTLY KILLED"),
        ({"throttles": STOPPED, "warnings": WARNINGS}, "THROTTLED"),
        ({"warnings": WARNINGS}, "NEAR A LIMIT"),
        ({}, "ARMED"),
    ],
)
def test_the_worst_comes_first(more, word) -> None:
    assert system_word(state(**more), False, "").text == word


def test_a_drift_is_named() -> None:
    assert "ALPHA AAPL" in system_word(state(drifts=[DRIFT]), False, "").meaning


def test_warnings_are_counted_and_the_highest_is_said() -> None:
    assert "2, one to 95 %" in system_word(state(warnings=WARNINGS), False, "").meaning


def test_an_engine_that_does_not_answer() -> None:
    assert system_word(None, False, "").text == "NO ENGINE"
    assert system_word(state(), True, "why").meaning == "why"
