"""What a register is: the types of the generated map ``tickgate.card.registers``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegisterField:
    """One field: bits ``lsb`` to ``lsb + width - 1``.

    ``access`` is what software may do (``r``, ``w`` or ``rw``), ``hardware`` what the gateware may
    (``na``: the field is a constant). A ``pulse`` acts when 1 is written and reads 0; the gateware
    sees a strobe when software writes a ``swmod`` field or reads a ``swacc`` one.
    """

    name: str
    lsb: int
    width: int
    access: str
    hardware: str
    reset: int
    doc: str
    pulse: bool = False
    swmod: bool = False
    swacc: bool = False

    @property
    def mask(self) -> int:
        """Bits of the field in its register."""
        return ((1 << self.width) - 1) << self.lsb


@dataclass(frozen=True, slots=True)
class Register:
    """One 32-bit register at byte ``offset`` of BAR 0."""

    name: str
    offset: int
    fields: tuple[RegisterField, ...]
    doc: str

    @property
    def access(self) -> str:
        """What software may do with the register as a whole: ``r``, ``w`` or ``rw``."""
        letters = "".join(field.access for field in self.fields)
        return "".join(letter for letter in "rw" if letter in letters)

    @property
    def reset(self) -> int:
        """Value after reset of the fields that have one."""
        return sum(field.reset << field.lsb for field in self.fields)

    def field(self, name: str) -> RegisterField:
        """Return a field by name. Raises KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"register {self.name} has no field {name!r}")

    def pack(self, **values: int) -> int:
        """Return the word with these fields set and the others 0.

        Raises KeyError for an unknown field, ValueError for a value that does not fit.
        """
        word = 0
        for name, value in values.items():
            field = self.field(name)
            if not 0 <= value < 1 << field.width:
                raise ValueError(
                    f"{self.name}.{name} must be 0 to {(1 << field.width) - 1}, was {value}"
                )
            word |= value << field.lsb
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """Return the value of each field in ``word``."""
        return {f.name: word >> f.lsb & ((1 << f.width) - 1) for f in self.fields}
