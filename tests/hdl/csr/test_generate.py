"""The generated files follow from the declarations, and a stale one is noticed."""

import subprocess

import pytest
from tickgate.card import registers
from tickgate_hdl.lib import generate, rdl


def test_the_committed_files_are_fresh():
    assert generate.main(["--check"]) == 0


def test_the_map_is_the_systemrdl_file():
    assert rdl.load() == registers.REGISTERS


def test_a_stale_or_missing_file_is_named_and_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert not any(tmp_path.iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    page = tmp_path / "docs/registers.md"
    page.write_text(page.read_text() + "x")
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/registers.md is stale: run `make generate`\n"


@pytest.mark.parametrize(("reg", "says"), [
    ('field { sw = rw; hw = r; desc = "F."; } f[7:0] = 0;', "must have a desc"),
    ('desc = "R."; field { sw = rw; hw = r; } f[7:0] = 0;', "must have a desc"),
    ('desc = "R."; regwidth = 64; field { sw = rw; hw = r; desc = "F."; } f[7:0] = 0;', "32 bits"),
])
def test_a_register_that_the_card_cannot_have_is_refused(tmp_path, reg, says):
    file = tmp_path / "bad.rdl"
    file.write_text(f"addrmap bad {{ reg {{ {reg} }} one @ 0x0; }};")
    with pytest.raises(ValueError, match=says):
        rdl.load(file)


def test_the_c_headers_compile_and_have_the_offsets(tmp_path, require_tool):
    headers = generate.ROOT / "firmware" / "include"
    source = tmp_path / "check.c"
    source.write_text(
        "#include <stddef.h>\n#include <tickgate_card.h>\n#include <tickgate_records.h>\n"
        'static_assert(TICKGATE_MAGIC_VALUE_VALUE == 0x54474344u, "magic");\n'
        'static_assert(TICKGATE_CAPACITY_TABLES_ACCOUNTS_MASK == 0xffff0000u, "mask");\n'
        'static_assert(offsetof(struct tickgate_order_request, clordid) == 37, "clordid");\n'
        'static_assert(offsetof(struct tickgate_top_of_book, ring_sequence) == 56, "end");\n'
    )
    command = [require_tool("gcc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-c",
               f"-I{headers}", str(source), "-o", str(tmp_path / "check.o")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
