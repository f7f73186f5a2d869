"""What the flow tells: a table to read, and figures by name."""

from textwrap import wrap

__all__ = ["figures", "lines"]

_WIDTH = 100


def figures(results):
    """Return the figures of a run: ``results`` is pairs of a proof and its outcomes."""
    proved = sum(outcomes[0].holds for _, outcomes in results)
    caught = sum(each.refuted for _, outcomes in results for each in outcomes[1:])
    faults = sum(len(outcomes) - 1 for _, outcomes in results)
    return {
        "gate.properties_proved": proved,
        "gate.properties_unproved": len(results) - proved,
        "gate.mutations_caught": caught,
        "gate.mutations_missed": faults - caught,
    }


def lines(proof, outcomes):
    """Return the lines of the table that tell of a proof and its planted faults."""
    first = outcomes[0]
    if first.holds:
        verdict = f"PROVED, induction over {proof.depth} cycles"
    elif first.cycle >= 0:
        verdict = f"FALSE: a counterexample {first.cycle} cycles after reset"
    else:
        verdict = "NOT PROVED: the induction fails" if first.finished else "NOT FINISHED"
    told = [f"{proof.name}: {verdict}, {first.seconds} s", f"  of {proof.of}"]
    told += _folded("holds: ", proof.claim)
    if proof.assumes:
        told += _folded("if: ", proof.assumes)
    for fault, outcome in zip(proof.mutations, outcomes[1:], strict=False):
        how = "MISSED"
        if outcome.cycle >= 0:
            how = f"caught, fails {outcome.cycle} cycles after reset"
        elif outcome.refuted:
            how = "caught, the induction fails"
        told.append(f"  fault: {fault.name}: {how}")
    return told


def _folded(label, text):
    return wrap(text, _WIDTH, initial_indent=f"  {label}", subsequent_indent=" " * 4)
