"""Layouts of the book's commands and of what its parts say to each other."""

from amaranth.lib.data import StructLayout

__all__ = ["BookCommand", "LevelAnswer", "LevelChange", "order_layout"]

BookCommand = StructLayout(
    {
        "kind": 8,
        "locate": 16,
        "stock": 64,
        "reference": 64,
        "new_reference": 64,
        "sell": 1,
        "shares": 32,
        "price": 32,
        "code": 8,
        "sequence": 64,
        "expected": 64,
        "time_ns": 64,
        "itch_time": 48,
        "arrival": 32,
    }
)
"""One command for the book, or one event to pass on. Numbers are in host order.

``kind`` is an ASCII letter: A add, X take ``shares`` off an order, D delete, U replace
``reference`` by ``new_reference``; R directory, H trading action (``code`` the state), S system
event (``code``); G gap, N new session, Z end of session. ``stock`` (A, R, H) has character 0 in
bits 7:0. ``sequence`` is the MoldUDP64 number, ``time_ns`` the UTC clock at the frame's first beat,
``arrival`` the cycle in which the message's last byte came in.
"""

LevelChange = StructLayout({"symbol": 8, "sell": 1, "price": 32, "shares": 32, "add": 1})
"""Put ``shares`` on a price level of a book side, or (``add`` 0) take them off."""

LevelAnswer = StructLayout({"price": 32, "size": 32, "overflow": 1})
"""Best price and its size (0, 0 for an empty side) after a change; whether there was no place for
it.

A size beyond 32 bits is shown as 2**32 - 1.
"""


def order_layout(symbol_bits):
    """Return the layout of a resting order's entry in the order table."""
    return StructLayout(
        {
            "valid": 1,
            "sell": 1,
            "symbol": symbol_bits,
            "reference": 64,
            "price": 32,
            "shares": 32,
        }
    )
