"""Outcomes as a table for people (Markdown, to be quoted as it is) and as JSON.

Only formats; computes nothing beyond medians and ratios.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.macro.model import MAIN_QUANTITY, Kind, Outcome, Sample
from bench.macro.proxies import PROXIES

REFERENCE = "haproxy"

# kind -> columns: heading and how a proxy's medians are shown
_COLUMNS: dict[Kind, list[tuple[str, str]]] = {
    "load": [
        ("CPU us/{unit} (user+system)", "{cpu_us:.2f} ({user_us:.1f}+{system_us:.1f})"),
        ("{unit}/s", "{per_s:,.0f}"),
        ("p50 / p99 us", "{p50_us:,.0f} / {p99_us:,.0f}"),
        ("busy", "{busy:.0%}"),
    ],
    "idle": [
        ("bytes/connection", "{bytes_per_conn:,.0f}"),
        ("by PSS / RSS", "{pss_bytes_per_conn:,.0f} / {rss_bytes_per_conn:,.0f}"),
        ("MiB empty", "{empty_mib:.1f}"),
        ("MiB full", "{full_mib:.1f}"),
    ],
    "startup": [
        ("ms to first answer", "{wall_ms:.0f}"),
        ("CPU ms (user+system)", "{cpu_ms:.0f} ({user_ms:.0f}+{system_ms:.0f})"),
        ("MiB", "{memory_mib:.1f}"),
    ],
}


def ratio_text(ratios: list[float]) -> str:
    """Median and spread of per-pair ratios."""
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f})"


def _syscall_text(counts: dict[str, float]) -> str:
    """The sum and the most frequent calls; failures of a call as `name!`."""
    if not counts:
        return ""
    names = sorted((n for n in counts if n != "total" and not n.endswith("!")), key=lambda n: -counts[n])
    parts = []
    for name in names[:6]:
        if counts[name] < 0.01:
            break
        failed = counts.get(name + "!", 0)
        parts.append(f"{name} {counts[name]:.2f}" + (f" ({failed:.2f} fail)" if failed >= 0.01 else ""))
    return f"{counts.get('total', 0):.2f}: " + ", ".join(parts)


def medians(outcome: Outcome, proxy: str) -> Sample:
    """The median of each quantity of a proxy."""
    return {quantity: outcome.median(proxy, quantity) for quantity in outcome.samples[proxy][0]}


def table(outcome: Outcome) -> str:
    """One scenario as a Markdown table, proxies in the order of the registry."""
    scenario = outcome.scenario
    columns = _COLUMNS[scenario.kind]
    headings = ["proxy", *(heading.format(unit=scenario.unit) for heading, _ in columns), f"ratio to {REFERENCE} (min..max)"]
    if scenario.kind == "load":
        headings.append(f"system calls/{scenario.unit}")
    rows = [headings, ["---"] * len(headings)]
    for proxy in (name for name in PROXIES if name in outcome.samples):
        values = medians(outcome, proxy)
        row = [proxy, *(form.format(**values) for _, form in columns)]
        row.append("1" if proxy == REFERENCE else ratio_text(outcome.ratios(proxy, REFERENCE)))
        if scenario.kind == "load":
            row.append(_syscall_text(outcome.syscalls.get(proxy, {})))
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings))]
    text = [f"{scenario.name}: {scenario.title}", ""]
    text += ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    for proxy, sample in ((p, medians(outcome, p)) for p in outcome.samples):
        if "log_lines" in sample and abs(sample["log_lines"] - 1) > 0.01:
            text.append(f"{proxy}: {sample['log_lines']:.3f} log lines per request reached the sink")
    text += [f"{who}: {why}" for who, why in outcome.failures.items()]
    return "\n".join(text)


def cpu_ticks() -> list[int]:
    """The counters of all CPUs in /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal."""
    return [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]


def machine(ticks_before: list[int]) -> dict[str, str]:
    """What the figures were taken on, and how much of it the hypervisor gave to others meanwhile.

    ticks_before: `cpu_ticks()` at the start of the run.
    """
    used = [after - before for after, before in zip(cpu_ticks(), ticks_before, strict=True)]
    cpuinfo = Path("/proc/cpuinfo").read_text().split("\n")
    model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    return {
        "cpu": model,
        "cpus": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "steal": f"{used[7] / max(1, sum(used)):.1%}",
        "load_average": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }


def as_json(outcomes: list[Outcome], proxies: list[str], started: datetime.datetime, ticks_before: list[int]) -> dict[str, Any]:
    """Everything measured, with what is needed to judge it. ticks_before: `cpu_ticks()` when the run started."""
    return {
        "command": "python -m bench.macro " + " ".join(sys.argv[1:]),
        "started": started.isoformat(timespec="seconds"),
        "machine": machine(ticks_before),
        "versions": {name: PROXIES[name].version() for name in proxies},
        "reference": REFERENCE,
        "scenarios": {outcome.scenario.name: _scenario_json(outcome) for outcome in outcomes},
    }


def _scenario_json(outcome: Outcome) -> dict[str, Any]:
    ratios = {proxy: outcome.ratios(proxy, REFERENCE) for proxy in outcome.samples if proxy != REFERENCE}
    return {
        "title": outcome.scenario.title,
        "unit": outcome.scenario.unit,
        "main": MAIN_QUANTITY[outcome.scenario.kind],
        "medians": {proxy: medians(outcome, proxy) for proxy in outcome.samples},
        "ratios": {
            proxy: {"median": statistics.median(values), "min": min(values), "max": max(values), "pairs": values}
            for proxy, values in ratios.items()
            if values
        },
        "syscalls": outcome.syscalls,
        "failures": outcome.failures,
        "samples": outcome.samples,
    }
