"""The journal: every input of the engine, in order, on disk before its effects leave.

Here: the entry format, the single writer with recovery, the reader and the tailer for other
processes. Not here: what an entry means (``tickgate.engine.inputs``) and what is done with it
(``tickgate.engine.core``).
"""

from tickgate.journal.format import (
    Entry,
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalLocked,
)
from tickgate.journal.reader import Repair, read
from tickgate.journal.tailer import Tailer
from tickgate.journal.writer import Journal

__all__ = [
    "Entry",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "JournalLocked",
    "Repair",
    "Tailer",
    "read",
]
