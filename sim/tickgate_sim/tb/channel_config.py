"""Sizes of the channel that its tests run on."""

from tickgate_hdl.top.config import CardConfig

__all__ = ["CONFIG"]

CONFIG = CardConfig(window=64, line_fifo=256)
