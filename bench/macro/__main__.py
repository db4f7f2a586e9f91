"""`python -m bench.macro`: the whole comparison in one command. Reads the arguments, runs, prints, writes the results.

Exit code 0: all asked for was measured; 1: something failed (named in the output); 2: wrong arguments.
"""

from __future__ import annotations

import argparse
import datetime
import json
import signal
import sys
from pathlib import Path

from bench.macro import chart, processes, report, runner, scenarios
from bench.macro.model import BenchError, Outcome
from bench.macro.proxies import PROXIES

RESULTS = Path(__file__).resolve().parents[1] / "results"


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, lists already split."""
    parser = argparse.ArgumentParser(prog="python -m bench.macro", description="CPU cost of proxies on the same work, in one run")

    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    known = ", ".join(scenarios.SCENARIOS)
    parser.add_argument("--scenarios", type=names, default=["all"], metavar="A,B", help=f"of: {known}, scaling, all")
    parser.add_argument("--proxies", type=names, default=list(PROXIES), metavar="A,B", help=f"of: {', '.join(PROXIES)}")
    parser.add_argument("--pairs", type=int, default=7, help="measurements of each proxy (default 7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of the counted part of each (default 2)")
    parser.add_argument("--json", type=Path, default=RESULTS / "macro.json", help="where the result goes; the chart beside it")
    parser.add_argument("--no-trace", action="store_true", help="leave out the strace runs")
    options = parser.parse_args(argv)
    for name in options.proxies:
        if name not in PROXIES:
            parser.error(f"unknown proxy '{name}' (known: {', '.join(PROXIES)})")
    return options


def main(argv: list[str]) -> int:
    """Runs the benchmark; returns the exit code."""
    options = arguments(argv)
    try:
        chosen = scenarios.select(options.scenarios)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes are stopped on the way out
    processes.raise_fd_limit()
    started, ticks = datetime.datetime.now(datetime.UTC), report.cpu_ticks()
    outcomes: list[Outcome] = []
    try:
        for scenario in chosen:
            outcomes.append(runner.run(scenario, options.proxies, options.pairs, options.seconds, not options.no_trace))
            print(report.table(outcomes[-1]), "\n", flush=True)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what is complete is written", file=sys.stderr)
    if outcomes:
        result = report.as_json(outcomes, options.proxies, started, ticks)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")
        chart.draw(result, options.json.with_suffix(".png"))
        print(", ".join(f"{key} {value}" for key, value in result["machine"].items()))
        print(f"written: {options.json} and {options.json.with_suffix('.png').name}")
    return 1 if len(outcomes) < len(chosen) or any(outcome.failures for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
