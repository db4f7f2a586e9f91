"""`fastlb demo` as a user sees it: three servers answer in turn, a killed one disappears, Ctrl-C stops everything."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from support.poll import poll


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def served_by(url: str) -> str | None:
    try:
        return get(url).split()[0]
    except (urllib.error.URLError, OSError):
        return None


@pytest.fixture
def demo(tmp_path):
    port, stats_port = free_port(), free_port()
    out = tmp_path / "out"
    with out.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "fastlb", "demo", "--port", str(port), "--stats-port", str(stats_port)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        poll(lambda: "Ctrl-C stops everything." in out.read_text() or process.poll() is not None, "the demonstration")
        yield process, out, f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{stats_port}/"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        print(out.read_text())


def origins(text: str) -> dict[str, int]:
    return {name: int(pid) for name, pid in re.findall(r"^(origin\d): pid (\d+), port \d+$", text, re.MULTILINE)}


def test_demo_serves_in_turn_loses_a_server_and_stops_cleanly(demo):
    process, out, url, stats_url = demo
    pids = origins(out.read_text())
    assert sorted(pids) == ["origin1", "origin2", "origin3"]
    poll(lambda: {served_by(url) for _ in range(3)} == set(pids), "all three servers")
    assert "origin2" in get(stats_url)

    subprocess.run(["kill", str(pids["origin2"])], check=True)
    poll(lambda: "origin2 is gone." in out.read_text(), "the notice")
    poll(lambda: re.search(r"Server origins/origin2 is DOWN", out.read_text()), "the checks to see it")
    assert {served_by(url) for _ in range(6)} == {"origin1", "origin3"}

    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert "everything is stopped" in out.read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
    assert "Traceback" not in out.read_text()


def test_demo_on_a_taken_port_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "fastlb", "demo", "--port", str(port), "--stats-port", str(free_port())],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "cannot bind socket (Address already in use)" in done.stderr
