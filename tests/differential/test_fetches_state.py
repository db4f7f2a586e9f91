"""Sample fetches of internal state and of layers 4 and 5, in haproxy and in fastlb: the same expressions, the same values.

One configuration for both. A request to `/7` carries the value of case 7 to the origin, which sends it back; what is fetched
from the answer stands in headers of a backend for ten cases each.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from support.client import Client
from support.origin import Origin, by_request, reply
from support.proxy import Proxy
from support.state_cases import CASES, ENVIRONMENT, Run, StateCase
from support.wire import Message

REQUESTS = [case for case in CASES if case.where == "request"]
RESPONSES = [case for case in CASES if case.where == "response"]
PER_BACKEND = 10
HEAD = """
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout queue 4s
frontend idle
    bind fd@idle
frontend fe
    bind fd@other id 4
    bind fd@fe name entrance id 77
    id 50
    declare capture request len 3
    declare capture request len 8
    declare capture response len 8
    tcp-request content accept
    default_backend b
backend c
    server s1 127.0.0.1:1 maxconn 10
    server s2 127.0.0.1:1 maxconn 10 maxqueue 2 backup
    server s3 127.0.0.1:1
backend d
    server s1 127.0.0.1:1 maxconn 10 maxqueue 2 weight 0
    server s2 127.0.0.1:1 maxconn 10 maxqueue 2 backup
    server s3 127.0.0.1:1 maxconn 10 minconn 2 maxqueue 2
backend e
    server s1 127.0.0.1:1 maxconn 10 maxqueue 2 disabled
    server s2 127.0.0.1:1 maxconn 11 maxqueue 2 backup
    server s3 127.0.0.1:1 maxconn 13 maxqueue 2 backup
backend off
    server s1 127.0.0.1:1 disabled
backend gone
    disabled
    server s1 127.0.0.1:1 maxconn 10
backend b
    id 60
    timeout tunnel 7s
    server s {origin} id 9 weight 5 maxconn 10 maxqueue 5
    server off 127.0.0.1:1 disabled weight 7 maxconn 3 maxqueue 2
    acl of_path path_beg /
    acl never path /never
"""


def sections(program: str) -> str:
    """The configuration without the cases that haproxy 2.6 does not know."""
    known = [case for case in CASES if program == "fastlb" or not case.newer]
    lines = [HEAD]
    for number, case in enumerate(REQUESTS):
        if case in known:
            lines.append(f'    http-request set-header x-value "%[{case.expression}]" if {{ path /{number} }}')
    for first in range(0, len(RESPONSES), PER_BACKEND):
        lines += [f"frontend r{first}", f"    bind fd@r{first}", f"    default_backend rb{first}", f"backend rb{first}"]
        for number, case in enumerate(RESPONSES[first : first + PER_BACKEND], first):
            if case in known:
                lines.append(f'    http-response set-header x-{number} "%[{case.expression}]"')
        lines.append("    server s {origin} id 9")
    return "\n".join(lines)


def echo_value(request: Message) -> bytes:
    return reply(headers=[f"X-Value: {value}" for value in request.all("x-value")])


class Exchange:
    """One program with its origin."""

    def __init__(self, program: str) -> None:
        self.origin = Origin(by_request(echo_value))
        self.proxy = Proxy(program, sections(program).replace("{origin}", str(self.origin)), env=ENVIRONMENT)

    def value(self, case: StateCase) -> tuple[str, Run]:
        is_request = case.where == "request"
        number = REQUESTS.index(case) if is_request else RESPONSES.index(case)
        name = "fe" if is_request else f"r{number // PER_BACKEND * PER_BACKEND}"
        with contextlib.closing(Client(self.proxy.addresses[name])) as client:
            answer = client.request(f"/{number}")
            run = Run(client.port, self.proxy.addresses[name][1], self.origin.port)
        assert answer.status == 200, answer
        value = answer.get("x-value" if is_request else f"x-{number}")
        assert value is not None, answer
        return value, run

    def close(self) -> None:
        self.proxy.finish()
        self.origin.close()
        assert not self.origin.errors


@pytest.fixture(scope="module")
def programs() -> Iterator[tuple[Exchange, Exchange]]:
    found: list[Exchange] = []
    try:
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            found.append(Exchange(program))
        yield found[0], found[1]
    finally:
        for exchange in found:
            exchange.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.where} {case.expression}")
def test_fetch_shows_what_haproxy_shows(case: StateCase, programs: tuple[Exchange, Exchange]) -> None:
    reference, tested = programs
    value, run = tested.value(case)
    assert case.holds(value, run), value
    if not case.newer:
        expected, run = reference.value(case)
        assert case.holds(expected, run), f"haproxy: {expected}"
        assert case.expected is not None or value.replace(tested.proxy.config_path.as_posix(), "F") == expected.replace(
            reference.proxy.config_path.as_posix(), "F"
        )
