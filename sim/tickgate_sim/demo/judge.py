"""Whether everyone agrees: the engine, the exchange's own records, and each client's own books."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tickgate.engine.commands import State

from tickgate_sim.clients.trader import ClientSummary


@dataclass
class Verdict:
    """What was compared and what differed; ``positions_agree`` is about exchange and engine."""

    positions_agree: bool
    differences: list[str] = field(default_factory=list)

    @property
    def all_agree(self) -> bool:
        """Whether nothing at all differed."""
        return self.positions_agree and not self.differences


def judge(state: State, venue: dict[str, Any], clients: Sequence[ClientSummary]) -> Verdict:
    """Compare the engine with one user's ``records`` of the exchange, and with the clients."""
    ours = Counter[str]()
    for row in state["positions"]:
        ours[row["symbol"]] += row["position"]
    theirs = Counter({symbol: int(shares) for symbol, shares in venue["positions"].items()})
    verdict = Verdict(positions_agree=True)
    for symbol in sorted(ours.keys() | theirs.keys()):
        if ours[symbol] != theirs[symbol]:
            verdict.positions_agree = False
            verdict.differences.append(
                f"{symbol}: engine {ours[symbol]:+,}, exchange {theirs[symbol]:+,}"
            )
    cash = sum(row["cash"] for row in state["positions"])
    if cash != venue["cash"]:
        verdict.positions_agree = False
        verdict.differences.append(f"cash: engine {cash:,}, exchange {venue['cash']:,}")
    if state["fills"] != len(venue["fills"]):
        verdict.differences.append(
            f"fills: engine {state['fills']:,}, exchange {len(venue['fills']):,}"
        )
    if venue["open_orders"]:
        verdict.differences.append(f"{len(venue['open_orders'])} orders are open at the exchange")
    for client in clients:
        verdict.differences += _client(state, client)
    return verdict


def _client(state: State, client: ClientSummary) -> list[str]:
    rows = [row for row in state["positions"] if row["account"] == client.account]
    differences = []
    for symbol, shares in client.positions.items():
        ours = sum(row["position"] for row in rows if row["symbol"] == symbol)
        if ours != shares:
            differences.append(f"{client.comp_id} {symbol}: engine {ours:+,}, client {shares:+,}")
    cash = sum(row["cash"] for row in rows)
    if cash != client.cash:
        differences.append(f"{client.comp_id} cash: engine {cash:,}, client {client.cash:,}")
    if client.unanswered:
        differences.append(f"{client.comp_id}: {len(client.unanswered)} orders were never answered")
    if client.unknown_reports:
        differences.append(f"{client.comp_id}: {client.unknown_reports} reports of unknown orders")
    return [*differences, *(f"{client.comp_id}: {problem}" for problem in client.problems)]
