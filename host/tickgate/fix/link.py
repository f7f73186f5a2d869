"""One session's connection state and everything it sends: numbering, rejects, the end."""

from collections.abc import Sequence
from enum import Enum

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage, encode, timestamp_to_text
from tickgate.fix.config import SessionConfig
from tickgate.fix.outputs import Disconnect, LoggedOut, Output, SendBytes, SessionCounters
from tickgate.fix.store import MessageStore
from tickgate.fix.values import FieldError

Fields = Sequence[tuple[int, str | bytes | int]]


class State(Enum):
    """Where a session stands."""

    DISCONNECTED = "disconnected"
    AWAITING_LOGON = "awaiting logon"
    LOGGED_ON = "logged on"
    LOGOUT_SENT = "logout sent"


class Link:
    """The sending half of a session; gathers outputs until they are taken."""

    def __init__(self, config: SessionConfig, store: MessageStore) -> None:
        self.config = config
        self.store = store
        self.counters = SessionCounters()
        self.state = State.DISCONNECTED
        self.last_out_ns = 0
        self.out: list[Output] = []

    @property
    def logged_on(self) -> bool:
        """Messages flow."""
        return self.state in (State.LOGGED_ON, State.LOGOUT_SENT)

    def take(self) -> list[Output]:
        """Give the gathered outputs away."""
        out, self.out = self.out, []
        return out

    def advance(self, seq: int) -> None:
        """Use up an inbound number if it is the one expected."""
        if self.store.next_target_seq == seq:
            self.store.next_target_seq = seq + 1

    def transmit(self, msg_type: str, fields: Fields, now_ns: int, *, keep: bool = False) -> None:
        """Number a message and write it if the connection may carry it; ``keep`` for a resend."""
        seq = self.store.next_sender_seq
        header: list[tuple[int, str | bytes | int]] = [
            (tags.MSG_TYPE, msg_type),
            (tags.SENDER_COMP_ID, self.config.sender_comp_id),
            (tags.TARGET_COMP_ID, self.config.target_comp_id),
            (tags.MSG_SEQ_NUM, seq),
            (tags.SENDING_TIME, timestamp_to_text(now_ns)),
        ]
        raw = encode(self.config.begin_string, [*header, *fields])
        if keep:
            self.store.save(seq, raw)
        else:
            self.store.next_sender_seq = seq + 1
        if self.logged_on or msg_type == tags.LOGOUT:
            self.write(raw, now_ns)

    def write(self, raw: bytes, now_ns: int) -> None:
        """Write one whole message."""
        self.out.append(SendBytes(raw))
        self.counters.messages_out += 1
        self.last_out_ns = now_ns

    def reject(self, message: FixMessage, error: FieldError, now_ns: int) -> None:
        """Send a session-level Reject; a Reject itself is never answered with one."""
        if message.msg_type == tags.REJECT:
            self.counters.rejects_in += 1
            return
        self.counters.rejects_out += 1
        fields: list[tuple[int, str | bytes | int]] = _reference(message)
        if error.tag is not None:
            fields.append((tags.REF_TAG_ID, error.tag))
        fields.append((tags.SESSION_REJECT_REASON, int(error.reason)))
        fields.append((tags.TEXT, error.text))
        self.transmit(tags.REJECT, fields, now_ns)

    def business_reject(
        self, message: FixMessage, reason: int, text: str, now_ns: int, ref_id: str | None
    ) -> None:
        """Send a Business Message Reject, an application message as far as resends go."""
        self.counters.business_rejects_out += 1
        fields: list[tuple[int, str | bytes | int]] = _reference(message)
        if ref_id:
            fields.append((tags.BUSINESS_REJECT_REF_ID, ref_id))
        fields += [(tags.BUSINESS_REJECT_REASON, reason), (tags.TEXT, text)]
        self.transmit(tags.BUSINESS_MESSAGE_REJECT, fields, now_ns, keep=True)

    def end_with_logout(self, text: str, now_ns: int) -> None:
        """Tell the client why in a Logout, and end the connection."""
        self.transmit(tags.LOGOUT, [(tags.TEXT, text)], now_ns)
        self.end(text)

    def end(self, reason: str) -> None:
        """End the connection from our side."""
        self.close(reason)
        self.out.append(Disconnect(reason))

    def close(self, reason: str) -> None:
        """Note that the connection is over."""
        if self.logged_on:
            self.out.append(LoggedOut(reason))
        self.state = State.DISCONNECTED


def _reference(message: FixMessage) -> list[tuple[int, str | bytes | int]]:
    """The fields that say which message a reject is about."""
    fields: list[tuple[int, str | bytes | int]] = [
        (tags.REF_SEQ_NUM, message.get(tags.MSG_SEQ_NUM) or 0)
    ]
    if message.msg_type:
        fields.append((tags.REF_MSG_TYPE, message.msg_type))
    return fields
