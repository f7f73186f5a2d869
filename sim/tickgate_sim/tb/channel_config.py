"""Sizes of the channel that its tests run on."""

from tickgate_hdl.top.config import CardConfig

__all__ = ["CONFIG", "REGISTERED"]

CONFIG = CardConfig(window=64, line_fifo=256)
REGISTERED = CardConfig(window=64, line_fifo=256, registered=True)
