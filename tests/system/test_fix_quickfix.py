"""QuickFIX, written by others, trades with our acceptor over a real socket."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tickgate.fix.filestore import FileStore
from tickgate.fix.orders import execution_report
from tickgate.fix.session import Session, SessionConfig
from tickgate_sim.clients.echo_acceptor import EchoAcceptor

from tests.system.quickfix_process import SETTINGS, QuickFix, wait_until

pytestmark = pytest.mark.system


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    store = FileStore(tmp_path / "gate.fix")
    yield Session(SessionConfig("FIX.4.4", "GATE", "QUICK"), store)
    store.close()


@pytest.fixture
def acceptor(session: Session) -> Iterator[EchoAcceptor]:
    with EchoAcceptor([session]) as acceptor:
        yield acceptor


@pytest.fixture
def trader(acceptor: EchoAcceptor, quickfix_dictionary: Path, tmp_path: Path) -> Iterator[QuickFix]:
    config = tmp_path / "quickfix.cfg"
    store = tmp_path / "quickfix"
    config.write_text(
        SETTINGS.format(
            port=acceptor.port,
            dictionary=quickfix_dictionary,
            store=store,
            sender="QUICK",
            target="GATE",
        )
    )
    trader = QuickFix(config, "QUICK", "GATE")
    try:
        wait_until(lambda: trader.logons == 1, "logon")
        yield trader
    finally:
        trader.stop()


def test_orders_reconnect_resend_and_logout(
    trader: QuickFix, acceptor: EchoAcceptor, session: Session
) -> None:
    names = trader.orders("first", 200)
    wait_until(lambda: len(trader.reports) == 200, "200 reports")
    assert trader.reports == [(name, "0", False) for name in names]

    # Heartbeats both ways, with nothing else to say.
    trader.admin_in.clear()
    before = session.counters.messages_in
    wait_until(lambda: trader.admin_in.count("0") >= 2, "two heartbeats from us")
    wait_until(lambda: session.counters.messages_in > before + 1, "heartbeats from QuickFIX")

    # The line breaks; both sides go on producing.
    acceptor.paused = True
    acceptor.drop_connections()
    wait_until(lambda: trader.logouts >= 1, "QuickFIX notices the break")
    missed = trader.orders("missed", 20)
    fills = [f"late-{number}" for number in range(20)]
    for number, name in enumerate(fills):
        report = execution_report(
            order_id="1", exec_id=f"L{number}", exec_type="F", ord_status="1", symbol="AAPL",
            side="1", order_qty=100, leaves_qty=99, cum_qty=1, avg_px=102_500, cl_ord_id=name,
            last_qty=1, last_px=102_500, transact_time_ns=time.time_ns(),
        )  # fmt: skip
        acceptor.send(session, *report)
    acceptor.paused = False
    wait_until(lambda: trader.logons == 2, "second logon")

    # Each side asks for what it missed; the other's messages come once each, marked or new.
    wait_until(lambda: len(trader.reports) >= 240, "late fills and reports of missed orders")
    got = trader.reports[200:]
    assert [item for item in got if item[1] == "F"] == [(name, "F", True) for name in fills]
    assert [item[0] for item in got if item[1] == "0"] == missed
    assert acceptor.call(lambda: list(acceptor.application.seen["QUICK"])) == names + missed
    counters = session.counters
    assert counters.resend_requests_in >= 1
    assert counters.resend_requests_out >= 1
    assert counters.resent >= 20

    # And the session goes on.
    last = trader.orders("last", 5)
    wait_until(lambda: len(trader.reports) == 245, "reports after the reconnect")
    assert [item[0] for item in trader.reports[240:]] == last
    assert trader.rejected == []
    assert (counters.rejects_in, counters.rejects_out, counters.garbled) == (0, 0, 0)

    acceptor.paused = True
    logouts = trader.logouts
    acceptor.logout(session, "end of day")
    wait_until(lambda: trader.logouts > logouts, "QuickFIX notes the logout")
    wait_until(lambda: not session.connected, "logout handshake")
    assert "5" in trader.admin_in


def test_quickfix_logs_out(trader: QuickFix, session: Session) -> None:
    trader.orders("only", 1)
    wait_until(lambda: len(trader.reports) == 1, "report")
    trader.command("logout")
    wait_until(lambda: trader.logouts >= 1, "logout handshake")
    assert "5" in trader.admin_in
    assert trader.rejected == []


def test_acceptor_restarts_from_its_file(
    trader: QuickFix, acceptor: EchoAcceptor, session: Session
) -> None:
    names = trader.orders("before", 10)
    wait_until(lambda: len(trader.reports) == 10, "reports before the restart")
    acceptor.stop()
    store = session.store
    assert isinstance(store, FileStore)
    store.close()
    wait_until(lambda: trader.logouts >= 1, "QuickFIX notices the restart")
    names += trader.orders("during", 10)

    again = Session(session.config, FileStore(store.path))
    application = acceptor.application
    with EchoAcceptor([again], application, port=acceptor.port):
        wait_until(lambda: len(trader.reports) == 20, "reports after the restart")
        assert [item[0] for item in trader.reports] == names
        assert application.seen["QUICK"] == names
        assert trader.rejected == []
        trader.stop()
