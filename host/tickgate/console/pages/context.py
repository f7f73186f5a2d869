"""What each page is given."""

from dataclasses import dataclass

from tickgate.console.live import Live
from tickgate.console.service import Service
from tickgate.console.users import User


@dataclass(frozen=True)
class PageContext:
    """The live state, the service, and who looks at the page."""

    live: Live
    service: Service
    user: User
    environment: str
