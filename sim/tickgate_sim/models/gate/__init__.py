"""Golden model of the risk gate: one operation after the other, plain Python.

It shares no logic with the gateware: checks, exposure and image are written again from
``docs/gate.md``, from the rules' side. It has no clock; a caller says what happens in which order.

Here: what the gate decides and keeps. Not here: cycles, ports and random traffic, which are in
``tickgate_sim.tb``.
"""

from tickgate_sim.models.gate.exposure import Order
from tickgate_sim.models.gate.image import Limits
from tickgate_sim.models.gate.inputs import References, Top, Update, Verdict
from tickgate_sim.models.gate.model import GateModel

__all__ = ["GateModel", "Limits", "Order", "References", "Top", "Update", "Verdict"]
