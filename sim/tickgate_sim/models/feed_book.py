"""Golden model of the market data half of the card: frames in, records and counters out."""

from dataclasses import dataclass, field

from tickgate_sim.models.book import BookModel
from tickgate_sim.models.itch import ItchModel
from tickgate_sim.models.mold import MoldModel
from tickgate_sim.models.udp import UdpModel

__all__ = ["FeedBookModel"]


@dataclass
class FeedBookModel:
    """The four models in a row."""

    udp: UdpModel
    book: BookModel
    mold: MoldModel = field(default_factory=MoldModel)
    itch: ItchModel = field(default_factory=ItchModel)

    def frame(self, frame: bytes, time_ns: int = 0, error: bool = False) -> None:
        """Take one frame whose first beat came at ``time_ns``."""
        payload = self.udp.frame(frame, error)
        if payload is not None:
            for item in self.mold.packet(payload):
                command = self.itch.item(item, time_ns)
                if command is not None:
                    self.book.command(command)

    def counts(self) -> dict[str, int]:
        """All counters, by their registers' names without ``count_``."""
        return {**self.udp.counts, **self.mold.counts, **self.itch.counts, **self.book.counts}
