"""The generated register map against vectors written by hand from the SystemRDL file."""

import pytest
from tickgate.card import registers
from tickgate.card.regmap import Register, RegisterField

GOLDEN = {  # name: (offset, access, reset, fields as (name, lsb, width))
    "magic": (0x000, "r", 0x54474344, [("value", 0, 32)]),
    "scratch": (0x00C, "rw", 0, [("value", 0, 32)]),
    "capacity_tables": (0x010, "r", 0, [("symbols", 0, 16), ("accounts", 16, 16)]),
    "control": (0x01C, "w", 0, [("arm", 0, 1), ("disarm", 1, 1)]),
    "order_ring_tail": (0x04C, "rw", 0, [("value", 0, 32)]),
    "event_ring_head": (0x070, "rw", 0, [("value", 0, 32)]),
    "ring_enable": (0x0A0, "rw", 0, [("order", 0, 1), ("event", 1, 1), ("market", 2, 1),
                                     ("message", 3, 1), ("depth", 4, 1)]),
    "limit_commit": (0x0E8, "w", 0, [("commit", 0, 1)]),
    "position_address": (0x100, "rw", 0, [("account", 0, 16), ("symbol", 16, 16)]),
    "soup_username_1": (0x164, "rw", 0x2020, [("value", 0, 16)]),
    "soup_control": (0x184, "rw", 0, [("connect", 0, 1), ("login", 1, 1), ("logout", 2, 1)]),
    "check_count": (0x30C, "r", 0, [("count", 0, 32)]),
    "kill_account_7": (0x39C, "rw", 0, [("mask", 0, 32)]),
    "kill_symbol_1": (0x404, "rw", 0, [("mask", 0, 32)]),
    "kill_symbol_31": (0x47C, "rw", 0, [("mask", 0, 32)]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_register_is_as_declared(name):
    register = registers.BY_NAME[name]
    fields = [(f.name, f.lsb, f.width) for f in register.fields]
    assert (register.offset, register.access, register.reset, fields) == GOLDEN[name]
    assert getattr(registers, name.upper()) is register


def test_side_effects_are_in_the_map():
    assert registers.CONTROL.field("arm").pulse
    assert not registers.SOUP_CONTROL.field("connect").pulse
    assert registers.EVENT_RING_HEAD.field("value").swmod
    assert registers.CYCLES_LOW.field("value").swacc
    assert registers.MAGIC.field("value").hardware == "na"


def test_no_two_registers_share_an_offset_and_all_fit_below_the_msix_table():
    offsets = [register.offset for register in registers.REGISTERS]
    assert len(set(offsets)) == len(offsets) == len(registers.BY_NAME)
    assert all(offset % 4 == 0 and offset < 0x8000 for offset in offsets)


def test_no_two_fields_overlap():
    for register in registers.REGISTERS:
        seen = 0
        for field in register.fields:
            assert not seen & field.mask, f"{register.name}.{field.name}"
            assert field.lsb + field.width <= 32
            seen |= field.mask


def test_pack_and_unpack():
    register = Register("r", 0, (RegisterField("a", 0, 4, "rw", "r", 0, ""),
                                 RegisterField("b", 8, 2, "rw", "r", 0, "")), "")
    assert register.pack(a=0xF, b=2) == 0x20F
    assert register.unpack(0xFFFF_F3F5) == {"a": 5, "b": 3}


def test_pack_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"ring_enable.event must be 0 to 1, was 2"):
        registers.RING_ENABLE.pack(event=2)
    with pytest.raises(KeyError, match="register scratch has no field 'valu'"):
        registers.SCRATCH.pack(valu=1)
