"""The mailbox's count as the other process sees it: it grows, and is never anything in between."""

import mmap
import multiprocessing
import time
from multiprocessing.connection import Connection

import numpy as np
from tickgate.card import mailbox
from tickgate.card.simulated import SimulatedBar, Transport

POSTS = 400_000


class Present(Transport):
    """A card that is there."""

    def __init__(self) -> None:
        self.bar_bytes = 65_536

    def check(self) -> None:
        """Say nothing."""


def watch(memory: mmap.mmap, report: Connection) -> None:
    """Take every entry at once, as a card does; report each count that was below an earlier one."""
    wrong, last = [], 0
    words = np.frombuffer(memory, dtype=np.uint32)
    produced = np.full(4_096, mailbox.PRODUCED_AT // 4)  # so many looks in one call
    report.send("watching")
    deadline = time.monotonic() + 30
    while last < POSTS and time.monotonic() < deadline:
        seen = words.take(produced)
        if (np.diff(seen.astype(np.int64), prepend=last) < 0).any():
            wrong.append(int(seen.min()))
        last = words[mailbox.CONSUMED_AT // 4] = int(seen.max())
    report.send((last, wrong[:3]))


def test_the_count_is_stored_in_one_piece() -> None:
    memory = mmap.mmap(-1, mailbox.BYTES)
    here, there = multiprocessing.Pipe()
    card = multiprocessing.get_context("fork").Process(target=watch, args=(memory, there))
    card.start()
    assert here.recv() == "watching"
    bar = SimulatedBar(memory, -1, Present())
    for number in range(POSTS):
        bar.write32(0, number)
    assert here.recv() == (POSTS, [])
    card.join()
