"""`show info`: the program's own figures as lines, with descriptions, typed, or as JSON.

Knows the forms (management guide, section 9.3, "show info"). Must not know the figures: stats/process.py has them.
"""

from __future__ import annotations

import json

from fastlb.control.runtime.command import Command, Request
from fastlb.control.stats import process
from fastlb.control.stats.csv import json_value


def _show_info(request: Request) -> str:
    words = request.arguments
    now = process.read(request.control)
    description = request.control.configuration.global_.description
    values = [(line, line.value(now)) for line in process.LINES]
    if "json" in words:
        listed = [json_value(line.position, line.name, line.tags, line.kind, value) for line, value in values]
        return json.dumps(listed, separators=(",", ":")) + "\n"
    lines = []
    for line, value in values:
        about = f':"{line.help}"' if "desc" in words else ""
        if "typed" in words:
            lines.append(f"{line.position}.{line.name}.1:{line.tags}:{line.kind}:{value}{about}\n")
        else:
            lines.append(f"{line.name}: {value}{about}\n")
        if line.name == "node" and description and "typed" not in words:
            lines.append(f"description: {description}\n")
    return "".join(lines)


def _show_activity(request: Request) -> str:
    """What each worker's loop does; the sum first, then every worker between brackets."""
    workers = request.control.snapshot.workers()
    lines = [f"workers: {len(workers)}\n"]
    for name, field in _ACTIVITY:
        values = [int(getattr(worker, field)) for worker in workers]
        lines.append(f"{name}: {sum(values)} [ {' '.join(map(str, values))} ]\n")
    return "".join(lines)


_ACTIVITY = (
    ("loops", "n_loops"),
    ("poll_io", "n_wakeups"),
    ("accepted", "n_accepted"),
    ("connections", "n_conns"),
    ("streams", "n_streams"),
    ("idle_to_servers", "n_idle_back"),
    ("pipes", "n_pipes"),
)

COMMANDS = (
    Command(("show", "activity"), _show_activity, "what the workers' loops do"),
    Command(("show", "info"), _show_info, "figures of the running program", "[desc|json|typed]*"),
)
