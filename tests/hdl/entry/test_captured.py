"""Bytes that the encoder lays out, against packets captured from real sessions."""

import pytest
from amaranth.hdl import Const
from tickgate.protocols.ouch50.inbound import CancelOrder, EnterOrder, ReplaceOrder
from tickgate.protocols.soupbintcp import ClientHeartbeat, LoginRequest
from tickgate_hdl.entry.encode import MAX_PACKET, packet_bytes


def text(value, width):
    return Const(int.from_bytes(value.ljust(width).encode(), "little"), 8 * width)


def encoded(message, **values):
    bits = Const.cast(packet_bytes(message, **values))
    return bits.value.to_bytes(len(bits) // 8, "little")


def test_cancel_has_the_captured_fields(captured):
    wire = captured("CancelOrderMessage")
    ours = encoded(CancelOrder, user_ref_num=Const(int.from_bytes(wire[4:8], "big"), 32),
                   quantity=Const(0, 32))
    # The capture is of the short form; the card always says that there is no appendage.
    assert ours[2:] == wire[2:] + b"\0\0"


def test_enter_has_the_captured_fields(captured):
    wire = captured("EnterOrderMessage")
    body = wire[3:]
    ours = encoded(
        EnterOrder, user_ref_num=Const(int.from_bytes(body[1:5], "big"), 32),
        side=text("T", 1), quantity=Const(0xE1, 32), symbol=text("CVLT", 8),
        price=Const(int.from_bytes(body[18:26], "big"), 32), time_in_force=text("0", 1),
        display=text("Y", 1), capacity=text("A", 1),
        intermarket_sweep_eligibility=text("N", 1), cross_type=text("N", 1),
        clordid=text(body[31:45].decode(), 14))
    assert ours[3:-2] == body[:45]
    assert len(ours) == MAX_PACKET == 50


def test_heartbeat_is_the_captured_one(captured):
    assert encoded(ClientHeartbeat) == captured("ClientHeartbeatPacket")


def test_missing_and_unknown_fields_are_named():
    with pytest.raises(TypeError, match="orig_user_ref_num"):
        packet_bytes(ReplaceOrder, user_ref_num=1, quantity=1)
    with pytest.raises(TypeError, match=r"LoginRequest .* pin"):
        packet_bytes(LoginRequest, pin=1)
