"""Sizes of a card, and the layouts that follow from them."""

import pytest
from tickgate.records.schema import RECORDS, WIDTHS
from tickgate.risk.image import ACCOUNT, POSITION, SYMBOL
from tickgate_hdl.lib.records import record_layout
from tickgate_hdl.risk.layouts import row_layout
from tickgate_hdl.top.config import CardConfig


@pytest.mark.parametrize(
    "sizes",
    [{"symbols": 65}, {"symbols": 2048}, {"accounts": 0}, {"accounts": 512}, {"front": 100},
     {"leaf": 3}, {"leaves": 128}, {"window": 1 << 16}, {"line_fifo": 3}, {"channels": 5},
     {"open_orders": 1}, {"recent_orders": 8}, {"order_sets": 3}, {"order_ways": 0},
     {"order_ways": 17}],
)
def test_a_card_that_cannot_be_is_refused(sizes):
    name, value = next(iter(sizes.items()))
    with pytest.raises(ValueError, match=f"{name} must be .* was {value}"):
        CardConfig(**sizes)


def test_a_desk_has_room_on_the_card():
    sizes = CardConfig.desk().table_sizes
    assert (sizes.accounts, sizes.groups, sizes.symbols) == (256, 64, 1024)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_record_layouts_follow_the_schema(record):
    layout = record_layout(record)
    assert layout.size == 384
    for field in record.fields:
        assert layout[field.name].offset == 8 * (record.offset(field.name) - 8)
        assert layout[field.name].width == 8 * WIDTHS[field.kind]


def test_rows_follow_the_image():
    assert [row_layout(table).size for table in (ACCOUNT, SYMBOL, POSITION)] == [1024, 512, 128]
    assert row_layout(ACCOUNT)["max_value"].offset == 64
    assert row_layout(ACCOUNT)["max_value"].width == 64
