"""Numbers of SoupBinTCP's log-in, which are ASCII digits in 20 characters."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DIGITS", "FromDigits", "ToDigits"]

DIGITS = 20
_BITS = 32
_DECADES = 10
_SPACE = ord(" ")


class ToDigits(wiring.Component):
    """Write a number of 32 bits right justified, spaces before it.

    Members
    -------
    number : In(32)
        The number.
    start : In(1)
        Strobe: take it.
    done : Out(1)
        ``text`` is right, from 33 cycles after ``start`` until the next one.
    text : Out(160)
        20 characters, the first in bits 7:0.
    """

    number: In(_BITS)
    start: In(1)
    done: Out(1)
    text: Out(8 * DIGITS)

    def elaborate(self, platform):
        m = Module()
        binary, left = Signal(_BITS), Signal(range(_BITS + 1))
        decades = Signal(4 * _DECADES)
        adjusted = []  # shift and add 3
        for at in range(0, 4 * _DECADES, 4):
            decade = decades[at:at + 4]
            adjusted.append(Mux(decade >= 5, decade + 3, decade)[:4])
        with m.If(self.start):
            m.d.sync += [
                binary.eq(self.number), left.eq(_BITS), decades.eq(0), self.done.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                decades.eq(Cat(binary[-1], *adjusted)), binary.eq(binary << 1),
                left.eq(left - 1), self.done.eq(left == 1),
            ]

        text = []
        for position in range(_DECADES):  # the least significant digit is the last character
            digit = decades[4 * position:4 * position + 4]
            blank = decades[4 * position:] == 0 if position else Const(0, 1)
            text.insert(0, Mux(blank, _SPACE, Cat(digit, Const(ord("0") >> 4, 4))))
        padding = [Const(_SPACE, 8)] * (DIGITS - _DECADES)
        m.d.comb += self.text.eq(Cat(*padding, *text))
        return m


class FromDigits(wiring.Component):
    """Read a number padded with spaces (or zero bytes) on either side, one character a cycle.

    Members
    -------
    text : In(160)
        20 characters, the first in bits 7:0; must stand still from ``start`` to ``done``.
    start : In(1)
        Strobe: begin.
    done : Out(1)
        Strobe: ``number`` and ``wrong`` are right, and stay until the next start.
    number : Out(64)
        The number.
    wrong : Out(1)
        No digits, something else than digits, or more than 64 bits.
    """

    text: In(8 * DIGITS)
    start: In(1)
    done: Out(1)
    number: Out(64)
    wrong: Out(1)

    def elaborate(self, platform):
        m = Module()
        rest, left = Signal(8 * DIGITS), Signal(range(DIGITS + 1))
        begun, ended = Signal(), Signal()
        octet = rest[:8]
        is_digit = (octet >= ord("0")) & (octet <= ord("9"))
        is_padding = (octet == _SPACE) | (octet == 0)
        shifted = Signal(68)
        m.d.comb += shifted.eq(self.number * 10 + octet[:4])
        m.d.sync += self.done.eq(0)
        with m.If(self.start):
            m.d.sync += [
                rest.eq(self.text), left.eq(DIGITS), begun.eq(0), ended.eq(0),
                self.number.eq(0), self.wrong.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += [rest.eq(rest >> 8), left.eq(left - 1), self.done.eq(left == 1)]
            with m.If(is_digit):
                m.d.sync += [self.number.eq(shifted), begun.eq(1)]
                with m.If(ended | shifted[64:].any()):
                    m.d.sync += self.wrong.eq(1)
            with m.Elif(is_padding):
                m.d.sync += ended.eq(begun)
                with m.If((left == 1) & ~begun):
                    m.d.sync += self.wrong.eq(1)
            with m.Else():
                m.d.sync += self.wrong.eq(1)
        return m
