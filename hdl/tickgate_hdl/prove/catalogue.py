"""The table of proofs."""

from tickgate_hdl.prove import accumulator, gate, limits

__all__ = ["PROOFS"]

PROOFS = {proof.name: proof for proof in (*accumulator.PROOFS, *limits.PROOFS, *gate.PROOFS)}
"""Proof by name, in the order of the table."""
