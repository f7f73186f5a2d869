"""The driver's control functions against a card in plain Python."""

import struct
import time
import zlib

import pytest
from tickgate.card import registers as reg
from tickgate.card.driver import CardDriver
from tickgate.card.errors import (
    CardGone,
    CardMismatch,
    CardNotReady,
    LimitsRefused,
    WriteLost,
)
from tickgate.card.kills import KillState
from tickgate.card.limits import image_crc
from tickgate.risk.checks import CHECKS
from tickgate.risk.image import ACCOUNT, FIRM, POSITION, SYMBOL, TableSizes


@pytest.fixture
def card(fake):
    return CardDriver(fake)


def test_identify_says_what_card_it_is(card, fake):
    fake.words[reg.BUILD.offset] = 0xBEEF
    found = card.identify()
    assert (found.build, found.symbols, found.accounts, found.open_orders) == (0xBEEF, 4, 2, 64)
    assert found.tables == TableSizes(accounts=2, symbols=4, groups=2, clearing_firms=1)


@pytest.mark.parametrize(
    ("register", "problem"), [(reg.MAGIC, "this has 0x7"), (reg.LAYOUT, "the card has 7")]
)
def test_another_device_or_layout_is_refused(card, fake, register, problem):
    fake.words[register.offset] = 7
    with pytest.raises(CardMismatch, match=problem):
        card.identify()


def test_wait_ready_waits_and_gives_up(card, fake):
    fake.set_status(ready=0)
    with pytest.raises(CardNotReady, match="not ready"):
        card.wait_ready(0.002)
    answers = iter([0, 0, 1])
    fake.on_read[reg.STATUS.offset] = lambda: next(answers)
    card.wait_ready(10)


def test_status_has_every_bit_and_the_generation(card, fake):
    fake.words[reg.LIMIT_ACTIVE_GENERATION.offset] = 9
    for field in reg.STATUS.fields:
        fake.words[reg.STATUS.offset] = field.mask
        status = card.status()
        assert status.generation == 9
        assert [f.name for f in reg.STATUS.fields if getattr(status, f.name)] == [field.name]


def test_clocks_are_read_low_word_first(card, fake):
    order = []
    for name, value in (("TIME_LOW", 2), ("TIME_HIGH", 1), ("CYCLES_LOW", 4), ("CYCLES_HIGH", 3)):
        register = getattr(reg, name)
        fake.on_read[register.offset] = lambda name=name, value=value: order.append(name) or value
    assert card.time_ns() == 1 << 32 | 2
    assert card.cycles() == 3 << 32 | 4
    assert order == ["TIME_LOW", "TIME_HIGH", "CYCLES_LOW", "CYCLES_HIGH"]


IMAGE = {
    ACCOUNT.address(0, 0): 1,
    ACCOUNT.address(1, 2): 0xFFFF_FFFF,
    SYMBOL.address(3, 1): 5_000,
    POSITION.address(7, 1): 0x7FFF_FFFF,
    FIRM.address(0, 4): 9,
}


def test_upload_writes_every_word_and_commits(card, fake):
    card.upload_limits(IMAGE, 3)
    assert {a: w for a, w in fake.limits.items() if w} == IMAGE
    words = 2 * 32 + 4 * 16 + 2 * 4 * 4 + 8 + 2 * 8 + 8 + 32 * 4 + 32 * 2
    assert len(fake.limits) == words, "absent words are written as 0"
    assert card.status().generation == 3


def test_the_crc_is_that_of_zlib_over_the_tables_in_order():
    words = [IMAGE.get(a, 0) for a in range(64)]
    for table, count in ((1, 64), (2, 32), (3, 8), (4, 16), (5, 8), (6, 128), (7, 64)):
        words += [IMAGE.get(table << 28 | a, 0) for a in range(count)]
    sizes = TableSizes(accounts=2, symbols=4, groups=2, clearing_firms=1)
    assert image_crc(IMAGE, sizes) == zlib.crc32(struct.pack("<384I", *words))


def test_old_words_of_the_shadow_do_not_stay(card, fake):
    card.upload_limits(IMAGE, 3)
    card.upload_limits({}, 4)
    assert not any(fake.limits.values())


def test_a_word_that_reads_back_wrongly_stops_the_upload_before_the_commit(card, fake):
    address = SYMBOL.address(3, 1)
    fake.corrupt[address] = 4_999
    with pytest.raises(LimitsRefused, match="0x10000031 was written as 0x1388 and reads back as"):
        card.upload_limits(IMAGE, 3)
    assert "limit_commit" not in dict(fake.writes)


def test_a_refused_commit_says_both_crcs_and_what_stays(card, fake):
    card.upload_limits(IMAGE, 3)
    commit = fake._limit_commit

    def corrupted(value):
        fake.corrupt[0] = 2
        commit(value)

    fake._limit_commit = corrupted
    with pytest.raises(LimitsRefused, match=r"its CRC is 0x.{8}, the host's 0x.{8}; generation 3 "):
        card.upload_limits(IMAGE, 4)
    assert card.status().generation == 3


def test_an_account_that_moves_is_said_to(card, fake):
    card.upload_limits(IMAGE, 3)
    fake.moves_an_account = True
    with pytest.raises(LimitsRefused, match=r"in another group or clearing firm than .*; generati"):
        card.upload_limits(IMAGE, 4)
    assert card.status().generation == 3


def test_a_commit_that_does_not_end_is_given_up(card, fake):
    fake.on_read[reg.LIMIT_STATUS.offset] = lambda: 1
    with pytest.raises(CardNotReady, match="did not end"):
        card.upload_limits(IMAGE, 3, timeout_s=0.01)


@pytest.mark.parametrize(
    ("image", "generation", "problem"),
    [
        ({}, 0, "generation must be 1"),
        ({}, 1 << 32, "generation must be 1"),
        ({ACCOUNT.address(2, 0): 1}, 1, "outside the tables of a card with 2 accounts, 4 sym"),
        ({FIRM.address(1, 0): 1}, 1, "outside the tables"),
        ({0: -1}, 1, "must be a u32"),
        ({0: 1 << 32}, 1, "must be a u32"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_before_any_write(
    card, fake, image, generation, problem
):
    with pytest.raises(LimitsRefused, match=problem):
        card.upload_limits(image, generation)
    assert fake.writes == []


def test_arming_needs_limits_and_watchdog_and_names_what_is_missing(card, fake):
    with pytest.raises(CardNotReady, match="missing: limits_valid, watchdog_ok"):
        card.arm()
    card.upload_limits(IMAGE, 1)
    with pytest.raises(CardNotReady, match="missing: watchdog_ok"):
        card.arm()
    card.set_watchdog(500)
    card.touch_watchdog()
    card.arm()
    assert card.status().armed
    card.disarm()
    assert not card.status().armed
    with pytest.raises(CardNotReady, match="missing: limits of another generation than 1 "):
        card.arm()
    card.upload_limits(IMAGE, 2)
    card.arm()
    assert card.status().armed


def test_the_mass_cancel_is_preloaded_before_it_is_switched_on(card, fake):
    card.set_watchdog_cancel(2500, "TG", "AAPL")
    assert fake.writes == [
        ("watchdog_cancel", 0),
        ("mass_cancel_firm", int.from_bytes(b"TG  ", "little")),
        ("mass_cancel_symbol_low", int.from_bytes(b"AAPL", "little")),
        ("mass_cancel_symbol_high", int.from_bytes(b"    ", "little")),
        ("watchdog_cancel", 2500),
    ]
    fake.writes.clear()
    card.set_watchdog_cancel(65535, "FIRM")
    assert fake.get(reg.MASS_CANCEL_SYMBOL_LOW) == int.from_bytes(b"    ", "little")
    card.set_watchdog_cancel(0)
    assert fake.get(reg.WATCHDOG_CANCEL) == 0


@pytest.mark.parametrize(
    ("ms", "firm", "symbol", "problem"),
    [
        (65536, "FIRM", "", r"watchdog_cancel\.ms"),
        (1, "", "", "1 to 4 characters"),
        (1, " X", "", "1 to 4 characters"),
        (1, "FIRMS", "", "at most 4 printable"),
        (1, "FIRM", "TOOLONGNAME", "at most 8 printable"),
    ],
)
def test_a_mass_cancel_that_does_not_fit_leaves_it_off(card, fake, ms, firm, symbol, problem):
    card.set_watchdog_cancel(1, "FIRM")
    with pytest.raises(ValueError, match=problem):
        card.set_watchdog_cancel(ms, firm, symbol)
    assert fake.get(reg.WATCHDOG_CANCEL) == 0


@pytest.mark.parametrize("ms", [-1, 65536])
def test_a_watchdog_time_that_does_not_fit_is_refused(card, ms):
    with pytest.raises(ValueError, match=r"watchdog_timeout\.ms"):
        card.set_watchdog(ms)


@pytest.mark.parametrize(
    ("scope", "index", "expected"),
    [
        ("all", None, KillState(True, 0, 0, 0, 0)),
        ("session", 31, KillState(False, 1 << 31, 0, 0, 0)),
        ("account", 0, KillState(False, 0, 1, 0, 0)),
        ("account", 255, KillState(False, 0, 1 << 255, 0, 0)),
        ("symbol", 5, KillState(False, 0, 0, 1 << 5, 0)),
        ("symbol", 63, KillState(False, 0, 0, 1 << 63, 0)),
        ("symbol", 1023, KillState(False, 0, 0, 1 << 1023, 0)),
        ("strategy", 31, KillState(False, 0, 0, 0, 1 << 31)),
    ],
)
def test_kill_sets_one_bit_and_confirms(card, fake, scope, index, expected):
    fake.words[reg.CAPACITY_TABLES.offset] = reg.CAPACITY_TABLES.pack(symbols=1024, accounts=256)
    before = time.time_ns()
    assert before <= card.kill(scope, index, True) <= time.time_ns()
    assert card.kill_state() == expected
    card.kill(scope, index, False)
    assert card.kill_state() == KillState(False, 0, 0, 0, 0)


def test_kills_of_one_register_do_not_touch_each_other(card):
    card.kill("symbol", 1, True)
    card.kill("symbol", 3, True)
    card.kill("symbol", 1, False)
    assert card.kill_state().symbols == 1 << 3


@pytest.mark.parametrize(
    ("scope", "index"),
    [("all", 0), ("session", None), ("session", 32), ("account", -1), ("account", 2),
     ("symbol", 4), ("strategy", 32), ("firm", 1)],
)
def test_a_kill_switch_that_does_not_exist_is_refused(card, fake, scope, index):
    with pytest.raises(ValueError, match="kill"):
        card.kill(scope, index, True)
    assert fake.writes == []


def test_a_kill_that_the_card_does_not_take_is_an_error(card, fake):
    fake.stuck.add("kill_all")
    with pytest.raises(WriteLost, match="kill_all was written 0x1 and reads 0x0"):
        card.kill("all", None, True)


@pytest.mark.parametrize("reads", [0, 3])
def test_a_throttle_counts_anew(card, fake, reads):
    fake.clear_reads = reads
    fake.throttles = {("strategy", 31): 7, ("strategy", 1): 2, ("account", 1): 3}
    assert (card.throttle("strategy", 31), card.throttle("account", 1)) == (7, 3)
    card.clear_throttle("strategy", 31)
    assert fake.throttles == {("strategy", 31): 0, ("strategy", 1): 2, ("account", 1): 3}
    card.clear_throttle("account", 1)
    assert fake.throttles == {("strategy", 31): 0, ("strategy", 1): 2, ("account", 1): 0}


def test_a_throttle_that_the_card_does_not_get_to_is_an_error(card, fake):
    fake.clear_reads = 1 << 30
    with pytest.raises(CardNotReady, match="did not get to it"):
        card.clear_throttle("strategy", 0)


@pytest.mark.parametrize(("scope", "index"), [("strategy", 32), ("strategy", -1), ("account", 2)])
def test_a_throttle_that_the_card_has_not_is_refused(card, fake, scope, index):
    with pytest.raises(ValueError, match=f"no throttle of {scope} {index}"):
        card.clear_throttle(scope, index)
    assert fake.writes == []


@pytest.mark.parametrize("shares", [0, 5, -5, -(1 << 31), (1 << 31) - 1])
def test_positions_keep_their_sign(card, fake, shares):
    card.load_position(1, 3, shares)
    assert fake.positions == {1 | 3 << 16: shares & 0xFFFF_FFFF}
    fake.words[reg.OPEN_BUY.offset] = 7
    fake.words[reg.OPEN_SELL.offset] = 8
    assert card.exposure(1, 3) == (shares, 7, 8)


def test_a_position_that_does_not_load_is_an_error(card, fake):
    fake.set_status(armed=1)
    with pytest.raises(CardNotReady, match="was loaded as 5 and reads 0"):
        card.load_position(0, 0, 5)
    with pytest.raises(ValueError, match="32 bits"):
        card.load_position(0, 0, 1 << 31)


def test_symbols_are_stored_padded_and_cleared(card, fake):
    card.load_symbol(2, "AAPL")
    card.load_symbol(3, "ABCDEFGH")
    assert fake.symbols == {2: b"AAPL    ", 3: b"ABCDEFGH"}
    card.load_symbol(2, None)
    assert fake.symbols[2] is None


@pytest.mark.parametrize("name", ["", "ABCDEFGHI", " A", "A ", "Ä", "A\n"])
def test_a_symbol_that_is_none_is_refused(card, fake, name):
    with pytest.raises(ValueError, match="a symbol must be"):
        card.load_symbol(0, name)
    assert fake.symbols == {}


def test_a_symbol_number_that_the_card_lacks_is_refused(card):
    with pytest.raises(ValueError, match="symbols 0 to 3, not 4"):
        card.load_symbol(4, "AAPL")


def test_references_are_staged_before_they_are_put_in_force(card, fake):
    card.write_reference(3, national_bid=1, band_low=2, band_high=3, window=0xFFFF_FFFF)
    card.write_reference(0, window=7)  # what is not said is not known, whatever was before
    assert fake.references == [(3, 1, 2, 3, 0xFFFF_FFFF), (0, 0, 0, 0, 7)]
    assert [name for name, _ in fake.writes][4::5] == ["reference_symbol"] * 2


@pytest.mark.parametrize(
    ("symbol", "price", "problem"),
    [
        (4, 1, "symbols 0 to 3, not 4"),
        (-1, 1, "symbols 0 to 3, not -1"),
        (0, -1, r"reference_band_low\.value must be 0 to 4294967295, was -1"),
        (0, 1 << 32, r"reference_band_low\.value must be"),
    ],
)
def test_a_reference_that_the_card_cannot_hold_is_not_written(card, fake, symbol, price, problem):
    with pytest.raises(ValueError, match=problem):
        card.write_reference(symbol, national_bid=1, band_low=price, window=1)
    assert fake.writes == []


def test_the_feed_is_set_first_octet_high(card, fake):
    card.set_feed("239.192.1.2", 26400)
    assert fake.get(reg.FEED_GROUP) == 239 << 24 | 192 << 16 | 1 << 8 | 2
    assert fake.get(reg.FEED_PORT) == 26400


@pytest.mark.parametrize(
    ("group", "port"), [("239.1", 1), ("a.b.c.d", 1), ("1.2.3.256", 1), ("239.0.0.1", 65536)]
)
def test_a_feed_address_that_is_none_is_refused(card, group, port):
    with pytest.raises(ValueError, match="must be"):
        card.set_feed(group, port)


def test_login_writes_padded_text_and_keeps_the_connection(card, fake):
    card.soup_connect(True)
    card.soup_login("TICK", "secret", "", 1)
    words = (reg.SOUP_USERNAME_0, reg.SOUP_USERNAME_1)
    assert b"".join(fake.get(r).to_bytes(4, "little") for r in words) == b"TICK  \0\0"
    words = (reg.SOUP_PASSWORD_0, reg.SOUP_PASSWORD_1, reg.SOUP_PASSWORD_2)
    assert b"".join(fake.get(r).to_bytes(4, "little") for r in words) == b"secret    \0\0"
    assert fake.get(reg.SOUP_SESSION_0) == 0x20202020
    assert fake.get(reg.SOUP_SEQUENCE) == 1
    assert fake.get(reg.SOUP_CONTROL) == reg.SOUP_CONTROL.pack(connect=1, login=1)
    card.soup_logout()
    assert fake.get(reg.SOUP_CONTROL) == reg.SOUP_CONTROL.pack(connect=1, logout=1)
    card.soup_connect(False)
    assert fake.get(reg.SOUP_CONTROL) == 0


def test_a_password_that_does_not_fit_is_refused_without_telling_it(card):
    with pytest.raises(ValueError, match="password must be at most 10") as caught:
        card.soup_login("TICK", "much too secret", "", 1)
    assert "secret" not in str(caught.value)


def test_counters_are_widened_over_their_wrap(card, fake):
    fake.words[reg.COUNT_FRAMES.offset] = 0xFFFF_FFFF
    assert card.counters()["frames"] == 0xFFFF_FFFF
    fake.words[reg.COUNT_FRAMES.offset] = 4
    assert card.counters()["frames"] == (1 << 32) + 4
    assert set(card.counters()) == {
        r.name.removeprefix("count_") for r in reg.REGISTERS if r.name.startswith("count_")
    } | {"market_merged", "message_dropped"}


def test_counts_by_check_and_by_type_select_first(card):
    assert card.check_counts() == {check.name: 100 + check.bit for check in CHECKS}
    assert card.itch_type_counts("AD") == {"A": 1000 + ord("A"), "D": 1000 + ord("D")}


def test_every_method_says_that_the_card_is_gone(card, fake):
    card.identify()
    card.setup_rings(4, 4, 4)
    fake.close()
    calls = [
        lambda: card.wait_ready(1), card.status, card.cycles, card.arm, card.disarm,
        card.ring_doorbell, lambda: card.poll_events(1), card.arm_interrupts, card.kill_state,
        lambda: card.kill("all", None, True), card.counters, card.touch_watchdog,
        lambda: card.upload_limits({}, 1), lambda: card.load_symbol(0, "A"), card.last_token,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(CardGone):
            call()
