"""The table of designs that are measured, each as both build profiles."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.lib.wiring import Component

from tickgate_hdl.top.config import CardConfig

__all__ = ["DEFAULT", "DESIGNS", "Design"]


@dataclass(frozen=True)
class Design:
    """A block, or the whole, that is measured."""

    make: Callable[[CardConfig], Component]
    """Makes it, of these sizes. It imports what it makes, so that what is broken fails alone."""
    profiles: tuple[str, ...] = ("ecp5", "latency")


def _feed_book(config):
    from tickgate_hdl.feed.feed_book import FeedBook

    return FeedBook(config)


def _book(config):
    from tickgate_hdl.book.pipeline import Book

    return Book(config)


def _levels(config):
    from tickgate_hdl.book.price_levels import Levels

    return Levels(symbols=config.symbols, front=config.front, leaf=config.leaf,
                  leaves=config.leaves, registered=config.registered)


def _front(config):
    from tickgate_hdl.book.front import Front
    from tickgate_hdl.book.staged_front import StagedFront

    kind = StagedFront if config.registered else Front
    return kind(symbols=config.symbols, levels=config.front)


def _backing(config):
    from tickgate_hdl.book.backing import Backing

    return Backing(symbols=config.symbols, leaf=config.leaf, leaves=config.leaves,
                   registered=config.registered)


def _order_table(config):
    from tickgate_hdl.book.order_table import OrderTable

    return OrderTable(sets=config.order_sets, ways=config.order_ways,
                      symbol_bits=(config.symbols - 1).bit_length(), registered=config.registered)


def _line(config):
    from tickgate_hdl.feed.line import FeedLine

    return FeedLine(line_fifo=config.line_fifo, registered=config.registered)


def _window(config):
    from tickgate_hdl.feed.arbiter import Window

    return Window(window=config.window, registered=config.registered)


def _accumulator(config):
    from tickgate_hdl.risk.accumulator import Accumulator
    from tickgate_hdl.risk.totals import MONEY

    return Accumulator(config.accounts, MONEY, registered=config.registered)


def _gate(config):
    from tickgate_hdl.risk.gate import Gate

    return Gate(config)


def _gate_desk(config):
    from tickgate_hdl.risk.gate import Gate

    return Gate(CardConfig.desk())


def _mac_receive(config):
    from tickgate_hdl.net.mac_receive import MacReceive

    return MacReceive()


def _mac_transmit(config):
    from tickgate_hdl.net.mac_transmit import MacTransmit

    return MacTransmit()


DESIGNS = {
    "feed_book": Design(_feed_book),
    "book": Design(_book),
    "levels": Design(_levels),
    "front": Design(_front),
    "backing": Design(_backing),
    "order_table": Design(_order_table),
    "line": Design(_line),
    "window": Design(_window),
    "accumulator": Design(_accumulator),
    "gate": Design(_gate),
    "gate_desk": Design(_gate_desk, ("latency",)),
    "mac_receive": Design(_mac_receive),
    "mac_transmit": Design(_mac_transmit),
}
"""Design by name, the name that its figures begin with."""

DEFAULT = ("feed_book", "gate", "gate_desk", "mac_receive", "mac_transmit")
"""The designs that are measured when none is named; the others are parts of these."""
