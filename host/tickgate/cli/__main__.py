"""``python -m tickgate.cli`` is ``tickgate``."""

from tickgate.cli import main

main()
