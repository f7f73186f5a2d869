"""What every test may ask for: the sample data, and programs that are not Python packages."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("tickgate", deadline=None)  # how fast this machine is, is no property
settings.load_profile("tickgate")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of sample data beside the repository; the test is skipped where it is absent."""
    root = Path(os.environ.get("TICKGATE_SHARED", REPOSITORY.parent / "shared"))
    if not (root / "data").is_dir():
        pytest.skip(f"the sample data is not at {root / 'data'}; set TICKGATE_SHARED to its parent")
    return root / "data"


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Path of a program; without it a test is skipped, and fails under TICKGATE_REQUIRE_TOOLS."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        message = f"{name} is not installed (Debian: apt-get install {name})"
        if os.environ.get("TICKGATE_REQUIRE_TOOLS"):
            pytest.fail(message)
        pytest.skip(message)

    return find
