"""`retry-on`: which failures send a request again, how often, where to, and what the log says: as HAProxy does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.logline import parse
from support.origin import Origin, OriginConnection, answers, cut_after_head, named, reply, silent
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.sockets import HeldPort
from support.syslog import Syslog


def junk(conn: OriginConnection) -> None:
    conn.read_request()
    conn.send(b"hello\r\n\r\n")


def half_a_head(conn: OriginConnection) -> None:
    conn.read_request()
    conn.send(b"HTTP/1.1 200 OK\r\nX: y")


def mute(conn: OriginConnection) -> None:
    conn.read_request()
    conn.fill()


def status(code: int):
    return answers(reply(b"bad", f"{code} X"))


# What the first server does (None: it refuses connections), and the line.
SITES = {
    "s503": (status(503), "503"),
    "s404": (status(404), "404 425"),
    "s429": (status(429), "401 403 408"),
    "s500": (status(500), "all-retryable-errors"),
    "s501": (status(501), "all-retryable-errors"),
    "other_status": (status(404), "503 empty-response junk-response"),
    "empty": (cut_after_head, "empty-response"),
    "empty_not": (cut_after_head, "conn-failure"),
    "junk": (junk, "junk-response"),
    "junk_not": (junk, "empty-response"),
    "half_head": (half_a_head, "empty-response"),
    "half_head_junk": (half_a_head, "junk-response"),
    "mute": (mute, "response-timeout"),
    "mute_not": (mute, "empty-response 504"),
    "refused": (None, "503 504"),
    "refused_none": (None, "none"),
    "refused_conn": (None, "conn-failure 0rtt-rejected"),
}
REQUESTS = {
    "GET": (b"", ""),
    "POST": (b"abc", ""),
    "PUT": (b"x" * 40_000, ""),
}


class Site:
    """One program with a listen section for each entry of SITES, without and with redispatch."""

    def __init__(self, program: str) -> None:
        self.syslog = Syslog()
        self.good = Origin(named("good"))
        self.origins = {name: Origin(script or silent) for name, (script, _) in SITES.items()}
        self.refusing = HeldPort()
        text = f"global\n    log {self.syslog} local0\n" + HTTP.replace("timeout server 10s", "timeout server 300ms")
        text = text.replace("timeout connect 5s", "timeout connect 50ms")
        text += "    log global\n    option httplog\n    retries 2\n    balance roundrobin\n    http-reuse never\n"
        for name, (script, words) in SITES.items():
            bad = self.refusing if script is None else self.origins[name]
            for other in ("n", "r"):
                text += f"listen {name}_{other}\n    bind fd@{name}_{other}\n    retry-on {words}\n"
                text += "    option redispatch 1\n" if other == "r" else ""
                text += f"    server bad {bad}\n    server good {self.good}\n"
        self.proxy = Proxy(program, text)

    def outcome(self, name: str, other: str, method: str, weight: int) -> tuple[object, ...]:
        """Answer, log fields and what both servers saw, of one request that is offered to the bad server first."""
        origin = self.origins[name]
        origin.forget()
        self.good.forget()
        before = len(self.syslog.lines)
        self.proxy.command(f"set weight {name}_{other}/good {weight}")
        answer = self.proxy.fetch(f"/{name}", method, body=REQUESTS[method][0], name=f"{name}_{other}")
        line = poll(lambda: [text for text in self.syslog.lines[before:] if f" /{name} " in text], "log line")[0]
        fields = parse(line)
        seen = [(one.method, len(one.body)) for one in origin.requests + self.good.requests]
        return answer.status, answer.body, fields["server"], fields["retries"], fields["status"], fields["termination"], seen

    def close(self) -> None:
        self.proxy.finish()
        for origin in (self.good, *self.origins.values()):
            origin.close()
        self.refusing.close()
        self.syslog.close()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("name", SITES)
def test_without_another_server_the_same_one_is_tried_again(both, name):
    reference, tested = both
    for method in ("GET", "POST"):
        assert tested.outcome(name, "n", method, 0) == reference.outcome(name, "n", method, 0), method


@pytest.mark.parametrize("name", SITES)
def test_redispatch_takes_the_other_server(both, name):
    for method in ("GET", "POST"):
        # Whose turn it is differs between the programs: two requests meet both cases.
        seen = [{site.outcome(name, "r", method, 1)[:6] for _ in range(2)} for site in both]
        assert seen[1] == seen[0], method


def test_body_larger_than_the_buffer_is_not_sent_again(both):
    for site in both:
        outcome = site.outcome("s503", "n", "PUT", 0)
        assert (outcome[0], outcome[3], len(outcome[6])) == (503, "0", 1), site.proxy.program


def test_pipelined_request_survives_a_retry(both):
    for site in both:
        site.proxy.command("set weight s503_n/good 0")
        client = site.proxy.client("s503_n")
        body = b"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /two HTTP/1.1\r\nHost: a\r\n\r\n"
        site.origins["s503"].forget()
        client.send(body)
        assert [client.read_response().status for _ in range(2)] == [503, 503]
        assert [(one.target, one.body) for one in site.origins["s503"].requests] == [("/one", b"abc")] * 3 + [("/two", b"")] * 3
        client.close()
