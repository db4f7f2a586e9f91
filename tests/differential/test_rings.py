"""Rings and stream targets: both programs send the same bytes to log servers and show the same events, but for dates and pids."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.log_server import LogServer
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy

FORMATS = (
    "",
    "format raw",
    "format local",
    "format rfc3164",
    "format rfc5424",
    "format short",
    "format priority",
    "format timed",
)
TARGETS = ("", "len 100", "len 100 format rfc5424")
PATHS = ("/1", "/" + "x" * 300, "/3?a=b")
VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\b(haproxy|fastlb)(\[\d+\]| \d+)")


class Bench:
    """A program with a ring for each format, and the log servers that get what is in the first ones."""

    def __init__(self, program: str) -> None:
        self.counted, self.ended, self.stream = LogServer(), LogServer(), LogServer()
        rings, logs = "", ""
        for number, form in enumerate(FORMATS):
            # Where a pid stands in the line the cut depends on its digits.
            maxlen = 130 if form in ("format raw", "format short", "format priority", "format timed") else 2000
            rings += f"ring r{number}\n    size 50000\n    {form}\n    maxlen {maxlen}\n"
            logs += "".join(f"    log ring@r{number} {target} local0\n" for target in TARGETS)
        rings += f"ring sent\n    format rfc3164\n    server c {self.counted} log-proto octet-count\n    server e {self.ended}\n"
        logs += f"    log ring@sent local0\n    log tcp@{self.stream} len 150 local1\n    log ring@buf0 local0\n"
        config = (
            f'{rings}{HTTP}frontend fe\n    bind fd@fe\n{logs}    log-format "L %HM %HU"\n    http-request return status 200\n'
        )
        self.proxy = Proxy(program, config)
        client = self.proxy.client()
        for path in PATHS:
            client.request(path)
        client.close()

    def events(self, ring: str, count: int) -> list[str]:
        lines: list[str] = poll(
            lambda: (found := self.proxy.command(f"show events {ring}").splitlines()) and len(found) == count + 1 and found,
            f"{count} events in {ring}",
        )
        return [VOLATILE.sub("V", line) for line in lines]

    def close(self) -> None:
        try:
            self.proxy.finish()
        finally:
            for server in (self.counted, self.ended, self.stream):
                server.close()


@pytest.fixture(scope="module")
def benches() -> Iterator[tuple[Bench, Bench]]:
    with both_programs(Bench) as made:
        yield made


@pytest.mark.parametrize("number", range(len(FORMATS)), ids=[form or "default" for form in FORMATS])
def test_ring_holds_what_haproxys_holds(benches, number):
    reference, tested = benches
    count = len(TARGETS) * len(PATHS)
    assert tested.events(f"r{number}", count) == reference.events(f"r{number}", count)


def test_built_in_ring_holds_what_haproxys_holds(benches):
    reference, tested = benches
    assert tested.events("buf0", len(PATHS)) == reference.events("buf0", len(PATHS))


@pytest.mark.parametrize("which", ["counted", "ended", "stream"])
def test_log_servers_get_what_haproxy_sends(benches, which):
    seen = []
    for bench in benches:
        server: LogServer = getattr(bench, which)
        server.wait("/3?a=b")
        # The tag and the pid are parts of a counted length: the two programs' differ.
        lines = server.counted() if which == "counted" else server.lines
        seen.append([VOLATILE.sub("V", line) for line in lines])
    assert seen[1] == seen[0]


@pytest.mark.parametrize("command", ["show events nobody", "show events r0 -x", "show events r0 -n"])
def test_commands_are_answered_as_haproxy_answers(benches, command):
    reference, tested = benches
    assert tested.proxy.command(command) == reference.proxy.command(command)
