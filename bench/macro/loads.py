"""Load and origin processes: wrk, our own `load`, and the origin, each run so that counted work and measured CPU time agree.

Knows how to drive the tools and read what they print; nothing of the proxies behind the port.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.macro import build, processes
from bench.macro.model import BenchError, Load, Sample

WARMUP_S = 0.6
Hook = Callable[[], None]
_WRK_LUA = """
wrk.method = "{method}"
wrk.body = string.rep("y", {post_bytes})
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('JSON {{"units": %d, "errors": %d, "bytes": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f}}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.bytes, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99)))
end
"""


@contextlib.contextmanager
def origin(directory: Path) -> Iterator[tuple[int, int]]:
    """Runs the origin for the length of the block; gives its TCP port and the UDP port of its log sink."""
    argv = [str(build.program("origin"))]
    with processes.started(argv, processes.LOAD_CPU, directory / "origin.log", stdout=subprocess.PIPE) as process:
        tcp_port, udp_port = processes.read_line(process, 5, "origin").split()
        yield int(tcp_port), int(udp_port)


def run(load: Load, port: int, seconds: float, directory: Path, before: Hook, after: Hook) -> Sample:
    """Sends `load` to `port`: warm-up, `before()`, the counted part of `seconds`, `after()`.

    Between `before` and `after` the proxy does the counted work and, but for wrk's opening of its connections, nothing else.
    Returns what the tool counted: units, errors, bytes, seconds, p50_us, p99_us. Raises BenchError when a request failed.
    """
    run_with = _run_wrk if load.tool == "wrk" else _run_load
    sample = run_with(load, port, seconds, directory, before, after)
    if sample["errors"] or not sample["units"]:
        raise BenchError(f"{sample['errors']:.0f} failed requests of {sample['units']:.0f}")
    return sample


def _run_wrk(load: Load, port: int, seconds: float, directory: Path, before: Hook, after: Hook) -> Sample:
    script = directory / "wrk.lua"
    script.write_text(_WRK_LUA.format(method="POST" if load.post_bytes else "GET", post_bytes=load.post_bytes))

    def once(duration: float) -> Sample:
        # wrk takes whole seconds only
        whole = max(1, round(duration))
        argv = [
            "wrk",
            "-t1",
            f"-c{load.conns}",
            f"-d{whole}s",
            "--timeout",
            "5s",
            "-s",
            str(script),
            f"http://127.0.0.1:{port}{load.path}",
        ]
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=whole + 15, preexec_fn=lambda: processes.pin(processes.LOAD_CPU)
            )
        except FileNotFoundError as error:
            raise BenchError("wrk is not installed (apt-get install wrk)") from error
        except subprocess.TimeoutExpired as error:
            raise BenchError("wrk hangs") from error
        line = next((line for line in done.stdout.split("\n") if line.startswith("JSON ")), "")
        if not line:
            raise BenchError(f"wrk: {done.stdout[-300:]} {done.stderr[-300:]}")
        return _numbers(line[5:])

    once(WARMUP_S)
    before()
    sample = once(seconds)
    after()
    return sample


@contextlib.contextmanager
def load_process(load: Load, port: int, seconds: float, directory: Path, hold: bool = False) -> Iterator[Callable[[], Sample]]:
    """Runs our own generator up to its "ready"; gives the function that lets it do the counted part and returns the counts.

    hold: instead of counting, its connections stay open and idle until the function is called.
    """
    argv = [str(build.program("load")), str(port), "--conns", str(load.conns), "--path", load.path]
    argv += ["--seconds", str(seconds), "--warmup", str(WARMUP_S)]
    argv += ["--active", str(load.active)] if load.active else []
    argv += ["--post", str(load.post_bytes)] if load.post_bytes else []
    argv += ["--close"] if load.close else []
    argv += ["--browser"] if load.browser else []
    argv += ["--tls"] if load.tls else []
    argv += ["--resume"] if load.resume else []
    argv += ["--hold"] if hold else []
    log = directory / "load.log"
    with processes.started(argv, processes.LOAD_CPU, log, stdout=subprocess.PIPE) as process:

        def line(deadline_s: float) -> str:
            try:
                return processes.read_line(process, deadline_s, "load")
            except BenchError as error:
                raise BenchError(f"{error} {log.read_text().strip()}") from error

        def go() -> Sample:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            return _numbers(line(seconds + 30))

        line(60)
        yield go


def _run_load(load: Load, port: int, seconds: float, directory: Path, before: Hook, after: Hook) -> Sample:
    with load_process(load, port, seconds, directory) as go:
        before()
        sample = go()
        after()
    return sample


def _numbers(text: str) -> Sample:
    return {key: float(value) for key, value in json.loads(text).items()}
