"""Frames as timed beats, in numpy."""

import random

import numpy as np
import pytest
from tickgate_sim.fast import BEAT, beats, wire_cycles
from tickgate_sim.traffic import frames as one_by_one


def as_payloads(line) -> list[int]:
    return [
        int(b["data"]) | int(b["keep"]) << 64 | int(b["last"]) << 72 | int(b["error"]) << 73
        for b in line
    ]


def test_the_beats_of_a_frame_are_those_of_the_plain_way():
    rng = random.Random(1)
    frames = [rng.randbytes(length) for length in (60, 61, 64, 71, 72, 1514)]
    errors = [False, True, False, False, True, False]
    wanted = [
        payload
        for frame, error in zip(frames, errors, strict=True)
        for payload in one_by_one.beats(frame, error)
    ]
    assert as_payloads(beats(frames, errors=errors)) == wanted


def test_short_frames_are_padded():
    line = beats([b"\x01"])
    assert len(line) == 8
    assert line["keep"].tolist() == [255] * 7 + [15]
    assert line["data"].tolist() == [1] + [0] * 7


def test_at_line_rate_a_frame_takes_its_time_on_the_wire():
    line = beats([bytes(60), bytes(100), bytes(60)], load=1.0, start=10)
    begins = line["cycle"][np.flatnonzero(np.append([1], line["last"][:-1]))]
    # Preamble, check sequence and gap are 24 bytes: 10.5 cycles, then 15.5 more.
    assert begins.tolist() == [10, 21, 36]
    assert line["cycle"][:8].tolist() == list(range(10, 18))


@pytest.mark.parametrize("load", [0.1, 0.5, 1.0])
def test_a_load_is_kept(load):
    lengths = np.full(1000, 126)
    begins = wire_cycles(lengths, load)
    assert begins[-1] / 999 == pytest.approx(150 / 8 / load, rel=0.001)
    assert (np.diff(begins) >= 16).all()


def test_equal_distances():
    line = beats([bytes(60), bytes(80)], cycles_per_frame=20)
    assert line["cycle"].tolist() == [*range(8), *range(20, 30)]


def test_no_frames_are_no_beats():
    assert len(beats([])) == 0
    assert beats([]).dtype == BEAT


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"load": 0}, "a load must be above 0"),
        ({"load": 1.1}, "at most 1"),
        ({"cycles_per_frame": 7}, "a frame of 8 beats needs as many cycles"),
        ({"load": 1, "cycles_per_frame": 9}, "exclude each other"),
        ({"errors": [True]}, "2 frames need as many errors"),
    ],
)
def test_what_cannot_be_is_refused(options, problem):
    with pytest.raises(ValueError, match=problem):
        beats([bytes(60), bytes(60)], **options)
    with pytest.raises(ValueError, match="at least one byte"):
        beats([b""])
