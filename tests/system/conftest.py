"""What the system tests share."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def quickfix_dictionary() -> Path:
    """QuickFIX's FIX 4.4 dictionary; the test is skipped without it."""
    if importlib.util.find_spec("quickfix") is None:
        pytest.skip("the QuickFIX peer (quickfix-ssl) is not installed")
    path = Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"
    if not path.exists():
        pytest.skip(f"QuickFIX's dictionary is not at {path}")
    return path
