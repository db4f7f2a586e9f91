"""`observe` in both programs: what counts as an error, what each `on-error` does, and what log and statistics then say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.client import Client
from support.origin import Origin, OriginConnection, reply
from support.poll import TimedOut, poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.sockets import HeldPort
from support.syslog import Syslog
from support.wire import Cut

_COLUMNS = (
    *("status", "check_status", "check_desc", "check_health", "check_fall", "check_duration", "last_chk"),
    *("chkfail", "chkdown", "hanafail"),
)
_ODD = {
    "/close": b"",
    "/junk": b"hello there\r\n\r\n",
    "/header": b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "/hints": b"HTTP/1.1 103 Hints\r\n\r\n" + reply(b"", "500 Bad"),
}


def serve(conn: OriginConnection) -> None:
    """Answers with the status that the target names, or in one of the ways of _ODD, "/reset" and "/mute"."""
    while (request := conn.read_request()) is not None:
        if request.target in _ODD:
            conn.send(_ODD[request.target])
            if request.target != "/hints":
                return
        elif request.target == "/reset":
            conn.reset()
            return
        elif request.target == "/mute":
            conn.read_to_end()
            return
        else:
            conn.send(reply(b"", f"{request.target[1:]} Status"))


@dataclass(frozen=True)
class Case:
    """targets: of the requests, each on a connection of its own, "+" before those on a kept one."""

    id: str
    options: str
    targets: tuple[str, ...]
    lines: str = "retries 0"
    is_refusing: bool = False


def _limit(mode: str, layer: str, kind: str, rest: str = "rise 2 fall 4") -> str:
    return f"observe {layer} error-limit 3 on-error {mode} {rest}"


CASES = (
    *(
        Case(f"{layer} {mode} {name}", _limit(mode, layer, name), targets, is_refusing=name == "refused")
        for layer in ("layer4", "layer7")
        for mode in ("fastinter", "fail-check", "sudden-death", "mark-down")
        for name, targets in (("refused", ("/200",) * 3), ("500", ("/500",) * 3))
    ),
    *(
        Case(f"layer7 {target} {layer}", f"observe {layer} error-limit 1", (target,))
        for layer in ("layer4", "layer7")
        for target in (*_ODD, "/reset", "/mute", *(f"/{code}" for code in (200, 404, 500, 501, 502, 505, 599, 600)))
    ),
    Case("limit of ten", "observe layer7 rise 1 fall 2", ("/500",) * 25),
    Case("a success between", _limit("fastinter", "layer7", "500"), ("/500", "/500", "/404", "/500", "/500")),
    Case("each retry counts", _limit("fastinter", "layer4", "refused"), ("/200",) * 2, "retries 3", True),
    Case("kept, closed", "observe layer7 error-limit 1", ("+/200", "+/close"), ""),
    Case("kept, junk", "observe layer7 error-limit 1", ("+/200", "+/junk"), ""),
    *(
        Case(f"retry-on {target}", "observe layer7 error-limit 1 on-error fastinter", (target,), lines)
        for target in ("/503", "/close", "/reset", "/junk", "/mute")
        for lines in ("retries 2\n    retry-on all-retryable-errors",)
    ),
    Case("one failure from down", "observe layer7 error-limit 1", ("/500",)),
    Case("without the check", "observe layer7 error-limit 1 no-check", ("/500",)),
    Case("none", "observe layer7 observe none error-limit 1", ("/500",)),
    Case("default", "observe layer7 error-limit 1 on-error mark-down rise 3 fall 1", ("/500",)),
)


class Site:
    """One program with a backend for each case; checks come so rarely that only traffic is seen."""

    def __init__(self, program: str) -> None:
        self.syslog, self.server, self.refusing = Syslog(), Origin(serve), HeldPort()
        text = f"global\n    log {self.syslog} len 4096 local0\n{HTTP}    timeout server 300ms\n    log global\n"
        text += "    option log-health-checks\n    http-reuse never\n"
        # The first checks are spread over the interval; the first server of all is checked at once.
        text += f"    default-server check addr 127.0.0.1 port {self.server.port} inter 1h\n"
        text += f"backend first\n    server s {self.server}\n"
        for number, case in enumerate(CASES):
            address = self.refusing if case.is_refusing else self.server
            text += f"frontend f{number}\n    bind fd@f{number}\n    default_backend b{number}\n"
            text += f"backend b{number}\n    {case.lines}\n    server s {address} {case.options}\n"
        self.proxy = Proxy(program, text)
        self.is_done: set[int] = set()

    def row(self, number: int) -> dict[str, str]:
        return self.proxy.stat()[f"b{number}", "s"]

    def play(self, number: int) -> None:
        """Sends the case's requests to a server that is at its best."""
        case = CASES[number]
        if number in self.is_done:
            return
        self.is_done.add(number)
        if "one failure" not in case.id:
            self.proxy.command(f"set server b{number}/s health up")
        kept = Client(self.proxy.addresses[f"f{number}"])
        for target in case.targets:
            client = kept if target.startswith("+") else Client(self.proxy.addresses[f"f{number}"])
            with contextlib.suppress(Cut):
                client.request(target.removeprefix("+"))

    def outcome(self, number: int) -> tuple[object, ...]:
        self.play(number)
        row = self.row(number)
        lines = [text.partition("]: ")[2] for text in self.syslog.lines if f"server b{number}/s failed" in text]
        return [row[column] for column in _COLUMNS if row["check_status"]], row["hanafail"] or "0", lines

    def close(self) -> None:
        self.proxy.finish()
        self.server.close()
        self.refusing.close()
        self.syslog.close()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_errors_of_traffic_count_as_in_haproxy(both: tuple[Site, Site], case: Case) -> None:
    theirs, ours = both
    number = CASES.index(case)
    # fastlb's control process hears of it a moment after the answer, and log lines take their time.
    with contextlib.suppress(TimedOut):
        poll(lambda: ours.outcome(number) == theirs.outcome(number), "the same outcome")
    assert ours.outcome(number) == theirs.outcome(number)
