"""Every file of the host that the gateware reads counts in the build id."""

import ast
from pathlib import Path

import tickgate
import tickgate_hdl
from tickgate_hdl.top.sources import gateware_files

HOST = Path(tickgate.__file__).parent


def imported(path: Path) -> set[Path]:
    """Files of the host that a module imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    ours = (name.split(".")[1:] for name in names if name.startswith("tickgate."))
    files = ((HOST / "/".join(parts)).with_suffix(".py") for parts in ours)
    return {file for file in files if file.is_file()}


def test_nothing_that_gateware_imports_is_left_out() -> None:
    hashed = {path for _, path in gateware_files()}
    generator = Path(tickgate_hdl.__file__).parent / "lib"
    not_gateware = {*generator.glob("emit_*.py"), generator / "generate.py"}
    for path in Path(tickgate_hdl.__file__).parent.rglob("*.py"):
        if path not in not_gateware:
            assert imported(path) <= hashed, path


def test_names_are_those_of_no_machine_and_each_once() -> None:
    names = [name for name, _ in gateware_files()]
    assert len(set(names)) == len(names)
    assert "card.py" in {Path(name).name for name in names}
    assert not any(name.startswith("/") for name in names)
