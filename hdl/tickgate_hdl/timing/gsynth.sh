# gsynth.sh WORKTREE [N] : synthesise the ecp5 gate of WORKTREE, print its path families
WT=$1; OUT=/tmp/gs_$(basename $WT); mkdir -p $OUT
export TICKGATE_BUILD=$OUT/b TICKGATE_SHARED=/work/shared PYTHONPATH=$WT/hdl:$WT/sim:$WT/host PATH=/work/main/.venv/bin:$PATH
cd $OUT
python - <<'P'
from pathlib import Path
from tickgate_hdl.timing.tools import yosys
from tickgate_hdl.timing.ecp5 import _scripts
from tickgate_hdl.timing.harness import Harness
from tickgate_hdl.timing.netlist import write_rtlil
from tickgate_hdl.top.config import CardConfig
from tickgate_hdl.timing.designs import DESIGNS
from tickgate_hdl.timing.__main__ import PROFILES
write_rtlil(Harness(DESIGNS["gate"].make(PROFILES["ecp5"]())), Path("gate.rtlil"))
yosys([[l.format(rtlil="gate.rtlil") for l in s] for s in _scripts("gate.json")], folder=Path("."), name="gate")
P
python /tmp/g/fam.py gate.json ${2:-80}
