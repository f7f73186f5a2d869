"""The demo's summary: a page for a person, and one flat object of figures for a program."""

from collections.abc import Iterator, Sequence
from typing import Any

from tickgate.console.text import duration, money, quantity
from tickgate.engine.commands import Percentiles, State

from tickgate_sim.clients.trader import ClientSummary
from tickgate_sim.demo.judge import Verdict
from tickgate_sim.demo.settings import Settings

CYCLES = (
    ("tick to book, clock cycles", "book_cycles"),
    ("order through gate, clock cycles", "gate_cycles"),
    ("order in to first word out, cycles", "wire_cycles"),
)
HOST = (
    ("FIX order in to doorbell", "fix_to_doorbell_ns"),
    ("FIX in to report out", "fix_to_report_ns"),
)


def lines(
    state: State, venue: dict[str, Any], clients: Sequence[ClientSummary], verdict: Verdict
) -> Iterator[str]:
    """The summary, line by line."""
    card = state["card"]["counters"]
    yield "Summary"
    yield f"  ITCH messages seen by the card       {quantity(card.get('itch_messages', 0)):>12}"
    yield f"  order requests in                    {quantity(state['orders_in']):>12}"
    yield f"  sent to the exchange                 {quantity(state['orders_sent']):>12}"
    yield f"  refused                              {quantity(sum(state['rejected'].values())):>12}"
    for name, count in sorted(state["rejected"].items(), key=lambda item: -item[1]):
        yield f"      {name:<33}{quantity(count):>12}"
    yield f"  fills                                {quantity(state['fills']):>12}"
    yield ""
    yield "  client    account  orders  refused   fills      realised    unrealised  positions"
    for client in clients:
        rows = [row for row in state["positions"] if row["account"] == client.account]
        realised = money(sum(row["realised"] for row in rows))
        unrealised = money(sum(row["unrealised"] for row in rows))
        held = ", ".join(f"{row['symbol']} {row['position']:+,}" for row in rows if row["position"])
        yield (
            f"  {client.comp_id:<10}{client.account:<8}{client.orders_sent:>7}"
            f"{sum(client.rejects.values()):>9}{client.fills:>8}{realised:>14}{unrealised:>14}"
            f"  {held or 'flat'}"
        )
    yield ""
    yield f"  {'latency':<36}{'samples':>9}{'min':>10}{'p50':>10}{'p99':>10}{'max':>10}"
    for title, key in CYCLES:
        yield _distribution(title, state["latency"].get(key), quantity)
    for title, key in HOST:
        yield _distribution(title, state["latency"].get(key), duration)
    yield ""
    yield f"  positions agree with the exchange: {'yes' if verdict.positions_agree else 'no'}"
    for difference in verdict.differences:
        yield f"      differs: {difference}"


def decode_as(settings: Settings) -> str:
    """tshark's options for a recording: which port speaks what."""
    return (
        f"-d udp.port=={settings.feed_port},moldudp64 "
        f"-d tcp.port=={settings.ouch_port},soupbintcp"
    )


def figures(state: State, clients: Sequence[ClientSummary], verdict: Verdict) -> dict[str, int]:
    """The same as numbers."""
    out = {
        "demo.itch_messages": state["card"]["counters"].get("itch_messages", 0),
        "demo.orders_in": state["orders_in"],
        "demo.orders_sent": state["orders_sent"],
        "demo.rejects": sum(state["rejected"].values()),
        "demo.fills": state["fills"],
        "demo.clients": len(clients),
        "demo.positions_agree": int(verdict.positions_agree),
        "demo.differences": len(verdict.differences),
    }
    for name, count in state["rejected"].items():
        out[f"demo.rejects.{name}"] = count
    for name, values in state["latency"].items():
        out |= {
            f"demo.{name}.min": values["min"],
            f"demo.{name}.p50": values["p50"],
            f"demo.{name}.p99": values["p99"],
            f"demo.{name}.max": values["max"],
        }
    return out


def _distribution(title: str, values: Percentiles | None, unit: Any) -> str:
    if values is None or not values["count"]:
        return f"  {title:<36}{0:>9}"
    shown = "".join(
        f"{unit(value):>10}"
        for value in (values["min"], values["p50"], values["p99"], values["max"])
    )
    return f"  {title:<36}{quantity(values['count']):>9}{shown}"
