"""The flow of the proofs, without the tools: faults that can be planted, names, and the table."""

import importlib.util
from pathlib import Path

import pytest
from tickgate_hdl.prove.catalogue import PROOFS
from tickgate_hdl.prove.induction import Outcome
from tickgate_hdl.prove.mutation import Mutation, MutationError, plant
from tickgate_hdl.prove.opened import Opened
from tickgate_hdl.prove.report import figures, lines
from tickgate_hdl.risk.accumulator import Accumulator

PROVED = Outcome(holds=True, cycle=-1, finished=True, seconds=1)
FAILS = Outcome(holds=False, cycle=3, finished=True, seconds=1)
STOPPED = Outcome(holds=False, cycle=-1, finished=False, seconds=1)


@pytest.mark.parametrize("name", PROOFS)
def test_each_proof_has_faults_whose_text_is_in_the_gateware_once(name):
    assert PROOFS[name].mutations
    for fault in PROOFS[name].mutations:
        spec = importlib.util.find_spec(f"tickgate_hdl.{fault.module}")
        assert Path(spec.origin).read_text().count(fault.old) == 1, fault.name
        assert fault.new != fault.old


def test_a_fault_whose_text_is_not_there_is_refused():
    with pytest.raises(MutationError, match=r"must be in .* once"):
        plant(Mutation("none", "risk.accumulator", "no such text", ""))


def test_signals_of_a_component_are_found_by_name():
    opened = Opened(Accumulator(4, 8))
    assert opened["committed"].name == "committed"
    with pytest.raises(KeyError, match="one signal nothing, were 0"):
        opened["nothing"]


def test_what_was_not_finished_is_neither_proved_nor_caught():
    proof = PROOFS["limits.firm.latency"]
    count = len(proof.mutations)
    assert figures([(proof, [PROVED] + [FAILS] * count)]) == {
        "gate.properties_proved": 1, "gate.properties_unproved": 0,
        "gate.mutations_caught": count, "gate.mutations_missed": 0}
    assert figures([(proof, [STOPPED] * (count + 1))]) == {
        "gate.properties_proved": 0, "gate.properties_unproved": 1,
        "gate.mutations_caught": 0, "gate.mutations_missed": count}
    table = lines(proof, [STOPPED, FAILS, STOPPED])
    assert "NOT FINISHED" in table[0]
    assert table[-2].endswith("caught, fails 3 cycles after reset")
    assert table[-1].endswith("MISSED")
