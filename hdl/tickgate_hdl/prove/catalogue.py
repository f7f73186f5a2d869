"""The table of proofs."""

from tickgate_hdl.prove import accumulator, gate, limits, references, venue

__all__ = ["PROOFS"]

PROOFS = {
    proof.name: proof for module in (accumulator, limits, references, venue, gate)
    for proof in module.PROOFS}
"""Proof by name, in the order of the table."""
