"""The processes of the generations: born, watched, restarted, told to end.

Knows how each child is started and what its death means for the shared state. When to start or stop a generation is
master.py's decision.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

from fastlb.supervisor.alerts import Alerts
from fastlb.supervisor.channel import Channel
from fastlb.supervisor.children import CONTROL, WORKER, Child, describe, spawn
from fastlb.supervisor.generation import COMMAND_SOFT_STOP, COMMAND_STOP, Generation, Parts

STOP_GRACE_S = 1.0  # a stopping child writes its last log lines within this, or is killed


class Family:
    """All generations that have processes, and those processes.

    poll: where the channels to the control processes are registered. close_in_child: closes the master's own descriptors.
    on_failed_start: called with a generation one of whose children died before it served.
    """

    def __init__(
        self,
        parts: Parts,
        alerts: Alerts,
        poll: select.poll,
        close_in_child: Callable[[], None],
        on_failed_start: Callable[[Generation], None],
    ) -> None:
        self._parts = parts
        self._alerts = alerts
        self._poll = poll
        self._close_in_child = close_in_child
        self._on_failed_start = on_failed_start
        self.generations: list[Generation] = []

    # -- birth --------------------------------------------------------------------------------------------------------

    def start(self, generation: Generation) -> None:
        """Starts all processes of a new generation."""
        self.generations.append(generation)
        # Control first: its sockets are bound already, and workers connect to it as they start.
        self._start_control(generation)
        for child in generation.workers:
            self._start_worker(generation, child)

    def _start_worker(self, generation: Generation, child: Child) -> None:
        def run() -> int:
            self._forget(generation)
            return self._parts.run_worker(generation, child.index)

        self._born(child, spawn(run))
        generation.snapshot.set_worker(child.index, child.pid)
        generation.tell_control({"event": "worker-started", "worker": child.index, "pid": child.pid})

    def _start_control(self, generation: Generation) -> None:
        self.close_channel(generation)
        generation.channel = channel = Channel()

        def run() -> int:
            self._forget(generation)
            return self._parts.run_control(generation)

        self._born(generation.control, spawn(run))
        channel.close_theirs()
        self._poll.register(channel.fileno(), select.POLLIN)

    def _born(self, child: Child, pid: int) -> None:
        child.pid = pid
        child.started_at = time.monotonic()
        child.restart_at = None
        child.is_ready = child.role == CONTROL

    def _forget(self, generation: Generation) -> None:
        """In a new child: closes what it inherits and must not keep, the master's descriptors and other generations'."""
        self._close_in_child()
        for other in self.generations:
            if other is not generation:
                other.close()
                other.listeners.close_except(generation.listeners)

    # -- death --------------------------------------------------------------------------------------------------------

    def reap(self) -> None:
        """Collects the children that ended and acts on each death."""
        for generation in [*self.generations]:
            for child in generation.children():
                if not child.pid:
                    continue
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    child.pid = 0
                    self._mourn(generation, child, pid, status)

    def _mourn(self, generation: Generation, child: Child, pid: int, status: int) -> None:
        how = describe(status)
        if child.role == WORKER:
            generation.snapshot.recover_worker(child.index)
            generation.tell_control(
                {"event": "worker-died", "worker": child.index, "pid": pid, "status": how, "expected": generation.is_stopping}
            )
        else:
            generation.snapshot.recover_process(pid)
            self.close_channel(generation)
        if generation.is_stopping:
            if status and not child.is_killed and generation.is_ready:
                self._alerts.alert(f"{child.name} ({pid}) {how} while stopping")
        elif not generation.is_ready:
            self._alerts.alert(f"{child.name} ({pid}) {how} while starting")
            self._on_failed_start(generation)
        else:
            child.last_end = f"{child.name} ({pid}) {how}"
            delay = child.plan_restart(time.monotonic())
            when = "now" if delay == 0 else f"in {delay:g} s"
            lost = "Its connections are lost, the other workers serve on" if child.role == WORKER else "Traffic goes on"
            self._alerts.alert(f"{child.last_end}: restarted {when}. {lost}.")

    def restart_due(self) -> None:
        """Starts again what died and has waited long enough."""
        now = time.monotonic()
        for generation in self.generations:
            for child in generation.children():
                if child.restart_at is None or child.restart_at > now:
                    continue
                child.restart_at = None
                if generation.is_stopping:
                    continue
                if child.role == WORKER:
                    self._start_worker(generation, child)
                else:
                    self._start_control(generation)
                    generation.tell_control({"event": "control-restarted", "end": child.last_end})

    # -- the end --------------------------------------------------------------------------------------------------------

    def drain(self, generation: Generation, is_replaced: bool = False) -> None:
        """Soft stop: the workers accept nothing any more and end when idle, or after `hard-stop-after`."""
        generation.is_stopping = True
        generation.command(COMMAND_SOFT_STOP)
        generation.tell_control({"event": "replaced" if is_replaced else "stopping"})
        limit_ms = generation.configuration.global_.hard_stop_after_ms
        if limit_ms is not None:
            generation.hard_stop_at = time.monotonic() + limit_ms / 1000

    def end(self, generation: Generation) -> None:
        """Hard stop: the children end at once, or are killed after STOP_GRACE_S."""
        generation.is_stopping = True
        generation.command(COMMAND_STOP)
        self._signal(generation.control, signal.SIGTERM)
        generation.hard_stop_at = None
        generation.kill_at = time.monotonic() + STOP_GRACE_S

    def kill(self, generation: Generation) -> None:
        generation.is_stopping = True
        generation.kill_at = None
        for child in generation.children():
            self._signal(child, signal.SIGKILL)

    def check_deadlines(self) -> None:
        """Moves stopping generations on: drained, drained for too long, not ended in time."""
        now = time.monotonic()
        for generation in self.generations:
            if not generation.is_stopping:
                continue
            if generation.hard_stop_at is not None and now >= generation.hard_stop_at:
                self._alerts.warning("soft-stop running for too long, performing a hard-stop.")
                self.end(generation)
            elif generation.kill_at is not None and now >= generation.kill_at:
                self.kill(generation)
            elif generation.kill_at is None and generation.control.pid and not generation.has_workers():
                # Control outlives the workers: it takes their last messages.
                self.end(generation)

    def next_deadline(self) -> float | None:
        """When restart_due or check_deadlines has something to do, in seconds of the monotonic clock."""
        deadlines = [child.restart_at for generation in self.generations for child in generation.children()]
        for generation in self.generations:
            deadlines += [generation.kill_at, generation.hard_stop_at]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def forget_finished(self, on_finished: Callable[[Generation], None]) -> None:
        """Lets go of stopped generations without processes, after a call for each."""
        for generation in [*self.generations]:
            if generation.is_stopping and generation.is_gone():
                on_finished(generation)
                self.generations.remove(generation)
                self.close_channel(generation)
                generation.close()

    def _signal(self, child: Child, number: int) -> None:
        if child.pid:
            child.is_killed = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def close_channel(self, generation: Generation) -> None:
        if generation.channel is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._poll.unregister(generation.channel.fileno())
            generation.channel.close()
            generation.channel = None
