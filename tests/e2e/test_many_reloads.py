"""Many reloads under traffic: nothing is lost, nothing is left behind.

A small run by default. The full one: FASTLB_RELOADS=50 FASTLB_RELOAD_RATE=1000 FASTLB_TEST_DEADLINE=300.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.poll import poll
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only(reason="haproxy closes idle connections when it is reloaded")

RELOADS = int(os.environ.get("FASTLB_RELOADS", "8"))  # an even number: the last generation is like the first
RATE = int(os.environ.get("FASTLB_RELOAD_RATE", "100"))
CLIENTS = 50 if RELOADS > 10 else 20
TUNNELS = 20
# Allocators keep some of what they were given: beyond this much more than after the first reloads is a leak.
SLACK_KB = 8192


class Traffic:
    """support/load.py as a process."""

    def __init__(self, rate: int, n_clients: int, n_tunnels: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.load", str(rate), str(n_clients), str(n_tunnels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._out, self._in = self._process.stdout, self._process.stdin
        self.port = int(self._out.readline())

    def tell(self, line: str) -> None:
        self._in.write(line + "\n")
        self._in.flush()

    def count(self) -> int:
        """New connections that were served so far."""
        self.tell("count")
        return int(self._out.readline())

    def stop(self) -> dict[str, object]:
        self._in.close()
        result: dict[str, object] = json.loads(self._out.readline())
        self._process.wait(60)
        return result

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(60)


def n_fds(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kb(pid: int) -> int:
    """The memory that is this process' own: what a fork shares belongs to no child."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Private_Clean:")))


@pytest.fixture
def traffic():
    one = Traffic(RATE, CLIENTS, TUNNELS)
    yield one
    one.kill()


def test_no_request_is_lost_and_nothing_is_left(start, traffic):
    site = f"{HTTP}    timeout tunnel 1h\nfrontend fe\n    bind port@fe\n    default_backend be\n"
    site += "backend be\n    stick-table type ip size 1k store http_req_cnt\n    http-request track-sc0 src\n"
    proxy = start(f"{site}    server s1 127.0.0.1:{traffic.port} check\n", mode=("-W",), threads=2)
    n_children, fds, memory = len(proxy.children()), n_fds(proxy.pid), 0
    traffic.tell(f"{proxy.addresses['fe'][0]} {proxy.addresses['fe'][1]}")
    poll(lambda: traffic.count() > RATE // 2, "traffic")
    for number in range(2, RELOADS + 2):
        before = traffic.count()
        # Fewer workers than before, then more again: nobody's accept queue is closed.
        text = proxy.config_path.read_text()
        proxy.config_path.write_text(re.sub(r"nbthread \d", f"nbthread {1 + number % 2}", text))
        proxy.process.send_signal(signal.SIGUSR2)
        poll(lambda number=number: f"generation {number} serves" in proxy.stderr, f"generation {number}")
        poll(lambda before=before: traffic.count() > before + RATE // 10, "traffic after the reload")
        if number == 3:
            memory = memory_kb(proxy.pid)
    result = traffic.stop()
    assert result.pop("failed") == []
    assert result["n_reconnected"], result
    poll(lambda: len(proxy.children()) == n_children, "the old generations to be gone")
    poll(lambda: n_fds(proxy.pid) == fds, f"{fds} descriptors in the master again, not {n_fds(proxy.pid)}")
    leftover = memory_kb(proxy.pid) - memory
    print(f"{RELOADS} reloads: {result}, {fds} descriptors, {leftover} kB more in the master")
    assert leftover < SLACK_KB
    stat = proxy.stat()
    assert int(stat["fe", "FRONTEND"]["scur"]) == 0
    assert int(stat["be", "s1"]["hrsp_2xx"]) >= result["n_new"] + result["n_kept"]
