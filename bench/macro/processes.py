"""Processes of a benchmark: started on a CPU of their own, measured through /proc, always stopped, and only by their own pid.

Knows nothing of proxies. Every wait has a deadline.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.macro.model import BenchError

PROXY_CPU, LOAD_CPU = 0, 1
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class CpuTime(NamedTuple):
    """CPU time in microseconds."""

    user_us: float
    system_us: float

    def since(self, before: CpuTime) -> CpuTime:
        """What was used after `before` was read."""
        return CpuTime(self.user_us - before.user_us, self.system_us - before.system_us)


class Memory(NamedTuple):
    """Memory of a process tree in bytes, proportional where several processes share it."""

    data: int
    """Anonymous and shared memory: what the program allocated. Steady, while file pages come and go with the kernel's mood."""
    pss: int
    """All of it, with the pages of executables and libraries."""
    rss: int


def raise_fd_limit() -> int:
    """Raises RLIMIT_NOFILE to its hard limit, for this process and all it starts; returns the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pin(cpu: int) -> None:
    """Binds the calling process to a CPU, where the machine has it."""
    if cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(
    argv: list[str], cpu: int, log: Path, env: dict[str, str] | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Runs `argv` on a CPU for the length of the block; its output goes to `log`, its whole tree is stopped at the end.

    stdout: `subprocess.PIPE` to talk to it over pipes (stdin too) instead.
    """

    def prepare() -> None:
        pin(cpu)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    with log.open("w") as sink:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if stdout else subprocess.DEVNULL,
            stdout=stdout or sink,
            stderr=sink,
            env=env,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[str], patience_s: float = 5.0) -> None:
    """Ends a process and all it started: SIGTERM, then SIGKILL after `patience_s`."""
    pids = tree(process.pid)
    if process.poll() is None:
        process.terminate()
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and (process.poll() is None or any(_is_alive(pid) for pid in pids)):
        time.sleep(0.005)
    for pid in pids:
        if _is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state); empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _is_alive(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def tree(root: int) -> list[int]:
    """The process `root` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_time(root: int) -> CpuTime:
    """CPU time of a process tree until now, with that of children it has waited for."""
    user = system = 0
    for pid in tree(root):
        if fields := _stat(pid):
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return CpuTime(user * TICK_US, system * TICK_US)


def settle(root: int, deadline_s: float = 10.0) -> None:
    """Waits until a process tree neither uses nor wants CPU for 150 ms: what it does after its start must not be counted as work.

    Raises BenchError when it is still busy after `deadline_s`.
    """
    deadline, quiet, before = time.monotonic() + deadline_s, 0, cpu_time(root)
    while quiet < 3:
        if time.monotonic() > deadline:
            raise BenchError(f"uses CPU time without any traffic for {deadline_s:.0f} s")
        time.sleep(0.05)
        now = cpu_time(root)
        is_asleep = all(_stat(pid)[:1] == ["S"] for pid in tree(root))  # else it may be starved of CPU, not idle
        quiet = quiet + 1 if now == before and is_asleep else 0
        before = now


def memory(root: int) -> Memory:
    """Memory of a process tree, from smaps_rollup."""
    sums = {"Pss:": 0, "Rss:": 0, "Pss_Anon:": 0, "Pss_Shmem:": 0}
    for pid in tree(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                key, _, rest = line.partition(" ")
                if key in sums:
                    sums[key] += int(rest.split()[0]) * 1024
    return Memory(sums["Pss_Anon:"] + sums["Pss_Shmem:"], sums["Pss:"], sums["Rss:"])


def read_line(process: subprocess.Popen[str], deadline_s: float, what: str) -> str:
    """One line of a process' standard output; BenchError when it ends or nothing comes in time."""
    assert process.stdout is not None
    timer = signal.setitimer  # readline cannot be told to give up; an alarm can interrupt it

    def give_up(_signum: int, _frame: object) -> None:
        raise BenchError(f"{what}: no answer in {deadline_s:.0f} s")

    previous = signal.signal(signal.SIGALRM, give_up)
    timer(signal.ITIMER_REAL, deadline_s)
    try:
        line = process.stdout.readline()
    finally:
        timer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    if not line:
        raise BenchError(f"{what}: ended early (exit code {process.poll()})")
    return line
