"""The wire formats, each declared once: market data, order entry and their carriers.

`wire` and `kinds` turn a class of annotated fields into a codec; `itch50`, `glimpse50`, `ouch50`,
`soupbintcp`, `moldudp64` and `binaryfile` are the formats; `docs` writes the tables as pages.
Everything here is sans-IO (`binaryfile` reads and writes files): bytes and integers in, frozen
dataclasses out. No sockets, no clocks, no session state, no meaning of an order.
"""
