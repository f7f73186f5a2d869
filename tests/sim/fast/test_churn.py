"""Books whose best levels vanish all the time, at the full size, against the golden model."""

import pytest
from tickgate_hdl.top.config import CardConfig
from tickgate_sim.bench.mixes import frames
from tickgate_sim.fast import FastFeed, beats
from tickgate_sim.models.book import BookModel
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.traffic import itch

pytestmark = pytest.mark.sim

FIELDS = ("message", "symbol", "bid", "bid_size", "ask", "ask_size", "bid_orders", "ask_orders")


@pytest.mark.parametrize(("seed", "symbols"), [(1, 1), (2, 2), (3, 4)])
def test_every_best_bid_and_offer_is_the_models(seed, symbols):
    stocks = itch.STOCKS[:symbols]
    messages = list(itch.churn(seed, 20_000, stocks, levels=60))
    sizes = CardConfig()
    model = BookModel(list(stocks), sizes.order_sets, sizes.order_ways)
    decoder = ItchModel()
    for number, message in enumerate(messages, 1):
        command = decoder.message(number, message)
        assert command is not None
        model.command(command)
    expected = [
        (r.message, r.symbol, r.top.bid, r.top.bid_size, r.top.ask, r.top.ask_size,
         r.top.bid_orders, r.top.ask_orders)
        for r in model.records
    ]  # fmt: skip
    with FastFeed(symbols=[stock.decode().strip() for stock in stocks]) as feed:
        tops = feed.run(beats(frames(messages, 1))).tops
    assert list(zip(*(tops[name].tolist() for name in FIELDS), strict=True)) == expected
    assert len(expected) > 10_000
