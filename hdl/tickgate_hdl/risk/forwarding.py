"""What an order must know of those before it that have not been written yet."""

from amaranth.hdl import Const, Mux

from tickgate_hdl.lib.delay import delayed

__all__ = ["told_by_both"]


def told_by_both(m, lead, *, hits, after, width, committed, tells):
    """Return what is told of an order, in the cycle of its verdict.

    An order may come in every cycle, and the one right before is not decided while this one is
    weighed. So both cases are worked out, and the true one is chosen a cycle later. The cycles are
    those of ``Accumulator``.

    Parameters
    ----------
    hits : function
        What an order looking has in common with the one so many cycles before: values by name.
    after : function
        The state of an order, given that before, ``hits`` of an earlier order, and whether that
        commits. It is 0, of ``width`` bits, when none does.
    committed : value
        The order that was in its verdict in the cycle before has committed.
    tells : function
        What is told of an order of a state, when it is weighed.
    """
    was_committed = delayed(m, committed, "was_committed")

    def common(before):
        return {name: delayed(m, value, f"{name}_{before}_found")
                for name, value in hits(before).items()}

    found = {before: common(before) for before in range(1, lead + 3)}

    def hit(before, cycle):
        return {name: delayed(m, value, f"{name}_{before}_at", cycle - 1)
                for name, value in found[before].items()}

    state = after(Const(0, width), hit(lead + 2, 1), was_committed)
    for cycle in range(1, lead + 1):
        state = after(state, hit(lead + 2 - cycle, cycle), committed)
        if cycle < lead:
            state = delayed(m, state, f"state_{cycle}")
    return Mux(
        committed, delayed(m, tells(after(state, hit(1, lead), 1)), "told_together"),
        delayed(m, tells(state), "told_alone"))
