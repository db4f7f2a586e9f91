"""`filter trace`: what haproxy tells of a stream, of its heads and of its bytes, in the same words and order.

Of each direction by itself: how both interleave is a matter of when bytes come. haproxy's analyzers are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, answers, echo, reply
from support.poll import poll
from support.programs import both_programs
from support.proxy import Proxy

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind fd@fe
    filter trace name F hexdump
    filter trace name Q quiet
    default_backend be
backend be
    filter trace name B
    server s1 {web}
frontend random
    bind fd@random
    filter trace random-forwarding name R hexdump
    default_backend plain
backend plain
    server s1 {web}
listen both
    bind fd@both
    filter trace
    server s1 {web}
listen tcp
    bind fd@tcp
    mode tcp
    filter trace name T hexdump
    server s1 {echo}
"""
BODY = bytes(range(256)) * 3
HEAD = "HTTP/1.1 200 OK\r\nServer: o\r\n"
LINE = re.compile(r"^\d{10}\.\d{6} \[([^\]]{20,})\] (\[strm 0x[0-9a-f]+\((\d+)\) 0x[0-9a-f]{8} 0x[0-9a-f]{8}\] )?(.*)$")


class Traced:
    """One program with its origins."""

    def __init__(self, program: str) -> None:
        raw = reply(BODY, headers=["Server: o"])
        chunked = HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        self.web = Origin(answers(raw, chunked, raw))
        self.echo = Origin(echo)
        self.proxy = Proxy(program, CONFIG.format(web=self.web, echo=self.echo))
        self.seen = 0

    def lines(self, of: str, end: str) -> list[str]:
        """What was told since the last call of the filter `of`, once `end` is in it; bytes behind a payload are lines, too."""
        told = poll(lambda: text if end in (text := self.proxy.stderr[self.seen :]) else "", f"a line with {end}")
        self.seen += len(told)
        kept, ours = [], False
        for line in told.splitlines():
            match = LINE.match(line)
            if match:
                ours = match[1].strip() == of
            if ours:
                kept.append(match[4] if match else line)
        return kept

    def close(self) -> None:
        self.proxy.finish()
        self.web.close()
        self.echo.close()


@pytest.fixture
def pair() -> Iterator[tuple[Traced, Traced]]:
    with both_programs(Traced) as made:
        yield made


def sorted_out(lines: list[str]) -> dict[str, list[str]]:
    """By direction: haproxy's words, each payload as (bytes), those of a stream under ""."""
    found: dict[str, list[str]] = {"": [], "REQUEST": [], "RESPONSE": []}
    sent: dict[str, bytes] = {"REQUEST": b"", "RESPONSE": b""}
    lengths = {"REQUEST": 0, "RESPONSE": 0}
    at = ""
    for line in lines:
        name, _, rest = line.partition(": ")
        if match := re.match(r"\t0x[0-9a-f]{6}: (.{52})\|", line):
            sent[at] += bytes.fromhex(match[1])
        elif line.startswith("\t"):
            found[at].append(line)
        elif match := re.match(r"channel=(\w+)\s+- mode=\w+\s+\(\w+\)(.*)", rest):
            at = match[1]
            if "_payload" in name:
                lengths[at] += int(rest.rpartition("forward=")[2])
            elif "chn_analyze" not in name and not (found[at] and found[at][-1] == line):
                # haproxy: a backend's filter is told twice that the answer begins.
                found[at].append(line)
        elif "trace_check_timeouts" not in line:
            found[""].append(line)
    for direction, data in sent.items():
        found[direction] += [f"{lengths[direction]} bytes", data.hex()]
    return found


def ask(traced: Traced, name: str, body: bytes = b"") -> None:
    client = traced.proxy.client(name)
    client.send(
        b"POST /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    client.read_to_end()
    client.close()


@pytest.mark.parametrize(("listener", "of"), [("fe", "F/fe"), ("fe", "B/be"), ("random", "R/random"), ("both", "TRACE/both")])
@pytest.mark.parametrize("body", [b"", b"hello", BODY])
def test_http_stream(pair, listener, of, body):
    told = []
    for traced in pair:
        ask(traced, listener, body)
        told.append(sorted_out(traced.lines(of, "trace_detach             : filter-type=frontend")))
    assert told[1] == told[0]
    assert not any("Q/fe" in traced.proxy.stderr for traced in pair)


def test_tcp_stream(pair):
    told = []
    for traced in pair:
        client = traced.proxy.client("tcp")
        client.send(BODY)
        assert client.read_exact(len(BODY)) == BODY
        client.close()
        told.append(sorted_out(traced.lines("T/tcp", "trace_detach")))
    assert told[1] == told[0]


def test_random_forwarding_forwards_in_pieces(pair):
    for traced in pair:
        client = traced.proxy.client("random")
        assert client.request("/", "POST", body=BODY).body == BODY
        client.close()
        lines = traced.lines("R/random", "trace_detach")
        pieces = [int(line.rpartition("forward=")[2]) for line in lines if "forward=" in line and "REQUEST" in line]
        assert sum(pieces) == len(BODY) and len([n for n in pieces if n]) > 1
