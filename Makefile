# Tickgate's developer interface. Each target sets itself up; `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TIMING_STAMP := $(VENV)/.timing-installed
PROVE_STAMP := $(VENV)/.prove-installed
SECONDS_TO_TRADE ?= 20

.DEFAULT_GOAL := help
.PHONY: help setup generate check lint type test demo replay card fast build bench soak timing prove clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else f"Tickgate needs Python 3.11, {sys.executable} is {v[0]}.{v[1]}: set PYTHON=/path/to/python3.11")'
	@echo "setup: making $(VENV) (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -e '.[console,hdl,sim,dev]'
	@touch $@
	@echo "setup: done"

setup: $(STAMP)  ## make .venv with everything that is pinned in pyproject.toml

generate: $(STAMP)  ## write the generated files: register map, C header, record classes, SBE schema, docs pages
	@$(BIN)/python -m tickgate_hdl.lib.generate
	@$(BIN)/python -m tickgate.protocols.docs
	@$(BIN)/python -m tickgate.risk.docs

check: $(STAMP)  ## fail when a generated file is stale
	@$(BIN)/python -m tickgate_hdl.lib.generate --check
	@$(BIN)/python -m tickgate.protocols.docs --check
	@$(BIN)/python -m tickgate.risk.docs --check

lint: $(STAMP)  ## ruff
	@$(BIN)/ruff check .

type: $(STAMP)  ## mypy, strict on host and sim
	@$(BIN)/mypy

card: $(STAMP)  ## write the Verilog and build the Verilated card (cached)
	@$(BIN)/python -m tickgate_sim.card build

fast: $(STAMP)  ## build the Verilated feed, book and gate for fast runs (cached)
	@$(BIN)/python -m tickgate_sim.fast

build: $(STAMP)  ## both, side by side: half of each is one program at a time
	@$(MAKE) --no-print-directory -j2 card fast

# Real sockets and programs beside each other: what runs at the same time would be felt.
ONE_BY_ONE := tests/sim/exchange tests/sim/clients tests/sim/wire tests/system tests/browser

test: $(STAMP)  ## everything that CI runs: generated files, lint, types, all tests
	@echo "test: generated files, lint, types and builds, two at a time"
	@$(MAKE) --no-print-directory -j2 check lint type card fast
	@echo "test: tests/hdl and tests/host, two at a time"
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/hdl tests/host
	@echo "test: benches of tests/sim, two at a time"
	@$(BIN)/python -m pytest -n 2 --dist worksteal tests/sim $(ONE_BY_ONE:%=--ignore=%)
	@echo "test: the exchange, its clients, systems and pages, one by one"
	@$(BIN)/python -m pytest $(ONE_BY_ONE)

demo: card  ## trade for 20 seconds through the Verilated card; SERVE=1 keeps it running, PCAP=file records it
	@$(BIN)/tickgate demo --seconds $(SECONDS_TO_TRADE) $(if $(SERVE),--serve) $(if $(PCAP),--pcap $(PCAP))

replay: $(STAMP) build  ## push an ITCH 5.0 file through the card: make replay FILE=path [BBO=out.csv]
	@$(BIN)/tickgate replay $(FILE) $(if $(BBO),--bbo $(BBO))

bench: $(STAMP)  ## line rate and latency of feed and book, cycles of the gate, speed: make bench [ARGS="--only gate"]
	@$(BIN)/python -m tickgate_sim.bench $(ARGS)

soak: $(STAMP)  ## a million messages and a million orders against golden models and peers: make soak [ARGS="--only gate"]
	@$(BIN)/python -m tickgate_sim.soak $(ARGS)

$(TIMING_STAMP): $(STAMP)
	@echo "timing: installing Yosys and nextpnr into $(VENV)"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -e '.[timing]'
	@touch $@

timing: $(TIMING_STAMP)  ## clock rate and LUT levels of the gateware by Yosys and nextpnr: make timing [ARGS="--quick --block book"]
	@$(BIN)/python -m tickgate_hdl.timing $(ARGS)

$(PROVE_STAMP): $(STAMP)
	@echo "prove: installing Yosys and Yices into $(VENV)"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -e '.[prove]'
	@touch $@

prove: $(PROVE_STAMP)  ## formal proofs of the gate, by induction, and planted faults that they must find; writes build/prove.json
	@$(BIN)/python -m tickgate_hdl.prove $(ARGS)

clean:  ## remove what was built; .venv stays
	rm -rf build
