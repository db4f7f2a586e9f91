"""System calls per unit of work, by `strace -c -f` on a short run of its own: tracing slows a proxy down several times over.

Knows strace's table. The load is always our own generator, whose ready/go handshake leaves set-up out of the count.
"""

from __future__ import annotations

import dataclasses
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bench.macro import loads, processes
from bench.macro.model import BenchError, Load

SECONDS = 1.0


def per_unit(load: Load, pid: int, port: int, units_per_request: int, directory: Path) -> dict[str, float]:
    """Calls per unit by name, with their sum as "total", over the proxy's whole process tree.

    Calls that fail are counted again under NAME + "!". Empty without strace or without the right to trace.
    """
    strace = shutil.which("strace")
    if not strace:
        return {}
    table, log = directory / "strace.txt", directory / "strace.log"
    table.unlink(missing_ok=True)
    pids = processes.tree(pid)
    argv = [strace, "-c", "-f", "-o", str(table)]
    for one in pids:
        argv += ["-p", str(one)]
    load = dataclasses.replace(load, tool="load")
    with loads.load_process(load, port, SECONDS, directory) as go, processes.started(argv, processes.LOAD_CPU, log) as tracer:
        deadline = time.monotonic() + 10
        while log.read_text().count("attached") < len(pids):
            if tracer.poll() is not None or time.monotonic() > deadline:
                return {}
            time.sleep(0.01)
        units = go()["units"] * units_per_request
        tracer.send_signal(signal.SIGINT)
        try:
            tracer.wait(timeout=10)
        except subprocess.TimeoutExpired as error:
            raise BenchError("strace does not end") from error
    return {name: count / units for name, count in parse(table.read_text()).items()}


def parse(table: str) -> dict[str, int]:
    """The calls of an `strace -c` table by name, failures under NAME + "!", the sum under "total"."""
    counts: dict[str, int] = {}
    for line in table.splitlines():
        fields = line.split()
        if len(fields) < 5 or not fields[0].replace(".", "").isdigit() or not fields[3].isdigit():
            continue
        name = fields[-1]
        counts[name] = counts.get(name, 0) + int(fields[3])
        if len(fields) == 6:
            counts[name + "!"] = counts.get(name + "!", 0) + int(fields[4])
    return counts
