"""The ratios of a run as a picture: one group of bars per scenario, HAProxy's bar is the line at 1.

Draws from the JSON form of a run, so an old result can be drawn again: `python -m bench.macro.chart RESULT.json CHART.png`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLOURS = {"fastlb": "#1b7f5c", "nginx": "#8a8f98", "floor": "#d7dade"}


def draw(result: dict[str, Any], target: Path) -> None:
    """Writes the chart of a run as PNG. Whiskers reach from the lowest to the highest pair."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    scenarios = {name: entry for name, entry in result["scenarios"].items() if entry["ratios"]}
    if not scenarios:
        return
    proxies = [proxy for proxy in COLOURS if any(proxy in entry["ratios"] for entry in scenarios.values())]
    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.28 * len(scenarios) * (len(proxies) + 1)))
    height = 0.8 / max(1, len(proxies))
    for rank, proxy in enumerate(proxies):
        for row, entry in enumerate(scenarios.values()):
            if not (ratio := entry["ratios"].get(proxy)):
                continue
            middle = row + (rank - (len(proxies) - 1) / 2) * height
            spread = [[ratio["median"] - ratio["min"]], [ratio["max"] - ratio["median"]]]
            axes.barh(middle, ratio["median"], height, xerr=spread, color=COLOURS[proxy], ecolor="#444", capsize=2, label=proxy)
            axes.text(ratio["max"] + 0.02, middle, f"{ratio['median']:.2f}", va="center", fontsize=8)
    axes.axvline(1, color="#c0392b", linewidth=1)
    axes.set_yticks(range(len(scenarios)), [f"{name} ({entry['main']})" for name, entry in scenarios.items()])
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel(f"ratio to {result['reference']} (1 = the same cost; less is better)")
    by_label = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(
        by_label.values(),
        by_label.keys(),
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(by_label),
        frameon=False,
        fontsize=8,
    )
    versions = result["versions"].get(result["reference"], "")
    axes.set_title(f"{versions}; {result['machine']['cpu']}, kernel {result['machine']['kernel']}", fontsize=8, loc="right")
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
