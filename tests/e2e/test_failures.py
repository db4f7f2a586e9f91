"""Servers that are dead or full: retries, redispatch, maxconn of server, frontend and process, queues, error answers."""

from __future__ import annotations

from collections import Counter

import pytest

from support.logline import parse
from support.origin import cut_after_head, echo, named, raw_answer, reset_at_once, silent
from support.poll import poll
from support.proxy import HTTP


def site(syslog, servers: str, *lines: str, frontend: str = "", glob: str = "") -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return (
        f"global\n    log {syslog} local0\n{glob}{HTTP}    log global\n    option httplog\n{options}"
        f"frontend fe\n    bind fd@fe\n{frontend}    default_backend be\nbackend be\n{servers}"
    )


def test_refused_connection_is_503_after_the_retries(start, origin, syslog, dead):
    proxy = start(site(syslog, f"    server s1 {dead()}\n", "retries 2", "timeout connect 300ms"))
    assert proxy.fetch().status == 503
    line = parse(syslog.line("SC--"))
    assert (line["status"], line["server"], line["Tc"], line["retries"]) == ("503", "s1", "-1", "2")


def test_redispatch_moves_the_last_retry_to_another_server(start, origin, syslog, dead):
    alive = origin(named("b"))
    servers = f"    balance roundrobin\n    server a {dead()}\n    server b {alive}\n"
    proxy = start(site(syslog, servers, "retries 1", "option redispatch", "timeout connect 300ms"))
    assert [proxy.fetch().body for _ in range(4)] == [b"b"] * 4
    moved = [parse(text) for text in syslog.wait("GET", count=4)]
    # Each request is offered to the dead server first: redispatching took the other one's turn.
    assert Counter(line["retries"] for line in moved) == {"+1": 4}
    assert {line["server"] for line in moved} == {"b"}


def test_without_redispatch_the_chosen_server_is_kept(start, origin, syslog, dead):
    servers = f"    balance roundrobin\n    server a {dead()}\n    server b {origin(named('b'))}\n"
    proxy = start(site(syslog, servers, "retries 1", "no option redispatch", "timeout connect 300ms"))
    assert sorted(proxy.fetch().status for _ in range(4)) == [200, 200, 503, 503]


def test_server_that_closes_without_an_answer_is_502_with_SH(start, origin, syslog):
    proxy = start(site(syslog, f"    server s1 {origin(cut_after_head)}\n"))
    answer = proxy.fetch()
    assert answer.status == 502
    assert (
        answer.body
        == b"<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n"
    )
    line = parse(syslog.line("SH--"))
    assert (line["status"], line["Tr"]) == ("502", "-1")


def test_server_that_resets_at_once_is_an_error_of_the_gateway(start, origin, syslog):
    proxy = start(site(syslog, f"    server s1 {origin(reset_at_once)}\n", "retries 1"))
    # The reset may come before the request has gone out: then it counts as a failed connection.
    assert proxy.fetch().status in (502, 503)


def test_server_that_cuts_the_body_is_SD(start, origin, syslog):
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
    proxy = start(site(syslog, f"    server s1 {origin(raw_answer(raw))}\n"))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response(body=False).status == 200
    assert client.read_to_end() == b"abc"
    assert parse(syslog.line("SD--"))["status"] == "200"


def test_client_that_leaves_before_the_answer_is_CH_or_CD(start, origin, syslog):
    server = origin(silent)
    proxy = start(site(syslog, f"    server s1 {server}\n", "option abortonclose"))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_connections(1)
    client.close()
    assert parse(syslog.line(" be/s1 "))["termination"] in ("CH--", "CD--")
    server.wait_closed()


def test_bad_request_is_400_with_PR(start, origin, syslog):
    server = origin(named("a"))
    proxy = start(site(syslog, f"    server s1 {server}\n"))
    client = proxy.client()
    client.send(b"GARBAGE\r\n\r\n")
    answer = client.read_response()
    assert answer.status == 400
    assert answer.body == b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"
    assert client.is_closed()
    line = parse(syslog.line("<BADREQ>"))
    assert (line["status"], line["server"], line["termination"]) == ("400", "<NOSRV>", "PR--")
    assert line["bytes"] in ("0", "187", str(len(answer.body)))
    assert server.connections == []


def hold(proxy):
    """A request whose body is not complete: it keeps its place at the server."""
    client = proxy.client()
    client.send(b"POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    return client


def release(client):
    client.send(b"x")
    return client.read_response()


def test_server_maxconn_queues_and_serves_in_order(start, origin, syslog):
    server = origin(named("a"))
    proxy = start(site(syslog, f"    server s1 {server} maxconn 1\n"))
    holder = hold(proxy)
    poll(lambda: proxy.stat()["be", "s1"]["scur"] == "1", "the held request")
    waiting = []
    for i in range(3):
        client = proxy.client()
        client.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
        waiting.append(client)
        poll(lambda count=i + 1: proxy.stat()["be", "BACKEND"]["qcur"] == str(count), "the queue")
    assert release(holder).status == 200
    assert [client.read_response().status for client in waiting] == [200, 200, 200]
    assert [request.target for request in server.requests] == ["/held", "/0", "/1", "/2"]
    queued = [parse(text) for text in syslog.wait("GET", count=3)]
    assert [(line["srvqueue"], line["bequeue"]) for line in queued] == [("0", "1"), ("0", "2"), ("0", "3")]
    assert proxy.stat()["be", "BACKEND"]["qmax"] == "3"


def test_queue_timeout_is_503_with_sQ(start, origin, syslog):
    proxy = start(site(syslog, f"    server s1 {origin(named('a'))} maxconn 1\n", "timeout queue 150ms"))
    holder = hold(proxy)
    poll(lambda: proxy.stat()["be", "s1"]["scur"] == "1", "the held request")
    answer = proxy.fetch()
    assert answer.status == 503
    line = parse(syslog.line("sQ--"))
    assert (line["server"], line["Tc"], line["Tr"]) == ("<NOSRV>", "-1", "-1")
    assert int(line["Tw"]) >= 150
    assert release(holder).status == 200


def test_maxqueue_refuses_who_would_wait_behind_a_full_queue(start, origin, syslog):
    servers = f"    balance source\n    server a {origin(named('a'))} maxconn 1 maxqueue 1\n"
    proxy = start(site(syslog, servers, "timeout queue 10s"))
    holder = hold(proxy)
    poll(lambda: proxy.stat()["be", "a"]["scur"] == "1", "the held request")
    queued = proxy.client()
    queued.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    poll(lambda: proxy.stat()["be", "a"]["qcur"] == "1", "one request in the server's queue")
    assert proxy.fetch("/refused").status == 503
    line = parse(syslog.line("/refused"))
    assert (line["termination"], line["status"], line["Tc"]) == ("SQ--", "503", "-1")
    assert release(holder).status == 200
    assert queued.read_response().status == 200


def test_maxqueue_sends_who_has_a_cookie_to_another_server(start, origin, syslog):
    servers = (
        f"    cookie S insert\n    balance roundrobin\n    server a {origin(named('a'))} cookie a maxconn 1 maxqueue 1\n"
        f"    server b {origin(named('b'))} cookie b\n"
    )
    proxy = start(site(syslog, servers, "timeout queue 10s", "option redispatch"))
    to_a = b"Host: a\r\nCookie: S=a\r\n"
    holder, queued = proxy.client(), proxy.client()
    holder.send(b"POST /held HTTP/1.1\r\n" + to_a + b"Content-Length: 2\r\n\r\nx")
    poll(lambda: proxy.stat()["be", "a"]["scur"] == "1", "the held request")
    queued.send(b"GET /queued HTTP/1.1\r\n" + to_a + b"\r\n")
    poll(lambda: proxy.stat()["be", "a"]["qcur"] == "1", "one request in the server's queue")
    assert proxy.fetch("/moved", headers="Cookie: S=a\r\n").body == b"b"
    holder.send(b"y")
    assert holder.read_response().body == b"a"
    assert queued.read_response().body == b"a"
    assert proxy.stat()["be", "a"]["lbtot"] == "0"


def test_retries_of_a_rule_hold_for_retry_on_too(start, origin, syslog):
    server = origin(cut_after_head)
    options = ("retries 1", "retry-on empty-response")
    proxy = start(site(syslog, f"    server s1 {server}\n", *options, frontend="    http-request set-retries 3\n"))
    assert proxy.fetch().status == 502
    assert len(server.connections) == 4


def test_client_that_leaves_the_queue_frees_its_place(start, origin, syslog):
    server = origin(named("a"))
    proxy = start(site(syslog, f"    server s1 {server} maxconn 1\n", "option abortonclose"))
    holder = hold(proxy)
    poll(lambda: proxy.stat()["be", "s1"]["scur"] == "1", "the held request")
    leaver = proxy.client()
    leaver.send(b"GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
    poll(lambda: proxy.stat()["be", "BACKEND"]["qcur"] == "1", "the queue")
    leaver.close()
    poll(lambda: proxy.stat()["be", "BACKEND"]["qcur"] == "0", "the queue to be empty")
    assert parse(syslog.line("/left"))["termination"] == "CQ--"
    assert release(holder).status == 200
    assert [request.target for request in server.requests] == ["/held"]


@pytest.mark.parametrize("where", ["frontend", "global"])
def test_maxconn_leaves_further_clients_waiting(start, origin, syslog, where):
    server = origin(named("a"))
    glob = "    maxconn 2\n" if where == "global" else ""
    proxy = start(site(syslog, f"    server s1 {server}\n", frontend="    maxconn 2\n" if where == "frontend" else "", glob=glob))
    first, second, third = (proxy.client() for _ in range(3))
    assert first.request("/1").status == 200
    assert second.request("/2").status == 200
    third.send(b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert first.request("/4").status == 200
    assert [request.target for request in server.requests].count("/3") == 0
    first.close()
    assert third.read_response().status == 200


def error_files(tmp_path, *statuses: int) -> list[str]:
    """Writes an error file for each status; the `errorfile` lines."""
    for status in statuses:
        (tmp_path / f"{status}.http").write_bytes(
            b"HTTP/1.0 %d Mine\r\nCache-Control: no-cache\r\nContent-Type: text/plain\r\n\r\nmine %d\n" % (status, status)
        )
    return [f"errorfile {status} {tmp_path}/{status}.http" for status in statuses]


def test_errorfile_replaces_each_error_answer(start, origin, syslog, tmp_path, dead):
    files = error_files(tmp_path, 502, 503, 504)
    servers = f"    server s1 {dead()}\n"
    timeouts = ("timeout connect 300ms", "retries 0", "timeout server 150ms")
    proxy = start(
        site(syslog, servers, *timeouts, *files)
        + f"listen slow\n    bind fd@slow\n    server s {origin(silent)}\n"
        + f"listen cut\n    bind fd@cut\n    server s {origin(cut_after_head)}\n"
    )
    assert (proxy.fetch().start, proxy.fetch().body) == ("HTTP/1.0 503 Mine", b"mine 503\n")
    assert proxy.fetch(name="slow").body == b"mine 504\n"
    assert proxy.fetch(name="cut").body == b"mine 502\n"


@pytest.mark.fastlb_only(reason="2.6 sends its built-in answer here, 3.x the error file")
def test_errorfile_replaces_the_answer_to_unparsable_and_slow_requests(start, origin, syslog, tmp_path):
    files = error_files(tmp_path, 400, 408)
    proxy = start(site(syslog, f"    server s1 {origin(named('a'))}\n", "timeout http-request 150ms", *files))
    client = proxy.client()
    client.send(b"BAD\r\n\r\n")
    assert client.read_response().body == b"mine 400\n"
    client = proxy.client()
    client.send(b"GET")
    assert client.read_response().body == b"mine 408\n"


@pytest.mark.parametrize(("keyword", "status"), [("errorloc", 302), ("errorloc302", 302), ("errorloc303", 303)])
def test_errorloc_redirects(start, origin, syslog, keyword, status, dead):
    proxy = start(site(syslog, f"    server s1 {dead()}\n", f"{keyword} 503 http://x.test/sorry", "retries 0"))
    answer = proxy.fetch()
    assert (answer.status, answer.get("location")) == (status, "http://x.test/sorry")


def test_monitor_uri_is_answered_without_a_server_or_a_log_line(start, origin, syslog):
    server = origin(named("a"))
    proxy = start(site(syslog, f"    server s1 {server}\n", frontend="    monitor-uri /health\n"))
    answer = proxy.fetch("/health")
    assert answer.status == 200
    assert b"Service ready" in answer.body
    assert proxy.fetch("/healthy").status == 200
    syslog.line("/healthy")
    assert not any("/health HTTP" in line for line in syslog.lines)
    assert [request.target for request in server.requests] == ["/healthy"]


def test_tcp_session_to_a_dead_server_is_SC(start, origin, syslog, dead):
    proxy = start(
        site(syslog, f"    server s1 {dead()}\n", "retries 0").replace("mode http", "mode tcp").replace("httplog", "tcplog")
    )
    assert proxy.client().is_closed()
    assert parse(syslog.line("be/s1"))["termination"] == "SC"


def test_minconn_grows_with_the_load(start, origin, syslog):
    server = origin(echo)
    servers = f"    fullconn 100\n    server s1 {server} minconn 1 maxconn 50\n"
    proxy = start(site(syslog, servers).replace("mode http", "mode tcp").replace("httplog", "tcplog"))
    clients = [proxy.client() for _ in range(3)]
    poll(lambda: int(proxy.stat()["be", "BACKEND"]["scur"]) + int(proxy.stat()["be", "BACKEND"]["qcur"]) >= 3, "three sessions")
    assert int(proxy.stat()["be", "s1"]["scur"]) < 3
    for client in clients:
        client.close()
