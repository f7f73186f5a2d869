# one.sh WORKTREE NAME 'python expression making the component, given config' [N]: a module alone as ecp5, with its path families
# e.g. one.sh /tmp/wt_h1 limits 'from tickgate_hdl.risk.limits import LimitsImage; dut = LimitsImage(config)'
WT=$1; NAME=$2; OUT=/tmp/gs_$(basename $WT)/$NAME; mkdir -p $OUT
export TICKGATE_BUILD=$OUT/b TICKGATE_SHARED=/work/shared PYTHONPATH=/tmp/h2_glue:$WT/hdl:$WT/sim:$WT/host PATH=/work/main/.venv/bin:$PATH
cd $OUT
NAME=$NAME MAKE="$3" python - <<'P'
import os
from pathlib import Path
from tickgate_hdl.timing.tools import yosys
from tickgate_hdl.timing.ecp5 import _scripts
from tickgate_hdl.timing.harness import Harness
from tickgate_hdl.timing.netlist import write_rtlil
from tickgate_hdl.timing.__main__ import PROFILES
config = PROFILES["ecp5"]()
ns = {"config": config}; exec(os.environ["MAKE"], ns)
n = os.environ["NAME"]
write_rtlil(Harness(ns["dut"]), Path(f"{n}.rtlil"))
yosys([[l.format(rtlil=f"{n}.rtlil") for l in s] for s in _scripts(f"{n}.json")], folder=Path("."), name=n)
P
python /tmp/g/fam.py $NAME.json ${4:-40}
