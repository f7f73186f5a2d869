"""A component whose insides a property can name."""

from amaranth.asserts import AnySeq
from amaranth.hdl import Module, Value
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Opened"]


class Opened:
    """Elaborate a component, and give its signals and memories by name.

    The component is what is built, nothing in it is made for a proof. Names are those of the
    gateware's own source, with those of submodules before them (``limits.bank``).

    Attributes
    ----------
    component : the component, for its ports
    module : its elaborated module, to be a submodule of the one that states a property
    """

    def __init__(self, component):
        self.component = component
        self.module = _elaborated(component)

    def __getitem__(self, path):
        """Return the signal of a name. Raises KeyError when there is none, or more than one."""
        module, name = self._at(path)
        found = {id(signal): signal for signal in _driven(module) if signal.name == name}
        if len(found) != 1:
            raise KeyError(f"there must be one signal {path}, were {len(found)}")
        return next(iter(found.values()))

    def register(self, path):
        """Return the signal of a name that is a register, where another has its name."""
        module, name = self._at(path)
        found, = {id(each): each for statement in module._statements["sync"]
                  for assignment in _assignments(statement)
                  for each in assignment._lhs_signals() if each.name == name}.values()
        return found

    def register_of(self, value):
        """Return the register, itself without a name, that this signal and no other goes into."""
        found, = {id(each.lhs): each.lhs for statement in self.module._statements["sync"]
                  for each in _assignments(statement) if each.rhs is value}.values()
        return found

    def port(self, path):
        """Return a port of a submodule: ``limits.busy``."""
        module, name = self._at(path)
        return getattr(module.component, name)

    def memory(self, path):
        """Return a memory: ``slots``."""
        module, name = self._at(path)
        return module._named_submodules[name][0]

    def peek(self, path, address):
        """Return a row of a memory in this cycle, by a port that the gateware has not."""
        port = self.memory(path).read_port(domain="comb")
        return port, port.addr.eq(address)

    def state(self, path):
        """Return the state signal of a state machine and its encoding by name: ``limits.fsm``."""
        module, name = self._at(path)
        machine = module._generated[name]
        return machine._data["signal"], machine.encoding

    def cut(self, *names):
        """Let submodules of these names put out anything at any time: what holds, holds for all."""
        for name in names:
            inner, location = self.module._named_submodules[name]
            anything = Module()
            anything.component = inner.component
            for _, member, port in inner.component.signature.flatten(inner.component):
                if member.flow is Out:
                    target = Value.cast(port)
                    anything.d.comb += target.eq(AnySeq(len(target)))
            self.module._named_submodules[name] = (anything, location)

    def inputs(self):
        """Yield every input, to be free."""
        for _, member, port in self.component.signature.flatten(self.component):
            if member.flow is In:
                yield port

    def _at(self, path):
        *parts, name = path.split(".")
        module = self.module
        for part in parts:
            module = module._named_submodules[part][0]
        return module, name


def _elaborated(component):
    module = component.elaborate(None)
    module._flush()
    module.component = component
    for name, (inner, location) in module._named_submodules.items():
        if not isinstance(inner, Module | Memory):
            module._named_submodules[name] = (_elaborated(inner), location)
    return module


def _driven(module):
    for statements in [*module._statements.values(), module._top_comb_statements]:
        for statement in statements:
            for assignment in _assignments(statement):
                yield from assignment._lhs_signals()


def _assignments(statement):
    """Yield what is assigned in a statement, the next state of a state machine left out."""
    if hasattr(statement, "cases"):
        for _, statements, _ in statement.cases:
            for inner in statements:
                yield from _assignments(inner)
    elif hasattr(statement, "lhs"):
        yield statement
