"""``python -m tickgate_sim.fast`` builds feed, book and gate for fast runs, or finds them built."""

import sys

from tickgate_sim.fast.build import build
from tickgate_sim.verilated import BuildError


def main() -> int:
    """Build, and print where the library is."""
    try:
        print(build())
    except BuildError as error:
        print(f"fast: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
