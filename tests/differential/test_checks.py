"""Health checks of both programs against the same servers: what their logs and statistics say, and what the servers receive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from support.origin import Origin
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.sockets import HeldPort
from support.syslog import Syslog

from .check_cases import HTTP_CASES, PROTOCOL_CASES, REQUEST_CASES, TCP_CASES, Case

_LINE = re.compile(r"Health check for server (\S+)/s (.*)")
_COLUMNS = ("status", "check_status", "check_code", "check_desc", "check_health")
PATIENCE = 60.0  # hundreds of servers, and machines that do other work
CASES = (*HTTP_CASES, *TCP_CASES, *PROTOCOL_CASES, *REQUEST_CASES)


def plain_name(case: Case) -> str:
    return f"c{CASES.index(case)}"


@dataclass
class Site:
    """One program with a backend for each case; every server is checked once."""

    program: str
    syslog: Syslog = field(default_factory=Syslog)
    refusing: HeldPort = field(default_factory=HeldPort)
    origins: dict[str, Origin] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = f"global\n    log {self.syslog} len 4096 local0\n    node n1\n{HTTP}    log global\n    timeout check 1s\n"
        text += "    option log-health-checks\n"
        for case in CASES:
            name = plain_name(case)
            if case.serve is not None:
                self.origins[name] = Origin(case.serve)
            lines = "".join(f"    {line}\n" for line in case.lines.splitlines())
            server = f"{self.origins.get(name, self.refusing)} check inter 999ms downinter 60s"
            text += f"backend {name}\n{lines}    server s {server}\n"
        self.proxy = Proxy(self.program, text)

    def lines(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in self.syslog.lines:
            if match := _LINE.search(text):
                found.setdefault(match[1], re.sub(r"\d+ms", "Nms", match[2]))
        return found

    def outcome(self, case: Case) -> tuple[object, ...]:
        name = plain_name(case)
        line = poll(lambda: self.lines().get(name), f"the check of {case.id}", PATIENCE)
        row = poll(lambda: self._row(name), f"the end of a check of {case.id}")
        return line, [row[column] for column in _COLUMNS]

    def _row(self, name: str) -> dict[str, str] | None:
        """The server's row; None in the middle of a check, whose columns are those of no result."""
        row = self.proxy.stat()[name, "s"]
        return None if row["check_status"].startswith("* ") else row

    def received(self, case: Case) -> str:
        name = plain_name(case)
        poll(lambda: self.lines().get(name), f"the check of {case.id}", PATIENCE)
        data = bytes(self.origins[name].connections[0].received)
        return re.sub(r"port=\d+", "port=N", data.decode("latin-1"))

    def close(self) -> None:
        self.proxy.finish()
        for origin in self.origins.values():
            origin.close()
        self.refusing.close()
        self.syslog.close()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("case", (*HTTP_CASES, *TCP_CASES, *PROTOCOL_CASES), ids=lambda case: case.id)
def test_check_ends_as_in_haproxy(both: tuple[Site, Site], case: Case) -> None:
    theirs, ours = both
    assert ours.outcome(case) == theirs.outcome(case)


@pytest.mark.parametrize("case", REQUEST_CASES, ids=lambda case: case.lines.replace("\n", "; "))
def test_request_is_that_of_haproxy(both: tuple[Site, Site], case: Case) -> None:
    theirs, ours = both
    assert ours.received(case) == theirs.received(case)
