"""A check of several steps: connections, what is sent on them, what must come back.

Knows how steps follow each other, what each waits for, and HAProxy's words for where one failed. Must not know how an expected
pattern is looked for (expect), nor when checks run.

    step ──► connect ──► connected ──┐          end of the steps: passed
      ▲ └──► send ──► all is sent ───┤          timeout, error, wrong answer: failed, with the step's number
      │ └──► expect ──► more came ───┤
      └──────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fastlb.config.check_rules import Act, Comment, Connect, Expect, HttpSend, Send, Step
from fastlb.config.logformat import LogFormat
from fastlb.control import ports
from fastlb.control.checks import expect
from fastlb.control.checks.answer import Answer, BadAnswer, read_answer
from fastlb.control.checks.request import request_bytes
from fastlb.control.checks.status import Result, Status
from fastlb.control.checks.tcp import Target, TcpProbe
from fastlb.control.sockaddr import family_of

_HTTP_MATCHES = frozenset(("status", "rstatus", "hdr", "fhdr"))
_NOT_FOUND = 404


@dataclass(slots=True)
class Sequence:
    """The steps of a backend's check, ready to run.

    places: index of what the core evaluates, by id() of the step's value. regexes: by id() of theirs. limit: bytes of an answer
    that are looked at.
    """

    kind: str
    steps: tuple[Step, ...]
    places: dict[int, int] = field(default_factory=dict)
    regexes: dict[int, ports.CheckRegex] = field(default_factory=dict)
    disables_on_404: bool = False
    limit: int = 16384

    def number(self, at: int) -> int:
        """The step's number among those that lines make, from 1; 0 for a connection that none does."""
        first = self.steps[0]
        is_implied = isinstance(first, Connect) and first.is_implicit
        return at if is_implied else at + 1

    @property
    def is_http(self) -> bool:
        return self.kind == "httpchk"

    @property
    def tells_steps(self) -> bool:
        """haproxy: only `tcp-check` says in its messages where it was."""
        return self.kind == "tcp-check"


class SequenceProbe(TcpProbe):
    """One run of a sequence. evaluation: where steps have formats or variables. state: the text of `http-check send-state`."""

    __slots__ = (
        "_at", "_code", "_comment", "_evaluation", "_has_ended", "_has_spoken", "_linger", "_own", "_pending", "_received",
        "_seq", "_state",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        target: Target,
        finished: Callable[[Result], None],
        sequence: Sequence,
        evaluation: ports.CheckEvaluation | None = None,
        state: bytes = b"",
        own: Target | None = None,
    ) -> None:
        super().__init__(loop, target, finished)
        self._seq = sequence
        self._evaluation = evaluation
        self._state = state
        self._own = own or target
        self._at = 0
        self._comment = ""
        self._received = b""
        self._pending = b""
        self._has_ended = False
        self._has_spoken = False
        self._linger = False
        self._code = 0

    # -- steps

    def start(self) -> None:
        self._go_on()

    def _go_on(self) -> None:
        """Runs the steps from `_at` on, up to one that has to wait, or to the end."""
        try:
            while self._at < len(self._seq.steps):
                if not self._step(self._seq.steps[self._at]):
                    return
                self._at += 1
        except ValueError as error:
            self._end(self._failed(Status.L7RSP, f"TCPCHK could not evaluate step {self._number}: {error}"))
            return
        self._end(self._passed())

    def _step(self, step: Step) -> bool:
        """Whether it is done; False where it waits, or has ended the check."""
        if isinstance(step, Comment):
            self._comment = step.text
        elif isinstance(step, Act):
            self._evaluate(step.rule)
        elif isinstance(step, Connect):
            self._comment = step.comment or self._comment
            self._open(step)
            return False
        elif isinstance(step, (Send, HttpSend)):
            self._comment = step.comment or self._comment
            return self._speak(self._bytes_of(step))
        else:
            self._comment = step.comment or self._comment
            result = self._expect(step)
            if result is None:
                self._loop.add_reader(self._fd, self._readable)
            elif isinstance(result, Result):
                self._end(result)
            return result is True
        return True

    def _open(self, step: Connect) -> None:
        self._close()
        self._received, self._has_ended = b"", False
        self._linger = step.linger
        self.target = self._target_of(step)
        super().start()

    def _target_of(self, step: Connect) -> Target:
        # haproxy: what the server line says about connections holds for `default` only.
        target = self._own if step.uses_defaults else replace(self._own, send_proxy=0, tls=None)
        if step.send_proxy:
            target = replace(target, send_proxy=max(1, self._own.send_proxy))
        if isinstance(target.address, str) and step.address is None:
            return target
        host, port = target.address if not isinstance(target.address, str) else ("", 0)
        if step.address is not None:
            host = step.address.host
        if step.port is not None:
            value = step.port if isinstance(step.port, int) else self._evaluate(step.port)
            port = int(value or 0)
            if not 0 < port < 65536:
                raise ValueError(f"{port} is no port")
        return replace(target, family=family_of(host), address=(host, port))

    def _closes_once_connected(self) -> bool:
        return self._at == len(self._seq.steps) - 1 and not self.target.send_proxy

    def _prepare_tcp(self, sock: socket.socket) -> None:
        super()._prepare_tcp(sock)
        if self._linger:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))

    def _connected(self) -> None:
        self._at += 1
        head = self._proxy_header()
        if not head or self._speak(head):
            self._go_on()

    # -- sending

    def _bytes_of(self, step: Send | HttpSend) -> bytes:
        self._has_spoken = True
        if isinstance(step, HttpSend):
            data = request_bytes(step, self._text, self._state)
        else:
            data = self._text(step.data) if isinstance(step.data, LogFormat) else step.data
            data = bytes.fromhex(data.decode("latin-1")) if step.is_hex else data
        # Only now: a format may have shown what came before.
        self._received = b""
        return data

    def _speak(self, data: bytes) -> bool:
        """Whether all of it has left at once; the rest follows, then the next step."""
        assert self._sock is not None
        try:
            n = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            n = 0
        except OSError as error:
            self._end(self._broken(error))
            return False
        self._pending = data[n:]
        if self._pending:
            self._loop.add_writer(self._fd, self._sendable)
        return not self._pending

    def _sendable(self) -> None:
        self._loop.remove_writer(self._fd)
        if self._speak(self._pending):
            self._at += isinstance(self._seq.steps[self._at], (Send, HttpSend))
            self._go_on()

    # -- receiving

    def _readable(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(self._seq.limit - len(self._received))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if not self._received:
                self._end(self._broken(error))
                return
            # haproxy: what came before a reset is looked at as if the server had closed.
            data = b""
        self._received += data
        self._has_ended = not data
        self._loop.remove_reader(self._fd)
        self._go_on()

    def _expect(self, step: Expect) -> Result | bool | None:
        """True: it is as expected; a result that ends the check; None: more must come."""
        self._has_spoken = True
        is_final = self._has_ended or len(self._received) >= self._seq.limit
        if self._seq.is_http:
            return self._expect_http(step, is_final)
        if not self._received:
            return self._empty(step) if is_final else None
        if step.match == "judge":
            return self._judged(step, is_final)
        tools = self._tools
        pattern = expect.pattern_bytes(step, tools)
        needed = step.min_recv if pattern is None else len(pattern) if step.min_recv < 0 else min(len(pattern), step.min_recv)
        if len(self._received) < needed and not is_final:
            return None
        is_found = expect.is_found(step, self._received, tools)
        if not is_found and step.min_recv < 0 and not is_final:
            return None
        if is_found != step.is_negated:
            return self._matched(step)
        what = "matched unwanted" if is_found else "did not match"
        return self._unexpected(step, f"TCPCHK {what} content {expect.described(step)} at step {self._number}")

    def _empty(self, step: Expect) -> Result:
        return self._unexpected(step, f"TCPCHK got an empty response at step {self._number}")

    def _judged(self, step: Expect, is_final: bool) -> Result | bool | None:
        assert callable(step.pattern)
        verdict = step.pattern(self._received, is_final)
        if verdict is None:
            return None
        if not verdict.status:
            return True
        return Result(Status[verdict.status], verdict.code, verdict.info)

    def _expect_http(self, step: Expect, is_final: bool) -> Result | bool | None:
        try:
            answer = read_answer(self._received, is_final)
        except BadAnswer:
            return Result(Status.L7RSP)
        if answer is None:
            return None
        self._code = answer.status
        if self._seq.disables_on_404 and answer.status == _NOT_FOUND:
            return Result(Status.L7OKC, answer.status)
        if step.match in _HTTP_MATCHES:
            look = expect.has_header if step.match.endswith("hdr") else expect.has_status
            is_found = look(step, answer, self._tools)
            if is_found != step.is_negated:
                return self._matched(step)
            return self._unexpected(step, answer.reason.decode("utf-8", "surrogateescape"), Status.L7STS)
        return self._expect_body(step, answer)

    def _expect_body(self, step: Expect, answer: Answer) -> Result | bool | None:
        is_final = answer.is_complete or len(self._received) >= self._seq.limit
        if len(answer.body) < step.min_recv and not is_final:
            return None
        if not answer.body:
            return self._unexpected(step, "HTTP content check could not find a response body") if is_final else None
        is_found = expect.is_found(step, answer.body, self._tools)
        if not is_found and step.min_recv < 0 and not is_final:
            return None
        if is_found != step.is_negated:
            return self._matched(step)
        return self._unexpected(step, "HTTP check matched unwanted content" if is_found else "HTTP content check did not match")

    # -- results

    def _matched(self, step: Expect) -> Result | bool:
        return self._passed(step) if self._at == len(self._seq.steps) - 1 else True

    def _passed(self, step: Expect | None = None) -> Result:
        if not self._has_spoken:
            explicit = (self._seq.tells_steps and len(self._seq.steps) > 1) or (self._number > 0 and self._seq.tells_steps)
            status = Status.L4OK if self.target.tls is None else Status.L6OK
            return Result(status, -1, "(tcp-check)" if explicit else "")
        info = "(tcp-check)" if self._seq.tells_steps else ""
        status, code = Status.L7OK, self._code
        if step is not None:
            status = Status[step.ok_status or "L7OK"]
            code = self._status_code(step, code)
            if step.on_success is not None:
                info = self._shown(step.on_success)
        return Result(status, code, info)

    def _unexpected(self, step: Expect, info: str, status: Status = Status.L7RSP) -> Result:
        if step.on_error is not None:
            info = self._shown(step.on_error)
        elif self._comment:
            info += f" comment: {self._comment}"
        return Result(Status[step.error_status or status.name], self._status_code(step, self._code), info)

    def _status_code(self, step: Expect, code: int) -> int:
        if step.status_code is None:
            return code
        value = self._evaluate(step.status_code)
        return value if isinstance(value, int) else int(value) if value and value.isdigit() else code

    def _failed(self, status: Status, info: str) -> Result:
        return Result(status, self._code, info + self._where())

    def _refused(self, result: Result) -> Result:
        return result._replace(info=result.info + self._where())

    def _broken(self, error: OSError) -> Result:
        # The number of an SSLError is none of the system's.
        reason = "SSL fatal error" if isinstance(error, ssl.SSLError) else os.strerror(error.errno or 0)
        return Result(Status.SOCKERR, -1, reason + self._where())

    def expire(self) -> None:
        step = self._seq.steps[min(self._at, len(self._seq.steps) - 1)]
        status = Status.L7TOUT
        if isinstance(step, Connect):
            status = Status.L6TOUT if self._in_handshake else Status.L4TOUT
        if isinstance(step, Expect) and step.timeout_status:
            status = Status[step.timeout_status]
        self._end(Result(status, -1, self._where()))

    @property
    def _number(self) -> int:
        return self._seq.number(min(self._at, len(self._seq.steps) - 1))

    def _where(self) -> str:
        """Where a connection or its silence ended a `tcp-check`."""
        if not self._seq.tells_steps:
            return ""
        if not self._number:
            return " at initial connection step of tcp-check"
        comment = f" comment: '{self._comment}'" if self._comment else ""
        return f" at step {self._number} of tcp-check ({_named(self._seq.steps[self._at])}){comment}"

    # -- what the core evaluates

    @property
    def _tools(self) -> expect.Tools:
        return expect.Tools(self._seq.regexes, self._text)

    def _evaluate(self, value: object) -> int | bytes | None:
        assert self._evaluation is not None
        return self._evaluation.run(self._seq.places[id(value)], self._received, self._seq.is_http)

    def _text(self, value: object) -> bytes:
        if isinstance(value, LogFormat) and all(not item.expression and not item.alias for item in value.items):
            return "".join(item.text for item in value.items).encode("utf-8", "surrogateescape")
        found = self._evaluate(value)
        return found if isinstance(found, bytes) else b"" if found is None else str(found).encode()

    def _shown(self, log_format: LogFormat) -> str:
        return self._text(log_format).decode("utf-8", "surrogateescape")


def _named(step: Step) -> str:
    if isinstance(step, Connect):
        return f"connect port {step.port}" if isinstance(step.port, int) and step.address is None else "connect"
    if isinstance(step, Expect):
        return f"expect {step.match} {expect.described(step)}" if step.match == "string" else f"expect {step.match}"
    return "send"
