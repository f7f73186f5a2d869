"""The table of proofs."""

from tickgate_hdl.prove import accumulator

__all__ = ["PROOFS"]

PROOFS = {proof.name: proof for proof in (*accumulator.PROOFS,)}
"""Proof by name, in the order of the table."""
