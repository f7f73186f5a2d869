"""Open designs beside this one, as their files and authors say (figures of others are not measured
here).

Sources: repositories of the same names, read on 2026-11-22; see docs/feed-book.md.
"""

__all__ = ["table"]

_HEAD = ("", "hft-fpga", "sraghup7 t2t", "an-thony350", "Essenceia HFT", "Tickgate")
_ROWS = (
    ("feed", "Mold64, ITCH 5.0", "own format", "Mold64, ITCH 5.0", "Mold64, ITCH 5.0",
     "Mold64, ITCH 5.0"),
    ("wire", "100G, 512 bit", "1G, 8 bit", "DMA, 32 bit", "10G, 16 bit", "10G, 64 bit"),
    ("A/B arbitration", "by packet", "no", "no", "no", "by message"),
    ("re-request, snapshot", "no, no", "no, no", "no, no", "no, no", "yes, yes"),
    ("stale flag a symbol", "no", "feed-wide", "no", "no", "yes, read by the gate"),
    ("symbols", "1 (2 shown)", "4", "1", "no book", "{symbols}"),
    ("resting orders", "131,072", "none", "BRAM", "none", "{orders:,}"),
    ("order table, cycles", "5", "-", "-", "-", "{table}"),
    ("message to best, cycles", "6 to 15", "-", "about 11", "-", "{common} to {worst}"),
    ("tests", "xsim goldens", "Icarus", "cocotb, Verilator", "Icarus", "cocotb, Verilator, models"),
)


def table(*, symbols: int, orders: int, order_cycles: int, common: int, worst: int) -> list[str]:
    """Return lines of the table; the figures are this design's as built and measured."""
    own = {"symbols": symbols, "orders": orders, "table": order_cycles, "common": common,
           "worst": worst}
    rows = [_HEAD, *((*row[:-1], row[-1].format(**own)) for row in _ROWS)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows]
