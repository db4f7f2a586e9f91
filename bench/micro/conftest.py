"""Fixtures of the micro benchmarks: the compiled loops, and a benchmark that reports per call of the measured function.

Every loop makes ROUNDS calls in C, so the "per round" figures that pytest-benchmark prints are divided by ROUNDS in the
extra column `ns_per_call` of its JSON and in the last line of each test's report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.micro import build

ROUNDS = 10_000


@pytest.fixture(scope="session")
def kernel() -> Callable[[str], Any]:
    """`kernel(name)`: the compiled loops of kernels/NAME.pyx."""
    return build.kernel


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., Any]:
    """`measure(loop, *args)` benchmarks `loop(*args, ROUNDS)`, notes nanoseconds per call, returns the loop's result."""

    def run(loop: Callable[..., Any], *args: Any) -> Any:
        result = benchmark(loop, *args, ROUNDS)
        if benchmark.stats:
            benchmark.extra_info["ns_per_call"] = round(benchmark.stats.stats.median / ROUNDS * 1e9, 1)
        return result

    run.rounds = ROUNDS  # type: ignore[attr-defined]
    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    rows = [(b.name, b.extra_info["ns_per_call"]) for b in getattr(session, "benchmarks", []) if "ns_per_call" in b.extra_info]
    if rows:
        terminalreporter.section("nanoseconds per call, median")
        for name, ns in rows:
            terminalreporter.line(f"{ns:12,.1f}  {name}")
