"""The master: starts a generation, waits for signals, reloads, stops.

Knows the order of life and nothing of the network: it parses no input but the lines of its own control process. Everything
happens in one loop over a poll(2) and the next deadline; no event-loop library is imported here.

    start ──► starting ── all workers poll ──► serving ◄── SIGTTOU, SIGTTIN ──► paused
                 │ a child dies                │    ▲ the next generation serves: the old one drains
                 ▼                     SIGUSR2 ▼    │
               exit 1                        starting (next generation)
    serving ── SIGUSR1 ──► draining ── idle, or hard-stop-after ──► exit 0
    any     ── SIGTERM, SIGINT ──► stopping ──► exit 0, 130, or death by that signal
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastlb.config.difference import differences
from fastlb.control.tls.files import read_files
from fastlb.control.version import VERSION
from fastlb.supervisor.alerts import Alerts
from fastlb.supervisor.console import Console, Listener
from fastlb.supervisor.family import Family
from fastlb.supervisor.generation import COMMAND_PAUSE, COMMAND_RESUME, Generation, Parts
from fastlb.supervisor.signals import SignalQueue, die_of
from fastlb.supervisor.systemd import Notifier

_COLLECT_S = 1.0  # how often what draining generations count goes to the one that serves
_READY_POLL_S = 0.005  # while a generation starts: the workers' states are in shared memory and wake nobody
_LONG_S = 3600.0
_ENDS = "The program ends.\n"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the master calls at the turns of its life.

    on_serving: once, when the first generation serves (pid file, terminal, old processes). on_ending: when the program was
    told to end. make_next: loads and builds the generation after the given one, None after an alert where that fails.
    in_child: in every new child, to close what is not for it.
    """

    on_serving: Callable[[], None]
    on_ending: Callable[[], None]
    make_next: Callable[[Generation], Generation | None]
    in_child: Callable[[], None]


class Master:
    """Supervises the generations of one program. is_master_worker: -W or -Ws, for the exit statuses."""

    def __init__(self, parts: Parts, alerts: Alerts, notifier: Notifier, hooks: Hooks, is_master_worker: bool) -> None:
        self._alerts = alerts
        self._notifier = notifier
        self._hooks = hooks
        self._is_master_worker = is_master_worker
        self._signals = SignalQueue()
        self._poll = select.poll()
        self._family = Family(parts, alerts, self._poll, self._close_in_child, self._on_failed_start)
        self._current: Generation | None = None
        self._next: Generation | None = None
        self._stop_signal = 0  # what asked for the end, 0 while nothing did
        self._has_failed = False
        self._wants_reload = False
        self._to_be_told: list[Callable[[bool, str], None]] = []  # of the next reload
        self._waiting_for_reload: list[Callable[[bool, str], None]] = []  # of the one under way
        self._n_reloads = self._n_failed = 0
        self._started_at = time.monotonic()
        self._console = Console(self._poll, self, VERSION)
        self._collect_at: float | None = None  # while there are draining generations

    def install_signals(self) -> None:
        """From here on signals are queued; `run` acts on them."""
        self._signals.install()
        self._poll.register(self._signals.fileno(), select.POLLIN)

    def listen(self, listeners: list[Listener]) -> None:
        """The master's own runtime sockets."""
        self._console.listen(listeners)

    def run(self, generation: Generation) -> int:
        """Serves until told to stop. Returns the exit status; outside the master-worker mode it ends by the signal."""
        self._next = generation
        generation.startup_logs = self.startup_logs()
        self._family.start(generation)
        while self._family.generations:
            self._turn()
        return self._finish()

    def _close_in_child(self) -> None:
        self._signals.close_in_child()
        self._console.close_in_child()
        self._hooks.in_child()

    def _turn(self) -> None:
        self._poll.poll(self._timeout_ms())
        for number in self._signals.take():
            self._on_signal(number)
        self._read_channels()
        self._family.reap()
        self._check_started()
        self._family.restart_due()
        self._family.check_deadlines()
        self._collect_when_due()
        if self._wants_reload and self._next is None:
            self._reload()
        self._family.forget_finished(self._collect)
        self._console.turn()

    @property
    def _is_ending(self) -> bool:
        return self._stop_signal != 0 or self._has_failed

    def _timeout_ms(self) -> int:
        now = time.monotonic()
        soonest = self._family.next_deadline()
        if soonest is None:
            soonest = now + _LONG_S
        if self._next is not None:
            soonest = min(soonest, now + _READY_POLL_S)
        elif self._wants_reload:
            soonest = now
        if self._collect_at is not None:
            soonest = min(soonest, self._collect_at)
        return max(0, int((soonest - now) * 1000) + 1)

    def _on_signal(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop(number)
        elif number == signal.SIGUSR1:
            self._soft_stop()
        elif number in (signal.SIGHUP, signal.SIGUSR2):
            self._ask_for_reload()
        elif number in (signal.SIGTTOU, signal.SIGTTIN):
            self._pause(number == signal.SIGTTOU)

    def _pause(self, is_pause: bool) -> None:
        for generation in self._family.generations:
            if not generation.is_stopping:
                generation.command(COMMAND_PAUSE if is_pause else COMMAND_RESUME)
                generation.tell_control({"event": "paused" if is_pause else "resumed"})

    def _read_channels(self) -> None:
        for generation in [*self._family.generations]:
            if generation.channel is None:
                continue
            messages = generation.channel.receive()
            if messages is None:
                self._family.close_channel(generation)
                continue
            for message in messages:
                if message.get("command") == "roster":
                    generation.change_roster(message)
                else:
                    self._on_command(generation, message.get("command"))

    def _on_command(self, generation: Generation, command: object) -> None:
        """What control may ask for, on behalf of an operator."""
        if command == "read-certificates" and generation.channel is not None:
            # Which files, the configuration says: control cannot ask for others.
            generation.channel.send_file({"event": "certificates"}, json.dumps(read_files(generation.configuration)).encode())
        elif command == "reload":
            self._ask_for_reload()
        elif command == "stop":
            self._stop(signal.SIGTERM)
        elif command == "soft-stop":
            self._soft_stop()

    # -- start and reload -----------------------------------------------------------------------------------------------

    def _check_started(self) -> None:
        generation = self._next
        if generation is None or not generation.notice_ready_workers():
            return
        self._next = None
        generation.is_ready = True
        old, self._current = self._current, generation
        self._n_failed = 0
        if old is None:
            self._hooks.on_serving()
        else:
            self._family.drain(old, is_replaced=True)
            self._collect(old)
            self._collect_at = time.monotonic() + _COLLECT_S
            old.listeners.close_except(generation.listeners)
            self._n_reloads += 1
            self._end_survivors(generation)
            self._alerts.notice(f"Reloaded: generation {generation.number} serves, the old workers finish what they have.")
        self._tell_outcome(True)
        self._notifier.ready()
        generation.tell_control({"event": "serving"})

    def _ask_for_reload(self) -> None:
        """As soon as no other one is under way; a program that ends is not reloaded any more."""
        self._wants_reload = not self._is_ending

    def _reload(self) -> None:
        assert self._current is not None
        self._wants_reload = False
        self._waiting_for_reload, self._to_be_told = self._to_be_told, []
        self._notifier.reloading()
        self._alerts.recorded.clear()
        self._alerts.is_recording = True
        try:
            generation = self._hooks.make_next(self._current)
        except Exception as error:
            # Whatever is wrong with reading the files must not end what serves.
            self._alerts.alert(f"The configuration cannot be loaded: {type(error).__name__}: {error}")
            generation = None
        if generation is None:
            self._reload_failed()
            return
        for text in differences(self._current.configuration, generation.configuration):
            self._alerts.notice(f"Change: {text}")
        self._leave_to(generation)
        self._next = generation
        generation.startup_logs = self.startup_logs()
        self._family.start(generation)

    def _reload_failed(self) -> None:
        self._n_failed += 1
        self._alerts.warning("Reload refused: the running configuration stays in force.")
        self._tell_outcome(False)
        self._notifier.ready("Reload failed!")
        if self._current is not None:
            self._current.tell_control({"event": "reload-failed"})

    def _on_failed_start(self, generation: Generation) -> None:
        """The first generation ends the program, a later one is given up."""
        self._next = None
        self._family.end(generation)
        if self._current is None:
            self._has_failed, self._wants_reload = True, False
        else:
            generation.listeners.close_except(self._current.listeners)
            if self._current.heritage is not None:
                self._current.heritage.take_back()
            self._reload_failed()

    def _tell_outcome(self, has_worked: bool) -> None:
        self._alerts.is_recording = False
        waiting, self._waiting_for_reload = self._waiting_for_reload, []
        for on_done in waiting:
            on_done(has_worked, self.startup_logs())

    def _end_survivors(self, generation: Generation) -> None:
        """`mworker-max-reloads`: workers that are still there after so many reloads are told to end."""
        most = generation.configuration.global_.mworker_max_reloads
        for other in self._family.generations:
            if most is not None and other.is_stopping and generation.number - other.number > most and other.kill_at is None:
                self._alerts.warning(f"Generation {other.number} is ended: it outlived {most} reloads.")
                self._family.end(other)

    # -- for the console

    def current(self) -> Generation | None:
        return self._current

    def generations(self) -> list[Generation]:
        return self._family.generations

    def has_reload_failed(self) -> bool:
        return self._n_failed > 0

    def startup_logs(self) -> str:
        return "".join(f"{line}\n" for line in self._alerts.recorded)

    def show_processes(self) -> list[tuple[str, ...]]:
        """The rows of `show proc`."""
        now = time.monotonic()
        rows: list[tuple[str, ...]] = [
            ("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"),
            _row(os.getpid(), "master", f"{self._n_reloads} [failed: {self._n_failed}]", now - self._started_at),
        ]
        newest = self._current.number if self._current is not None else 0
        for title, is_old in (("# workers", False), ("# old workers", True)):
            found = [
                _row(child.pid, child.role.lower(), str(max(newest - generation.number, 0)), now - child.started_at)
                for generation in self._family.generations
                if generation.is_stopping == is_old
                for child in generation.children()
                if child.pid
            ]
            rows += [(title,), *found] if found or not is_old else []
        return [*rows, ("# programs",)]

    def request_reload(self, on_done: Callable[[bool, str], None]) -> None:
        """Reloads as soon as no other reload is under way; on_done gets whether it worked, and what was said meanwhile."""
        if self._is_ending:
            on_done(False, _ENDS)
            return
        self._ask_for_reload()
        self._to_be_told.append(on_done)

    # -- what generations leave to each other

    def _leave_to(self, generation: Generation) -> None:
        """Before a new generation starts. A failure costs statistics and states, never the reload."""
        if self._current is None or self._current.heritage is None:
            return
        try:
            for text in self._current.heritage.leave_to(generation):
                self._alerts.notice(text)
        except Exception as error:
            self._alerts.alert(f"Statistics and states are not taken over: {type(error).__name__}: {error}")

    def _collect(self, generation: Generation, with_tables: bool = True) -> None:
        if generation.heritage is None or self._current is None or generation is self._current or not generation.is_ready:
            return
        try:
            generation.heritage.leave_rest_to(self._current, with_tables)
        except Exception as error:
            self._alerts.alert(f"Statistics of generation {generation.number} are lost: {type(error).__name__}: {error}")

    def _collect_when_due(self) -> None:
        now = time.monotonic()
        if self._collect_at is None or now < self._collect_at:
            return
        draining = [generation for generation in self._family.generations if generation.is_stopping]
        for generation in draining:
            self._collect(generation, with_tables=False)
        self._collect_at = now + _COLLECT_S if draining else None

    # -- stop -----------------------------------------------------------------------------------------------------------

    def _soft_stop(self) -> None:
        """SIGUSR1: no new connection; the program ends with 0 when the last one is finished."""
        if self._is_ending:
            return
        self._begin_end(signal.SIGUSR1)
        for generation in self._family.generations:
            if not generation.is_stopping:
                self._family.drain(generation)
                generation.listeners.close()

    def _stop(self, number: int) -> None:
        """SIGTERM, SIGINT: end now. A second one does not wait for the children's last words."""
        if self._stop_signal in (signal.SIGTERM, signal.SIGINT):
            for generation in self._family.generations:
                self._family.kill(generation)
            return
        if self._is_master_worker:
            self._alerts.warning("Exiting Master process...")
        self._begin_end(number)
        for generation in self._family.generations:
            self._family.end(generation)

    def _begin_end(self, number: int) -> None:
        """Nothing new is begun any more; who waits for a reload hears so."""
        self._stop_signal = number
        self._hooks.on_ending()
        self._next = None
        self._wants_reload = False
        waiting = [*self._waiting_for_reload, *self._to_be_told]
        self._waiting_for_reload, self._to_be_told = [], []
        for on_done in waiting:
            on_done(False, _ENDS)
        self._notifier.stopping()

    def _finish(self) -> int:
        if self._has_failed:
            self._alerts.alert("[fastlb.main()] The program did not start.")
            return 1
        if self._is_master_worker:
            status = 130 if self._stop_signal == signal.SIGINT else 0
            self._alerts.warning(f"All workers exited. Exiting... ({status})")
            return status
        if self._stop_signal != signal.SIGUSR1:
            die_of(self._stop_signal)
        return 0


def _row(pid: int, role: str, reloads: str, uptime_s: float) -> tuple[str, ...]:
    hours, seconds = divmod(int(uptime_s), 3600)
    uptime = f"{hours // 24}d{hours % 24:02}h{seconds // 60:02}m{seconds % 60:02}s"
    return str(pid), role, reloads, uptime, VERSION


def usable_cpus() -> int:
    """The CPUs that this process may run on: the default number of workers."""
    return len(os.sched_getaffinity(0))
