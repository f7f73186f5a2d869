"""Whatever bytes a client sends as OUCH, the exchange stays whole and goes on for everyone."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tickgate.protocols import ouch50
from tickgate.protocols.ouch50 import Option

GOOD = [
    ouch50.CancelOrder(user_ref_num=1, quantity=10),
    ouch50.ModifyOrder(user_ref_num=1, side="B", quantity=10),
    ouch50.MassCancel(user_ref_num=2, firm="ALFA", symbol="AAPL", appendage=(Option(24, 0),)),
    ouch50.DisableOrderEntry(user_ref_num=3, firm="ALFA"),
    ouch50.EnableOrderEntry(user_ref_num=3, firm="ALFA"),
    ouch50.AccountQuery(appendage=(Option(28, 3),)),
]


@st.composite
def damaged(draw: Any, originals: list[bytes]) -> bytes:
    """A good message with some bytes changed, and maybe cut or lengthened."""
    data = bytearray(draw(st.sampled_from(originals)))
    for position, value in draw(
        st.lists(st.tuples(st.integers(1, len(data) - 1), st.integers(0, 255)), max_size=3)
    ):
        data[position] = value
    return bytes(data[: draw(st.sampled_from([None, None, None, 1, len(data) - 1]))])


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_messages_hurt_nobody(
    make_day: Any, enter: Any, replace: Any, data: st.DataObject
) -> None:
    day = make_day(orders_per_side=3)
    day.open()
    originals = [
        message.encode()
        for message in (
            *GOOD,
            enter(5, "B", 100, 100_0100, appendage=(Option(2, "ALFA"), Option(12, "N"))),
            enter(4000, "S", 100, 99_0000, display="N"),
            replace(1, 6, 100, 100_0000),
        )
    ]
    sent = data.draw(st.lists(st.one_of(damaged(originals), st.binary(max_size=70)), max_size=25))
    day.ask("ALICE", enter(1, "B", 100, 99_0000))
    for message in sent:
        day.ask("ALICE", message)
    port = day.exchange.ports["ALICE"]
    undecodable = port.ignored["malformed"] + port.ignored["unknown_type"]
    assert sum(arrivals.count for arrivals in port.arrivals.values()) + undecodable == (
        1 + len(sent)
    )
    assert day.ask("BOB", enter(1, "B", 1, 1_0000))[0].message_type == "A"
