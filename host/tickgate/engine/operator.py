"""Operators' commands, carried out; see ``tickgate.engine.commands`` for their arguments."""

import time
from collections.abc import Callable
from typing import Any

from tickgate.card.errors import CardError
from tickgate.card.kills import KillScope
from tickgate.engine.cardlink import CardLink
from tickgate.engine.commands import WHY_MAX, KillState
from tickgate.engine.commandserver import CommandError
from tickgate.engine.core import Core
from tickgate.engine.inputs import Command, Input
from tickgate.engine.kills import SCOPES
from tickgate.engine.preview import Preview
from tickgate.engine.stateview import StateView, kill_state
from tickgate.execution.effects import Effect, Submit
from tickgate.risk.limits import LimitsError, parse
from tickgate.risk.throttles import THROTTLES

ORDERS_MAX = 1000


class Operator:
    """Journals and carries out commands."""

    def __init__(
        self,
        core: Core,
        link: CardLink,
        view: StateView,
        preview: Preview,
        take: Callable[[Input], list[Effect]],
        stop: Callable[[], None],
        send: Callable[[], None],
    ) -> None:
        """``take`` journals an input and gives its effects; ``send`` lets out what is due."""
        self._core = core
        self._link = link
        self._view = view
        self._preview = preview
        self._take = take
        self._stop = stop
        self._send = send

    def execute(self, actor: str, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command. Raises CommandError when it is refused."""
        handler = {
            "state": self._state,
            "orders": self._orders,
            "limits": self._limits,
            "set_limits": self._set_limits,
            "rollback": self._roll_back_limits,
            "preview": self._would_pass,
            "kill": self._kill,
            "resume": self._resume,
            "arm": self._arm,
            "disarm": self._disarm,
            "shutdown": self._shutdown,
        }.get(command)
        if handler is None:
            raise CommandError(f"unknown command {command!r}")
        try:
            return handler(actor, arguments)
        except (CardError, LimitsError) as error:
            raise CommandError(str(error)) from error

    def _state(self, _actor: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        return dict(self._view.state(time.time_ns()))

    def _orders(self, _actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        limit = arguments.get("limit", 100)
        if type(limit) is not int or not 0 < limit <= ORDERS_MAX:
            raise CommandError(f"limit must be 1 to {ORDERS_MAX}, was {limit!r}")
        return {"orders": self._view.orders(limit)}

    def _limits(self, _actor: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        core = self._core
        earlier = core.previous
        return {
            "toml": core.limits_toml,
            "generation": core.generation,
            "hash": core.limits_hash,
            "previous": earlier and {"toml": earlier.toml, "generation": earlier.generation},
        }

    def _set_limits(self, actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        toml = arguments.get("toml")
        if not isinstance(toml, str):
            raise CommandError("toml must be the text of the limits")
        limits = parse(toml)
        self._link.image(limits)  # refuses names that are not configured, before anything is done
        self._take(Command(actor, "set_limits", {"hash": limits.hash()}))
        return {"generation": self._link.upload(limits)}

    def _roll_back_limits(self, actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        why, expected = arguments.get("why", ""), arguments.get("previous")
        if not isinstance(why, str) or len(why) > WHY_MAX or not why.isprintable():
            raise CommandError(f"why must be at most {WHY_MAX} printable characters")
        if expected is not None and type(expected) is not int:
            raise CommandError("previous must be a generation")
        earlier = self._core.previous
        if earlier is None:
            raise CommandError("nothing to roll back to: no other limits were in force before")
        if expected is not None and expected != earlier.generation:
            raise CommandError(
                f"a roll back would restore generation {earlier.generation}, not {expected}: the "
                "limits were changed meanwhile"
            )
        try:
            limits = parse(earlier.toml)
            self._link.image(limits)  # as for new limits
        except LimitsError as error:
            raise CommandError(
                f"the limits of generation {earlier.generation} can't be put into force any more: "
                f"{error}"
            ) from error
        wanted = {"why": why, "hash": limits.hash(), "restores": earlier.generation}
        self._take(Command(actor, "rollback", wanted))
        reason = f"rolled back to those of generation {earlier.generation}"
        return {
            "generation": self._link.upload(limits, reason=reason),
            "restored": earlier.generation,
            "hash": limits.hash(),
        }

    def _would_pass(self, _actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return dict(self._preview.answer(arguments))

    def _kill(self, actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        received_ns = time.time_ns()
        scope, index, wanted = self._kill_target(arguments)
        requested = arguments.get("requested_ns")
        effects = self._take(Command(actor, "kill", wanted))
        try:
            confirmed_ns = self._link.kill(scope, index, wanted["on"])
        except CardError as error:
            raise CommandError(
                f"noted, and set as soon as a card is there, before its gate is armed: {error}"
            ) from error
        finally:
            self._send()
        return {
            "requested_ns": requested if type(requested) is int else received_ns,
            "received_ns": received_ns,
            "confirmed_ns": confirmed_ns,
            "cancels_sent": sum(isinstance(effect, Submit) for effect in effects),
            "kill": self._kill_state(),
        }

    def _kill_target(
        self, arguments: dict[str, Any]
    ) -> tuple[KillScope, int | None, dict[str, Any]]:
        scope, target = arguments.get("scope"), arguments.get("target")
        on, cancel = arguments.get("on", True), arguments.get("cancel", False)
        if scope not in SCOPES:
            raise CommandError(f"scope must be one of {', '.join(SCOPES)}, was {scope!r}")
        if not isinstance(on, bool) or not isinstance(cancel, bool):
            raise CommandError("on and cancel must be true or false")
        wanted = {"scope": scope, "target": target, "on": on, "cancel": cancel}
        if scope == "all":
            if target is not None:
                raise CommandError("scope all has no target")
            return "all", None, wanted
        return scope, self._index(scope, target), wanted

    def _index(self, scope: KillScope, target: object) -> int:
        """The card's row of a name. Raises CommandError for one that is not configured."""
        names = self._core.names(scope)
        if target not in names:
            raise CommandError(f"{scope} must be one of {', '.join(names)}, was {target!r}")
        return names.index(str(target))

    def _resume(self, actor: str, arguments: dict[str, Any]) -> dict[str, Any]:
        scope: Any = arguments.get("scope")
        target = arguments.get("target")
        if scope not in THROTTLES:
            raise CommandError(f"scope must be one of {', '.join(THROTTLES)}, was {scope!r}")
        index = self._index(scope, target)
        counted = self._link.throttle(scope, index)
        self._take(Command(actor, "resume", {"scope": scope, "target": target}))
        self._link.resume(scope, index)
        return {"counted": counted}

    def _kill_state(self) -> KillState:
        return kill_state(self._core)

    def _arm(self, actor: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        if self._core.unsettled and self._link.settled is None:
            raise CommandError(f"the card is not ready to be armed: {self._link.reason}")
        self._take(Command(actor, "arm"))
        return {"generation": self._link.arm()}

    def _disarm(self, actor: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        self._take(Command(actor, "disarm"))
        self._link.disarm()
        return {}

    def _shutdown(self, actor: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        self._take(Command(actor, "shutdown"))
        self._stop()
        return {}
