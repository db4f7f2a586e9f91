"""Lines of custom formats: Debian's haproxy and the program under test write the same for the same exchange.

Each case is a frontend with a format of its own, all of one pair of programs. What differs from run to run is replaced: dates,
and, where a case says so, all numbers.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from fastlb.config.values import names
from support.client import Client
from support.origin import Origin, OriginConnection, reply
from support.proxy import Proxy
from support.syslog import Syslog
from support.wire import Cut, Malformed

DATE = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d")
CAPTURES = (
    "capture request header User-Agent len 20",
    "capture request header none len 5",
    "capture response header Server len 20",
    "capture cookie SID len 10",
)
GET = (
    b"GET /a/b?x=1 HTTP/1.1\r\nHost: h.test\r\nUser-Agent: one\r\nUser-Agent: ua \"q\" {b}|c#d]\\\xe9\r\n"
    b"Cookie: other=1; SID=abcdefghijk; SID=2\r\nConnection: close\r\n\r\n"
)
ODD = GET.replace(b"/a/b?x=1", b"/a]b'c?x=[1]")
PLAIN = b"GET /x HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
ABSOLUTE = b"GET http://h.test/x/y?z HTTP/1.0\r\nHost: h.test\r\n\r\n"
ASTERISK = b"OPTIONS * HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
BAD = b"GET / HTTX/1.1\r\n\r\n"
ANSWER = reply(b"ok", headers=["Server: srv |x", "Set-Cookie: a=b", "Set-Cookie: SID=zzz; path=/"])


@dataclass(frozen=True)
class Case:
    """One format and the exchange that it is written for.

    numbers: how digits are compared: "" as they are, "any" not at all, "hex" likewise with A to F, their count kept.
    statement: what stands in the place of `log-format "<format>"`. lines: more statements of the frontend.
    """

    form: str = ""
    send: bytes = GET
    numbers: str = ""
    lines: tuple[str, ...] = CAPTURES
    statement: str = ""
    mode: str = "http"
    count: int = 1
    note: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        return (self.statement or self.form)[:60] + (f" {self.note}" if self.note else "")


TEXTS = names("CC CS H HM HP HPO HQ HU HV ID ST b f ft hr hrl hs hsl r s sslc sslv ts tsc rc sq bq sc bc ac fc lc")
ADDRESSES = names("ci fi bi si")
NUMBERS = names("B U cp fp bp sp pid Ts ms Ta Tc Td Th Ti Tq TR Tr Tt Tu Tw rt")
DATES = names("t T Tl tr trg trl")
EXPRESSIONS = (
    "%[src]", "%{+Q}[src]", "%{+X}[src]", "%[int(255)]", "%{+X}[int(255)]", "%{+Q}[int(-5)]", "%[str(a)]", "%{+Q}[str(a)]",
    '%{+Q}[str("")]', '%[str("")]', "%[src_port]", '%{+E}[str("a]b\\\\c")]', '%{+Q,+E}[str("a]b")]',
)  # fmt: skip
ALIASES = [
    *(Case(f"%{{{flags}}}{name}" if flags else f"%{name}") for name in TEXTS for flags in ("", "+Q", "+E", "+Q,+E", "+X")),
    *(Case(f"%{{{flags}}}{name}" if flags else f"%{name}") for name in ADDRESSES for flags in ("", "+Q", "+X", "+Q,+X")),
    *(Case(f"%{{{flags}}}{name}" if flags else f"%{name}", numbers="any") for name in NUMBERS for flags in ("", "+Q")),
    *(Case(f"%{{+X}}{name}", numbers="hex") for name in NUMBERS if name[0] not in "TU"),
    Case("%{+X}Ts", numbers="hex"),
    *(Case(f"%{{{flags}}}{name}" if flags else f"%{name}", numbers="any") for name in DATES for flags in ("", "+Q", "+X")),
    *(Case(form, numbers="any" if "port" in form else "") for form in EXPRESSIONS),
]
WHOLE = [
    Case(statement="option httplog", numbers="any", note="with captures"),
    Case(statement="option httplog clf", numbers="any", note="with captures"),
    Case(statement="option httplog clf", numbers="any", lines=()),
    Case(statement="option httpslog", numbers="any"),
    Case(statement="option httpslog", numbers="any", lines=(), note="without captures"),
    Case("%r|%HM|%HU|%HP|%HPO|%HQ|%{+Q}HQ|%HV", PLAIN, lines=()),
    Case("%r|%HM|%HU|%HP|%HPO|%HQ|%{+Q}HQ|%HV", ABSOLUTE, lines=()),
    Case("%r|%HM|%HU|%HP|%HPO|%HQ|%{+Q}HQ|%HV", ASTERISK, lines=()),
    Case("%r|%{+E}r|%{+Q,+E}HU|%{+E}hr|%hrl|%{+Q}hrl", ODD),
    Case("%hr|%hs|%hrl|%hsl|%CC|%CS|%{+Q}CC", PLAIN, lines=(), note="without captures"),
    Case("%hr|%hs|%hrl|%hsl|%CC|%CS|%{+Q}CC", PLAIN, note="nothing to capture"),
    Case("%hr|%hs|%hrl|%CC|%ts|%tsc|%ST|%b|%s|%si|%bi|%bp|%r|%HQ|%HPO|%B|%ID", BAD),
    Case("%hr|%hs|%CC|%CS|%tsc|%ST|%b|%s|%si|%bi|%bp|%sp", lines=(*CAPTURES, "http-request reject"), note="rejected"),
    Case("%Ta|%Tt|%Tu|%B", numbers="any", lines=("option logasap",)),
    Case("%{+Q}o %ci %{-Q}b %f %{+X}ci %[src]"),
    Case("%{+Q}o%{-Q}o%b"),
    Case("%{foo}ci%{+Z}ci%{}ci%{-}b"),
    Case("  a   b  %hr  c  ", lines=()),
    Case("x %hr %hs %{+Q}r", lines=()),
    Case("x %hr %hs %{+Q}r"),
    Case("100%% %_x"),
    Case("%ci", numbers="", statement='error-log-format "ERR %ST %{+Q}r %ci"', send=BAD, lines=('log-format "%ci"',)),
    Case("%hr|%{+Q}hrl", lines=("declare capture request len 5", "capture request header Host len 3")),
    Case(
        "%hr|%hs",
        lines=(
            "declare capture request len 3",
            "declare capture response len 4",
            "http-request capture src len 5",
            "http-request capture str(abcdef) id 0",
            "http-response capture str(ghijkl) id 0",
        ),
    ),
    Case("%hr", lines=(*CAPTURES, "http-request capture str(overwritten) id 0", "http-request set-header x y")),
    Case("%hr", lines=("capture request header Host len 0", "capture request header Host len 2x")),
    Case("%CC|%CS", lines=("capture cookie SID= len 63",)),
    Case("%CC|%CS", lines=("capture cookie S len 4",)),
    Case("%CC|%CS", lines=("capture cookie a len 4",)),
    Case(
        "%ID|%{+X}ID|%{+Q}ID",
        numbers="hex",
        lines=("unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%ms:%pid", "unique-id-header X-Unique-ID"),
    ),
    Case("%ID", lines=('unique-id-format "  a  b %ci ' + "x" * 200 + '"',)),
    Case("%ID|%{+Q}ID", lines=("unique-id-format a%ci",), note="constant"),
    Case("%ts|%b|%s|%ST|%bc|%sc|%hr|%ft|%sslv|%tsc|%U", b"abc", mode="tcp", lines=()),
    Case("%Tt|%Tu|%Tw|%Tc|%Th|%B|%t|%Ts", b"abc", mode="tcp", lines=(), numbers="any"),
    Case("%{+Q}[src] %{+X}cp|%bi|%si", b"abc", mode="tcp", lines=(), numbers="hex"),
    Case(statement="option tcplog", send=b"abc", mode="tcp", lines=(), numbers="any"),
]
CASES = [*ALIASES, *WHOLE]


def section(index: int, case: Case) -> str:
    mark = f"C{index}_ "
    lines = list(case.lines)
    if case.statement:
        lines.append(case.statement)
    if case.form and not any("log-format" in line for line in lines):
        lines.append(f'log-format "{mark}{case.form}"' if '"' not in case.form else f"log-format '{mark}{case.form}'")
    text = "".join(f"    {line}\n" for line in lines)
    return f"frontend C{index}_\n    mode {case.mode}\n    bind fd@c{index}\n    default_backend be_{case.mode}\n{text}"


class Bench:
    """One program with the frontends of all cases."""

    def __init__(self, program: str) -> None:
        self.syslog = Syslog()
        self.origin = Origin(self._serve)
        config = (
            f"global\n    log {self.syslog} len 8000 format raw local0\ndefaults\n    log global\n    timeout connect 5s\n"
            "    timeout client 10s\n    timeout server 10s\n    http-reuse never\n"
            + "".join(section(index, case) for index, case in enumerate(CASES))
            + rules_section("request")
            + rules_section("response")
            + f"backend be_http\n    mode http\n    server s1 {self.origin}\n"
            + f"backend be_tcp\n    mode tcp\n    server s1 {self.origin}\n"
        )
        self.proxy = Proxy(program, config)

    def _serve(self, conn: OriginConnection) -> None:
        with contextlib.suppress(Malformed, Cut):
            conn.fill()
            conn.send(b"xyz" if conn.received.startswith(b"abc") else ANSWER)

    def line(self, index: int) -> str:
        case = CASES[index]
        before = len(self.syslog.lines)
        client: Client = self.proxy.client(f"c{index}")
        client.send(case.send)
        if case.mode == "tcp":
            client.half_close()
        client.read_to_end()
        client.close()
        self.syslog.wait(count=before + 1)
        return normal(self.syslog.lines[before], case.numbers)

    def values(self, direction: str) -> list[str]:
        """The headers that the rules of one direction have set."""
        self.origin.forget()
        client: Client = self.proxy.client(direction)
        client.send(ODD)
        answer = client.read_to_end()
        client.close()
        got = answer if direction == "response" else bytes(self.origin.connections[0].received)
        return re.findall(r"(?m)^x-\d: (.*)\r$", got.decode("latin-1"))

    def close(self) -> None:
        print(self.proxy.output)
        try:
            self.proxy.finish()
        finally:
            self.origin.close()
            self.syslog.close()


def normal(line: str, numbers: str) -> str:
    line = DATE.sub("DATE", line)
    if numbers == "any":
        return re.sub(r"(?<![-\d])\d+", "N", line)
    if numbers == "hex":
        return re.sub(r"[0-9A-F]{2,}", lambda match: "X" * len(match[0]) if len(match[0]) < 9 else "X", line)
    return line


# What formats of rules show, in requests and in answers.
VALUES = (
    "%ci|%HM|%HU|%HP|%HPO|%HQ|%HV|%r|%{+Q}r|%b|%f|%ft|%s|%H",
    "%CC|%{+Q}CC|%CS|%hr|%{+Q}hr|%hrl|%{+Q}hrl|%hs|%ID|%{+Q}ID|%sslv|%{+Q}sslc",
    "%ST|%bi|%{+Q}bi|%si|%rc|%sq|%bq|%ts|%tsc|  a  b  |%B",
    "%[src]|%{+Q}[src]|%{+X}ci|%[int(-1)]",
    "%{+E}HU|%{+Q,+E}HU|x%%y|%_",
    "%{+E}[str(a\\\\b)]|%{+Q,+E}[str(a\\\\b)]|",
)


def rules_section(direction: str) -> str:
    lines = "".join(
        f"    http-{direction} set-header x-{number} '{value}'\n"
        for number, value in enumerate(VALUES)
    )
    captures = "".join(f"    {line}\n" for line in CAPTURES)
    return f"frontend rules_{direction}\n    mode http\n    bind fd@{direction}\n    default_backend be_http\n{captures}{lines}"


@pytest.fixture(scope="module")
def benches() -> Iterator[tuple[Bench, Bench]]:
    made: list[Bench] = []
    try:
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            made.append(Bench(program))
        yield made[0], made[1]
    finally:
        for bench in made:
            bench.close()


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.id for case in CASES])
def test_line_of_the_format_is_haproxys(benches: tuple[Bench, Bench], index: int) -> None:
    reference, tested = benches
    assert tested.line(index) == reference.line(index)


@pytest.mark.parametrize("direction", ["request", "response"])
def test_formats_of_rules_show_what_haproxy_shows(benches: tuple[Bench, Bench], direction: str) -> None:
    reference, tested = benches
    expected = reference.values(direction)
    assert len(expected) == len(VALUES)
    assert tested.values(direction) == expected
