"""The same raw bytes through two programs: one case, one outcome each, in a form that can be compared.

A `Lab` is one program with its own origin and log sink. `Lab.run(case)` sends the case's bytes on a fresh client
connection, lets the origin do what the case says, reads to the end of the connection, and returns what the client
got, what the origin got and what was logged, with names, dates, ports and timers taken out.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from support.client import Client
from support.logline import normal
from support.origin import Origin, OriginConnection, Script, reply
from support.proxy import Proxy
from support.sockets import HeldPort
from support.syslog import Syslog
from support.wire import Cut, Malformed, Message, Wire

NEXT = b"GET /next HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
OK = reply(b"ok")

# The lines that every laboratory begins with; what follows goes on in `defaults`.
HEAD = """
global
    log {log} len 20000 local0
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 2s
    timeout server 900ms
    timeout http-request 900ms
    retries 0
    http-reuse never
"""
CONFIG = HEAD + """    timeout http-keep-alive 2s
frontend fe
    bind fd@fe
    default_backend be
frontend fe_close
    bind fd@fe_close
    option httpclose
    default_backend be
frontend fe_server_close
    bind fd@fe_server_close
    option http-server-close
    default_backend be
frontend fe_forwardfor
    bind fd@fe_forwardfor
    option forwardfor
    default_backend be
frontend fe_dead
    bind fd@fe_dead
    default_backend dead
listen tcp
    bind fd@tcp
    mode tcp
    option tcplog
    server s1 {origin}
backend be
    server s1 {origin}
backend dead
    server s1 {dead}
"""


@dataclass(frozen=True)
class Refused:
    """fastlb's own target where it is stricter than HAProxy: one answer with that status, nothing reaches a server."""

    status: int = 400


@dataclass(frozen=True)
class Case:
    """One exchange.

    send: the bytes of the client. answer: what the origin sends for each request, or a script of its own.
    methods: of the requests in `send`, one answer is awaited for each. to: the listener.
    end: "next" sends one more request to see whether the connection is still in step, "half" half-closes, "half greeted"
    does so once a byte of the origin's came through, "wait" waits for the proxy to close.
    close: the origin closes after its answer.
    fastlb: what fastlb does instead of what HAProxy does, with the reason in `why`.
    counts: the logged bytes are compared as well.
    """

    id: str
    send: bytes
    answer: bytes | Script = OK
    methods: tuple[str, ...] = ("GET",)
    to: str = "fe"
    end: str = "next"
    close: bool = False
    fastlb: Refused | Callable[[Outcome], None] | None = None
    why: str = ""
    counts: bool = True


@dataclass
class Outcome:
    """What one program did with a case, in comparable form."""

    client: list[str] = field(default_factory=list)
    origin: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def statuses(self) -> list[int]:
        return [int(text.split(" ")[1]) for text in self.client if text.startswith("HTTP/")]


class Replay(Wire):
    """The parser over bytes that were received before."""

    def __init__(self, data: bytes) -> None:
        left, right = socket.socketpair()
        right.close()
        super().__init__(left)
        left.close()
        self.received += data
        self.at_end = True


def body_text(body: bytes) -> str:
    return repr(body) if len(body) <= 200 else f"{len(body)} bytes {hashlib.sha256(body).hexdigest()[:16]}"


def comparable(name: str, value: str) -> str:
    """The value; of Connection its tokens without the empty ones, "," where none is left."""
    if name.lower() != "connection":
        return value
    return ",".join(token.strip() for token in value.split(",") if token.strip()) or ","


def text_of(message: Message) -> str:
    headers = " ".join(
        f"[{name}: {comparable(name, value)}]" for name, value in message.headers if comparable(name, value) != ","
    )
    # fastlb passes chunked bodies on untouched, so the names of trailers keep their case.
    trailers = "".join(f" <{name.lower()}: {value}>" for name, value in message.trailers)
    return f"{message.start} {headers} {message.framing} {body_text(message.body)}{trailers}"


def requests_of(data: bytes) -> list[str]:
    """The requests in what an origin received; a cut one by its request line only: how much came is a matter of time."""
    replay, found = Replay(data), []
    try:
        while (message := replay.read_request()) is not None:
            found.append(text_of(message))
    except Cut:
        found.append(f"cut request {data[: data.find(b' HTTP/')][-100:]!r}" if not found else "cut request")
    except Malformed as error:
        found.append(f"malformed: {error}")
    return found


def answers_of(data: bytes, methods: tuple[str, ...]) -> list[str]:
    replay, found = Replay(data), []
    wanted = itertools.chain(methods, itertools.repeat("GET"))
    try:
        while replay.has_more():
            message = replay.read_response(next(wanted))
            found += [f"interim {text_of(one)}" for one in message.interim]
            found.append(text_of(message))
            if message.status == 101:
                found.append(f"tunnel {body_text(replay.read_to_end())}")
    except Cut as cut:
        found.append(f"cut after {message_head(data)}" if not found else f"cut {cut.args[0][:80]!r}")
    except Malformed as error:
        found.append(f"malformed: {error}")
    return found


def message_head(data: bytes) -> str:
    return data.partition(b"\r\n")[0].decode("latin-1")


class Lab:
    """One program, its origin and its log sink, for many cases in turn."""

    def __init__(self, program: str, config: str = CONFIG) -> None:
        self.program = program
        self.case: Case | None = None
        self.syslog = Syslog()
        self.origin = Origin(self._serve)
        self.dead = HeldPort()
        self.numbers = itertools.count()
        self.proxy = Proxy(program, config.format(log=self.syslog, origin=self.origin, dead=self.dead))

    def _serve(self, conn: OriginConnection) -> None:
        case = self.case
        with contextlib.suppress(Malformed):
            if case is not None and callable(case.answer):
                return case.answer(conn)
            while (request := conn.read_request()) is not None:
                if request.target == "/next" or request.target.startswith("/flush"):
                    conn.send(reply(b"next"))
                    continue
                assert case is not None
                conn.send(case.answer)
                if case.close:
                    return None
        return None

    def run(self, case: Case, step: int = 0) -> Outcome:
        """Do one case, its bytes sent `step` at a time; returns once all connections and log lines have ended."""
        self.case = case
        self.origin.forget()
        before = len(self.syslog.datagrams)
        try:
            client = self.proxy.client(case.to)
        except ConnectionResetError:
            # A rule that rejects at once: the kernel may tell that in place of what connect() is to say.
            received = b""
        else:
            received = self._talk(client, case, step)
        self.origin.wait_closed()
        outcome = Outcome(answers_of(received, case.methods))
        for conn in self.origin.connections:
            outcome.origin += requests_of(bytes(conn.received)) if case.to != "tcp" else [body_text(bytes(conn.received))]
        outcome.log = self.log_lines(before, case.counts)
        return outcome

    def _talk(self, client: Client, case: Case, step: int) -> bytes:
        """What a client that sends the case's bytes, and ends as the case says, is sent."""
        for start in range(0, len(case.send), step or max(1, len(case.send))):
            client.send(case.send[start : start + step] if step else case.send)
        if case.end == "half greeted":
            client.read_exact(1)
        if case.end.startswith("half"):
            client.half_close()
        if case.end == "next":
            with contextlib.suppress(Cut, Malformed):
                for method in case.methods:
                    client.read_response(method)
            client.send(NEXT)
        client.read_to_end()
        client.close()
        return bytes(client.received)

    def log_lines(self, before: int, with_bytes: bool) -> list[str]:
        """The lines of this case: those before the line of one more request, which also shows that the program still serves."""
        self.case = None
        target = f"/flush{next(self.numbers)}"
        assert self.proxy.fetch(target).body == b"next"
        self.syslog.line(f"{target} ")
        lines = [line for line in self.syslog.lines[before:] if "/flush" not in line]
        return [normal(line, with_bytes) for line in lines]

    def close(self) -> None:
        print(self.proxy.output)
        try:
            self.proxy.finish()
        finally:
            self.origin.close()
            self.dead.close()
            self.syslog.close()


def assert_same(pair: tuple[Lab, Lab], case: Case, step: int = 0) -> None:
    """What the client gets, what the origin gets and what is logged is the same; step: as of Lab.run."""
    expected, seen = pair[0].run(case, step), pair[1].run(case, step)
    assert seen.client == expected.client
    assert seen.origin == expected.origin
    assert seen.log == expected.log, (seen.log, expected.log)
