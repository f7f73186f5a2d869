"""Faults of a line: what each setting does to a known stream, and that a seed decides all of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tickgate_sim.exchange.impairment import MILLION, Impairment, LineSettings


def stream(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def through(packets: Sequence[bytes], seed: str = "1", **settings: int) -> list[bytes]:
    line = Impairment(LineSettings(**settings), seed)
    out = [packet for given in packets for packet in line.data(given)]
    return [*out, *line.control(b"heartbeat")]


def test_a_good_line_gives_back_each_packet_at_once() -> None:
    line = Impairment(LineSettings(), "1")
    assert [line.data(packet) for packet in stream(100)] == [[packet] for packet in stream(100)]
    assert line.control(b"heartbeat") == [b"heartbeat"]
    assert (line.lost, line.cut, line.duplicated, line.reordered, line.held) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "counter"),
    [("loss_ppm", "lost"), ("duplicate_ppm", "duplicated"), ("reorder_ppm", "reordered")],
)
@pytest.mark.parametrize("ppm", [1000, 10_000, 50_000, 500_000])
def test_faults_come_about_as_often_as_asked(name: str, counter: str, ppm: int) -> None:
    line = Impairment(LineSettings(**{name: ppm}), "3")
    count = 100_000
    out = sum(len(line.data(packet)) for packet in stream(count)) + line.held
    found = getattr(line, counter)
    mean = count * ppm / MILLION
    sigma = (mean * (1 - ppm / MILLION)) ** 0.5
    assert abs(found - mean) < 5 * sigma
    assert out == count + line.duplicated - line.lost


@pytest.mark.parametrize("ppm", [0, MILLION])
def test_never_and_always_are_exact(ppm: int) -> None:
    out = through(stream(1000), loss_ppm=ppm)
    assert out == ([*stream(1000), b"heartbeat"] if ppm == 0 else [])


def test_a_duplicate_follows_its_original() -> None:
    assert through(stream(3), duplicate_ppm=MILLION)[:-1] == [b"0", b"0", b"1", b"1", b"2", b"2"]


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_a_reordered_packet_is_overtaken_by_the_next_ones(depth: int) -> None:
    line = Impairment(LineSettings(), "1")
    line.settings = LineSettings(reorder_ppm=MILLION, reorder_depth=depth)
    out = line.data(b"late")
    line.settings = LineSettings()
    out += [packet for given in stream(10) for packet in line.data(given)]
    assert out.index(b"late") == depth
    assert [packet for packet in out if packet != b"late"] == stream(10)


def test_a_line_that_lags_gives_the_packets_of_before() -> None:
    line = Impairment(LineSettings(delay_packets=3), "1")
    given = [line.data(packet) for packet in stream(5)]
    assert given == [[], [], [], [b"0"], [b"1"]]
    assert line.held == 3
    assert line.control(b"heartbeat") == [b"2", b"3", b"4", b"heartbeat"]


def test_a_cut_of_some_packets_ends_by_itself() -> None:
    line = Impairment(LineSettings(), "1")
    line.start_cut(2)
    assert line.is_cut
    assert line.data(b"1") == []
    assert line.control(b"heartbeat") == []
    assert line.data(b"2") == []
    assert not line.is_cut
    assert line.data(b"3") == [b"3"]
    assert (line.cut, line.control_lost, line.lost) == (2, 1, 0)


def test_a_cut_until_told_ends_when_told() -> None:
    line = Impairment(LineSettings(), "1")
    line.start_cut(None)
    assert [line.data(packet) for packet in stream(1000)] == [[]] * 1000
    line.end_cut()
    assert line.data(b"after") == [b"after"]
    assert line.cut == 1000


def test_heartbeats_are_lost_too() -> None:
    line = Impairment(LineSettings(loss_ppm=100_000), "1")
    passed = sum(len(line.control(b"heartbeat")) for _ in range(2000))
    assert passed + line.control_lost == 2000
    assert 140 < line.control_lost < 260


def test_heartbeats_change_no_decision_about_data() -> None:
    settings = LineSettings(loss_ppm=300_000, duplicate_ppm=300_000)
    quiet, chatty = Impairment(settings, "1"), Impairment(settings, "1")
    for packet in stream(300):
        assert quiet.data(packet) == chatty.data(packet)
        chatty.control(b"heartbeat")


def test_a_setting_changed_later_changes_no_other_decision() -> None:
    first = Impairment(LineSettings(loss_ppm=200_000), "1")
    second = Impairment(LineSettings(loss_ppm=200_000), "1")
    second.settings = replace(second.settings, duplicate_ppm=500_000)
    for packet in stream(500):
        assert bool(first.data(packet)) == bool(second.data(packet))


SETTINGS = st.builds(
    LineSettings,
    loss_ppm=st.integers(0, MILLION),
    duplicate_ppm=st.integers(0, MILLION),
    reorder_ppm=st.integers(0, MILLION),
    reorder_depth=st.integers(1, 20),
    delay_packets=st.integers(0, 20),
)


@given(SETTINGS, st.integers(0, 99), st.integers(0, 80))
def test_nothing_is_made_up_and_nothing_vanishes(
    settings: LineSettings, seed: int, count: int
) -> None:
    packets = stream(count)
    line = Impairment(settings, str(seed))
    out: list[bytes] = []
    for index, packet in enumerate(packets):
        out += line.data(packet)
        assert line.held <= 2 * (settings.delay_packets + settings.reorder_depth)
        assert set(out) <= set(packets[: index + 1])
    out += line.control(b"")
    out = [packet for packet in out if packet]
    assert line.held == 0
    assert len(set(out)) == count - line.lost
    assert len(out) == count - line.lost + line.duplicated
    again = Impairment(settings, str(seed))
    repeated = [packet for given in packets for packet in again.data(given)]
    assert [*repeated, *again.control(b"")][: len(out)] == out


def test_another_seed_decides_otherwise() -> None:
    packets = stream(200)
    assert through(packets, loss_ppm=500_000) == through(packets, loss_ppm=500_000)
    assert through(packets, loss_ppm=500_000) != through(packets, seed="2", loss_ppm=500_000)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"loss_ppm": -1}, "loss_ppm must be an integer from 0 to 1000000, not -1"),
        ({"loss_ppm": MILLION + 1}, "loss_ppm must be"),
        ({"duplicate_ppm": 0.5}, "duplicate_ppm must be an integer"),
        ({"reorder_ppm": True}, "reorder_ppm must be an integer"),
        ({"reorder_depth": 0}, "reorder_depth must be an integer from 1"),
        ({"delay_packets": 1001}, "delay_packets must be"),
        ({"delay_ms": "5"}, "delay_ms must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        LineSettings(**settings)
