"""Sizes of the FeedBook that is built for the cocotb tests; importable without a simulator."""

from tickgate_hdl.top.config import CardConfig

__all__ = ["CONFIG"]

CONFIG = CardConfig(symbols=8, accounts=2, front=8, leaf=8, leaves=64, order_sets=1024,
                    order_ways=8, window=256, line_fifo=512)
