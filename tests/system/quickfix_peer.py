"""A QuickFIX initiator as a program: commands in and events out as JSON lines.

A process of its own, since the binding keeps bare pointers to Python objects and may take the whole
process with it when one is collected too early.

    quickfix_peer.py CONFIG SENDER TARGET [PASSWORD]

Commands: ["order", id], ["send", MsgType, {tag: value}], ["logout"], ["stop"]. A "send" gets its
TransactTime here. Events: see ``Peer``; a report also has all its fields, by tag.
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

    def __init__(self, password: str | None) -> None:
        super().__init__()
        self._password = password

    def onCreate(self, session_id) -> None:
        pass

    def onLogon(self, session_id) -> None:
        tell("logon")

    def onLogout(self, session_id) -> None:
        tell("logout")

    def toAdmin(self, message, session_id) -> None:
        # QuickFIX rejects what its dictionary finds wrong with our messages.
        kind = message.getHeader().getField(35)
        if kind == "3":
            tell("rejected", message.toString())
        elif kind == "A" and self._password is not None:
            message.setField(554, self._password)

    def fromAdmin(self, message, session_id) -> None:
        tell("admin", message.getHeader().getField(35))

    def toApp(self, message, session_id) -> None:
        if message.getHeader().getField(35) == "j":
            tell("rejected", message.toString())

    def fromApp(self, message, session_id) -> None:
        header = message.getHeader()
        dup = header.isSetField(43) and header.getField(43) == "Y"
        exec_type = message.getField(150) if message.isSetField(150) else ""
        pairs = (part.split("=", 1) for part in message.toString().split("\x01") if part)
        fields = {int(tag): value for tag, value in pairs}
        tell("report", message.getField(11), exec_type, dup, fields)


def message_of(kind: str, fields: dict[str, str]) -> quickfix.Message:
    message = quickfix.Message()
    message.getHeader().setField(35, kind)
    for tag, value in fields.items():
        message.setField(int(tag), value)
    message.setField(quickfix.TransactTime())
    return message


def order(cl_ord_id: str) -> quickfix.Message:
    fields = {11: cl_ord_id, 21: "1", 55: "AAPL", 54: "1", 38: "100", 40: "2", 44: "10.25"}
    return message_of("D", {str(tag): value for tag, value in fields.items()})


def main() -> None:
    config, sender, target, *password = sys.argv[1:]
    session_id = quickfix.SessionID("FIX.4.4", sender, target)
    settings = quickfix.SessionSettings(config)
    stores = quickfix.FileStoreFactory(settings)
    peer = Peer(password[0] if password else None)
    initiator = quickfix.SocketInitiator(peer, stores, settings)
    initiator.start()
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        if verb == "order":
            quickfix.Session.sendToTarget(order(*arguments), session_id)
        elif verb == "send":
            quickfix.Session.sendToTarget(message_of(*arguments), session_id)
        elif verb == "logout":
            quickfix.Session.lookupSession(session_id).logout("good night")
        else:
            break
    initiator.stop()
    tell("stopped")
    os._exit(0)  # without the binding's destructors


if __name__ == "__main__":
    main()
