"""Runs scenarios: the proxies take turns, pair after pair, so that what else the machine does hits all alike.

Each turn starts the proxy afresh: memory layout is drawn anew, and the others are not there to disturb.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.macro import loads, processes, syscalls
from bench.macro.model import BenchError, Outcome, Sample, Scenario
from bench.macro.processes import CpuTime
from bench.macro.proxies import PROXIES, Proxy, Running, fetch, running

Origin = tuple[int, int]


def run(scenario: Scenario, names: list[str], pairs: int, seconds: float, trace: bool) -> Outcome:
    """Measures the named proxies `pairs` times in turn.

    seconds: length of the counted part of one measurement. trace: count system calls too.
    A proxy that fails is dropped from the scenario and the reason noted; one that cannot do the work is left out.
    """
    outcome = Outcome(scenario)
    able = [PROXIES[name] for name in names if PROXIES[name].does(scenario.setup)]
    with tempfile.TemporaryDirectory(prefix="fastlb-bench-") as temp:
        directory = Path(temp)
        with loads.origin(directory) as origin:
            for pair in range(pairs):
                order = able if pair % 2 == 0 else able[::-1]
                for proxy in [p for p in order if p.name not in outcome.failures]:
                    _turn(outcome, proxy, origin, directory / f"{proxy.name}-{pair}", seconds)
                _progress(f"  {scenario.name}: {pair + 1} of {pairs}")
            if trace and scenario.kind == "load":
                for proxy in [p for p in able if p.name not in outcome.failures]:
                    _trace(outcome, proxy, origin, directory / f"{proxy.name}-trace")
    return outcome


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"{text:<60}", end="\r", file=sys.stderr, flush=True)


def _turn(outcome: Outcome, proxy: Proxy, origin: Origin, directory: Path, seconds: float) -> None:
    measure = {"load": _measure_load, "idle": _measure_idle, "startup": _measure_startup}[outcome.scenario.kind]
    try:
        with running(proxy, outcome.scenario.setup, origin, directory) as proc:
            if outcome.scenario.kind != "startup":
                processes.settle(proc.pid)
            sample = measure(outcome.scenario, proc, origin, directory, seconds)
    except BenchError as error:
        outcome.failures[proxy.name] = str(error)
        outcome.samples.pop(proxy.name, None)
        return
    outcome.samples.setdefault(proxy.name, []).append(sample)


def _trace(outcome: Outcome, proxy: Proxy, origin: Origin, directory: Path) -> None:
    scenario = outcome.scenario
    try:
        with running(proxy, scenario.setup, origin, directory) as proc:
            processes.settle(proc.pid)
            counts = syscalls.per_unit(scenario.load, proc.pid, proc.port, scenario.units_per_request, directory)
    except BenchError as error:
        outcome.failures[f"{proxy.name} under strace"] = str(error)
        return
    if counts:
        outcome.syscalls[proxy.name] = counts


def _measure_load(scenario: Scenario, proc: Running, origin: Origin, directory: Path, seconds: float) -> Sample:
    clocks: list[CpuTime] = []
    lines: list[int] = []
    pids = processes.tree(proc.pid)

    def read_clocks() -> None:
        clocks.append(processes.cpu_time(proc.pid))
        if scenario.setup.log:
            lines.append(int(fetch(origin[0], "/lines").rpartition(b"\n")[2] or 0))

    counted = loads.run(scenario.load, proc.port, seconds, directory, read_clocks, read_clocks)
    if processes.tree(proc.pid) != pids:
        raise BenchError("processes of the proxy ended or were started while it was measured")
    used = clocks[1].since(clocks[0])
    units = counted["units"] * scenario.units_per_request
    sample = {
        "cpu_us": (used.user_us + used.system_us) / units,
        "user_us": used.user_us / units,
        "system_us": used.system_us / units,
        "per_s": units / counted["seconds"],
        "p50_us": counted["p50_us"],
        "p99_us": counted["p99_us"],
        "busy": (used.user_us + used.system_us) / 1e6 / counted["seconds"],
    }
    if lines:
        sample["log_lines"] = (lines[1] - lines[0]) / units
    return sample


def _measure_idle(scenario: Scenario, proc: Running, _origin: Origin, directory: Path, _seconds: float) -> Sample:
    """Memory with no connection, then with all of them open, each after one request."""
    empty = processes.memory(proc.pid)
    with loads.load_process(scenario.load, proc.port, 0, directory, hold=True) as release:
        full = processes.memory(proc.pid)
        errors = release()["errors"]
    if errors:
        raise BenchError(f"{errors:.0f} connections failed")
    conns = scenario.load.conns
    return {
        "bytes_per_conn": (full.data - empty.data) / conns,
        "pss_bytes_per_conn": (full.pss - empty.pss) / conns,
        "rss_bytes_per_conn": (full.rss - empty.rss) / conns,
        "empty_mib": empty.pss / (1 << 20),
        "full_mib": full.pss / (1 << 20),
    }


def _measure_startup(_scenario: Scenario, proc: Running, _origin: Origin, _directory: Path, _seconds: float) -> Sample:
    used = processes.cpu_time(proc.pid)
    return {
        "wall_ms": proc.wall_ms,
        "cpu_ms": (used.user_us + used.system_us) / 1000,
        "user_ms": used.user_us / 1000,
        "system_ms": used.system_us / 1000,
        "memory_mib": processes.memory(proc.pid).pss / (1 << 20),
    }
