"""What dies is restarted and only its own connections break: workers, control, and the master itself."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from support.dns_server import NameServer
from support.origin import answers, named, reply
from support.poll import poll
from support.proxy import HTTP
from support.wire import Cut

pytestmark = pytest.mark.fastlb_only(reason="about fastlb's processes")


def site(origins, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    servers = "".join(f"    server s{i} {one}\n" for i, one in enumerate(origins))
    return f"{HTTP}{options}frontend fe\n    bind port@fe\n    default_backend be\nbackend be\n    balance roundrobin\n{servers}"


def owner_of(client, proxy) -> int:
    """The process that holds the proxy's end of a client's connection."""
    port = client.sock.getsockname()[1]
    address, listening = client.sock.getpeername()
    inode = ""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        part = line.split()
        local, remote = (int(end.split(":")[1], 16) for end in part[1:3])
        if (local, remote) == (listening, port):
            inode = part[9]
    for pid in proxy.children():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{inode}]":
                    return pid
            except OSError:
                continue
    raise AssertionError(f"nobody holds {address}:{listening} <- {port}")


def connected(proxy, count: int) -> dict[int, list]:
    """Clients with one request done, by the worker that holds them; until each of two workers has one."""
    held: dict[int, list] = {}
    for _ in range(count):
        client = proxy.client()
        assert client.request().status == 200
        held.setdefault(owner_of(client, proxy), []).append(client)
    return held


def test_round_robin_is_exact_over_two_workers(start, origin):
    origins = [origin(named(name)) for name in "abc"]
    proxy = start(site(origins), threads=2)
    seen = [proxy.fetch().body for _ in range(30)]
    assert seen == [b"a", b"b", b"c"] * 10


def test_two_workers_share_the_clients(start, origin):
    proxy = start(site([origin(named("a"))]), threads=2)
    poll(lambda: len(connected(proxy, 10)) == 2, "both workers to have clients")


def test_killed_worker_breaks_only_its_own_connections(start, origin):
    proxy = start(site([origin(named("a"))]), threads=2)
    held = poll(lambda: found if len(found := connected(proxy, 20)) == 2 else None, "both workers to have clients")
    victim, other = held
    os.kill(victim, signal.SIGKILL)
    for client in held[victim]:
        assert client.is_closed()
    for client in held[other]:
        assert client.request().body == b"a"
    assert proxy.fetch().body == b"a"
    poll(lambda: victim not in proxy.children() and len(proxy.children()) >= 3, "a new worker")
    poll(lambda: len(set(connected(proxy, 10)) - {other}) >= 1, "the new worker to serve")
    assert "worker" in proxy.stderr.lower()


def test_killed_worker_under_load_loses_no_later_request(start, origin):
    proxy = start(site([origin(named("a")), origin(named("b"))]), threads=2)
    stop = threading.Event()
    good, broken = [], []

    def load():
        while not stop.is_set():
            try:
                (good if proxy.fetch().status == 200 else broken).append(1)
            except (Cut, OSError):
                broken.append(1)

    loaders = [threading.Thread(target=load) for _ in range(4)]
    for one in loaders:
        one.start()
    poll(lambda: len(good) > 100, "requests before")
    held = connected(proxy, 4)
    os.kill(next(iter(held)), signal.SIGKILL)
    before = len(good)
    poll(lambda: len(good) > before + 200, "requests after")
    stop.set()
    for one in loaders:
        one.join()
    # At most the requests that were in that worker's hands.
    assert len(broken) <= 8


def test_counters_of_a_dead_worker_are_kept_and_its_gauges_cleared(start, origin):
    proxy = start(site([origin(named("a"))]), threads=2)
    held = poll(lambda: found if len(found := connected(proxy, 10)) == 2 else None, "both workers to have clients")
    total = sum(len(clients) for clients in held.values())
    victim = next(iter(held))
    before = int(proxy.stat()["fe", "FRONTEND"]["stot"])
    os.kill(victim, signal.SIGKILL)
    remaining = total - len(held[victim])
    poll(lambda: int(proxy.stat()["fe", "FRONTEND"]["scur"]) <= remaining, "the dead worker's sessions to be off the books")
    assert int(proxy.stat()["fe", "FRONTEND"]["stot"]) >= before
    assert int(proxy.stat()["be", "s0"]["scur"]) >= 0


def test_queue_slots_of_a_dead_worker_are_freed(start, origin):
    server = origin(named("a"))
    proxy = start(site([f"{server} maxconn 1"]), threads=2)
    holder = proxy.client()
    holder.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: proxy.stat()["be", "s0"]["scur"] == "1", "the held request")
    os.kill(owner_of(holder, proxy), signal.SIGKILL)
    assert holder.is_closed()
    poll(lambda: proxy.fetch().status == 200, "the slot to be free")


def test_killed_control_leaves_traffic_alone_and_comes_back(start, origin):
    proxy = start(site([origin(named("a"))]), threads=1)
    client = proxy.client()
    assert client.request().body == b"a"
    workers = {owner_of(client, proxy)}
    control = next(pid for pid in proxy.children() if pid not in workers)
    os.kill(control, signal.SIGKILL)
    for _ in range(20):
        assert client.request().body == b"a"
        assert proxy.fetch().body == b"a"

    def answers() -> bool:
        try:
            return proxy.info()["Name"] != ""
        except (OSError, KeyError):
            return False

    poll(answers, "the runtime socket to be back")
    assert owner_of(client, proxy) in workers


def test_killed_control_costs_a_waiting_rule_its_answer_only(start):
    ns = NameServer()
    ns.fails = "silent"
    proxy = start(
        f"resolvers r\n    nameserver ns {ns}\n    timeout retry 1h\n{HTTP}frontend fe\n    bind fd@fe\n"
        "    http-request do-resolve(txn.to,r) str(a.test) if { path /name }\n"
        "    http-request return status 200 content-type a/b string x\n",
        threads=1,
    )
    client = proxy.client()
    client.request()
    waiting = proxy.client()
    waiting.send(b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n")
    poll(lambda: ns.asked, "the question")
    os.kill(next(pid for pid in proxy.children() if pid != owner_of(client, proxy)), signal.SIGKILL)
    assert waiting.read_response().status == 200
    ns.close()


def test_checks_go_on_after_control_came_back(start, origin):
    server = origin(named("a"))
    proxy = start(site([f"{server} check inter 50ms fall 2 rise 1"], "timeout check 5s"), threads=1)
    client = proxy.client()
    client.request()
    worker = owner_of(client, proxy)
    os.kill(next(pid for pid in proxy.children() if pid != worker), signal.SIGKILL)
    server.close()
    poll(lambda: proxy.fetch().status == 503 and "DOWN" in str(status_of(proxy)), "the server to be taken out by the new control")


def test_errors_of_traffic_count_while_control_is_away(start, origin):
    server = origin(answers(reply(b"", "500 Bad")))
    proxy = start(site([f"{server} check inter 1h observe layer7 error-limit 2 on-error mark-down"]), threads=1)
    client = proxy.client()
    client.request()
    worker = owner_of(client, proxy)
    control = next(pid for pid in proxy.children() if pid != worker)
    os.kill(control, signal.SIGSTOP)
    client.request()
    os.kill(control, signal.SIGKILL)
    poll(lambda: status_of(proxy).startswith("DOWN"), "the server to be taken out by the new control")


def status_of(proxy) -> str:
    try:
        return proxy.stat()["be", "s0"]["status"]
    except (OSError, KeyError):
        return ""


def test_killed_master_takes_everything_with_it(start, origin):
    proxy = start(site([origin(named("a"))]), threads=2)
    assert proxy.fetch().body == b"a"
    proxy.process.kill()
    proxy.wait()


def test_worker_that_dies_again_and_again_does_not_spin(start, origin):
    proxy = start(site([origin(named("a"))]), threads=1)
    for _ in range(3):
        client = poll(lambda: try_client(proxy), "a serving worker")
        os.kill(owner_of(client, proxy), signal.SIGKILL)
        assert client.is_closed()
    assert poll(lambda: try_client(proxy), "service after three deaths")


def try_client(proxy):
    client = proxy.client()
    try:
        return client if client.request().status == 200 else None
    except Cut:
        return None


def test_killed_worker_gives_back_what_it_tracked(start, origin):
    proxy = start(
        site([origin(named("a"))]).replace(
            "bind port@fe\n",
            "bind port@fe\n    stick-table type ip size 10 store conn_cur,conn_cnt\n    tcp-request connection track-sc0 src\n",
        ),
        threads=2,
    )
    held = poll(lambda: found if len(found := connected(proxy, 10)) == 2 else None, "both workers to have clients")
    victim, other = held
    tracked = sum(len(clients) for clients in held.values())
    poll(lambda: f" conn_cur={tracked}" in proxy.command("show table fe"), "all clients to be tracked")
    os.kill(victim, signal.SIGKILL)
    left = len(held[other])
    poll(lambda: f" use={left} " in proxy.command("show table fe"), "the dead worker's references to be given back")
    assert f" conn_cur={left}\n" in proxy.command("show table fe")
    for client in held[other]:
        client.close()
    poll(lambda: " conn_cur=0\n" in proxy.command("show table fe"), "the other worker's to end")
