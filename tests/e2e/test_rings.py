"""Rings and log targets over TCP and unix streams: what comes where, how lines are told apart, that nobody waits for a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from support.client import Client
from support.log_server import LogServer
from support.poll import poll
from support.proxy import HTTP, Proxy
from support.runtime import info
from support.sockets import connect
from support.wire import Wire

MakeServer = Callable[..., LogServer]


@pytest.fixture
def log_server() -> Iterator[MakeServer]:
    made: list[LogServer] = []

    def make(*args: object, **options: object) -> LogServer:
        made.append(LogServer(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        server.close()


def site(*logs: str, rings: str = "", lines: str = "") -> str:
    targets = "".join(f"    log {log}\n" for log in logs)
    return (
        f'{rings}{HTTP}frontend fe\n    bind fd@fe\n{targets}    log-format "L %HU"\n{lines}    http-request return status 200\n'
    )


def ask(proxy: Proxy, *targets: str) -> None:
    client = proxy.client()
    for target in targets:
        client.request(target)
    client.close()


def events(proxy: Proxy, ring: str) -> list[str]:
    return proxy.command(f"show events {ring}").splitlines()[:-1]


def test_ring_keeps_lines_in_its_own_format_and_shows_them(start):
    rings = 'ring own\n    description "what came"\n    format short\nring plain\n'
    proxy = start(site("ring@own format rfc5424 local0", "ring@plain local0", rings=rings))
    ask(proxy, "/1", "/2")
    assert poll(lambda: (found := events(proxy, "own")) and len(found) == 2 and found) == ["<6>L /1", "<6>L /2"]
    assert events(proxy, "plain") == ["L /1", "L /2"]
    listed = proxy.command("show events")
    assert "    own        : type=buffer, 0 dropped, what came\n    plain      : type=buffer, 0 dropped, plain\n" in listed
    assert proxy.command("show events nobody") == "No such event sink\n"


def test_ring_is_cut_at_maxlen_and_forgets_the_oldest_lines(start):
    rings = "ring small\n    size 16384\n    maxlen 400\n    format local\n"
    proxy = start(site("ring@small len 1000 local0", rings=rings))
    names = [f"/{number:03}{'x' * 500}" for number in range(100)]
    ask(proxy, *names)
    lines = poll(lambda: (found := events(proxy, "small")) and "/099" in found[-1] and found)
    assert {len(line) for line in lines} == {400}
    assert 30 < len(lines) < 45
    assert f"L /{100 - len(lines):03}" in lines[0]


def test_length_of_a_line_into_a_ring_is_that_of_its_text(start):
    """And one byte less, as everywhere for the longest target of all."""
    proxy = start(site("ring@a len 100 local0", rings="ring a\n    format local\n"))
    ask(proxy, "/" + "x" * 200)
    line = poll(lambda: events(proxy, "a"))[0]
    assert re.fullmatch(r"<134>[A-Z][a-z]{2} [ \d]\d [\d:]{8} \w+\[\d+\]: L /x{96}", line)


def test_built_in_ring(start):
    proxy = start(site("ring@buf0 local0"))
    ask(proxy, "/1")
    assert re.fullmatch(r"<6>\d{4}-\d\d-\d\dT[\d:.+]+ L /1", poll(lambda: events(proxy, "buf0"))[0])


def test_servers_of_a_ring_get_each_line_counted_or_ended(start, log_server):
    counted, ended = log_server(), log_server()
    rings = f"ring r\n    format rfc5424\n    server c {counted} log-proto octet-count\n    server e {ended}\n"
    proxy = start(site("ring@r local0", rings=rings))
    ask(proxy, "/1", "/2")
    counted.wait("L /1", "L /2")
    ended.wait("L /1", "L /2")
    assert [line[:6] + line[-4:] for line in counted.counted()] == ["<134>1L /1", "<134>1L /2"]
    assert counted.counted() == ended.lines


def test_stream_targets_have_a_ring_of_their_own(start, log_server, tmp_path):
    tcp, unix = log_server(), log_server(str(tmp_path / "log.sock"))
    proxy = start(site(f"tcp@{tcp} local0", f"uxst@{unix} format raw local0", f"stream+ipv4@{tcp} format short local1"))
    ask(proxy, "/1")
    tcp.wait("<6>L /1\n", "]: L /1\n")
    unix.wait("L /1\n")
    assert unix.data == b"L /1\n"
    listed = proxy.command("show events")
    assert [re.sub(r"'.*'", "'F'", line) for line in listed.splitlines() if "ring#" in line] == [
        f"    ring#{number}     : type=buffer, 0 dropped, created from logserver declared into 'F' at line {line}"
        for number, line in ((1, 12), (2, 13), (3, 14))
    ]


def test_line_of_defaults_is_one_stream_for_all_frontends(start, log_server):
    server = log_server()
    config = site().replace("mode http\n", f"mode http\n    log tcp@{server} format raw local0\n")
    proxy = start(config + 'frontend other\n    bind fd@other\n    log-format "O %HU"\n    http-request return status 200\n')
    ask(proxy, "/1")
    proxy.fetch("/2", name="other")
    server.wait("L /1\n", "O /2\n")
    assert len(server.received) == 1


def test_messages_of_control_go_into_rings_and_streams(start, log_server, origin):
    server = log_server()
    config = site("ring@r local0", rings="ring r\n") + (
        f"backend be\n    log ring@r local0\n    log tcp@{server} format raw local0\n    server s1 127.0.0.1:1\n"
    )
    proxy = start(config)
    proxy.command("disable server be/s1")
    server.wait("Server be/s1 is going DOWN for maintenance")
    assert "Server be/s1 is going DOWN" in poll(lambda: events(proxy, "r"))[0]


def test_events_are_followed_until_the_client_says_something(start):
    proxy = start(site("ring@r local0", rings="ring r\n"))
    ask(proxy, "/old")
    poll(lambda: events(proxy, "r"))
    both, new = Wire(connect(proxy.runtime_path)), Wire(connect(proxy.runtime_path))
    both.send(b"show events r -w\n")
    assert both.read_exact(7) == b"L /old\n"
    new.send(b"show events r -nw\n")
    poll(lambda: is_followed_by(proxy, new))
    ask(proxy, "/last")
    while b"L /last\n" not in both.received:
        assert both.fill()
    assert b"L /old" not in new.received
    new.half_close()
    new.read_to_end()
    both.close()


def is_followed_by(proxy: Proxy, wire: Wire) -> bool:
    """Asks until the follower, whose command may not have been read yet, has seen a line."""
    ask(proxy, "/ask")
    wire.sock.setblocking(False)
    try:
        return wire.fill()
    except BlockingIOError:
        return False
    finally:
        wire.sock.settimeout(15)


def test_several_workers_write_whole_lines_into_one_ring(start, log_server):
    server = log_server()
    rings = f"ring r\n    size 1000000\n    server s {server} log-proto octet-count\n"
    proxy = start(site("ring@r local0", rings=rings).replace("fd@fe", "port@fe"), threads=4)
    clients: list[Client] = [proxy.client() for _ in range(20)]
    for number in range(25):
        for at, client in enumerate(clients):
            client.request(f"/{number}-{at}-" + "y" * 300)
    poll(lambda: len(server.data) >= 500 * 300 and len(server.counted()) == 500)
    wanted = {f"L /{number}-{at}-" + "y" * 300 for number in range(25) for at in range(20)}
    assert set(server.counted()) == wanted


@pytest.mark.fastlb_only  # haproxy: a server that is not there takes nothing, so nothing counts as lost
def test_dead_server_costs_lines_that_are_counted_and_no_time(start, dead):
    rings = f"ring r\n    size 16384\n    server s {dead()}\n"
    proxy = start(site("ring@r local0", rings=rings))
    ask(proxy, *(f"/{number}" + "z" * 500 for number in range(100)))
    dropped = poll(lambda: int(info(proxy.runtime_path)["DroppedLogs"]))
    assert 0 < dropped < 100
    poll(lambda: re.search(r"    r          : type=buffer, [1-9]\d* dropped", proxy.command("show events")))


@pytest.mark.fastlb_only  # haproxy: 2.6 may never connect again
def test_slow_server_gets_what_fits_and_a_server_that_comes_back_goes_on(start, log_server):
    deaf, cut = log_server(is_deaf=True), log_server()
    rings = f"ring d\n    size 20000\n    server s {deaf}\nring c\n    server s {cut}\n"
    proxy = start(site("ring@d local0", "ring@c local0", rings=rings))
    ask(proxy, "/first")
    cut.wait("L /first")
    cut.cut()
    ask(proxy, "/while")
    cut.wait("L /while")
    count = 0
    # The kernel's buffers take some hundred kilobytes before the ring has to.
    while int(info(proxy.runtime_path)["DroppedLogs"]) == 0:
        ask(proxy, *(f"/{count + number}" + "w" * 900 for number in range(200)))
        count += 200
        assert count < 50000
    ask(proxy, "/end")
    deaf.hear()
    deaf.wait("L /end")
    numbers = [int(match) for match in re.findall(r"L /(\d+)w", deaf.data.decode())]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0


@pytest.mark.fastlb_only  # rests on fastlb's processes
def test_last_lines_leave_before_the_program_ends(start, log_server):
    server = log_server()
    proxy = start(site(f"tcp@{server} format raw local0"))
    ask(proxy, "/1")
    server.wait("L /1")
    client = proxy.client()
    client.request("/2")
    proxy.stop()
    server.wait("L /2\n")
