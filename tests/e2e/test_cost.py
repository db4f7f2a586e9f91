"""What a request may cost, in things that can be counted: system calls of the worker, descriptors, nothing of Python."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.origin import named
from support.poll import poll
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only(reason="about fastlb's worker")

CALL = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)


def counted(pid: int, work, path) -> dict[str, int]:
    """The system calls of a process while `work()` runs, by name."""
    with subprocess.Popen(["strace", "-c", "-f", "-o", str(path), "-p", str(pid)], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        work()
        tracer.terminate()
        tracer.wait(30)
    return {name: int(count) for count, name in CALL.findall(path.read_text()) if name != "total"}


def test_keep_alive_request_takes_four_data_calls_and_no_epoll_ctl(start, origin, tmp_path):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    server s1 {origin(named('a'))}\n")
    client = proxy.client()
    client.request()
    port = client.sock.getsockname()[1]
    worker = next(pid for pid in proxy.children() if holds(pid, port))
    rounds = 300

    def work():
        for _ in range(rounds):
            assert client.request().body == b"a"

    calls = counted(worker, work, tmp_path / "calls")
    data = sum(count for name, count in calls.items() if re.match(r"(recv|send|read|write)", name))
    assert data / rounds <= 4.1, calls
    # One wait for the client's bytes, one for the server's.
    assert calls["epoll_wait"] / rounds <= 2.1, calls
    assert calls.get("epoll_ctl", 0) / rounds < 0.05, calls
    # Nothing else per request: what remains is waiting.
    others = {n: c for n, c in calls.items() if not re.match(r"(recv|send|read|write|epoll)", n) and c / rounds > 0.2}
    assert not others, calls


def holds(pid: int, port: int) -> bool:
    """Whether the process has the proxy's end of the client's connection."""
    found = subprocess.run(["ss", "-tnpH", f"( dport = :{port} )"], capture_output=True, text=True, check=True).stdout
    return f"pid={pid}," in found


def test_closed_connections_leave_no_descriptor(start, origin):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    option httpclose\n    server s1 {origin(named('a'))}\n")
    proxy.fetch()

    def descriptors() -> int:
        return sum(len(list(path.iterdir())) for path in map(fd_directory, proxy.children()))

    before = descriptors()
    for _ in range(100):
        assert proxy.fetch().status == 200
    poll(lambda: descriptors() <= before + 2, "descriptors to be closed")


def fd_directory(pid: int) -> Path:
    return Path(f"/proc/{pid}/fd")
