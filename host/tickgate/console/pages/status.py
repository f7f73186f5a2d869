"""The words of the header: what state the gateway is in, in one word and an icon, never by
colour alone."""

from dataclasses import dataclass

from tickgate.console.text import is_stopped, killed
from tickgate.engine.commands import State


@dataclass(frozen=True)
class Word:
    """One status: its text, Material icon, colour class, and what it means."""

    text: str
    icon: str
    colour: str
    meaning: str


def system_word(state: State | None, stale: bool, error: str) -> Word:
    """The state of the whole gateway, the worst first."""
    if state is None or stale:
        return Word("NO ENGINE", "cloud_off", "bad", error or "the engine does not answer")
    card = state["card"]
    if not card["connected"]:
        return Word("CARD GONE", "memory", "bad", card["reason"])
    if state["kill"]["all"]:
        return Word("KILLED", "block", "bad", "the kill switch is on for all orders; cancels pass")
    if not card["armed"]:
        return Word("CLOSED", "lock", "warn", "the gate is not armed: only cancels pass")
    if not card["session_up"]:
        return Word("VENUE DOWN", "link_off", "bad", "the venue session is not logged in")
    if state["exposure"]["drifts"]:
        where = ", ".join(f"{x['account']} {x['symbol']}" for x in state["exposure"]["drifts"])
        meaning = f"card and host disagree on shares: {where}; see Sessions"
        return Word("EXPOSURE DRIFT", "balance", "bad", meaning)
    partly = killed(state["kill"])
    if partly:
        return Word("PARTLY KILLED", "remove_circle", "warn", "killed: " + ", ".join(partly))
    stopped = [row["name"] for row in state["throttles"] if is_stopped(row)]
    if stopped:
        meaning = (
            "a throttle refuses orders until a person lets them go on: "
            f"{', '.join(stopped)}; see Limits"
        )
        return Word("THROTTLED", "front_hand", "warn", meaning)
    near = state["warnings"]["standing"]
    if near:
        most = max(row["percent"] for row in near)
        meaning = f"limits used up to a warning: {len(near)}, one to {most} %; see Limits"
        return Word("NEAR A LIMIT", "warning", "warn", meaning)
    return Word("ARMED", "verified_user", "good", "orders within their limits pass")
