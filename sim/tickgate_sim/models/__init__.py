"""Golden models: what each gateware block must do, in plain Python.

Bytes and integers in, records and counters out; no clock, no randomness, no gateware. Nothing in
here is derived from the gateware or from the tables that the gateware derives from: offsets are
written out.
"""
