"""The session layer against scripted conversations (scenarios.fix explains its own language)."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from tickgate.fix.codec import encode, parse, timestamp_to_text
from tickgate.fix.outputs import AppMessage, Disconnect, LoggedOn, LoggedOut, Output, SendBytes
from tickgate.fix.session import Session, SessionConfig
from tickgate.fix.store import MemoryStore

SCRIPTS = Path(__file__).with_name("scenarios.fix")
START_NS = 1_700_000_000_000_000_000
NS = 1_000_000_000
ADDED = (8, 9, 10, 49, 56, 52)


def scenarios() -> Iterator[tuple[str, list[str]]]:
    for block in SCRIPTS.read_text().split("\n== ")[1:]:
        name, *lines = block.strip().splitlines()
        yield name, [line for line in lines if line and not line.startswith("#")]


SCENARIOS = dict(scenarios())


class Stage:
    """Plays one script: the client, the owner and the clock of a session."""

    def __init__(self, lines: list[str]) -> None:
        self.now = START_NS
        settings: dict[str, object] = {}
        kinds = {item.name: item.type for item in fields(SessionConfig)}
        while lines and lines[0].startswith("config "):
            key, _, value = lines.pop(0).removeprefix("config ").partition("=")
            convert = {int: int, bool: bool}.get(kinds[key], str)
            settings[key] = convert(value)
        config = SessionConfig("FIX.4.4", "GATE", "CLIENT", **settings)
        self.session = Session(config, MemoryStore())
        self.pending: list[Output] = []
        self.lines = lines

    def run(self) -> None:
        for line in self.lines:
            try:
                self.step(line)
            except AssertionError as error:
                raise AssertionError(f"at {line!r}: {error}") from error
        assert self.pending == []

    def step(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        rest = re.sub(r"<now(?:-(\d+)s)?>", self.time, rest)
        if verb == "<":
            assert self.pending, "nothing was sent"
            self.expect(rest, self.pending.pop(0))
            return
        if verb == "=":
            assert self.session.counters.garbled == int(rest)
            return
        assert self.pending == []
        self.pending = self.act(verb, rest)

    def time(self, match: re.Match[str]) -> str:
        return timestamp_to_text(self.now - int(match[1] or 0) * NS)

    def act(self, verb: str, rest: str) -> list[Output]:
        session = self.session
        if verb == ">":
            return session.on_bytes(self.message(rest), self.now)
        if verb == ">raw":
            return session.on_bytes(rest.replace("|", "\x01").encode("latin-1"), self.now)
        if verb == "@":
            self.now += int(rest.removesuffix("s")) * NS
            return session.on_timer(self.now)
        if verb == "!send":
            msg_type, _, body = rest.partition(" ")
            return session.send(msg_type, split(body), self.now)
        if verb == "!logout":
            return session.logout(rest, self.now)
        assert verb == "!drop", f"no such verb {verb!r}"
        return session.on_disconnect(self.now)

    def message(self, text: str) -> bytes:
        leave_out = {int(tag) for tag in re.findall(r"(?:^|\|)-(\d+)", text)}
        given = [part for part in text.split("|") if not part.startswith("-")]
        tags = {part.partition("=")[0] for part in given}
        begin = next((part[2:] for part in given if part.startswith("8=")), "FIX.4.4")
        head, *body = [part for part in given if not part.startswith("8=")]
        header = {49: "CLIENT", 56: "GATE", 52: timestamp_to_text(self.now)}
        for tag, value in header.items():
            if str(tag) not in tags and tag not in leave_out:
                body.insert(0, f"{tag}={value}")
        raw = "\x01".join([head, *body, ""]).encode()
        # Built by hand, not by encode: a script must be able to say what encode refuses.
        framed = b"8=%b\x019=%d\x01%b" % (begin.encode(), len(raw), raw)
        return framed + b"10=%03d\x01" % (sum(framed) % 256)

    def expect(self, text: str, output: Output) -> None:
        word, _, rest = text.partition(" ")
        if word == "on":
            assert output == LoggedOn()
        elif word == "off":
            assert isinstance(output, LoggedOut), output
            assert rest in output.reason
        elif word == "disconnect":
            assert isinstance(output, Disconnect), output
            assert rest in output.reason
        elif word == "app":
            assert isinstance(output, AppMessage), output
            assert output.poss_dup == rest.startswith("dup ")
            assert output.poss_resend == rest.startswith("resend ")
            for tag, value in split(rest.split(" ")[-1]):
                assert output.message.get(tag) == value
        else:
            assert isinstance(output, SendBytes), output
            sent = parse(output.data)
            assert sent.get(49) == "GATE"
            assert sent.get(56) == "CLIENT"
            assert sent.get(52) == timestamp_to_text(self.now)
            found = [field for field in sent.fields if field[0] not in ADDED]
            wanted = split(text)
            stars = {tag for tag, value in wanted if value == "*" and tag != 372}
            found = [(tag, "*" if tag in stars else value) for tag, value in found]
            assert sorted(found) == sorted(wanted)
            assert encode("FIX.4.4", sent.fields[2:-1]) == output.data


def split(text: str) -> list[tuple[int, str]]:
    pairs = (part.partition("=") for part in text.split("|"))
    return [(int(tag), value) for tag, _, value in pairs]


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    Stage(list(SCENARIOS[name])).run()


def test_scripts_are_found() -> None:
    assert len(SCENARIOS) > 70
