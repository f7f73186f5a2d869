"""``python -m tickgate_sim.exchange --config FILE``."""

import sys

from tickgate_sim.exchange.server import command

sys.exit(command())
