"""Reload in master mode: a new generation takes over the same sockets, nobody is refused, old sessions finish."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from support.origin import answers, named, reply
from support.poll import poll
from support.processes import control_of
from support.proxy import HTTP
from support.wire import Cut

pytestmark = pytest.mark.fastlb_only(reason="there is nothing to wait for before a signal is safe to send to 2.6's master")


def site(server, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return f"{HTTP}{options}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"


def change(proxy, old: object, new: object) -> None:
    text = proxy.config_path.read_text()
    assert str(old) in text
    proxy.config_path.write_text(text.replace(str(old), str(new)))


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGHUP])
def test_reload_under_load_refuses_nobody(start, origin, number):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    seen, failed, stop = [], [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                seen.append(proxy.fetch().body)
            except (Cut, OSError) as error:
                failed.append(repr(error))

    loaders = [threading.Thread(target=load) for _ in range(3)]
    for one in loaders:
        one.start()
    poll(lambda: len(seen) > 30, "requests before the reload")
    change(proxy, first, second)
    proxy.process.send_signal(number)
    # Until its workers have heard of it, the old generation accepts as well.
    poll(lambda: set(seen[-30:]) == {b"b"}, "the new configuration to serve alone")
    count = len(seen)
    poll(lambda: len(seen) > count + 50, "requests after the reload")
    stop.set()
    for one in loaders:
        one.join()
    assert failed == []
    assert set(seen[count:]) == {b"b"}


def reload(proxy, old: object, new: object, expected: bytes) -> None:
    """Changes the file, and waits until the next generation serves alone."""
    before = set(proxy.children())
    change(proxy, old, new)
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation" in proxy.stderr and set(proxy.children()) - before, "the next generation")
    poll(lambda: all(proxy.fetch().body == expected for _ in range(5)), "the next generation to serve alone")


def test_a_request_on_an_idle_connection_is_answered_by_the_old_generation(start, origin):
    """Idle connections were closed at once: a client that used one in that moment lost its request."""
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    clients = [proxy.client() for _ in range(20)]
    for client in clients:
        assert client.request().body == b"a"
    old = set(proxy.children())
    reload(proxy, first, second, b"b")
    for client in clients:
        answer = client.request()
        assert (answer.body, answer.get("connection")) == (b"a", "close")
        assert client.is_closed()
        client.close()
    poll(lambda: not old & set(proxy.children()), "the old generation to be gone")


def test_an_answer_that_promised_to_keep_the_connection_is_held_to_it(start, origin):
    go = threading.Event()

    def halting(conn):
        while conn.read_request() is not None:
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
            if conn.number == 0:
                # Not those of requests that ask whether the new generation serves.
                go.wait()
            conn.send(b"b")

    second = origin(named("n"))
    first = origin(halting)
    proxy = start(site(first, "timeout server 60s", "timeout client 60s"), mode=("-W",))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response(body=False).get("connection") is None
    reload(proxy, first, second, b"n")
    go.set()
    assert client.read_exact(2) == b"ab"
    answer = client.request()
    assert (answer.body, answer.get("connection")) == (b"ab", "close")


def test_requests_that_were_sent_together_are_all_answered(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    client = proxy.client()
    assert client.request().body == b"a"
    reload(proxy, first, second, b"b")
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    answers = [client.read_response() for _ in range(3)]
    assert [(one.body, one.get("connection")) for one in answers] == [(b"a", None), (b"a", None), (b"a", "close")]


def test_an_idle_connection_of_the_old_generation_ends_with_its_time(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first, "timeout http-keep-alive 1s"), mode=("-W",))
    client = proxy.client()
    client.request()
    old = set(proxy.children())
    reload(proxy, first, second, b"b")
    assert client.is_closed()
    poll(lambda: not old & set(proxy.children()), "the old generation to be gone")


def test_a_session_that_is_under_way_survives_a_reload(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    change(proxy, first, second)
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: proxy.fetch().body == b"b", "the new configuration to serve")
    client.send(b"x")
    assert client.read_response().body == b"a"


def test_statistics_survive(start, origin):
    """They began at zero with each reload."""
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",), threads=2)

    def all_are_counted() -> bool:
        # An answer is counted when it has gone, and while two generations live one of them may have had some more.
        return int(proxy.stat()["be", "s1"]["hrsp_2xx"]) == len(first.requests) + len(second.requests)

    for _ in range(7):
        proxy.fetch()
    kept = proxy.client()
    kept.request()
    poll(all_are_counted, "the answers of the old generation")
    before = proxy.stat()
    info = proxy.info()
    reload(proxy, first, second, b"b")
    rows = (("fe", "FRONTEND"), ("be", "BACKEND"), ("be", "s1"))
    poll(all_are_counted, "the answers of both generations")
    after = proxy.stat()
    assert all(int(after[row]["stot"]) >= int(before[row]["stot"]) + 5 for row in rows)
    assert all(int(after[row]["bin"]) > int(before[row]["bin"]) for row in rows)
    assert int(after["fe", "FRONTEND"]["smax"]) >= int(before["fe", "FRONTEND"]["smax"])
    assert int(proxy.info()["CumReq"]) >= int(info["CumReq"]) + 5
    # What the old generation counts afterwards comes too, while it lives and with its end.
    assert kept.request().body == b"a"
    poll(all_are_counted, "the last request of the old generation")
    for _ in range(3):
        proxy.fetch()
    poll(all_are_counted, "the requests after it")


NAME = 'haproxy_backend_total_time_seconds_count{proxy="be"}'


def test_histograms_of_latency_survive(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    exporter = "http-request use-service prometheus-exporter if { path /metrics }"
    proxy = start(site(first).replace("bind fd@fe", f"bind fd@fe\n    {exporter}"), mode=("-W",))

    def count() -> float:
        lines = proxy.fetch("/metrics").body.decode().splitlines()
        return float(next(line for line in lines if line.startswith(NAME)).split()[-1])

    for _ in range(5):
        proxy.fetch()
    assert count() == 5
    reload(proxy, first, second, b"b")
    poll(lambda: count() >= 10, "both generations' requests")


@pytest.mark.parametrize(
    ("command", "row", "field", "expected"),
    [
        ("set server be/s1 state maint", "s1", "status", "MAINT"),
        ("set server be/s1 state drain", "s1", "status", "DRAIN"),
        ("set server be/s1 weight 50%", "s1", "weight", "5"),
        ("set maxconn server be/s1 7", "s1", "slim", "7"),
        ("set server be/s2 state ready", "s2", "status", "no check"),
    ],
)
def test_what_was_ordered_of_a_server_survives(start, origin, command, row, field, expected):
    first, second = origin(named("a")), origin(named("b"))
    config = site(first) + f"    server s2 {second} disabled\n    server s3 {second}\n"
    proxy = start(config.replace(f"s1 {first}", f"s1 {first} weight 10 maxconn 30"), mode=("-W",))
    proxy.command(command)
    assert proxy.stat()["be", row][field].startswith(expected)
    before = set(proxy.children())
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    assert set(proxy.children()) - before
    assert proxy.stat()["be", row][field].startswith(expected)


def test_where_commands_have_sent_checks_and_questions_survives(start, origin, dead):
    """They were in control's memory alone: a reload, or its end, had checks go where the line says again."""
    elsewhere = origin(answers(reply(b"", status="500 No")))
    asked = origin(lambda conn: conn.send(b"50%\n"))
    options = "weight 10 check inter 50ms agent-check agent-port 1 agent-inter 50ms"
    proxy = start(site(f"{origin(named('a'))} {options}", "option httpchk"), mode=("-W",))
    proxy.command(f"set server be/s1 check-addr 127.0.0.1 port {elsewhere.port}")
    proxy.command(f"set server be/s1 agent-addr 127.0.0.1 port {asked.port}")
    proxy.wait_state("be", "s1", "DOWN")
    poll(lambda: proxy.stat()["be", "s1"]["weight"] == "5", "the agent's word")

    def still() -> bool:
        elsewhere.forget()
        asked.forget()
        poll(lambda: elsewhere.connections and asked.connections, "a check and a question")
        return proxy.command("show servers state").split()[-4:] == [
            str(elsewhere.port), "127.0.0.1", "127.0.0.1", str(asked.port)
        ]  # fmt: skip

    assert still()
    before = control_of(proxy)
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    poll(lambda: control_of(proxy) not in (0, before), "the end of the first generation")
    assert still()
    proxy.command("disable agent be/s1")
    before = control_of(proxy)
    os.kill(before, signal.SIGKILL)
    poll(lambda: control_of(proxy) not in (0, before), "another control process")
    elsewhere.forget()
    poll(lambda: elsewhere.connections, "a check")
    assert " 18 " in proxy.command("show servers state")
    change(proxy, "agent-port 1", "agent-port 2")
    change(proxy, "check inter 50ms", "check inter 60ms")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 3" in proxy.stderr, "the third generation")
    assert " 22 " in proxy.command("show servers state")


def test_a_line_that_was_changed_counts_again(start, origin):
    first = origin(named("a"))
    proxy = start(site(first).replace(f"s1 {first}", f"s1 {first} weight 10"), mode=("-W",))
    proxy.command("set server be/s1 weight 3")
    change(proxy, "weight 10", "weight 20")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    poll(lambda: proxy.stat()["be", "s1"]["weight"] == "20", "the weight of the file")


def test_an_address_that_was_set_survives(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    proxy.command(f"set server be/s1 addr 127.0.0.1 port {second.port}")
    assert proxy.fetch().body == b"b"
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    assert proxy.fetch().body == b"b"


def test_a_server_that_is_down_stays_down(start, origin, dead):
    """A reload made every server new, hence up: the first requests went to dead ones."""
    config = site(dead()).replace("server s1", "server s0").replace("backend be", "backend be\n    retries 0")
    proxy = start(config.rstrip() + f" check inter 20m fastinter 50ms\n    server s1 {origin(named('a'))}\n", mode=("-W",))
    proxy.wait_state("be", "s0", "DOWN")
    down = proxy.stat()["be", "s0"]
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    after = proxy.stat()["be", "s0"]
    assert after["status"] == "DOWN"
    assert [after[name] for name in ("check_status", "chkdown")] == [down[name] for name in ("check_status", "chkdown")]
    assert [proxy.fetch().status for _ in range(6)] == [200] * 6


STICKY = """
backend be
    stick-table type string len 32 size 1k expire 1h store server_id,http_req_cnt,http_req_rate(1h),gpc0
    stick on url_param(u)
    http-request track-sc0 url_param(u)
"""


def test_stick_tables_survive(start, origin):
    """They began empty with each reload: clients went to other servers."""
    servers = [origin(named(name)) for name in "abc"]
    lines = "".join(f"    server {name} {one}\n" for name, one in zip("abc", servers, strict=True))
    text = f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n{STICKY}{lines}"
    proxy = start(text, mode=("-W",), threads=2)
    chosen = {user: proxy.fetch(f"/?u={user}").body for user in map(str, range(30))}
    assert set(chosen.values()) == {b"a", b"b", b"c"}
    # The numbers of the servers behind the first one change: it is their names that count.
    change(proxy, f"    server a {servers[0]}\n", "")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    for user, body in chosen.items():
        if body != b"a":
            assert proxy.fetch(f"/?u={user}").body == body
    poll(lambda: proxy.command("show table be").count(": key=") == 30, "the entries")
    stayed = next(user for user, body in chosen.items() if body != b"a")

    def counted() -> bool:
        line = proxy.command(f"show table be key {stayed}")
        return "http_req_cnt=2" in line and "http_req_rate(3600000)=2" in line

    poll(counted, "the requests of both generations")


def test_a_table_with_keys_of_another_kind_begins_empty(start, origin):
    text = f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n{STICKY}    server a {origin(named('a'))}\n"
    proxy = start(text, mode=("-W",))
    proxy.fetch("/?u=x")
    change(proxy, "type string len 32", "type string len 40")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "Reloaded: generation 2" in proxy.stderr, "the next generation")
    assert "Stick table 'be' has keys of another kind now" in proxy.stderr
    poll(lambda: "key=" not in proxy.command("show table be"), "an empty table")


def test_a_broken_configuration_leaves_the_old_one_running(start, origin):
    first = origin(named("a"))
    proxy = start(site(first), mode=("-W",))
    assert proxy.fetch().body == b"a"
    change(proxy, "default_backend be", "default_backend be\n    nonsense here")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "nonsense" in proxy.stderr, "the complaint")
    assert proxy.fetch().body == b"a"
    change(proxy, "\n    nonsense here", "\n    # mended")
    before = set(proxy.children())
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: set(proxy.children()) - before, "a new generation")
    assert proxy.fetch().body == b"a"


def test_the_old_generation_leaves_once_its_sessions_have_ended(start, origin):
    proxy = start(site(origin(named("a"))), mode=("-W",))
    proxy.fetch()
    before = set(proxy.children())
    for _ in range(3):
        known = set(proxy.children())
        proxy.process.send_signal(signal.SIGUSR2)
        poll(lambda known=known: set(proxy.children()) - known, "a new generation")
        poll(lambda: proxy.fetch().body == b"a", "service")
    poll(lambda: not before & set(proxy.children()), "the first generation to be gone")
    poll(lambda: len(proxy.children()) <= len(before), "one generation to be left")
    assert os.path.exists(f"/proc/{proxy.pid}")
