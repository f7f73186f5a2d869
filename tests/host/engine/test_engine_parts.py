"""The engine's small parts: settings, inputs' bytes, percentiles, market orders, refusal texts."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate.engine import inputs
from tickgate.engine.client import EngineError, ask
from tickgate.engine.config import ConfigError, EngineConfig
from tickgate.engine.latency import Histogram
from tickgate.engine.market_orders import limit_for_market_order
from tickgate.engine.reasons import (
    CARD_REASONS,
    HOST_REASONS,
    cancel_text,
    host_reject_reason,
    refusal_text,
    reject_reason,
    venue_reject_text,
)
from tickgate.engine.references import ReferenceSettings
from tickgate.journal import Entry
from tickgate.risk.checks import BY_NAME, CHECKS
from tickgate.risk.host_checks import HOST_BY_NAME, HOST_CHECKS

CONFIG = """
[engine]
state_dir = "state"
command_socket = "engine.sock"
limits = "limits.toml"
symbols = ["AAPL", "MSFT"]
groups = ["DESK"]
clearing_firms = ["CLEAR"]
strategies = ["MAKER", "TAKER"]
[card]
socket = "card.sock"
[venue]
name = "SIM"
user = "U"
password = "P"
firm = "TICK"
[feed]
a = "239.1.1.1:26400"
[fix]
listen = "127.0.0.1:0"
comp_id = "TICKGATE"
[[fix.sessions]]
comp_id = "C1"
account = "ALPHA"
strategy = "MAKER"
[[fix.sessions]]
comp_id = "C2"
account = "BETA"
strategy = "TAKER"
password = "secret"
[[fix.sessions]]
comp_id = "C3"
account = "ALPHA"
strategy = "MAKER"
"""


FEED = 'a = "239.1.1.1:26400"'
GLIMPSE = '\nglimpse = "10.1.1.1:2"\nglimpse_user = "U"\n'


def test_settings_are_read(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text(CONFIG)
    config = EngineConfig.load(path)
    assert config.state_dir == tmp_path / "state"
    assert config.accounts == ("ALPHA", "BETA")
    assert [session.strategy for session in config.sessions] == ["MAKER", "TAKER", "MAKER"]
    assert [session.password for session in config.sessions] == [None, "secret", None]
    assert (config.fix_host, config.fix_port, config.watchdog_ms) == ("127.0.0.1", 0, 5000)
    assert "secret" not in repr(config)


def test_settings_that_may_be_left_out(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text(CONFIG)
    config = EngineConfig.load(path)
    assert (config.exposure_check, config.fix_require) == (True, ())
    more = CONFIG.replace('symbols = ["', 'exposure_check = false\nsymbols = ["', 1)
    path.write_text(more.replace("[[fix", 'require = ["locate"]\n[[fix', 1))
    config = EngineConfig.load(path)
    assert (config.exposure_check, config.fix_require) == (False, ("locate",))
    assert config.references == ReferenceSettings()
    path.write_text(CONFIG + '[references]\nfile = "r.toml"\nwindow_s = 60\n')
    assert EngineConfig.load(path).references == ReferenceSettings(tmp_path / "r.toml", 60)


def test_the_mass_cancel_may_be_left_out(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text(CONFIG)
    config = EngineConfig.load(path)
    assert (config.watchdog_cancel_ms, config.venue_firm) == (10_000, "TICK")
    off = CONFIG.replace("[card]", "watchdog_cancel_ms = 0\n[card]")
    path.write_text(off)
    assert EngineConfig.load(path).watchdog_cancel_ms == 0
    path.write_text(off.replace('firm = "TICK"\n', ""))
    config = EngineConfig.load(path)
    assert (config.watchdog_cancel_ms, config.venue_firm) == (0, "")


def test_settings_of_the_feed_are_read(tmp_path):
    path = tmp_path / "engine.toml"
    more = """
b = "239.1.1.2:26401"
address = "10.0.0.7"
mac = "02:00:00:00:00:07"
rerequest = ["10.0.0.1:1", "10.0.0.2:2"]
glimpse = "10.0.0.3:3"
glimpse_user = "USER"
glimpse_password = "hidden"
max_missing = 77
full_stream = true
"""
    path.write_text(CONFIG.replace(FEED, FEED + more))
    feed = EngineConfig.load(path).feed
    assert (feed.line_a, feed.line_b) == (("239.1.1.1", 26400), ("239.1.1.2", 26401))
    assert (feed.address, feed.mac) == ("10.0.0.7", bytes.fromhex("020000000007"))
    recovery = feed.recovery
    assert recovery.rerequest == (("10.0.0.1", 1), ("10.0.0.2", 2))
    assert (recovery.glimpse, recovery.glimpse_user) == (("10.0.0.3", 3), "USER")
    assert (recovery.max_missing, recovery.request_attempts) == (77, 4)
    assert (feed.full_stream, feed.depth) == (True, False)
    assert "hidden" not in repr(feed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[card]\n", "[crad]\n", r"the table \[card\] is required"),
        ('"state"', "7", "engine.state_dir must be a text, was 7"),
        ('limits = "limits.toml"', "", "engine.limits must be a text, was None"),
        (FEED, 'a = "239.1.1.1"', "feed.a must be ADDRESS:PORT, was '239.1.1.1'"),
        (FEED, 'a = "10.1.1.1:5"', "feed.a must be a multicast GROUP:PORT, was 10.1.1.1:5"),
        (FEED, 'a = "239.1.1.1:0"', "feed.a must be a multicast GROUP:PORT, was 239.1.1.1:0"),
        (FEED, 'b = "239.1.1.1:26400"', "feed.a must be the GROUP:PORT of line A"),
        (FEED, FEED + '\nb = "239.1.1.1:26400"', "feed.b must differ from feed.a"),
        (FEED, FEED + '\nrerequest = ["server:1"]', "feed.rerequest must have an IPv4 address"),
        (FEED, FEED + '\nglimpse = "10.1.1.1:2"', "feed.glimpse_user must be a text, was None"),
        (FEED, FEED + GLIMPSE + 'glimpse_password = "elevencharss"', "at most 10 ASCII"),
        (FEED, FEED + "\nmax_missing = 0", "feed.max_missing must be 1 to"),
        (FEED, FEED + '\ndepth = "yes"', "feed.depth must be true or false, was 'yes'"),
        (FEED, FEED + '\naddress = "10.1.1.1"\nmac = "02:00"', "feed.mac must be six octets"),
        (FEED, FEED + "\nmax_mising = 1", "feed.max_mising is not a setting"),
        ('["AAPL", "MSFT"]', '["AAPL", "AAPL"]', "must name each symbol once"),
        ('["AAPL", "MSFT"]', "[]", "engine.symbols must be a list with an entry"),
        ('["AAPL", "MSFT"]', '["TOOLONGNAME"]', "1 to 8 characters"),
        ('"127.0.0.1:0"', '"here"', "fix.listen must be HOST:PORT, was 'here'"),
        ('["MAKER", "TAKER"]', '["MAKER", "MAKER"]', "engine.strategies must name each once"),
        ('["MAKER", "TAKER"]', str([f"S{n}" for n in range(33)]), "be 32 strategies, 33 are in"),
        ('strategy = "TAKER"\n', "", r"fix.sessions\[1\].strategy must be a text, was None"),
        ('strategy = "TAKER"', 'strategy = "X"', "must be one of engine.strategies: MAKER, TAKER"),
        ('comp_id = "C2"', 'comp_id = "C1"', "must name each comp_id once"),
        ('account = "BETA"', "", r"fix.sessions\[1\].account must be a text"),
        ('name = "SIM"', 'name = "SIM"\nspeed = 3', "venue.speed is not a setting"),
        ('firm = "TICK"\n', "", "venue.firm must be a text, was None"),
        ('"TICK"', '"tick"', "venue.firm must be 1 to 4 letters A to Z or digits, was 'tick'"),
        ('"TICK"', '"TICKS"', "venue.firm must be 1 to 4"),
        ("[card]", "watchdog_cancel_ms = 65536\n[card]", "engine.watchdog_cancel_ms must be 0 to"),
        ('symbols = ["', 'durability = "disk"\nsymbols = ["', "memory or batch, was 'disk'"),
        ('name = "SIM"', 'name = "SIM"\nrequire = ["x"]', "venue.require is not a setting"),
        ('comp_id = "TICKGATE"', 'comp_id = "T"\nrequire = ["side"]', "fix.require can have cap"),
        ('symbols = ["', 'exposure_check = 1\nsymbols = ["', "exposure_check must be true or"),
        ("[fix]", "[references]\n[fix]", "references must have file, window_s or both"),
        ("[fix]", "[references]\nwindow_s = 0\n[fix]", "references.window_s must be 1 to 86400"),
        ("[fix]", '[references]\nfile = "r"\nx = 1\n[fix]', "references.x is not a setting"),
        ("[engine]", "[engine", "engine.toml"),
    ],
)
def test_wrong_settings_are_named(tmp_path, old, new, message):
    assert old in CONFIG
    path = tmp_path / "engine.toml"
    path.write_text(CONFIG.replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        EngineConfig.load(path)


def test_a_process_with_wrong_settings_says_so_and_ends(tmp_path):
    path = tmp_path / "engine.toml"
    path.write_text(CONFIG)
    code = "import sys; from pathlib import Path; from tickgate.engine.main import run; "
    code += "sys.exit(run(Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "limits.toml" in done.stderr
    assert "Traceback" not in done.stderr


EXAMPLES = [
    inputs.Started(["A"], ["X"], [["C1", "A"]], "V", "note"),
    inputs.NewOrder("C1", "1", "A", "X", "B", 1, "2", 3, "0", 4, 5, True, "no"),
    inputs.CancelOrder("C1", "2", "1"),
    inputs.ReplaceOrder("C1", "2", "1", "X", "B", 1, "2", 3, "0"),
    inputs.Slot(bytes(range(64))),
    inputs.CardUp(True, 7),
    inputs.CardDown("gone"),
    inputs.NotSent(1, "O", "full"),
    inputs.Settled([1, 2], "why", True),
    inputs.LimitsSet(1, "text", "hash", "file"),
    inputs.Command("me", "kill", {"scope": "all", "target": None}),
    inputs.SessionChanged("C1", True, ""),
    inputs.Drift("A", "X", [1, 2, 3], [1, 2, 4], over=True),
    inputs.ReferencesSet("X", 1, 2, 3, 4),
    inputs.LimitWarning("position", "A", "X", "max_long", 80, 1 << 70, 1 << 71, over=True),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_inputs_come_back_from_the_journal(value):
    assert inputs.decode(Entry(1, value.KIND, 0, inputs.encode(value))) == value


def test_every_kind_has_a_number_of_its_own():
    assert sorted(value.KIND for value in EXAMPLES) == list(range(1, 16))


@pytest.mark.parametrize(
    ("kind", "payload"), [(99, b"{}"), (2, b"{}"), (2, b"x"), (7, b'{"reason":"","more":1}')]
)
def test_entries_that_cannot_be_read_are_named(kind, payload):
    with pytest.raises(inputs.UnknownInput, match="journal entry 5"):
        inputs.decode(Entry(5, kind, 0, payload))


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_percentiles_are_within_a_thirty_second(values):
    histogram = Histogram()
    histogram.extend(values)
    found = histogram.percentiles()
    ordered = sorted(values)
    assert (found["count"], found["min"], found["max"]) == (len(values), ordered[0], ordered[-1])
    for name, permille in (("p50", 500), ("p99", 990), ("p999", 999)):
        exact = ordered[-(-len(values) * permille // 1000) - 1]
        assert exact <= found[name] <= min(exact + exact // 32, ordered[-1])


def test_an_empty_distribution_is_all_zero():
    assert set(Histogram().percentiles().values()) == {0}


@pytest.mark.parametrize(
    ("side", "bid", "ask", "collar", "price"),
    [
        ("B", 1_000_000, 1_000_100, 5_000, 1_005_100),
        ("B", 1_000_000, 1_000_100, 5_050, 1_005_100),
        ("B", 0, 1_000_150, 10, 1_000_150),
        ("S", 1_000_000, 0, 5_050, 995_000),
        ("T", 1_000_000, 0, 5_000, 995_000),
        ("S", 5_000, 0, 7_000, 1),
        ("S", 9_999, 0, 0, 9_999),
        ("B", 0, 9_990, 5, 9_995),
    ],
)
def test_limits_of_market_orders(side, bid, ask, collar, price):
    assert limit_for_market_order(side, bid, ask, collar) == (price, "")


@pytest.mark.parametrize(
    ("side", "touch", "tick", "price"),
    [("B", 5_000, 100, 5_000), ("B", 5_000, 50, 5_050), ("S", 5_000, 50, 4_950), ("S", 60, 100, 60),
     ("S", 5_000, 100, 5_000), ("S", 150, 100, 100), ("B", 99_900, 50, 99_900)],
)  # fmt: skip
def test_limits_of_market_orders_are_multiples_of_the_tick(side, touch, tick, price):
    assert limit_for_market_order(side, touch, touch, 70, tick) == (price, "")


@pytest.mark.parametrize(
    ("side", "bid", "ask", "collar", "text"),
    [("B", 1, 0, 5, "no offer"), ("S", 0, 1, 5, "no bid"), ("B", 1, 1, None, "has no limits")],
)
def test_market_orders_without_a_price(side, bid, ask, collar, text):
    price, why = limit_for_market_order(side, bid, ask, collar)
    assert price == 0
    assert text in why


def test_refusal_texts():
    kill, value = BY_NAME["kill_all"], BY_NAME["max_value"]
    mask = 1 << kill.bit | 1 << value.bit
    assert refusal_text(mask, kill.bit, 7) == (
        f"RISK kill_all: {kill.text}; also: max_value; limits generation 7"
    )
    assert refusal_text(1 << 60, 60, 7) == "RISK check 60; limits generation 7"
    names = ("halted", "max_value", "firm_net_credit", "kill_all", "short_mark")
    assert [reject_reason(BY_NAME[name].bit) for name in names] == [2, 3, 3, 99, 99]
    assert venue_reject_text(29) == "invalid price"
    assert venue_reject_text(999) == "reason 999"
    assert cancel_text("U") == "canceled: requested by the user"
    assert "reason w" in cancel_text("w")


def test_every_check_has_its_reject_reason():
    assert set(CARD_REASONS) == {check.name for check in CHECKS}
    assert set(HOST_REASONS) == {check.name for check in HOST_CHECKS}
    names = ("session_phase", "locate_budget", "gate_closed")
    assert [reject_reason(BY_NAME[name].bit) for name in names] == [2, 3, 99]
    assert reject_reason(63) == 99  # of a card that is newer
    assert host_reject_reason(HOST_BY_NAME["buying_power"]) == 3
    assert host_reject_reason(HOST_BY_NAME["locate"]) == 99


def test_asking_where_nobody_answers(tmp_path):
    with pytest.raises(EngineError, match="no engine answers"):
        ask(tmp_path / "none.sock", tmp_path, "me", "state")
