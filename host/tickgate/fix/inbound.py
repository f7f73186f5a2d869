"""The receiving half of a session: what each message does, in its turn by sequence number."""

from typing import Final

from tickgate.fix import checks, tags
from tickgate.fix.codec import FixMessage, Garbled
from tickgate.fix.dictionary import Dictionary
from tickgate.fix.link import Link, State
from tickgate.fix.outputs import AppMessage, LoggedOn
from tickgate.fix.resend import Gap, Replay
from tickgate.fix.values import NS_PER_S, FieldError, SessionRejectReason

_UNSUPPORTED_MESSAGE_TYPE: Final = 3
_ENDS_SESSION: Final = (
    SessionRejectReason.COMP_ID_PROBLEM,
    SessionRejectReason.SENDING_TIME_ACCURACY,
)


class Inbound:
    """Checks and carries out received messages; answers go out through the link."""

    def __init__(self, link: Link, dictionary: Dictionary) -> None:
        config = link.config
        self._link = link
        self._dictionary = dictionary
        self.gap = Gap(config.resend_chunk, config.hold_limit)
        self.replay = Replay(
            config.begin_string, config.sender_comp_id, config.target_comp_id, link.store
        )
        self.heartbeat_ns = 0
        """Interval of our heartbeats, from the Logon; 0 sends none."""
        self.watch_ns = config.heartbeat_s * NS_PER_S
        """Silence after which the client is tested."""
        self.last_in_ns = 0
        self.progress_ns = 0
        """When a message was last processed in its turn."""
        self.test_sent = False
        """A TestRequest waits for any sign of life."""

    def start(self, now_ns: int) -> None:
        """Begin a new connection."""
        self.gap.clear()
        self.replay.clear()
        self.last_in_ns = now_ns

    def on_garbled(self, garbled: Garbled, now_ns: int) -> None:
        """Count what isn't a message; end the session only when it can't go on."""
        self._link.counters.garbled += 1
        if self._link.state is State.AWAITING_LOGON:
            self._link.end(f"first bytes are no FIX message: {garbled.text}")
        elif garbled.reason == "too_long":
            # Passed over, it would leave a gap that the client fills with the same message again.
            self._link.end_with_logout(garbled.text, now_ns)

    def on_message(self, message: FixMessage, now_ns: int) -> None:
        """Take one message, and every held one whose turn comes by it."""
        self._link.counters.messages_in += 1
        self.last_in_ns = now_ns
        self.test_sent = False
        if self._link.state is State.AWAITING_LOGON:
            # To a stranger nothing is said and no number is used.
            problem = checks.identity_problem(self._link.config, message)
            if problem is not None:
                self._link.counters.logons_refused += 1
                self._link.end(f"Logon refused: {problem}")
                return
            self._on_logon(message, now_ns)
        elif message.get(tags.BEGIN_STRING) != self._link.config.begin_string:
            must = f"BeginString must be {self._link.config.begin_string}"
            self._link.end_with_logout(must, now_ns)
        else:
            self._on_session_message(message, now_ns)
        self._drain(now_ns)

    def _on_session_message(self, message: FixMessage, now_ns: int) -> None:
        try:
            seq = checks.sequence(message)
        except FieldError as error:
            self._link.end_with_logout(error.text, now_ns)
            return
        try:
            checks.check_sender(self._link.config, message, now_ns)
        except FieldError as error:
            self._refuse(message, seq, error, now_ns)
            return
        expected = self._link.store.next_target_seq
        msg_type = message.msg_type
        if msg_type == tags.LOGOUT:
            self._on_logout(message, seq, now_ns)
        elif msg_type == tags.SEQUENCE_RESET and message.get(tags.GAP_FILL_FLAG) != "Y":
            self._on_sequence_reset(message, now_ns)
        elif msg_type == tags.LOGON and message.get(tags.RESET_SEQ_NUM_FLAG) == "Y":
            self._on_logon(message, now_ns)
        elif seq > expected:
            self._on_early(message, seq, now_ns)
        elif seq < expected:
            self._on_low(message, seq, now_ns)
        else:
            self._process(message, seq, now_ns)

    def _on_early(self, message: FixMessage, seq: int, now_ns: int) -> None:
        self._link.counters.early_in += 1
        if message.msg_type == tags.RESEND_REQUEST and not self.gap.holds(seq):
            # Answered at once: two sides that wait for each other's answer would wait for ever.
            self._process(message, seq, now_ns)
            self.gap.early(seq, None)
        else:
            self.gap.early(seq, message)
        self._ask_for_gap(seq, now_ns)

    def _on_low(self, message: FixMessage, seq: int, now_ns: int) -> None:
        if message.get(tags.POSS_DUP_FLAG) != "Y":
            expected = self._link.store.next_target_seq
            self._link.end_with_logout(checks.low_sequence(expected, seq), now_ns)
            return
        try:
            checks.check_orig_sending_time(message)
        except FieldError as error:
            self._refuse(message, seq, error, now_ns)
        else:
            self._link.counters.duplicates_in += 1

    def _drain(self, now_ns: int) -> None:
        """Process held messages whose turn has come; ask for the next piece of a gap."""
        while self._link.logged_on and self.gap.holds(seq := self._link.store.next_target_seq):
            message = self.gap.take(seq)
            if message is None:
                self._link.advance(seq)
            else:
                self._process(message, seq, now_ns)
        if self._link.logged_on:
            self._ask_for_gap(None, now_ns)

    def _ask_for_gap(self, seen: int | None, now_ns: int) -> None:
        wanted = self.gap.request(self._link.store.next_target_seq, seen)
        if wanted is not None:
            self._link.counters.resend_requests_out += 1
            self.progress_ns = now_ns
            fields = [(tags.BEGIN_SEQ_NO, wanted[0]), (tags.END_SEQ_NO, wanted[1])]
            self._link.transmit(tags.RESEND_REQUEST, fields, now_ns)

    def _process(self, message: FixMessage, seq: int, now_ns: int) -> None:
        """Check one message, use up its number if it is the expected one, and carry it out."""
        self.progress_ns = now_ns
        msg_type = message.msg_type
        try:
            if message.flag(tags.POSS_DUP_FLAG):
                checks.check_orig_sending_time(message)
            supported = self._check_content(message)
        except FieldError as error:
            self._refuse(message, seq, error, now_ns)
            return
        if msg_type == tags.SEQUENCE_RESET:
            self._on_gap_fill(message, seq, now_ns)
            return
        self._link.advance(seq)
        if not supported:
            text = f"message type {msg_type} is not supported"
            self._link.business_reject(message, _UNSUPPORTED_MESSAGE_TYPE, text, now_ns, None)
        elif msg_type == tags.TEST_REQUEST:
            echo = [(tags.TEST_REQ_ID, message.text(tags.TEST_REQ_ID))]
            self._link.transmit(tags.HEARTBEAT, echo, now_ns)
        elif msg_type == tags.RESEND_REQUEST:
            self._on_resend_request(message, now_ns)
        elif msg_type in (tags.REJECT, tags.BUSINESS_MESSAGE_REJECT):
            self._link.counters.rejects_in += 1
        elif msg_type == tags.LOGON:
            self._link.end_with_logout("already logged on", now_ns)
        elif msg_type not in tags.ADMIN_TYPES:
            poss_dup, poss_resend = message.flag(tags.POSS_DUP_FLAG), message.flag(tags.POSS_RESEND)
            self._link.out.append(AppMessage(message, poss_dup, poss_resend))

    def _check_content(self, message: FixMessage) -> bool:
        """Check a message against the dictionary; False when its type is known but not taken."""
        msg_type = message.msg_type
        if msg_type in self._dictionary.messages:
            self._dictionary.check(
                message,
                undefined_tags=self._link.config.allow_undefined_tags,
                user_tags=self._link.config.allow_user_tags,
            )
            return True
        if msg_type in self._dictionary.known_types:
            return False
        raise FieldError(
            tags.MSG_TYPE,
            SessionRejectReason.INVALID_MSG_TYPE,
            f"invalid MsgType {msg_type[:20]!r}",
        )

    def _refuse(self, message: FixMessage, seq: int, error: FieldError, now_ns: int) -> None:
        self._link.advance(seq)
        self._link.reject(message, error, now_ns)
        if error.reason in _ENDS_SESSION:
            self._link.end_with_logout(error.text, now_ns)

    def _on_gap_fill(self, message: FixMessage, seq: int, now_ns: int) -> None:
        new_seq = message.integer(tags.NEW_SEQ_NO)
        if new_seq <= seq:
            self._refuse(message, seq, _bad_new_seq(seq + 1, new_seq), now_ns)
        else:
            self._link.store.next_target_seq = new_seq

    def _on_sequence_reset(self, message: FixMessage, now_ns: int) -> None:
        """Reset mode, where the number that the message itself has doesn't matter."""
        expected = self._link.store.next_target_seq
        try:
            self._dictionary.check(message)
            new_seq = message.integer(tags.NEW_SEQ_NO)
            if new_seq < expected:
                raise _bad_new_seq(expected, new_seq)
        except FieldError as error:
            self._link.reject(message, error, now_ns)
        else:
            self._link.store.next_target_seq = new_seq

    def _on_resend_request(self, message: FixMessage, now_ns: int) -> None:
        self._link.counters.resend_requests_in += 1
        begin, end = message.integer(tags.BEGIN_SEQ_NO), message.integer(tags.END_SEQ_NO)
        last = self._link.store.next_sender_seq - 1
        if not 1 <= begin <= last or (end and end < begin):
            error = FieldError(
                tags.BEGIN_SEQ_NO,
                SessionRejectReason.VALUE_INCORRECT,
                f"can't resend {begin} to {end}: the last message sent is {last}",
            )
            self._link.reject(message, error, now_ns)
        elif not self.replay.ask(begin, min(end, last) if end else last):
            text = "too many ResendRequests are waiting"
            self._link.reject(message, FieldError(None, SessionRejectReason.OTHER, text), now_ns)

    def _on_logout(self, message: FixMessage, seq: int, now_ns: int) -> None:
        self._link.advance(seq)
        text = message.get(tags.TEXT)
        if self._link.state is State.LOGGED_ON:
            self._link.transmit(tags.LOGOUT, [], now_ns)
        self._link.end("client logged out" + (f": {text}" if text else ""))

    def _on_logon(self, message: FixMessage, now_ns: int) -> None:
        """A Logon whose sender is known: the first, or one that resets the numbers."""
        store = self._link.store
        try:
            terms = checks.logon_terms(
                self._link.config, self._dictionary, message, store.next_target_seq, now_ns
            )
        except FieldError as error:
            self._link.counters.logons_refused += 1
            self._link.end_with_logout(error.text, now_ns)
            return
        answer: list[tuple[int, str | int]] = [
            (tags.ENCRYPT_METHOD, 0),
            (tags.HEART_BT_INT, terms.interval_s),
        ]
        if terms.reset:
            self.gap.clear()
            self.replay.clear()
            store.reset(now_ns)
            answer.append((tags.RESET_SEQ_NUM_FLAG, "Y"))
        self.heartbeat_ns = terms.interval_s * NS_PER_S
        self.watch_ns = (terms.interval_s or self._link.config.heartbeat_s) * NS_PER_S
        self.progress_ns = now_ns
        self._link.counters.logons += 1
        self._link.advance(terms.seq)
        first = self._link.state is State.AWAITING_LOGON
        self._link.state = State.LOGGED_ON
        self._link.transmit(tags.LOGON, answer, now_ns)
        if first:
            self._link.out.append(LoggedOn())
        if terms.seq > terms.expected:
            self._link.counters.early_in += 1
            self.gap.early(terms.seq, None)
            self._ask_for_gap(terms.seq, now_ns)


def _bad_new_seq(least: int, new_seq: int) -> FieldError:
    text = f"NewSeqNo must be at least {least}, not {new_seq}"
    return FieldError(tags.NEW_SEQ_NO, SessionRejectReason.VALUE_INCORRECT, text)
