"""What an order may trade beyond the one that it replaces: ``Beyond``."""

from dataclasses import dataclass

from amaranth.hdl import Mux, Value

__all__ = ["Beyond"]


@dataclass(frozen=True)
class Beyond:
    """What a replacement adds to the exposure until the venue confirms it; all of an enter.

    An OUCH quantity is that of the whole chain, executed shares included, so an order and what
    replaces it may trade no more than the larger of their quantities: more by the difference. So it
    is with their values, where the price does not fall. Where it falls and the quantity does not
    rise, it is nothing; where it falls and the quantity rises, all of the replacement's value
    counts: too much, but no product of what the memory says.

    All are of the cycle in which amounts are given (``Accumulator``).
    """

    replaces: Value
    quantity: Value
    further: Value
    """Quantity less that of the order to replace, in 32 bits."""
    rises: Value
    """That is more than 0."""
    value: Value
    gain: Value
    """Value less that of the order to replace, signed."""
    lower: Value
    """The price is lower than that of the order to replace."""

    @property
    def weighed(self):
        """Return order, quantity and value to compare with limits: right where some is added."""
        return {
            "order": 1,
            "more_quantity": Mux(self.replaces, self.further, self.quantity),
            "more_value": Mux(self.replaces & ~self.lower, self.gain[:len(self.value)],
                              self.value),
        }

    @property
    def adds_any(self):
        """Return whether an order, a quantity and a value are added: more than 0 of it."""
        return {
            "order": ~self.replaces,
            "more_quantity": ~self.replaces | self.rises,
            "more_value": ~self.replaces | Mux(self.lower, self.rises, self.gain > 0),
        }

    @property
    def added(self):
        """Return order, quantity and value that are added, 0 where nothing is."""
        gains = Mux(self.gain < 0, 0, self.gain[:len(self.value)])
        return {
            "order": self.adds_any["order"],
            "more_quantity": Mux(self.replaces, Mux(self.rises, self.further, 0), self.quantity),
            "more_value": Mux(
                self.replaces, Mux(self.lower, Mux(self.rises, self.value, 0), gains), self.value),
        }
