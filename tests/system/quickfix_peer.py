"""A QuickFIX initiator as a program: commands in and events out as JSON lines.

A process of its own, since the binding keeps bare pointers to Python objects and may take the whole
process with it when one is collected too early.

    quickfix_peer.py CONFIG          commands: ["order", id] ["logout"] ["stop"]
"""

import json
import os
import sys

import quickfix


def tell(*event: object) -> None:
    """Write one event; whole lines, since QuickFIX's thread tells, too."""
    os.write(1, (json.dumps(event) + "\n").encode())


class Peer(quickfix.Application):
    """Tells what QuickFIX tells the application."""

    def onCreate(self, session_id) -> None:
        pass

    def onLogon(self, session_id) -> None:
        tell("logon")

    def onLogout(self, session_id) -> None:
        tell("logout")

    def toAdmin(self, message, session_id) -> None:
        # QuickFIX rejects what its dictionary finds wrong with our messages.
        if message.getHeader().getField(35) == "3":
            tell("rejected", message.toString())

    def fromAdmin(self, message, session_id) -> None:
        tell("admin", message.getHeader().getField(35))

    def toApp(self, message, session_id) -> None:
        if message.getHeader().getField(35) == "j":
            tell("rejected", message.toString())

    def fromApp(self, message, session_id) -> None:
        header = message.getHeader()
        dup = header.isSetField(43) and header.getField(43) == "Y"
        tell("report", message.getField(11), message.getField(150), dup)


def order(cl_ord_id: str) -> quickfix.Message:
    message = quickfix.Message()
    message.getHeader().setField(35, "D")
    fields = {11: cl_ord_id, 21: "1", 55: "AAPL", 54: "1", 38: "100", 40: "2", 44: "10.25"}
    for tag, value in fields.items():
        message.setField(tag, value)
    message.setField(quickfix.TransactTime())
    return message


def main() -> None:
    session_id = quickfix.SessionID("FIX.4.4", "QUICK", "GATE")
    settings = quickfix.SessionSettings(sys.argv[1])
    stores = quickfix.FileStoreFactory(settings)
    peer = Peer()
    initiator = quickfix.SocketInitiator(peer, stores, settings)
    initiator.start()
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        if verb == "order":
            quickfix.Session.sendToTarget(order(*arguments), session_id)
        elif verb == "logout":
            quickfix.Session.lookupSession(session_id).logout("good night")
        else:
            break
    initiator.stop()
    tell("stopped")
    os._exit(0)  # without the binding's destructors


if __name__ == "__main__":
    main()
