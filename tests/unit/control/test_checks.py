"""Checks against real sockets: verdicts, timeouts, what the server sees, and the time table."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from fastlb.config import model
from fastlb.config.check_rules import CheckRules, HttpSend
from fastlb.config.logformat import Item, LogFormat
from fastlb.control import ports, sockaddr
from fastlb.control.checks.answer import BadAnswer, read_answer
from fastlb.control.checks.request import request_bytes
from fastlb.control.checks.scheduler import check_target
from fastlb.control.checks.sequence import Sequence, SequenceProbe
from fastlb.control.checks.status import Result, Status
from fastlb.control.checks.tcp import Target, TcpProbe
from support.poll import DEADLINE

from .conftest import Rig, backend, server

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def on_uvloop(main: Awaitable[None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)  # type: ignore[arg-type]


def answering(raw: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(raw)
        writer.close()

    return handler


def http_probe(
    loop: asyncio.AbstractEventLoop, target: Target, finished: Callable[[Result], None], request: HttpSend
) -> SequenceProbe:
    steps = CheckRules("httpchk", request=request).steps
    return SequenceProbe(loop, target, finished, Sequence("httpchk", steps))


GET = HttpSend("GET", "/", "HTTP/1.0")


async def probe(target: Target, request: HttpSend | None, expire_after: float = 0.0) -> Result:
    """Runs one check; it is expired after some seconds if asked."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()
    one = TcpProbe(loop, target, done.set_result) if request is None else http_probe(loop, target, done.set_result, request)
    one.start()
    if expire_after and not done.done():
        loop.call_later(expire_after, one.expire)
    return await asyncio.wait_for(done, DEADLINE)


async def probe_answer(raw: bytes) -> Result:
    listener = await asyncio.start_server(answering(raw), "127.0.0.1", 0)
    async with listener:
        address = listener.sockets[0].getsockname()
        return await probe(Target(socket.AF_INET, address), GET)


# The verdicts of HAProxy 2.6 on the same bytes.
VERDICTS = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Result(Status.L7OK, 200)),
    (b"HTTP/1.1 302 Moved\r\n\r\n", Result(Status.L7OK, 302)),
    (b"HTTP/1.1 200\r\n\r\n", Result(Status.L7OK, 200)),
    (b"HTTP/1.1 200 OK\n\n", Result(Status.L7OK, 200)),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", Result(Status.L7STS, 404, "Not Found")),
    (b"HTTP/1.1 503\r\n\r\n", Result(Status.L7STS, 503)),
    (b"HTTP/1.1 199 X\r\n\r\n", Result(Status.L7STS, 199, "X")),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Result(Status.L7STS, 100, "Continue")),
    (b"", Result(Status.L7RSP)),
    (b"garbage\r\n\r\n", Result(Status.L7RSP)),
    (b"HTTP/1.0 200", Result(Status.L7RSP)),
    (b"HTTP/1.1 200 OK\r\nA: b\r\n", Result(Status.L7RSP)),
    (b"HTTP/1.1 abc OK\r\n\r\n", Result(Status.L7RSP)),
    (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n", Result(Status.L7RSP)),
]


@pytest.mark.parametrize(("raw", "verdict"), VERDICTS)
def test_http_verdict(raw: bytes, verdict: Result) -> None:
    async def run() -> None:
        assert await probe_answer(raw) == verdict

    on_uvloop(run())


@pytest.mark.parametrize("cut", range(len(b"HTTP/1.1 200 OK\r\n\r\n")))
def test_http_head_waits_until_it_is_whole(cut: int) -> None:
    assert read_answer(b"HTTP/1.1 200 OK\r\n\r\n"[:cut], is_final=False) is None


def test_answer_that_is_not_http_is_known_at_its_first_bytes() -> None:
    for start in (b"SSH-2.0", b"X"):
        with pytest.raises(BadAnswer):
            read_answer(start, is_final=False)


def test_connection_refused() -> None:
    async def run() -> None:
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        target = Target(socket.AF_INET, free.getsockname())
        assert await probe(target, None) == Result(Status.L4CON, -1, "Connection refused")
        free.close()

    on_uvloop(run())


def test_reset_by_the_server_is_a_socket_error() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def run() -> None:
        listener = await asyncio.start_server(reset, "127.0.0.1", 0)
        async with listener:
            target = Target(socket.AF_INET, listener.sockets[0].getsockname())
            assert await probe(target, GET) == Result(Status.SOCKERR, -1, "Connection reset by peer")

    on_uvloop(run())


def test_silence_is_a_timeout_of_the_layer_that_was_waited_for() -> None:
    async def run() -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        assert await probe(Target(socket.AF_INET, silent.getsockname()), GET, 0.05) == Result(Status.L7TOUT)
        silent.close()
        full = socket.socket()
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
            waiting.append(sock)
        assert await probe(Target(socket.AF_INET, full.getsockname()), None, 0.05) == Result(Status.L4TOUT)
        for sock in (*waiting, full):
            sock.close()

    on_uvloop(run())


def test_connect_only_check_is_never_accepted_by_the_server() -> None:
    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        for _ in range(20):
            assert await probe(Target(socket.AF_INET, listener.getsockname()), None) == Result(Status.L4OK)
        with pytest.raises(BlockingIOError):
            listener.accept()
        listener.close()

    on_uvloop(run())


def test_source_that_is_not_ours() -> None:
    async def run() -> None:
        target = Target(socket.AF_INET, ("127.0.0.1", 9), source=("192.0.2.77", 0))
        reason = "Can't bind to source address (Cannot assign requested address)"
        assert await probe(target, None) == Result(Status.L4CON, -1, reason)

    on_uvloop(run())


def test_unix_server(tmp_path: Path, socket_path: Path) -> None:
    async def run() -> None:
        missing = await probe(Target(socket.AF_UNIX, str(socket_path)), None)
        assert missing == Result(Status.SOCKERR, -1, "General socket error (No such file or directory)")
        listener = await asyncio.start_unix_server(answering(b"HTTP/1.0 200 OK\r\n\r\n"), str(socket_path))
        async with listener:
            assert await probe(Target(socket.AF_UNIX, str(socket_path)), None) == Result(Status.L4OK)
            assert await probe(Target(socket.AF_UNIX, str(socket_path)), GET) == Result(Status.L7OK, 200)

    on_uvloop(run())


@pytest.mark.parametrize("version", [1, 2])
def test_check_speaks_the_proxy_protocol_for_itself(version: int) -> None:
    received: list[bytes] = []

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        writer.close()

    async def run() -> None:
        listener = await asyncio.start_server(collect, "127.0.0.1", 0)
        async with listener:
            target = Target(socket.AF_INET, listener.sockets[0].getsockname(), send_proxy=version)
            assert (await probe(target, GET)).has_passed
            port = target.address[1]
            if version == 1:
                assert received[0].startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
                assert received[0].endswith(b" %d\r\nGET / HTTP/1.0\r\n\r\n" % port)
            else:
                assert received[0] == b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.0\r\n\r\n"

    on_uvloop(run())


def test_request_bytes_are_those_of_haproxy() -> None:
    def text(value: object) -> bytes:
        assert isinstance(value, LogFormat)
        return value.text.encode()

    def of(*words: str, **more: object) -> bytes:
        return request_bytes(HttpSend(*words, **more), text)  # type: ignore[arg-type]

    assert of("HEAD", "/") == b"HEAD / HTTP/1.0\r\n\r\n"
    assert of("GET", "/x", "HTTP/1.1") == b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n"
    host = (("Host", LogFormat((Item(text="foo"),), text="foo")),)
    expected = b"GET /y HTTP/1.0\r\nhost: foo\r\ncontent-length: 3\r\n\r\nabc"
    assert of("GET", "/y", headers=host, body=b"abc") == expected
    assert of("GET", "http://a/y?z", "HTTP/1.1", headers=host).startswith(b"GET http://foo/y?z HTTP/1.1\r\n")


def test_check_goes_where_addr_and_port_say() -> None:
    async def run() -> None:
        rig = Rig(
            backend(
                "be",
                server("own", 81, send_proxy=1),
                server("port", 81, check_port=82, send_proxy=1),
                server("addr", 81, check_address=model.Address("ipv6", "::1")),
                server("both", 81, check_address=model.Address("ipv4", "127.0.0.3"), check_port=83, check_send_proxy=True),
            )
        )
        directory = rig.build().directory
        targets = [check_target(directory.servers[i], rig.arena.servers[i]) for i in range(4)]
        assert [target.address for target in targets] == [
            ("127.0.0.1", 81),
            ("127.0.0.1", 82),
            ("::1", 81),
            ("127.0.0.3", 83),
        ]
        assert [target.send_proxy for target in targets] == [1, 0, 0, 1]
        moved = rig.arena.servers[1]
        moved.address = sockaddr.pack("127.0.0.9", 99)
        assert check_target(directory.servers[1], moved).address == ("127.0.0.9", 82)
        moved.check_host, moved.check_port = "::1", 84
        assert check_target(directory.servers[1], moved).address == ("::1", 84)

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


def test_scheduler_takes_a_dead_server_out_and_back() -> None:
    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        rig = Rig(backend("be", server("s", port, check=True, inter_ms=20, rise=2, fall=3), mode="tcp"))
        control = rig.build()
        control.checks.start()
        state = rig.arena.servers[0]
        await until(lambda: state.check_status == Status.L4OK and state.health == 4)
        listener.close()
        await until(lambda: state.state == ports.STATE_STOPPED)
        assert (state.check_status, state.check_desc, state.failed_checks) == (Status.L4CON, "Connection refused", 3)
        listener = socket.create_server(("127.0.0.1", port))
        await until(lambda: state.state == ports.STATE_RUNNING)
        control.checks.stop()
        listener.close()

    on_uvloop(run())


def test_scheduler_does_not_check_in_maintenance_and_checks_at_once_after_it() -> None:
    accepted = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        await answering(b"HTTP/1.0 200 OK\r\n\r\n")(reader, writer)

    async def run() -> None:
        async with await asyncio.start_server(count, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            one = server("s", port, check=True, inter_ms=60_000, disabled=True)
            rig = Rig(backend("be", one, check=CheckRules("httpchk", request=GET)))
            control = rig.build()
            control.checks.start()
            assert rig.arena.servers[0].check_flags & ports.CHECK_PAUSED
            await asyncio.sleep(0)
            control.servers.set_ready(control.directory.servers[0])
            await until(lambda: rig.arena.servers[0].check_status == Status.L7OK)
            assert accepted == 1
            control.checks.stop()

    on_uvloop(run())


@pytest.mark.parametrize(
    ("inter_ms", "timeouts", "at_least_ms"),
    [(60_000, model.Timeouts(connect=30_000, check=30), 29), (60, model.Timeouts(), 59)],
)
def test_timeout_check_bounds_the_answer_or_else_the_interval_does(
    inter_ms: int, timeouts: model.Timeouts, at_least_ms: int
) -> None:
    async def run() -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        one = server("s", silent.getsockname()[1], check=True, inter_ms=inter_ms)
        rig = Rig(backend("be", one, check=CheckRules("httpchk", request=GET), timeouts=timeouts))
        control = rig.build()
        control.checks.start()
        await until(lambda: rig.arena.servers[0].check_status == Status.L7TOUT)
        assert rig.arena.servers[0].check_duration_ms >= at_least_ms
        control.checks.stop()
        silent.close()

    on_uvloop(run())


def test_first_checks_are_spread_over_the_interval() -> None:
    async def run() -> None:
        servers = [server(f"s{i}", 9, check=True, inter_ms=4000) for i in range(4)]
        control = Rig(backend("be", *servers)).build()
        now = time.monotonic()
        control.checks.start()
        planned = [when - now for when, _, _ in sorted(control.checks._heap)]
        control.checks.stop()
        assert [round(delay) for delay in planned] == [0, 1, 2, 3]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("health", "state", "expected"),
    [(4, ports.STATE_RUNNING, 2.0), (3, ports.STATE_RUNNING, 0.5), (1, ports.STATE_STOPPED, 0.5), (0, ports.STATE_STOPPED, 7.0)],
)
def test_interval_follows_the_state(health: int, state: int, expected: float) -> None:
    async def run() -> None:
        rig = Rig(backend("be", server("s", check=True, inter_ms=2000, fastinter_ms=500, downinter_ms=7000)))
        control = rig.build()
        rig.arena.servers[0].health, rig.arena.servers[0].state = health, state
        assert control.checks._interval(control.directory.servers[0]) == expected

    asyncio.run(run())


def test_spread_checks_varies_intervals_within_its_percentage() -> None:
    async def run() -> None:
        control = Rig(backend("be", server("s", check=True, inter_ms=1000)), spread_checks=20).build()
        one = control.directory.servers[0]
        intervals = [control.checks._interval(one) for _ in range(200)]
        assert 0.8 <= min(intervals) < 0.9 < 1.1 < max(intervals) <= 1.2

    asyncio.run(run())


