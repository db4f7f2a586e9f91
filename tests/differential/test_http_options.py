"""HTTP's finer settings: what reaches the server and the client is what HAProxy sends."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .lab import Case, Lab

# What stands in the frontend, and in the backend, of one site each.
SITES = {
    "originalto": ("option originalto", ""),
    "originalto_both": ("option originalto header X-Fe", "option originalto header X-Be"),
    "originalto_except": ("option originalto except 127.0.0.0/8", ""),
    "originalto_not_excepted": ("option originalto except 10.0.0.0/8 header Dst", "option forwardfor"),
    "name_header": ("", "http-send-name-header X-Server-Name"),
    "name_of_host": ("", "http-send-name-header x-a"),
    "names_preserve": ("option http-restrict-req-hdr-names preserve", ""),
    "names_delete": ("option http-restrict-req-hdr-names delete", ""),
    "names_reject": ("option http-restrict-req-hdr-names reject", ""),
    "names_delete_later": ("", "option http-restrict-req-hdr-names delete"),
    "names_reject_later": ("http-request set-header X_Y z", "option http-restrict-req-hdr-names reject"),
    "names_after_rules": ("http-request set-header X-Seen %[req.hdr(x_a)]", "option http-restrict-req-hdr-names delete"),
    "case_server": ("", "option h1-case-adjust-bogus-server"),
    "case_server_name": ("", "option h1-case-adjust-bogus-server\n    http-send-name-header X-Server-Name"),
    "case_client": ("option h1-case-adjust-bogus-client", ""),
    "case_off": ("", ""),
}
CONFIG = """
global
    log {log} len 20000 local0
    h1-case-adjust x-a X-A
    h1-case-adjust x-server-name X-SERVER-name
    h1-case-adjust content-length Content-Length
    h1-case-adjust server SERVER
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 2s
    timeout server 900ms
    retries 0
    http-reuse never
"""
HEADS = {
    "plain": b"GET /a HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nx-a: 2\r\nX_A: 3\r\nX.B: 4\r\nX-Server-Name: s0\r\n\r\n",
    "body": b"POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nX-Original-To: x\r\n\r\nabc",
}
ANSWER = b"HTTP/1.1 200 OK\r\nServer: o\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok"


def configuration() -> str:
    text = CONFIG
    for name, (front, back) in SITES.items():
        text += f"frontend {name}\n    bind fd@{name}\n    {front}\n    default_backend {name}_be\n"
        text += f"backend {name}_be\n    {back}\n    server s1 {{origin}}\n"
    return text + "frontend fe\n    bind fd@fe\n    default_backend case_off_be\n"


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    labs = [Lab(program, configuration()) for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))]
    yield labs[0], labs[1]
    for lab in labs:
        lab.close()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("site", SITES)
def test_site_sends_the_same(pair, site, head):
    case = Case(site, HEADS[head].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), ANSWER, to=site, end="wait")
    reference, tested = pair
    expected, seen = reference.run(case), tested.run(case)
    assert seen.client == expected.client
    assert seen.origin == expected.origin
    assert seen.log == expected.log
