"""The engine dies by SIGKILL three times while clients trade; every book agrees afterwards."""

from collections import Counter
from functools import partial

import pytest

from tests.system.machine.rig import Rig, until

pytestmark = pytest.mark.system

DEATHS = 3


def more(rig: Rig, orders: int, fills: int) -> bool:
    """Whether the exchange has seen more orders and fills than these."""
    return rig.arrived() > orders and len(rig.records()["fills"]) > fills


def test_engine_killed_in_mid_flow(running: Rig) -> None:
    trading = running.trade_aside(20.0)
    for death in range(1, DEATHS + 1):
        reached, fills = running.arrived(), len(running.records()["fills"])
        until(partial(more, running, reached + 60, fills + 20), "orders and fills flow")
        assert not trading.over, "the clients ended before the engine was killed"
        running.process("engine").kill()
        running.machine.start_engine()
        print(f"death {death} after {running.arrived()} orders at the exchange")
    assert not trading.over, "the last death was after the trading"
    clients = trading.join()
    verdict = running.verdict(clients)
    assert verdict.all_agree, verdict.differences

    for client in clients:
        assert client.logons >= 1 + DEATHS
        assert not client.unanswered
        assert not client.problems
        assert client.fills
    state, records = running.state(), running.records()
    assert sum(client.fills for client in clients) == state["fills"] == len(records["fills"])
    # No order was sent twice: tokens and ClOrdIDs are each there once. A replace that a fill
    # overtook is passed over by the exchange in silence, as OUCH has it; nothing else is.
    assert set(records["ignored"]) <= {"replace_not_live"}
    assert running.arrived() == state["card"]["counters"]["orders_passed"]
    executions = Counter((f["match_number"], f["user_ref_num"]) for f in records["fills"])
    assert executions.most_common(1)[0][1] == 1
    names = Counter((row["comp_id"], row["cl_ord_id"]) for row in running.orders())
    assert names.most_common(1)[0][1] == 1
    orders_of_clients = sum(client.orders_sent + client.replaces_sent for client in clients)
    assert running.arrived() <= orders_of_clients
