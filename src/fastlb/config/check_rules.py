"""What a health check does, as data: the steps of `tcp-check` and `http-check` lines and of the protocols' own checks.

Knows steps and what they need. Must not know how they are written (keywords/check*.py) nor how they run (control/checks).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .logformat import LogFormat
    from .model import Address, Location
    from .rule import Rule
    from .samples.ast import Expression
    from .samples.values import RegexValue


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a protocol's own answer means. status: a name of control/checks/status.py, "" to go on with the next step."""

    status: str = ""
    code: int = 0
    info: str = ""


# Looks at what came so far; None to wait for more. The flag says that no more will come.
Judge = Callable[[bytes, bool], Verdict | None]


@dataclass(frozen=True, slots=True)
class Comment:
    """`comment`: of the next step, for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Connect:
    """`connect`. port: a number or an expression, None for the server's. is_implicit: no line says it."""

    comment: str = ""
    port: int | Expression | None = None
    address: Address | None = None
    uses_defaults: bool = False
    send_proxy: bool = False
    linger: bool = False
    is_implicit: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """`send` and its kin. is_hex: the format gives hexadecimal digits."""

    data: bytes | LogFormat
    comment: str = ""
    is_hex: bool = False


@dataclass(frozen=True, slots=True)
class HttpSend:
    """`http-check send`. "" and None: not said; method and uri come from `option httpchk` then."""

    method: str = ""
    uri: str | LogFormat = ""
    version: str = ""
    headers: tuple[tuple[str, LogFormat], ...] = ()
    body: bytes | LogFormat = b""
    comment: str = ""
    is_implicit: bool = False


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """`hdr` and `fhdr`. Methods: str, beg, end, sub, reg; value None: the name alone. is_full: commas are part of a value."""

    name: str | RegexValue | LogFormat
    name_method: str = "str"
    value: str | RegexValue | LogFormat | None = None
    value_method: str = "str"
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect`. match: its word ("string", "rstatus", "hdr", ...), or "judge" of a protocol's own check.

    pattern: bytes for string and binary, status ranges, a regular expression, a format, or what `match` says.
    Statuses: "" for the kind's default. min_recv: bytes, -1 for none.
    """

    match: str
    pattern: bytes | tuple[tuple[int, int], ...] | RegexValue | LogFormat | HeaderMatch | Judge
    is_negated: bool = False
    comment: str = ""
    min_recv: int = -1
    ok_status: str = ""
    error_status: str = ""
    timeout_status: str = ""
    on_success: LogFormat | None = None
    on_error: LogFormat | None = None
    status_code: Expression | None = None
    is_implicit: bool = False
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """`set-var`, `set-var-fmt`, `unset-var`."""

    rule: Rule


Step = Comment | Connect | Send | HttpSend | Expect | Act


@dataclass(slots=True)
class CheckRules:
    """How the servers of a backend are checked.

    kind: "" for a plain connection, else the name of the option ("tcp-check", "httpchk", "mysql-check"). arguments: of an option
    that speaks another protocol; its steps are those of control/checks/protocols.
    tcp, http: the lines of `tcp-check` and `http-check`, whichever option is on. request: of `option httpchk`.
    command, path: of `external-check`.
    """

    kind: str = ""
    arguments: tuple[str, ...] = ()
    request: HttpSend = field(default_factory=HttpSend)
    tcp: list[Step] = field(default_factory=list)
    http: list[Step] = field(default_factory=list)
    disables_on_404: bool = False
    sends_state: bool = False
    command: str = ""
    path: str = ""

    def copy(self) -> CheckRules:
        """Its own lists, for a proxy that begins with those of its defaults."""
        return replace(self, tcp=list(self.tcp), http=list(self.http))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The whole sequence that lines make, with what no line says; for another protocol none."""
        if self.kind == "httpchk":
            return completed(self._http_steps())
        return completed(tuple(self.tcp)) if self.kind == "tcp-check" else ()

    def _http_steps(self) -> tuple[Step, ...]:
        """haproxy: what `option httpchk` says fills the gaps of the first `send`, which is there even without a line."""
        steps = list(self.http)
        at = next((i for i, step in enumerate(steps) if isinstance(step, HttpSend)), None)
        if at is None:
            at = next((i + 1 for i, step in enumerate(steps) if isinstance(step, Connect)), None)
            if at is None:
                at = next((i for i, step in enumerate(steps) if isinstance(step, Expect)), len(steps))
            steps.insert(at, replace(self.request, is_implicit=True))
        else:
            steps[at] = _merged(steps[at], self.request)
        last = max(i for i, step in enumerate(steps) if isinstance(step, HttpSend))
        if not any(isinstance(step, Expect) for step in steps[last:]):
            steps.append(Expect("status", ((200, 399),), is_implicit=True))
        return tuple(steps)


def _merged(step: Step, request: HttpSend) -> HttpSend:
    assert isinstance(step, HttpSend)
    return HttpSend(
        step.method or request.method,
        step.uri or request.uri,
        step.version or request.version,
        (*request.headers, *step.headers),
        step.body or request.body,
        step.comment,
    )


def completed(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """With a connection to begin with."""
    first = next((step for step in steps if not isinstance(step, (Comment, Act))), None)
    return steps if isinstance(first, Connect) else (Connect(is_implicit=True, uses_defaults=True), *steps)
