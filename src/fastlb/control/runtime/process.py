"""Commands about the program's processes: libraries, workers, buffers, and waiting.

Knows what can be told of them honestly: HAProxy's `show threads` and `show pools` are about its own threads and pools, here they
are about workers and theirs. Their form may change.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from fastlb.control import ports
from fastlb.control.hub import clock_ms
from fastlb.control.messages import MessageError
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.runtime.words import seconds_from

_STATES = {
    ports.WORKER_STARTING: "starting",
    ports.WORKER_RUNNING: "running",
    ports.WORKER_STOPPING: "stopping",
    ports.WORKER_GONE: "gone",
}
_STUCK_MS = 3000
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ +(/\S.*)")
_POLL_S = 0.05


def _show_libs(request: Request) -> str:
    """Shared objects of this process, which all have been loaded before the fork, in the order of their addresses."""
    del request
    spans: dict[str, tuple[int, int]] = {}
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError as error:
        raise Refused(f"/proc/self/maps: {error.strerror}.\n") from None  # in a chroot
    for line in lines:
        found = _MAPPING.fullmatch(line)
        if found and (".so" in found[3] or "/bin/" in found[3]):
            start, end = int(found[1], 16), int(found[2], 16)
            low, high = spans.get(found[3], (start, end))
            spans[found[3]] = min(low, start), max(high, end)
    return "".join(f"{low:#014x}-{high - 1:#014x} ({high - low:#09x}) {name}\n" for name, (low, high) in spans.items())


def _show_providers(request: Request) -> str:
    """haproxy: those that libcrypto has loaded; fastlb loads none but its default."""
    del request
    return "Loaded providers : \n\t- default\n"


def _show_threads(request: Request) -> str:
    """A block for each worker; `>` in front of one whose loop has not turned for a while."""
    now = clock_ms()
    lines = []
    for number, worker in enumerate(request.control.snapshot.workers(), 1):
        age = now - worker.heartbeat_ms
        mark = ">" if worker.state == ports.WORKER_RUNNING and age > _STUCK_MS else " "
        lines += [
            f"{mark} Worker {number} : pid={worker.pid} state={_STATES.get(worker.state, 'none')} heartbeat={age}ms ago\n",
            f"      loops={worker.n_loops} wakeups={worker.n_wakeups} accepted={worker.n_accepted}\n",
            f"      conns={worker.n_conns} streams={worker.n_streams} idle_back={worker.n_idle_back} pipes={worker.n_pipes}\n",
        ]
    return "".join(lines)


async def _show_pools(request: Request) -> str:
    """What each worker holds, as it says itself."""
    lines = ["Dumping pools usage.\n"]
    answers = await request.control.messages.broadcast("stats")
    states = request.control.snapshot.workers()
    for worker, held in sorted(answers.items()):
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in held.items())
        lines.append(f"  - Worker {worker + 1} : {told}, {states[worker].pool_bytes} bytes in buffers\n")
    total = sum(state.pool_bytes for state in states)
    return "".join(lines) + f"Total: {len(answers)} workers, {total} bytes in buffers.\n"


async def _wait(request: Request) -> str:
    """`wait DELAY [srv-removable BACKEND/SERVER]` (3.0): for a while, or until a server has nobody left."""
    seconds = seconds_from(request.argument(0), "ms")
    if seconds is None:
        raise Refused("Wait duration in milliseconds, or with a unit, expected.\n")
    condition = request.argument(1)
    if not condition:
        await asyncio.sleep(seconds)
        return "Done.\n"
    if condition != "srv-removable":
        raise Refused(f"Unknown condition '{condition}' to wait for, only 'srv-removable' is known.\n")
    server = request.server(2)
    snapshot = request.control.snapshot
    deadline = clock_ms() + seconds * 1000
    while True:
        state, counters = snapshot.server_state(server.index), snapshot.counters("server", server.index)
        if not state.admin & ports.ADMIN_MAINT:
            raise Refused("Only servers in maintenance mode can be deleted.\n")
        # What is idle is closed by `del server`.
        if not (state.served or state.queued or counters.used_conns):
            return "Done.\n"
        if clock_ms() >= deadline:
            raise Refused("Server still has connections attached to it, cannot remove it.\n")
        await asyncio.sleep(_POLL_S)


def _show_startup_logs(request: Request) -> str:
    return f"{request.control.startup_logs}\n"


async def shut_listeners(request: Request, frontend: str) -> None:
    """Has all workers give a frontend's addresses back. One that is started later finds its sockets shut as well."""
    control = request.control
    for worker in control.messages.workers:
        try:
            await control.messages.request(worker, "shut-listeners", frontend=frontend)
        except MessageError:
            continue


COMMANDS = (
    Command(("show", "startup-logs"), _show_startup_logs, "what the start had to say", level=Level.OPERATOR),
    Command(("show", "libs"), _show_libs, "the shared libraries", level=Level.OPERATOR),
    Command(("show", "pools"), _show_pools, "what the workers hold"),
    Command(("show", "ssl", "providers"), _show_providers, "the providers of the TLS library"),
    Command(("show", "threads"), _show_threads, "what the workers are about"),
    Command(("wait",), _wait, "wait, or until a server is free", "<delay> [srv-removable <bk>/<srv>]"),
)
