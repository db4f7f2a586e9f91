"""Listening sockets: how many, with which options, taken over or refused in haproxy's words."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from fastlb.config import load_text
from fastlb.supervisor.listeners import Binder, ListenerSet

HEAD = "global\n maxconn 50\ndefaults\n mode tcp\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"


@pytest.fixture
def bound():
    """`bound(binds, n_workers)` binds a listen section with these lines; everything is closed at the end."""
    made: list[ListenerSet] = []

    def bind(text: str, n_workers: int = 2, previous: ListenerSet | None = None, old_pids: tuple[int, ...] = (), head=HEAD):
        lines = "".join(f" bind {line}\n" for line in text.splitlines())
        configuration, diagnostics = load_text(f"{head}listen fe\n{lines} server s 127.0.0.1:1\n", file="x.cfg")
        assert configuration is not None, diagnostics.render()
        made.append(Binder(configuration, n_workers, previous, list(old_pids)).bind_all())
        return made[-1]

    yield bind
    for one in made:
        one.close()


@pytest.fixture
def port():
    """A port that was free a moment ago and that the kernel will not hand out meanwhile."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def option(sock: socket.socket, level: int, name: int) -> int:
    return sock.getsockopt(level, name)


def test_one_socket_per_worker_shares_the_port(bound, port):
    (listener,) = bound(f"127.0.0.1:{port}", 3).listeners
    assert not listener.is_shared
    assert {sock.getsockname() for sock in listener.sockets} == {("127.0.0.1", port)}
    assert listener.fds(3) == [sock.fileno() for sock in listener.sockets]
    assert all(option(sock, socket.SOL_SOCKET, socket.SO_REUSEPORT) for sock in listener.sockets)
    assert not any(sock.getblocking() for sock in listener.sockets)


def test_accepted_connections_inherit_what_the_listener_has(bound, port):
    (listener,) = bound(f"127.0.0.1:{port}", 1, head=HEAD + " option clitcpka\n").listeners
    with socket.create_connection(("127.0.0.1", port)):
        listener.sockets[0].setblocking(True)
        accepted = listener.sockets[0].accept()[0]
        assert option(accepted, socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert option(accepted, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        accepted.close()


def test_port_taken_by_a_stranger_is_refused_even_where_it_would_be_shared(bound, port):
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert bound(f"127.0.0.1:{port}").errors == [
            f"Binding [x.cfg:9] for frontend fe: cannot bind socket (Address already in use) for [127.0.0.1:{port}]"
        ]


def test_every_bad_address_is_reported(bound, port):
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        errors = bound(f"127.0.0.1:{port}\n/nonexistent/x").errors
    assert errors == [
        f"Binding [x.cfg:9] for frontend fe: cannot bind socket (Address already in use) for [127.0.0.1:{port}]",
        "Binding [x.cfg:10] for frontend fe: cannot bind UNIX socket (No such file or directory) [/nonexistent/x]",
    ]


def test_an_address_that_is_not_here_yet_is_bound_with_a_warning(bound, port):
    """The backup of two proxies starts without the shared address."""
    result = bound(f"192.0.2.1:{port}\n127.0.0.1:{port}", 2)
    assert not result.errors
    assert [line.partition(" now,")[0] for line in result.warnings] == [
        f"Binding [x.cfg:9] for frontend fe: this host does not have the address of [192.0.2.1:{port}]"
    ]
    again = bound(f"192.0.2.1:{port}", 2, previous=result)
    assert (again.listeners[0].sockets, again.warnings) == (result.listeners[0].sockets, [])


def test_transparent_bind_takes_an_address_that_is_not_here_yet(bound, port):
    assert not bound(f"192.0.2.1:{port} transparent").errors


def test_ipv6_only_and_both_families(bound, port):
    only, both = bound(f":::{port} v6only\n127.0.0.1:{port}", 1).listeners
    assert only.sockets[0].family == socket.AF_INET6
    assert option(only.sockets[0], socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    assert both.sockets[0].family == socket.AF_INET


def test_v4v6_takes_both_families(bound, port):
    (listener,) = bound(f":::{port} v4v6", 1).listeners
    assert option(listener.sockets[0], socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


def test_tcp_options_of_the_bind_line(bound, port):
    (listener,) = bound(f"127.0.0.1:{port} defer-accept tfo interface lo", 1).listeners
    sock = listener.sockets[0]
    assert option(sock, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) > 0
    assert option(sock, socket.IPPROTO_TCP, socket.TCP_FASTOPEN) == 50
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


def test_port_range_gives_a_listener_for_each_port(bound):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        low = probe.getsockname()[1]
    made = bound(f"127.0.0.1:{low}-{low + 2}", 1)
    ports = [one.address.port for one in made.listeners]
    taken = [int(re.search(r":(\d+)\]$", line)[1]) for line in made.errors]
    assert sorted(ports + taken) == [low, low + 1, low + 2]


def test_unix_socket_is_moved_into_place_with_mode_and_owner(bound, tmp_path):
    path = tmp_path / "s"
    path.write_text("old")
    made = bound(f"{path} mode 640 uid {os.getuid()} gid {os.getgid()}")
    (listener,) = made.listeners
    assert listener.is_shared
    assert len(listener.sockets) == 1
    assert listener.fds(2) == [listener.sockets[0].fileno()] * 2
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["s"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_abstract_name_fills_the_whole_address_as_haproxy_does(bound):
    name = f"fastlb-test-{os.getpid()}"
    assert not bound(f"abns@{name}").errors
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(b"\0" + name.encode().ljust(107, b"\0"))


def test_inherited_descriptor_is_adopted_as_it_is(bound):
    given = socket.create_server(("127.0.0.1", 0))
    number = given.detach()
    (listener,) = bound(f"fd@{number}").listeners
    assert listener.is_shared
    assert listener.sockets[0].fileno() == number
    assert not os.get_inheritable(number)


def test_descriptor_that_is_no_stream_socket_is_refused(bound):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
        assert "not a stream socket" in bound(f"fd@{given.fileno()}").errors[0]
        assert given.fileno() >= 0


def test_next_generation_takes_the_same_sockets(bound, port):
    old = bound(f"127.0.0.1:{port}", 2)
    new = bound(f"127.0.0.1:{port}", 3, previous=old)
    assert not new.errors
    assert new.listeners[0].sockets[:2] == old.listeners[0].sockets
    assert len(new.listeners[0].sockets) == 3


def test_what_the_next_generation_does_not_want_is_closed(bound, port, tmp_path):
    old = bound(f"127.0.0.1:{port}\n{tmp_path}/s", 2)
    new = bound(f"127.0.0.1:{port}", 1, previous=old)
    old.close_except(new)
    assert [sock.fileno() >= 0 for sock in old.sockets()] == [True, True, False]


def test_sockets_of_workers_that_are_no_more_are_shared(bound, port):
    """They were closed: connections that the kernel had put into their queues were reset."""
    old = bound(f"127.0.0.1:{port}", 3)
    new = bound(f"127.0.0.1:{port}", 1, previous=old)
    assert [listener.is_shared for listener in new.listeners] == [False, True, True]
    again = bound(f"127.0.0.1:{port}", 3, previous=new)
    assert [listener.is_shared for listener in again.listeners] == [False]
    assert {sock.fileno() for sock in again.sockets()} == {sock.fileno() for sock in old.sockets()}


def test_old_process_is_asked_to_pause_while_the_port_is_taken(bound, port):
    script = (
        "import signal, socket, sys\n"
        f"s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', {port})); s.listen()\n"
        "signal.signal(signal.SIGTTOU, lambda *_: s.close())\n"
        "print('ready', flush=True)\n"
        "while s.fileno() >= 0: signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "ready\n"
        made = bound(f"127.0.0.1:{port}", 1, old_pids=(old.pid,))
        old.wait(10)
    assert not made.errors


def test_old_process_that_does_not_let_go_is_resumed(bound, port):
    script = (
        "import signal, socket\n"
        f"s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', {port})); s.listen()\n"
        "seen = []\n"
        "signal.signal(signal.SIGTTOU, lambda n, _: seen.append(n))\n"
        "signal.signal(signal.SIGTTIN, lambda n, _: (seen.append(n), print([int(n) for n in seen], flush=True)))\n"
        "print('ready', flush=True)\n"
        "while signal.SIGTTIN not in seen: signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "ready\n"
        made = bound(f"127.0.0.1:{port}", 1, old_pids=(old.pid,))
        assert old.stdout.readline() == f"[{signal.SIGTTOU:d}, {signal.SIGTTIN:d}]\n"
    assert "Address already in use" in made.errors[0]


def test_stats_socket_errors_name_global(bound, port):
    made = bound(f"127.0.0.1:{port}", 1, head=HEAD.replace("global\n", "global\n stats socket /nonexistent/s\n"))
    assert made.errors == [
        "Binding [x.cfg:2] for frontend GLOBAL: cannot bind UNIX socket (No such file or directory) [/nonexistent/s]"
    ]


def test_probes_timeouts_and_segment_sizes_of_accepted_connections(bound, port):
    keepalive = " option clitcpka\n clitcpka-cnt 4\n clitcpka-idle 70s\n clitcpka-intvl 9\n"
    (listener,) = bound(f"127.0.0.1:{port} tcp-ut 30s mss 600", 1, head=HEAD + keepalive).listeners
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted = None
        while accepted is None:
            with contextlib.suppress(BlockingIOError):
                accepted, _ = listener.sockets[0].accept()
        names = (socket.TCP_KEEPCNT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
        assert [option(accepted, socket.IPPROTO_TCP, name) for name in names] == [4, 70, 9, 30_000]
        assert option(accepted, socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert option(client, socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 600
        accepted.close()


def test_unix_bind_is_what_a_line_does_not_say(bound, tmp_path):
    head = f"global\n unix-bind prefix {tmp_path} mode 640\n{HEAD.removeprefix('global')}"
    assert not bound("unix@/one\nunix@/two mode 600", 1, head=head).errors
    assert [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("one", "two")] == [0o640, 0o600]
