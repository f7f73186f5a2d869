"""The table of proofs."""

from tickgate_hdl.prove import accumulator, gate, limits, references, self_match, venue

__all__ = ["PROOFS"]

PROOFS = {
    proof.name: proof for module in (accumulator, limits, references, venue, self_match, gate)
    for proof in module.PROOFS}
"""Proof by name, in the order of the table."""
