"""Settings of HTTP that need no HAProxy to compare with: rates, retries over several workers, names for the server."""

from __future__ import annotations

from support.origin import answers, by_request, named, reply
from support.proxy import HTTP


def test_sessions_beyond_the_rate_wait(start, origin):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    rate-limit sessions 5\n    server s1 {origin(named('a'))}\n", threads=2)
    clients = [proxy.client() for _ in range(12)]
    assert {client.request().body for client in clients} == {b"a"}
    row = proxy.stat()["fe", "FRONTEND"]
    assert row["stot"] == "12"
    assert int(row["rate_max"]) <= 6
    for client in clients:
        client.close()


def test_each_try_names_its_own_server(start, origin):
    seen: list[str] = []

    def note(request):
        seen.append(request.all("x-server")[0] + f" of {len(request.all('x-server'))}")
        return reply(b"no", "503 X")

    bad = origin(by_request(note))
    good = origin(by_request(lambda request: reply(request.all("x-server")[0].encode())))
    proxy = start(
        f"{HTTP}    retries 1\n    retry-on 503\n    option redispatch\nlisten fe\n    bind fd@fe\n"
        f"    http-send-name-header X-Server\n    balance first\n    server bad {bad} id 1\n    server good {good} id 2\n"
    )
    assert proxy.fetch(headers="X-Server: mine\r\n").body == b"good"
    assert seen == ["bad of 1"]


def test_use_server_waits_for_a_slot_of_its_server(start, origin):
    proxy = start(
        f"{HTTP}listen fe\n    bind fd@fe\n    use-server b if TRUE\n"
        f"    server a {origin(named('a'))}\n    server b {origin(answers(reply(b'b')))} maxconn 1\n"
    )
    clients = [proxy.client() for _ in range(6)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert [client.read_response().body for client in clients] == [b"b"] * 6
    for client in clients:
        client.close()
