"""An engine that answers the command channel from a dictionary, so that pages are tested alone."""

import json
import socketserver
import threading
import time
from pathlib import Path
from typing import Any

from tests.limits_text import symbol_table

TOKEN = "secret"
LIMITS = """
[firm]
gross_credit = "5000000.00"
net_credit = "2000000.00"
[sessions.CLIENT1]
rate = 65535
burst = 65535
[strategies.MAKER]
algo_id = 1001
max_executions = 5000
[groups.DESK]
gross_credit = "5000000.00"
net_credit = "2000000.00"
[clearing_firms.CLEAR]
gross_credit = "5000000.00"
net_credit = "2000000.00"

[accounts.FUND1]
group = "DESK"
clearing_firm = "CLEAR"
permissions = ["buy", "sell", "day", "ioc"]
symbols = "all"
max_quantity = 1000
max_value = "250000.00"
rate = 100
burst = 50
duplicate_window = 0
cancel_rate = 65535
cancel_burst = 65535
max_orders = 500
max_open_quantity = 50000
max_open_value = "1000000.00"
max_day_quantity = 1000000
max_day_value = "20000000.00"
gross_credit = "2000000.00"
net_credit = "1000000.00"
max_long = 20000
max_short = 20000
locates = 100000
max_rejects = 20

[accounts.FUND1.positions.AAPL]
max_long = 500
max_short = 400
locates = 100000

""" + symbol_table("AAPL", "1.50", "0.01")


def state() -> dict[str, Any]:
    """A plausible afternoon."""
    percentiles = {"count": 900, "min": 5, "p50": 7, "p99": 21, "p999": 40, "max": 55}
    return {
        "time_ns": time.time_ns(),
        "started_ns": time.time_ns() - 10**12,
        "venue": "SIMX",
        "card": {
            "connected": True,
            "kind": "simulated",
            "reason": "",
            "ready": True,
            "armed": True,
            "lease_good": True,
            "watchdog_ok": True,
            "mass_cancel_on": True,
            "mass_cancel_due": False,
            "link_up": True,
            "session_up": True,
            "limits_valid": True,
            "counters": {"itch_messages": 48211, "frames": 9120, "orders_in": 1290},
        },
        "kill": {"all": False, "sessions": [], "accounts": [], "symbols": [], "strategies": []},
        "throttles": [
            {"scope": "strategy", "name": "MAKER", "counted": 644, "most": 5000},
            {"scope": "account", "name": "FUND1", "counted": 1, "most": 20},
        ],
        "limits_generation": 7,
        "orders_in": 1290,
        "orders_sent": 1201,
        "rejected": {"price_collar": 41, "max_quantity": 30, "message_rate": 18},
        "fills": 644,
        "open_orders": 12,
        "sessions": [
            {
                "comp_id": "ALPHA",
                "account": "FUND1",
                "state": "logged_on",
                "next_in": 812,
                "next_out": 1433,
                "peer": "127.0.0.1:50122",
                "orders": 800,
            },
            {
                "comp_id": "BRAVO",
                "account": "FUND2",
                "state": "down",
                "next_in": 3,
                "next_out": 9,
                "peer": "",
                "orders": 0,
            },
        ],
        "positions": [
            {
                "account": "FUND1",
                "symbol": "AAPL",
                "position": -300,
                "average_price": 1_893_150,
                "realised": 1_234_500,
                "unrealised": -90_000,
                "cash": 567_945_000,
                "bought": 900,
                "sold": 1200,
            },
        ],
        "tops": [
            {
                "symbol": "AAPL",
                "bid": 1_893_100,
                "bid_size": 300,
                "ask": 1_893_300,
                "ask_size": 1200,
                "trading_state": "T",
                "stale": False,
                "message": 40_112,
                "time_ns": time.time_ns(),
            },
            {
                "symbol": "MSFT",
                "bid": 4_101_200,
                "bid_size": 100,
                "ask": 0,
                "ask_size": 0,
                "trading_state": "H",
                "stale": True,
                "message": 40_113,
                "time_ns": time.time_ns(),
            },
        ],
        "feed": [
            {
                "channel": 0,
                "session": "261126A",
                "expected": 40_114,
                "highest": 40_114,
                "missing": 0,
                "started": True,
                "ended": False,
                "gap_open": False,
                "suspect": False,
                "rebuilding": False,
                "stale": False,
                "recovery": "idle",
                "problem": "",
                "counters": {"gaps": 2, "gaps filled": 2},
            },
        ],
        "exposure": {
            "on": True,
            "pairs": 2,
            "counters": {"rounds": 40, "equal": 78, "traffic": 2},
            "round_ns": 55_000_000,
            "told": 0,
            "drifts": [],
        },
        "warnings": {"percent": [], "counters": {}, "standing": []},
        "market": {"merged": 12, "updates": 30_211},
        "latency": {
            "fix_to_doorbell_ns": {**percentiles, "p50": 182_000, "p99": 911_000},
            "fix_to_report_ns": {**percentiles, "p50": 2_182_000, "p99": 9_911_000},
            "gate_cycles": percentiles,
            "wire_cycles": percentiles,
            "book_cycles": percentiles,
        },
        "bad_input": {"garbled_fix": 2, "unknown_comp_id": 1},
        "journal_sequence": 55_021,
    }


def orders() -> list[dict[str, Any]]:
    """Two orders: one filled in part, one refused."""
    base = {
        "comp_id": "ALPHA",
        "account": "FUND1",
        "symbol": "AAPL",
        "quantity": 100,
        "price": 1_893_100,
        "time_ns": time.time_ns(),
    }
    return [
        {
            **base,
            "order_id": "2",
            "cl_ord_id": "a2",
            "side": "S",
            "state": "rejected",
            "filled": 0,
            "leaves": 0,
            "average_price": 0,
            "text": "RISK price_collar: the price is too far through the touch; generation 7",
        },
        {
            **base,
            "order_id": "1",
            "cl_ord_id": "a1",
            "side": "B",
            "state": "partially_filled",
            "filled": 60,
            "leaves": 40,
            "average_price": 1_893_050,
            "text": "",
        },
    ]


class FakeEngine:
    """Serves one state directory; records every request."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "command.sock"
        (folder / "command.token").write_text(TOKEN)
        self.state = state()
        self.limits = LIMITS
        self.previous: dict[str, Any] | None = None
        self.requests: list[dict[str, Any]] = []
        engine = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = json.loads(self.rfile.readline())
                try:
                    answer = {"ok": True, **engine.answer(request)}
                except ValueError as error:
                    answer = {"ok": False, "error": str(error)}
                self.wfile.write(json.dumps(answer).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(self.socket), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def put_into_force(self, toml: str) -> int:
        """Limits of a text, as the next generation."""
        self.previous = {"toml": self.limits, "generation": self.state["limits_generation"]}
        self.limits = toml
        self.state["limits_generation"] += 1
        return self.state["limits_generation"]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what the engine would."""
        if request["token"] != TOKEN:
            raise ValueError("wrong token")
        self.requests.append(request)
        match request["command"]:
            case "state":
                return self.state
            case "orders":
                return {"orders": orders()}
            case "limits":
                return {
                    "toml": self.limits,
                    "generation": self.state["limits_generation"],
                    "hash": "ab" * 32,
                    "previous": self.previous,
                }
            case "set_limits":
                if "max_quantity = 13" in request["toml"]:
                    raise ValueError("the card refused the image: CRC")
                return {"generation": self.put_into_force(request["toml"])}
            case "rollback":
                earlier = self.previous
                if earlier is None or request["previous"] not in (None, earlier["generation"]):
                    raise ValueError("nothing to roll back to")
                generation = self.put_into_force(earlier["toml"])
                return {"generation": generation, "restored": earlier["generation"], "hash": "cd"}
            case "kill":
                self.state["kill"]["all"] = request["on"]
                now = time.time_ns()
                return {
                    "requested_ns": request["requested_ns"],
                    "received_ns": now,
                    "confirmed_ns": now,
                    "cancels_sent": 0,
                    "kill": self.state["kill"],
                }
            case "resume":
                rows = self.state["throttles"]
                row = next((r for r in rows if r["name"] == request["target"]), None)
                if row is None or row["scope"] != request["scope"]:
                    raise ValueError("no such throttle")
                counted, row["counted"] = row["counted"], 0
                return {"counted": counted}
            case _:
                return {}

    def stop(self) -> None:
        """Stop answering, as an engine that died."""
        self._server.shutdown()
        self._server.server_close()
        self.socket.unlink()
