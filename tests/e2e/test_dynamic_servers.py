"""Servers that come and go while the program runs: `add server`, `del server`, in all workers and through crashes and reloads."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter

import pytest

from support.certificates import Authority
from support.origin import by_request, named, reply, silent
from support.poll import poll
from support.processes import control_of, workers
from support.proxy import HTTP, TCP
from support.secure import secured, server_context
from support.sockets import HeldPort

pytestmark = pytest.mark.fastlb_only(
    "haproxy 2.6 gives no traffic to a server that was added with `enabled`, and keeps none idle"
)
ADDED = "New server registered.\n\n"
DELETED = "Server deleted.\n"
IN_USE = "Server still has connections attached to it, cannot remove it.\n"
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
WORKERS = 3


def backend(*lines: str, mode: str = HTTP) -> str:
    text = f"{mode}frontend fe\n    bind port@fe\n    default_backend be\nbackend be\n"
    return text + "".join(f"    {line}\n" for line in lines)


def seen(proxy, count: int = 24) -> Counter[str]:
    """Who answers that many requests, each on a connection of its own: all workers accept some."""
    return Counter(proxy.fetch().body.decode() for _ in range(count))


def states(proxy) -> dict[str, str]:
    return {name: row["status"] for (px, name), row in proxy.stat().items() if px == "be" and row["type"] == "2"}


@pytest.mark.parametrize(
    "balance", ["roundrobin", "leastconn", "first", "random", "random(3)", "source", "hdr(key)", "hash path"]
)
def test_an_added_server_serves_in_every_worker(start, origin, balance):
    more = "hash-type consistent" if balance not in ("roundrobin", "leastconn", "first") and "random" not in balance else ""
    proxy = start(backend(f"balance {balance}", more, f"server a {origin(named('a'))}"), threads=WORKERS)
    assert seen(proxy, 4) == {"a": 4}
    assert proxy.command(f"add server be/b {origin(named('b'))} weight 100") == ADDED
    assert states(proxy) == {"a": "no check", "b": "MAINT"}
    assert seen(proxy, 8) == {"a": 8}
    proxy.command("enable server be/b")
    proxy.command("disable server be/a")
    assert seen(proxy) == {"b": 24}
    assert proxy.command("del server be/a") == DELETED
    assert seen(proxy) == {"b": 24}
    assert proxy.command(f"add server be/c {origin(named('c'))} weight 100 enabled") == ADDED
    found = seen(proxy)
    assert set(found) <= {"b", "c"}
    if balance in ("roundrobin", "leastconn"):
        assert set(found) == {"b", "c"}
    assert not any(text in proxy.stderr for text in ("ALERT", "died"))


def test_turns_follow_the_weights_of_added_servers(start, origin):
    proxy = start(backend("balance roundrobin", f"server a {origin(named('a'))} weight 10"))
    for name, weight in (("b", 20), ("c", 30)):
        assert proxy.command(f"add server be/{name} {origin(named(name))} weight {weight}") == ADDED
        proxy.command(f"enable server be/{name}")
    assert seen(proxy, 60) == {"a": 10, "b": 20, "c": 30}
    proxy.command("disable server be/b")
    proxy.command("del server be/b")
    assert seen(proxy, 40) == {"a": 10, "c": 30}


def test_a_server_stays_while_a_stream_uses_it(start, origin):
    proxy = start(backend("option redispatch", mode=TCP), threads=WORKERS)
    held = origin(silent)
    assert proxy.command(f"add server be/a {held} enabled") == ADDED
    clients = [proxy.client() for _ in range(4)]
    for client in clients:
        client.send(b"x")
    held.wait_connections(4)
    proxy.command("disable server be/a")
    assert proxy.command("del server be/a") == IN_USE
    assert states(proxy) == {"a": "MAINT"}
    for client in clients:
        client.close()
    poll(lambda: proxy.command("del server be/a") == DELETED, "the server to be removable")
    assert states(proxy) == {}


def test_a_server_can_be_waited_for(start, origin):
    proxy = start(backend(mode=TCP), threads=WORKERS)
    held = origin(silent)
    proxy.command(f"add server be/a {held} enabled")
    client = proxy.client()
    client.send(b"x")
    held.wait_connections(1)
    proxy.command("disable server be/a")
    assert proxy.command("wait 10ms srv-removable be/a") == IN_USE + "\n"
    answers: list[str] = []
    waiting = threading.Thread(target=lambda: answers.append(proxy.command("wait 10s srv-removable be/a; del server be/a")))
    waiting.start()
    client.close()
    waiting.join()
    assert answers == ["Done.\n\n" + DELETED]


@pytest.mark.parametrize("reuse", ["always", "never"])
def test_idle_connections_end_with_their_server(start, origin, reuse):
    proxy = start(backend(f"http-reuse {reuse}"), threads=WORKERS)
    old = origin(named("old"))
    proxy.command(f"add server be/a {old} enabled")
    clients = [proxy.client() for _ in range(9)]
    assert {client.request("/").body for client in clients} == {b"old"}
    proxy.command("disable server be/a")
    poll(lambda: proxy.command("del server be/a") == DELETED, "the streams to end")
    old.wait_closed()
    assert proxy.command(f"add server be/a {origin(named('new'))} enabled") == ADDED
    assert {client.request("/").body for client in clients} == {b"new"}


def test_a_place_is_taken_again(start, origin):
    proxy = start(backend("balance leastconn", f"server a {origin(named('a'))}"), threads=WORKERS)
    for round_ in range(30):
        name = f"b{round_}"
        assert proxy.command(f"add server be/{name} {origin(named(name))} weight 256 enabled") == ADDED
        row = proxy.stat()["be", name]
        assert (row["sid"], row["stot"], row["status"]) == ("2", "0", "no check")
        proxy.command("disable server be/a")
        assert seen(proxy, 6) == {name: 6}
        proxy.command(f"enable server be/a; disable server be/{name}")
        poll(lambda name=name: proxy.command(f"del server be/{name}") == DELETED, "the streams to end")
    assert seen(proxy, 6) == {"a": 6}


def test_a_worker_that_is_started_again_knows_all_servers(start, origin):
    proxy = start(
        backend("balance roundrobin", f"server a {origin(named('a'))}", f"server b {origin(named('b'))}"), threads=WORKERS
    )
    for name in ("c", "d"):
        proxy.command(f"add server be/{name} {origin(named(name))} enabled")
    proxy.command("disable server be/a; del server be/a; disable server be/c; del server be/c")
    before = poll(lambda: len(found := workers(proxy)) == WORKERS and found, "all workers")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        assert set(seen(proxy, 12)) == {"b", "d"}
    poll(lambda: len(found := workers(proxy)) == WORKERS and not found & before, "new workers")
    assert seen(proxy) == {"b": 12, "d": 12}
    assert proxy.command(f"add server be/e {origin(named('e'))} enabled") == ADDED
    assert seen(proxy) == {"b": 8, "d": 8, "e": 8}
    proxy.command("disable server be/d")
    poll(lambda: proxy.command("del server be/d") == DELETED, "the streams to end")
    assert set(seen(proxy)) == {"b", "e"}


def test_a_control_process_that_is_started_again_knows_all_servers(start, origin):
    proxy = start(
        backend("balance roundrobin", f"server a {origin(named('a'))}", f"server b {origin(named('b'))}"), threads=WORKERS
    )
    proxy.command(f"add server be/c {origin(named('c'))} weight 9 check inter 1h enabled")
    proxy.command(f"add server be/d {origin(named('d'))} id 50")
    proxy.command("disable server be/a; del server be/a")
    before = proxy.command("show servers state be").splitlines()
    old = poll(lambda: control_of(proxy), "the control process")
    os.kill(old, signal.SIGKILL)

    def shown() -> list[str]:
        try:
            return proxy.command("show servers state be").splitlines()
        except OSError:
            return []

    def without_time(lines: list[str]) -> list[str]:
        return [" ".join(word for place, word in enumerate(line.split()) if place != 9) for line in lines]

    poll(lambda: control_of(proxy) not in (0, old) and shown(), "a new control process")
    assert without_time(shown()) == without_time(before)
    assert set(seen(proxy)) == {"b", "c"}
    proxy.command("enable server be/d; disable server be/c")
    poll(lambda: proxy.command("del server be/c") == DELETED, "the streams to end")
    assert set(seen(proxy)) == {"b", "d"}
    assert proxy.command("add server be/d 127.0.0.1:1") == "Already exists a server with the same name in backend.\n\n"
    assert proxy.command(f"add server be/a {origin(named('A'))} enabled") == ADDED
    assert set(seen(proxy)) == {"b", "d", "A"}


def test_checks_wait_for_enable_health(start, origin):
    held = HeldPort()
    proxy = start(backend(f"server a {origin(named('a'))}"))
    assert proxy.command(f"add server be/b {held} check inter 100ms rise 1 fall 1") == ADDED
    assert proxy.stat()["be", "b"]["check_status"] == ""
    proxy.command("enable server be/b")
    assert states(proxy)["b"] == "no check"
    proxy.command("enable health be/b")
    poll(lambda: states(proxy)["b"] == "DOWN", "a failed check")
    other = origin(named("b"))
    proxy.command(f"set server be/b addr {other.text.replace(':', ' port ')}")
    poll(lambda: states(proxy)["b"] == "UP", "a check that passes")
    assert set(seen(proxy, 4)) == {"a", "b"}
    proxy.command("disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the server to be removable")
    other.forget()
    proxy.command(f"add server be/b {other}")
    assert proxy.stat()["be", "b"]["check_status"] == ""
    held.close()


def test_checks_evaluate_expressions_for_an_added_server(start, origin):
    asked: list[str] = []

    def answer(request):
        asked.append(request.target)
        return reply(b"fine", status="200 OK" if request.target == "/be/b" else "404 Not Found")

    lines = ("option httpchk", "http-check send meth GET uri-lf /%[be_name]/%[srv_name]", "http-check expect string fine")
    proxy = start(backend(*lines, f"server a {origin(named('a'))}"), threads=WORKERS)
    proxy.command(f"add server be/b {origin(by_request(answer))} check inter 100ms")
    proxy.command("enable health be/b; enable server be/b")
    poll(lambda: proxy.stat()["be", "b"]["check_status"].endswith("L7OK"), "a check that passes")
    assert set(asked) == {"/be/b"}


def test_a_name_is_not_looked_up(start, origin):
    server = origin(named("b"))
    proxy = start(backend(f"server a {origin(named('a'))}"), threads=WORKERS)
    for name in ("b", "c"):
        assert proxy.command(f"add server be/{name} localhost:{server.port} {'enabled' if name == 'b' else ''}") == ADDED
    assert states(proxy) == {"a": "no check", "b": "MAINT (resolution)", "c": "MAINT (resolution)"}
    assert " localhost " in proxy.command("show servers state be")
    proxy.command("enable server be/c")
    assert seen(proxy, 4) == {"a": 4}
    proxy.command("set server be/b addr 127.0.0.1; set server be/c addr 127.0.0.1")
    assert states(proxy) == {"a": "no check", "b": "no check", "c": "no check"}
    assert seen(proxy, 6) == {"a": 2, "b": 4}
    proxy.command("disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the server to be removable")


def test_an_agent_waits_for_enable_agent(start, origin):
    def says_down(conn):
        conn.send(b"down\n")
        conn.read_to_end()

    agent = origin(says_down)
    proxy = start(backend(f"server a {origin(named('a'))}"))
    line = f"add server be/b {origin(named('b'))} agent-check agent-port {agent.port} agent-inter 100ms enabled"
    assert proxy.command(line) == ADDED
    assert set(seen(proxy, 4)) == {"a", "b"}
    assert not agent.connections
    proxy.command("enable agent be/b")
    poll(lambda: states(proxy)["b"].startswith("DOWN"), "the agent to be heard")
    proxy.command("disable agent be/b; disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the server to be removable")


def test_a_server_that_tracks_follows(start, origin):
    proxy = start(backend(f"server a {origin(named('a'))} check inter 1h", "server z 127.0.0.1:1 disabled"))
    assert proxy.command(f"add server be/b {origin(named('b'))} track be/a") == ADDED
    assert "other configuration elements" in proxy.command("disable server be/a; del server be/a")
    assert proxy.stat()["be", "b"]["tracked"] == "be/a"
    proxy.command("enable server be/a; enable server be/b; set server be/a health down")
    assert states(proxy)["b"].startswith("DOWN")
    proxy.command("disable server be/b")
    assert proxy.command("del server be/b") == DELETED
    proxy.command("disable server be/a")
    assert proxy.command("del server be/a") == DELETED


def test_cookies_name_an_added_server(start, origin):
    proxy = start(backend("balance roundrobin", "cookie SRV insert", f"server a {origin(named('a'))} cookie A"), threads=WORKERS)
    proxy.command(f"add server be/b {origin(named('b'))} cookie B enabled")
    for _ in range(8):
        assert proxy.fetch(headers="Cookie: SRV=B\r\n").body == b"b"
        assert proxy.fetch(headers="Cookie: SRV=A\r\n").body == b"a"
    assert proxy.stat()["be", "b"]["cookie"] == "B"
    proxy.command("disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the streams to end")
    assert proxy.fetch(headers="Cookie: SRV=B\r\n").body == b"a"


def test_dynamic_cookies_name_an_added_server(start, origin):
    lines = ("balance roundrobin", "cookie SRV insert dynamic", "dynamic-cookie-key key", f"server a {origin(named('a'))}")
    proxy = start(backend(*lines), threads=WORKERS)
    proxy.command(f"add server be/b {origin(named('b'))} enabled")
    cookie = proxy.stat()["be", "b"]["cookie"]
    assert len(cookie) == 16
    assert {proxy.fetch(headers=f"Cookie: SRV={cookie}\r\n").body for _ in range(8)} == {b"b"}


def test_stick_tables_name_an_added_server(start, origin):
    lines = ("balance roundrobin", "stick-table type string size 100 expire 1h", "stick on hdr(user)")
    proxy = start(backend(*lines, f"server a {origin(named('a'))}"), threads=WORKERS)
    proxy.command(f"add server be/b {origin(named('b'))} enabled")
    first = {user: proxy.fetch(headers=f"User: {user}\r\n").body for user in range(8)}
    assert set(first.values()) == {b"a", b"b"}
    assert {user: proxy.fetch(headers=f"User: {user}\r\n").body for user in range(8)} == first
    proxy.command("disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the streams to end")
    assert {proxy.fetch(headers=f"User: {user}\r\n").body for user in range(8)} == {b"a"}


def test_streams_queue_for_an_added_server(start, origin):
    release = threading.Event()

    def slow(request):
        release.wait(10)
        return reply(b"b")

    proxy = start(backend("timeout queue 10s"), threads=WORKERS)
    proxy.command(f"add server be/b {origin(by_request(slow))} maxconn 1 enabled")
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        client.send(GET)
    poll(lambda: proxy.stat()["be", "BACKEND"]["qcur"] == "4", "four streams in the queue")
    assert proxy.command("del server be/b") == "Only servers in maintenance mode can be deleted.\n"
    release.set()
    assert [client.read_response().body for client in clients] == [b"b"] * 5


def test_an_added_server_speaks_tls(start, origin, tmp_path):
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    context = server_context(authority.issue("b.test").write(tmp_path / "s.pem"))
    names: list[str | None] = []
    server = origin(secured(named("b"), context, names))
    trusting = f"server a 127.0.0.1:1 ssl verify required ca-file {tmp_path}/ca.pem disabled"
    proxy = start(backend(trusting), threads=WORKERS)
    line = f"add server be/b {server} ssl verify required ca-file {tmp_path}/ca.pem sni str(b.test) enabled"
    assert proxy.command(line) == ADDED
    assert seen(proxy, 6) == {"b": 6}
    assert set(names) == {"b.test"}
    proxy.command("disable server be/b")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the streams to end")
    assert proxy.command(line.replace("str(b.test)", "str(a.test)")) == ADDED
    assert proxy.fetch().status == 503


@pytest.mark.parametrize("sni", ["var(txn.a)", "str(a),map_str(/dev/null)", "str(a),lower,concat(,txn.b)"])
def test_expressions_that_need_the_program_are_refused(start, origin, sni):
    proxy = start(backend(f"server a {origin(named('a'))}"), threads=WORKERS)
    answer = proxy.command(f"add server be/b 127.0.0.1:1 ssl verify none sni {sni}")
    assert "not supported by fastlb for dynamic servers" in answer
    assert set(states(proxy)) == {"a"}
    assert seen(proxy, 3) == {"a": 3}


def test_statistics_know_an_added_server(start, origin):
    text = HTTP + "frontend fe\n    bind port@fe\n    stats enable\n    stats uri /stats\n"
    text += "    http-request use-service prometheus-exporter if { path /metrics }\n    default_backend be\nbackend be\n"
    proxy = start(text, threads=WORKERS)
    proxy.command(f"add server be/added {origin(named('x'))} enabled")
    assert seen(proxy, 6) == {"x": 6}
    poll(lambda: proxy.stat()["be", "added"]["stot"] == "6", "six sessions")
    assert b">added<" in proxy.fetch("/stats").body
    assert ",added," in proxy.fetch("/stats;csv").body.decode()
    rows = json.loads(proxy.command("show stat json"))
    assert any(field["value"]["value"] == "added" for row in rows for field in row if field["field"]["name"] == "svname")
    metrics = proxy.fetch("/metrics").body.decode()
    assert 'haproxy_server_status{proxy="be",server="added",state="UP"} 1' in metrics
    assert "be/added" in proxy.command("show servers conn")
    proxy.command("disable server be/added")
    poll(lambda: proxy.command("del server be/added") == DELETED, "the streams to end")
    assert ("be", "added") not in proxy.stat()
    assert "added" not in proxy.fetch("/metrics").body.decode()


def test_a_reload_loses_added_servers_and_brings_removed_ones_back(start, origin):
    halt, release = threading.Event(), threading.Event()

    def answer(request):
        if request.target == "/halt":
            halt.set()
            release.wait(10)
        return reply(b"b")

    proxy = start(backend("balance roundrobin", f"server a {origin(named('a'))}"), threads=WORKERS)
    proxy.command(f"add server be/b {origin(by_request(answer))} enabled; disable server be/a; del server be/a")
    client = proxy.client()
    client.send(GET.replace(b"/", b"/halt", 1))
    assert halt.wait(10)
    os.kill(proxy.pid, signal.SIGUSR2)
    poll(lambda: "Reloaded" in proxy.stderr, "a reload")
    poll(lambda: states(proxy) == {"a": "no check"}, "the new generation's servers")
    assert seen(proxy) == {"a": 24}
    release.set()
    assert client.read_response().body == b"b"
    assert proxy.command(f"add server be/b {origin(named('B'))} enabled") == ADDED
    assert set(seen(proxy)) == {"a", "B"}


def test_there_are_so_many_dynamic_servers_and_no_more(start, origin):
    target = origin(named("x"))
    proxy = start(backend("balance random", f"server a {target}") + "backend other\n    balance leastconn\n", threads=2)
    lines = [f"add server {'be' if n % 2 else 'other'}/n{n} {target}" for n in range(1024)]
    for at in range(0, len(lines), 100):
        assert set(proxy.command("; ".join(lines[at : at + 100])).split("\n")) == {"New server registered.", ""}
    assert proxy.command(f"add server be/more {target}") == ("No server can be added: all 1024 dynamic servers are in use.\n\n")
    assert len(proxy.stat()) == 1024 + 4
    assert proxy.command("del server be/n1") == DELETED
    assert proxy.command(f"add server be/more {target} enabled") == ADDED
    proxy.command("disable server be/a; del server be/a")
    assert proxy.command(f"add server be/last {target}") == ADDED  # in the place of the configuration's
    assert seen(proxy, 6) == {"x": 6}
    removals = [f"del server {'be' if n % 2 else 'other'}/n{n}" for n in range(2, 1024)]
    for at in range(0, len(removals), 100):
        assert set(proxy.command("; ".join(removals[at : at + 100])).split("\n")) == {"Server deleted.", ""}
    assert states(proxy) == {"more": "no check", "last": "MAINT"}
    assert seen(proxy, 6) == {"x": 6}


JUNK = [
    "add server be/b " + "x" * 10_000,
    "add server be/" + "x" * 10_000 + " 127.0.0.1:80 nope",
    "add server be/b 127.0.0.1:80 " + "y" * 10_000,
    "add server be/b 127.0.0.1:80 weight " + "9" * 5_000,
    "add server be/b 127.0.0.1:80 id " + "9" * 5_000,
    "add server be/b 127.0.0.1:80 id 99999999999",
    "add server be/b \x01\x02\x7f",
    "add server be/b \xff:80",
    "add server be/\xff 127.0.0.1:80",
    "add server be/b 127.0.0.1:80 sni \xff ssl verify none",
    "add server be/b 127.0.0.1:80 agent-send",
    "add server be/b ''",
    "add server be/b 127.0.0.1:80 crt /etc/passwd ssl verify none",
    "add server be/b 127.0.0.1:80 ca-file /etc/passwd ssl",
    "add server be/b unix@" + "/x" * 200,
    "del server be/" + "x" * 10_000,
    "del server " + "/" * 10_000,
    "del server be/\xff",
    "del server be/#99999999999999999999",
]


def test_junk_is_refused(start, origin):
    proxy = start(backend(f"server a {origin(named('a'))}"), threads=2)
    for line in JUNK:
        answer = proxy.command(line)
        assert "Traceback" not in answer, line[:60]
        assert "registered" not in answer and "deleted" not in answer, (line[:60], answer[:200])
    assert set(states(proxy)) == {"a"}
    assert seen(proxy, 4) == {"a": 4}


def test_servers_come_and_go_under_load(start, origin):
    proxy = start(backend("balance roundrobin", "retries 0", f"server a {origin(named('a'))}"), threads=WORKERS)
    failures: list[object] = []
    over = threading.Event()

    def load() -> None:
        client = proxy.client()
        while not over.is_set():
            answer = client.request("/")
            if answer.status != 200:
                failures.append(answer)

    loaders = [threading.Thread(target=load) for _ in range(4)]
    for loader in loaders:
        loader.start()
    targets = [origin(named(f"s{n}")) for n in range(3)]
    for round_ in range(12):
        names = [f"s{round_}x{n}" for n in range(3)]
        for name, target in zip(names, targets, strict=True):
            assert proxy.command(f"add server be/{name} {target} enabled") == ADDED
        for name in names:
            poll(lambda name=name: proxy.stat()["be", name]["stot"] != "0", "traffic")
            proxy.command(f"disable server be/{name}")
            poll(lambda name=name: proxy.command(f"del server be/{name}") == DELETED, "the streams to end")
    over.set()
    for loader in loaders:
        loader.join()
    assert failures == []
    assert states(proxy) == {"a": "no check"}


@pytest.mark.parametrize("balance", ["static-rr", "roundrobin", "leastconn", "first", "random", "source", "hdr(key)"])
def test_servers_of_the_configuration_may_go(start, origin, balance):
    lines = [f"server {name} {origin(named(name))} weight {weight}" for name, weight in (("a", 4), ("b", 8), ("c", 12))]
    proxy = start(backend(f"balance {balance}", *lines), threads=WORKERS)
    proxy.command("disable server be/a")
    poll(lambda: proxy.command("del server be/a") == DELETED, "the server to be removable")
    found = seen(proxy, 20)
    assert set(found) <= {"b", "c"}
    if balance in ("static-rr", "roundrobin", "hdr(key)"):
        assert found == {"b": 8, "c": 12}
    proxy.command("disable server be/b; disable server be/c")
    poll(lambda: proxy.command("del server be/b") == DELETED, "the server to be removable")
    poll(lambda: proxy.command("del server be/c") == DELETED, "the server to be removable")
    assert proxy.fetch().status == 503


def test_servers_come_and_go_while_processes_are_killed(start, origin):
    targets = [origin(named(name)) for name in "bcd"]
    proxy = start(backend("balance leastconn", f"server a {origin(named('a'))}"), threads=WORKERS)
    over = threading.Event()

    def kill() -> None:
        """One process after the other, each once all are there again; control among them."""
        while not over.is_set():
            children = proxy.children()
            if len(children) == WORKERS + 1:
                os.kill(children[len(killed) % len(children)], signal.SIGKILL)
                killed.append(1)
            over.wait(0.3)

    def said(command: str) -> str:
        try:
            return proxy.command(command)
        except OSError:
            return ""

    killed: list[int] = []
    killer = threading.Thread(target=kill)
    killer.start()
    number = 0
    while len(killed) < 8:
        number += 1
        names = [f"s{number}x{place}" for place in range(3)]
        for name, target in zip(names, targets, strict=True):
            said(f"add server be/{name} {target} enabled")
        for name in names[: number % 4]:
            said(f"disable server be/{name}; del server be/{name}")
    over.set()
    killer.join()
    poll(lambda: len(proxy.children()) == WORKERS + 1 and said("show info"), "all processes")
    names = [name for name in states(proxy) if name != "a"]
    for name in names:
        proxy.command(f"disable server be/{name}")
        poll(lambda name=name: said(f"del server be/{name}") == DELETED, f"{name} to be removable")
    assert proxy.command(f"add server be/last {origin(named('last'))} enabled") == ADDED
    assert seen(proxy, 12) == {"a": 6, "last": 6}
    assert "control:" not in proxy.stderr
    assert {line.partition(" exited with ")[2] for line in proxy.stderr.splitlines() if " exited with " in line} <= {
        *(f"code 137 (Killed): restarted {when}. {lost}." for when in WHEN for lost in LOST)
    }


LOST = ("Its connections are lost, the other workers serve on", "Traffic goes on")
WHEN = ("now", "in 0.1 s", "in 0.5 s", "in 1 s", "in 2 s", "in 5 s")
