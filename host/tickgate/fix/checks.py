"""What the session layer checks of a message by itself: who sent it, when, and a Logon's terms."""

from dataclasses import dataclass
from hmac import compare_digest

from tickgate.fix import tags
from tickgate.fix.codec import FixMessage
from tickgate.fix.config import SessionConfig
from tickgate.fix.dictionary import Dictionary
from tickgate.fix.values import NS_PER_S, FieldError, SessionRejectReason


def sequence(message: FixMessage) -> int:
    """MsgSeqNum; raises FieldError when it is missing or negative."""
    seq = message.integer(tags.MSG_SEQ_NUM)
    if seq < 0:
        raise FieldError(
            tags.MSG_SEQ_NUM, SessionRejectReason.VALUE_INCORRECT, "MsgSeqNum must not be negative"
        )
    return seq


def identity_problem(config: SessionConfig, message: FixMessage) -> str | None:
    """Why this first message opens no session; None when its sender is who it should be."""
    if message.msg_type != tags.LOGON:
        return f"first message must be a Logon, not {message.msg_type!r}"
    if message.get(tags.BEGIN_STRING) != config.begin_string:
        return f"BeginString must be {config.begin_string}"
    if message.get(tags.TARGET_COMP_ID) != config.sender_comp_id:
        return f"TargetCompID must be {config.sender_comp_id}"
    if message.get(tags.SENDER_COMP_ID) != config.target_comp_id:
        return f"SenderCompID must be {config.target_comp_id}"
    given = (message.get(tags.PASSWORD) or "").encode("latin-1")
    if config.password is not None and not compare_digest(given, config.password.encode()):
        return "Password is wrong"
    return None


def check_sender(config: SessionConfig, message: FixMessage, now_ns: int) -> None:
    """Raise FieldError unless CompIDs are the session's and SendingTime is near our time."""
    for tag, name, must in (
        (tags.SENDER_COMP_ID, "SenderCompID", config.target_comp_id),
        (tags.TARGET_COMP_ID, "TargetCompID", config.sender_comp_id),
    ):
        if message.text(tag) != must:
            raise FieldError(tag, SessionRejectReason.COMP_ID_PROBLEM, f"{name} must be {must}")
    difference = abs(now_ns - message.timestamp_ns(tags.SENDING_TIME))
    if difference > config.max_latency_ns:
        raise FieldError(
            tags.SENDING_TIME,
            SessionRejectReason.SENDING_TIME_ACCURACY,
            f"SendingTime must be within {config.max_latency_ns // NS_PER_S} s of our time",
        )


def check_orig_sending_time(message: FixMessage) -> None:
    """Raise FieldError unless a PossDup message says when it was first sent, and not later."""
    if message.timestamp_ns(tags.ORIG_SENDING_TIME) > message.timestamp_ns(tags.SENDING_TIME):
        raise FieldError(
            tags.ORIG_SENDING_TIME,
            SessionRejectReason.SENDING_TIME_ACCURACY,
            "OrigSendingTime must not be after SendingTime",
        )


@dataclass(frozen=True, slots=True)
class LogonTerms:
    """What a valid Logon asks for."""

    seq: int
    interval_s: int
    reset: bool
    expected: int
    """The number it should have had."""


def logon_terms(
    config: SessionConfig, dictionary: Dictionary, message: FixMessage, expected: int, now_ns: int
) -> LogonTerms:
    """Read a Logon from a known sender; raises FieldError with the reason to refuse it."""
    seq = sequence(message)
    check_sender(config, message, now_ns)
    dictionary.check(
        message, undefined_tags=config.allow_undefined_tags, user_tags=config.allow_user_tags
    )
    if message.text(tags.ENCRYPT_METHOD) != "0":
        raise _wrong(tags.ENCRYPT_METHOD, "EncryptMethod must be 0 (none)")
    interval = message.integer(tags.HEART_BT_INT)
    if not 0 <= interval <= config.max_heartbeat_s:
        must = f"HeartBtInt must be 0 to {config.max_heartbeat_s}, not {interval}"
        raise _wrong(tags.HEART_BT_INT, must)
    reset = message.flag(tags.RESET_SEQ_NUM_FLAG) or config.reset_on_logon
    if reset and seq != 1:
        must = f"MsgSeqNum must be 1 when the numbers are reset, not {seq}"
        raise _wrong(tags.MSG_SEQ_NUM, must)
    expected = 1 if reset else expected
    if seq < expected:
        raise _wrong(tags.MSG_SEQ_NUM, low_sequence(expected, seq))
    return LogonTerms(seq, interval, reset, expected)


def low_sequence(expected: int, seq: int) -> str:
    """Text of the Logout for a number that was used before."""
    return f"MsgSeqNum too low, expecting {expected} but received {seq}"


def _wrong(tag: int, text: str) -> FieldError:
    return FieldError(tag, SessionRejectReason.VALUE_INCORRECT, text)
