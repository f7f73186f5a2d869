"""Writes the pages of docs/wire from the message classes: ``python -m tickgate.protocols.docs``.

With ``--check`` nothing is written; the exit code is 1 if a page is missing or differs.
"""

import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent
from types import ModuleType

from tickgate import docpages
from tickgate.protocols import binaryfile, glimpse50, itch50, moldudp64, ouch50, soupbintcp
from tickgate.protocols.wire import Message

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "wire"

_TYPES = {
    **{f"u{bits}": f"unsigned integer of {bits} bits" for bits in (8, 16, 32, 48, 64)},
    "price4": "u32 in 1/10000 USD",
    "price8": "u64 in 1/100000000 USD",
    "price": "u64 in 1/10000 USD",
    "i32 price": "signed integer of 32 bits in 1/10000 USD",
    "char": "one ASCII character, kept as it is",
    "alpha": "ASCII, left justified, padded with spaces; zero bytes are accepted as padding",
    "alpha, right justified": "ASCII; sent with spaces in front, accepted padded on either side",
    "digits": "number in ASCII digits; sent with spaces in front, accepted padded on either side",
}
_TAILS = {
    "always": "then always the appendage, with its length.",
    "optional": "then the appendage, with its length, or nothing at all.",
    "none": "and no appendage.",
}


def pages() -> dict[str, str]:
    """Text of each page, by file name."""
    return {
        "itch50.md": _page("TotalView-ITCH 5.0", itch50, _itch()),
        "glimpse50.md": _page("GLIMPSE 5.0", glimpse50, [_message(glimpse50.EndOfSnapshot)]),
        "ouch50.md": _page("OUCH 5.0", ouch50, _ouch()),
        "soupbintcp.md": _page("SoupBinTCP 3.00 and 4.00", soupbintcp, _soup()),
        "moldudp64.md": _page("MoldUDP64 1.00", moldudp64, _mold()),
    }


def stale(folder: Path = FOLDER) -> list[Path]:
    """Pages in `folder` that are missing or differ from what the classes say now."""
    return docpages.stale(pages(), folder)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return docpages.run("tickgate.protocols.docs", __doc__, lambda _: pages(), FOLDER, arguments)


def _page(title: str, module: ModuleType, sections: Iterable[str]) -> str:
    origin = f"Generated from `{module.__name__}` by `make generate`; do not edit."
    about = inspect.getdoc(module) or ""
    body = "\n\n".join(sections)
    used = [f"- `{name}`: {text}" for name, text in _TYPES.items() if f" | {name} | " in body]
    types = "Types, all big endian:\n\n" + "\n".join(used)
    return "\n\n".join([f"# {title}", origin, about, types, body]) + "\n"


def _itch() -> Iterable[str]:
    yield _lengths(itch50.MESSAGES)
    yield from (_message(cls) for cls in itch50.MESSAGES.values())
    yield f"## In files\n\n{inspect.getdoc(binaryfile)}"


def _ouch() -> Iterable[str]:
    directions = (("Client to venue", ouch50.INBOUND), ("Venue to client", ouch50.OUTBOUND))
    for title, table in directions:
        yield f"## {title}"
        for cls in table.values():
            tags = ", ".join(map(str, sorted(cls.TAGS)))
            tail = f"{cls.LENGTH} bytes, {_TAILS[cls.TAIL]}"
            yield _message(cls, tail + (f" Options: {tags}." if tags else ""), level=3)
    yield dedent(
        """\
        ## Appendage

        Two bytes of length, then that many bytes of options. Each option is one byte of length
        (of what follows it), one byte of tag, and the value. Unknown tags are kept as bytes."""
    )
    yield _table(
        ("tag", "option", "bytes", "type", "meaning"),
        ((tag, o.name, o.kind.length, o.kind.name, o.doc) for tag, o in ouch50.OPTIONS.items()),
    )
    for title, codes in (
        ("Cancel reasons", ouch50.CANCEL_REASONS),
        ("Reject reasons", ouch50.REJECT_REASONS),
        ("Liquidity flags", ouch50.LIQUIDITY_FLAGS),
    ):
        yield f"## {title}\n\n" + _table(("code", "meaning"), codes.items())


def _soup() -> Iterable[str]:
    for cls in soupbintcp.PACKETS.values():
        payload = issubclass(cls, soupbintcp.PayloadPacket)
        yield _message(cls, f"{cls.LENGTH} bytes, then the payload." if payload else None)


def _mold() -> Iterable[str]:
    yield _message(moldudp64.Header, f"{moldudp64.Header.LENGTH} bytes, then message blocks.")
    yield _message(moldudp64.Block, f"{moldudp64.Block.LENGTH} bytes, then one message.")
    yield _message(moldudp64.Request)


def _lengths(table: Mapping[str, type[Message]]) -> str:
    rows = ((key, cls.LENGTH, cls.__name__) for key, cls in table.items())
    return "## Lengths\n\n" + _table(("type", "bytes", "class"), rows)


def _message(cls: type[Message], size: str | None = None, *, level: int = 2) -> str:
    heading = f"{'#' * level} {cls.TYPE + ': ' if cls.TYPE else ''}`{cls.__name__}`"
    fields = _table(
        ("offset", "length", "field", "type", "meaning"),
        ((f.offset, f.length, f.name, f.kind.name, f.doc) for f in cls.FIELDS),
    )
    about = inspect.getdoc(cls) or ""
    return "\n\n".join([heading, about, size or f"{cls.LENGTH} bytes.", fields])


def _table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(columns)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in x)} |" for x in lines)


if __name__ == "__main__":
    sys.exit(main())
