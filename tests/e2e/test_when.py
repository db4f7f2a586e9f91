"""The converter `when`, of 3.1 and later."""

from __future__ import annotations

import pytest

from support.logline import parse
from support.origin import named
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only  # of 3.1 and later

CONDITIONS = ("error", "normal", "forwarded", "toapplet", "processed", "stopping", "acl,is_get", "acl,!is_get")
FORM = " ".join(f"%[str({number}),when({name})]" for number, name in enumerate(CONDITIONS))


def site(target: str, server: object, *lines: str) -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return (
        f'{HTTP}frontend fe\n    bind fd@fe\n    log {target}\n    acl is_get capture.req.method GET\n    log-format "W {FORM}"\n'
        f"{text}    default_backend be\nbackend be\n    server s1 {server}\n"
    )


@pytest.mark.parametrize(
    "path, method, expected",
    [
        ("/", "GET", "- 1 2 - 4 - 6 -"),
        ("/", "PUT", "- 1 2 - 4 - - 7"),
        ("/answered", "GET", "- 1 - - - - 6 -"),
        ("/denied", "GET", "0 - - - - - 6 -"),
        ("/stats", "GET", "- 1 - 3 4 - 6 -"),
    ],
)
def test_condition_decides_whether_there_is_a_value(start, origin, syslog, path, method, expected):
    rules = (
        "http-request return status 200 if { path /answered }",
        "http-request deny if { path /denied }",
        "stats uri /stats",
    )
    start(site(f"{syslog} local0", origin(named("a")), *rules)).fetch(path, method)
    assert parse(syslog.line("W ")).message == f"W {expected}"


def test_failed_connection_is_an_error_and_nothing_was_forwarded(start, dead, syslog):
    start(site(f"{syslog} local0", dead(), "retries 0")).fetch("/")
    assert parse(syslog.line("W ")).message == "W 0 - - - - - 6 -"
