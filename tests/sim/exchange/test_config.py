"""Configuration: what is taken, and what is said about what is not."""

from pathlib import Path
from typing import Any

import pytest
from tickgate_sim.exchange.config import Account, ConfigError, ExchangeConfig, load
from tickgate_sim.exchange.impairment import LineSettings
from tickgate_sim.exchange.instruments import Instrument

GOOD = """
session = "DAY1"
mcast_port = 30001
messages_per_second = 10
line_a = {loss_ppm = 10}

[line_b]
delay_ms = 3
reorder_depth = 2

[[symbols]]
name = "AAPL"
price = 1875000

[[symbols]]
name = "PENY"
price = 5200
round_lot = 10

[[accounts]]
username = "GATE1"
password = "secret"
cancel_on_disconnect = true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "exchange.toml"
    path.write_text(text)
    return path


def test_a_file_gives_the_settings(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))
    assert config == ExchangeConfig(
        session="DAY1",
        mcast_port=30001,
        messages_per_second=10,
        line_a=LineSettings(loss_ppm=10),
        line_b=LineSettings(delay_ms=3, reorder_depth=2),
        symbols=(("AAPL", 1875000, 100), ("PENY", 5200, 10)),
        accounts=(Account(username="GATE1", password="secret", cancel_on_disconnect=True),),
    )
    assert config.instruments == (
        Instrument(symbol="AAPL", locate=1, price=1875000, round_lot=100),
        Instrument(symbol="PENY", locate=2, price=5200, round_lot=10),
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("mcast_port = 30001", "mcast_port = 0"), "mcast_port must be an integer from 1 to 65535"),
        (("mcast_port = 30001", "mcast_port = true"), "mcast_port must be an integer"),
        (("mcast_port = 30001", "colour = 1"), r"not \['colour'\]"),
        (("mcast_port = 30001", 'mcast_group = "10.0.0.1"'), "must be a multicast address"),
        (("mcast_port = 30001", 'mcast_interface = "lo"'), "mcast_interface must be an IPv4"),
        (("mcast_port = 30001", "mcast_port ="), "must be TOML"),
        (("mcast_port = 30001", 'mcast_group_b = "10.0.0.1"'), "mcast_group_b must be a multicast"),
        (
            ("mcast_port = 30001", 'mcast_group_b = "239.192.0.1"\nmcast_port_b = 26477'),
            "lines A and B must differ in group or port",
        ),
        (("line_a = {loss_ppm = 10}", "line_a = 3"), "line_a must be a table"),
        (("delay_ms = 3", "loss_ppm = -1"), "loss_ppm must be an integer from 0"),
        (("delay_ms = 3", "loss_ppm = 0.5"), "loss_ppm must be an integer from 0"),
        (("delay_ms = 3", "colour = 1"), "colour"),
        (("mcast_port = 30001", "rerequest_loss_ppm = 2000000"), "rerequest_loss_ppm must be"),
        (("mcast_port = 30001", "glimpse_max_clients = 0"), "glimpse_max_clients must be"),
        (("mcast_port = 30001", 'glimpse_username = "TOOLONG"'), "glimpse_username must be 1 to 6"),
        (("mcast_port = 30001", "glimpse_password = 5"), "glimpse_password must be 1 to 10"),
        (('"DAY1"', '"TOO LONG A NAME"'), "session must be"),
        (('"PENY"', '"AAPL"'), "symbols must differ"),
        (('"PENY"', '"PENNYSTOCK"'), "symbol must be 1 to 8"),
        (("price = 5200", "price = 52.0"), "an integer price"),
        (("price = 5200", "price = 10050"), "price of PENY must be a limit price on the tick grid"),
        (("round_lot = 10", "round_lot = 0"), "round lot of PENY must be at least 1"),
        (("round_lot = 10", "lot = 10"), r"not \['lot'\]"),
        (('"GATE1"', '"GATE12345"'), "username must be 1 to 6 letters or digits"),
        (('"secret"', '""'), "password must be 1 to 10"),
        (("cancel_on_disconnect = true", "admin = true"), "admin"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        load(write(tmp_path, GOOD.replace(*change)))


def test_symbols_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="symbols must be a list of tables"):
        load(write(tmp_path, "session = 'DAY1'"))


def test_usernames_must_differ_without_case() -> None:
    accounts: Any = (Account(username="A", password="x"), Account(username="a", password="x"))
    with pytest.raises(ConfigError, match="usernames must differ"):
        ExchangeConfig(symbols=(("AAPL", 100_0000, 100),), accounts=accounts)


def test_the_documented_example_is_the_default_but_for_its_paths(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text()
    example = page.split("```toml\n")[1].split("```")[0]
    assert load(write(tmp_path, example)) == ExchangeConfig(
        symbols=(("AAPL", 1875000, 100),),
        accounts=(Account(username="GATE1", password="SECRET"),),
        admin_socket="/tmp/exchange.sock",
    )
