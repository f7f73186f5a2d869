"""Golden model of a channel of the feed: frames of two lines and the host's packets, one after the
other, to messages, events, counters and state.
"""

from collections import Counter
from dataclasses import dataclass, field

from tickgate_sim.models.line import InjectModel, LineModel
from tickgate_sim.models.window import WindowModel

__all__ = ["ChannelModel"]


@dataclass
class ChannelModel:
    """The models of lines, host and window; ``addresses`` are the lines' groups and ports."""

    window: WindowModel
    addresses: tuple[tuple[int, int], tuple[int, int]]
    lines: dict[str, LineModel] = field(init=False)
    host: InjectModel = field(default_factory=InjectModel)
    injected: int = 0

    def __post_init__(self) -> None:
        self.lines = {
            name: LineModel(group, port)
            for name, (group, port) in zip("ab", self.addresses, strict=True)
        }

    def frame(self, name: str, frame: bytes, error: bool = False) -> None:
        """Take a frame of line a or b."""
        line = self.lines[name]
        line.session = self.window.listens_to
        packets, items, story = len(line.packets), len(line.items), len(line.story)
        line.frame(frame, error)
        for step in line.story[story:]:
            if step == "P":
                packet = line.packets[packets]
                packets += 1
                self.window.packet(
                    name, packet.session, packet.sequence,
                    foreign=packet.foreign, end=packet.messages == 0xFFFF,
                )  # fmt: skip
            elif step == "I":
                item = line.items[items]
                items += 1
                self.window.item(name, item.sequence, item.data)
            else:
                self.window.frame_bad(name)

    def inject(self, payload: bytes, *, snapshot: bool = False) -> None:
        """Take a packet of the host."""
        self.host.session = self.window.listens_to
        before = len(self.host.items)
        self.host.packet(payload)
        for item in self.host.items[before:]:
            self.injected += 1
            if snapshot:
                self.window.snapshot(item.data)
            else:
                self.window.item("r", item.sequence, item.data)

    def counts(self) -> dict[str, int]:
        """All counters, by their registers' names without ``count_``."""
        total: Counter[str] = Counter()
        for line in self.lines.values():
            total.update(line.counts)
        return {
            **total,
            **{name: self.window.counts[name] for name in (
                "mold_duplicates", "mold_gaps", "window_reordered", "window_filled",
                "window_dropped", "frames_suspect")},
            "inject_messages": self.injected, "inject_malformed": self.host.malformed,
        }  # fmt: skip
