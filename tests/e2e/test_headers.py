"""What the proxy adds to requests: X-Forwarded-For and its conditions."""

from __future__ import annotations

import pytest

from support.origin import named
from support.proxy import HTTP


@pytest.mark.parametrize(
    ("option", "source", "sent", "expected"),
    [
        ("option forwardfor", "127.0.0.1", "", ["127.0.0.1"]),
        ("option forwardfor", "127.0.0.9", "X-Forwarded-For: 1.2.3.4\r\n", ["1.2.3.4", "127.0.0.9"]),
        ("option forwardfor if-none", "127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\n", ["1.2.3.4"]),
        ("option forwardfor if-none", "127.0.0.1", "", ["127.0.0.1"]),
        ("option forwardfor except 127.0.0.0/8", "127.0.0.1", "", []),
        ("option forwardfor except 127.0.0.8/29", "127.0.0.9", "", []),
        ("option forwardfor except 127.0.0.8/29", "127.0.0.1", "", ["127.0.0.1"]),
        ("option forwardfor except 127.0.0.7", "127.0.0.7", "", []),
        ("", "127.0.0.1", "", []),
    ],
)
def test_forwardfor(start, origin, option, source, sent, expected):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}    {option}\nfrontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )
    client = proxy.client(source=source)
    client.request(headers=sent)
    assert server.requests[0].all("x-forwarded-for") == expected


def test_forwardfor_under_another_name_is_the_last_header(start, origin):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}    option forwardfor header X-Client\nfrontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend be\n    server s1 {server}\n"
    )
    proxy.fetch(headers="A: b\r\n")
    assert server.requests[0].headers[-1] == ("x-client", "127.0.0.1")


def test_forwardfor_is_added_to_every_request_of_a_connection(start, origin):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}    option forwardfor\nfrontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )
    client = proxy.client()
    for _ in range(3):
        client.request()
    assert [request.all("x-forwarded-for") for request in server.requests] == [["127.0.0.1"]] * 3
