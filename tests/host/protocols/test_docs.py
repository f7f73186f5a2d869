"""The generated pages: up to date in the repository, and noticed when they are not."""

from pathlib import Path

import pytest
from tickgate.protocols import docs, itch50, ouch50, soupbintcp


def test_pages_in_the_repository_are_up_to_date() -> None:
    assert docs.stale() == []


def test_pages_show_every_field() -> None:
    pages = docs.pages()
    for name, table in (
        ("itch50.md", itch50.MESSAGES),
        ("ouch50.md", ouch50.INBOUND),
        ("ouch50.md", ouch50.OUTBOUND),
        ("soupbintcp.md", soupbintcp.PACKETS),
    ):
        for cls in table.values():
            assert f"# {cls.TYPE}: `{cls.__name__}`" in pages[name]
            for row in cls.FIELDS:
                assert f"| {row.offset} | {row.length} | {row.name} | " in pages[name]
    assert all(f"| {tag} | {o.name} | " in pages["ouch50.md"] for tag, o in ouch50.OPTIONS.items())


def test_write_then_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path / "wire")]
    assert docs.main(["--check", *folder]) == 1
    assert "itch50.md is stale" in capsys.readouterr().err
    assert docs.main(folder) == 0
    assert docs.main(["--check", *folder]) == 0
    page = tmp_path / "wire" / "ouch50.md"
    page.write_text(page.read_text().replace("| 45 |", "| 46 |"))
    assert docs.main(["--check", *folder]) == 1
    assert docs.stale(tmp_path / "wire") == [page]
