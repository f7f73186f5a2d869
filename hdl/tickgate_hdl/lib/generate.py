"""Writes every file that follows from the register and record declarations.

``python -m tickgate_hdl.lib.generate`` writes them, ``--check`` names those that are stale.
"""

import argparse
import sys
from pathlib import Path

from tickgate.records.schema import RECORDS

from tickgate_hdl.lib import emit_records, emit_registers, rdl

__all__ = ["generated_files", "main"]

ROOT = Path(__file__).resolve().parents[3]


def generated_files():
    """Return the text of each generated file by its path from the root of the repository."""
    registers = rdl.load()
    return {
        "host/tickgate/card/registers.py": emit_registers.python_map(registers),
        "firmware/include/tickgate_card.h": emit_registers.c_header(registers),
        "docs/registers.md": emit_registers.markdown(registers),
        "host/tickgate/records/messages.py": emit_records.python_classes(RECORDS),
        "firmware/include/tickgate_records.h": emit_records.c_header(RECORDS),
        "docs/tickgate-records.xml": emit_records.sbe_schema(RECORDS),
        "docs/records.md": emit_records.markdown(RECORDS),
    }


def main(arguments=None):
    """Run the program. Return its exit status: 1 when ``--check`` found a stale file."""
    parser = argparse.ArgumentParser("python -m tickgate_hdl.lib.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    check = parser.parse_args(arguments).check
    stale = []
    for name, text in generated_files().items():
        path = ROOT / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for name in stale:
        print(f"{name} is stale: run `make generate`" if check else f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
