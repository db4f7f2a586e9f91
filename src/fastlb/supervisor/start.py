"""From a checked configuration to a serving program: the steps between the command line and the master's loop.

Knows their order and what to say when one fails. Must not know argv (cli/) nor the loop (master.py).
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastlb.config.model import Configuration, StatsSocket
from fastlb.control.handover import Taken, TakeoverError, take
from fastlb.control.roster import Roster
from fastlb.supervisor import limits, serving
from fastlb.supervisor.alerts import Alerts
from fastlb.supervisor.console import LEVELS, Listener, private_name
from fastlb.supervisor.daemon import Background, PidFile
from fastlb.supervisor.generation import Generation, Parts, new_generation
from fastlb.supervisor.listeners import Binder, ListenerSet, open_runtime, tell
from fastlb.supervisor.master import Hooks, Master, usable_cpus
from fastlb.supervisor.privileges import FOREIGN_ADDRESSES, Identity, PrivilegeError, identity_of, shows_foreign_addresses
from fastlb.supervisor.systemd import Notifier

Reload = Callable[[], Configuration | None]
MAX_WORKERS = 64  # base/arena.pxd, ARENA_MAX_WORKERS


@dataclass(slots=True)
class Options:
    """How to run, as the command line and the global section say together.

    is_daemon: go to the background. is_master_worker: -W, -Ws. pidfile: "" for none. megabytes: -m, 0 for no limit.
    old_pids, old_signal: processes to signal once this one listens. old_socket: the runtime socket of one that hands its
    listeners over, "" for none. console: -S. reload: loads the configuration anew, None after an
    alert where it is refused.
    """

    is_daemon: bool = False
    is_master_worker: bool = False
    notifies_systemd: bool = False
    is_verbose: bool = False
    pidfile: str = ""
    megabytes: int = 0
    old_pids: list[int] = field(default_factory=list)
    old_signal: int = signal.SIGUSR1
    old_socket: str = ""
    console: StatsSocket | None = None
    reload: Reload = lambda: None


class Refused(Exception):
    """The start stops here; the message is an alert, "" where all was said."""


def run(configuration: Configuration, options: Options, alerts: Alerts, parts: Parts) -> int:
    """Starts the program and supervises it until it ends; returns the exit status."""
    return _Start(options, alerts, parts).run(configuration)


class _Start:
    def __init__(self, options: Options, alerts: Alerts, parts: Parts) -> None:
        self._options = options
        self._alerts = alerts
        self._parts = parts
        self._background = Background()
        self._pidfile = PidFile("")

    def run(self, configuration: Configuration) -> int:
        options = self._options
        try:
            identity = _identity(configuration)
            self._open_pidfile()
            if options.is_daemon:
                self._background.enter()
            serving.give_name_back()
            master = Master(
                self._parts,
                self._alerts,
                Notifier(options.notifies_systemd),
                Hooks(self._on_serving, serving.give_name_back, self._make_next, self._in_child),
                options.is_master_worker,
            )
            consoles = self._consoles()
            generation = self._generation(1, configuration, identity, None)
        except Refused as refused:
            if str(refused):
                self._alerts.alert(str(refused))
            self._background.failed(1)
            return 1
        master.install_signals()
        master.listen(consoles)
        # What exists now is never garbage: collections need not touch (and so copy) the pages shared with the children.
        gc.collect()
        gc.freeze()
        self._alerts.stream = self._background.detach()
        status = master.run(generation)
        self._background.failed(status)
        return status

    def _open_pidfile(self) -> None:
        try:
            self._pidfile = PidFile(self._options.pidfile)
        except OSError as error:
            raise Refused(f"[fastlb.main()] Cannot create pidfile {self._options.pidfile} : {error.strerror}") from None

    def _on_serving(self) -> None:
        options = self._options
        self._pidfile.write()
        serving.take_name()
        tell(options.old_pids, options.old_signal)
        if options.is_master_worker:
            self._alerts.notice("Loading success.")
        self._alerts.stream = None
        self._background.succeeded()

    def _in_child(self) -> None:
        serving.give_name_back()
        self._background.forget_in_child()

    def _make_next(self, current: Generation) -> Generation | None:
        self._alerts.notice("Reloading configuration.")
        configuration = self._options.reload()
        if configuration is None:
            return None
        try:
            return self._generation(current.number + 1, configuration, _identity(configuration), current.listeners)
        except Refused as refused:
            if str(refused):
                self._alerts.alert(str(refused))
            return None

    def _generation(
        self, number: int, configuration: Configuration, identity: Identity, previous: ListenerSet | None
    ) -> Generation:
        n_workers = min(configuration.global_.nbthread or usable_cpus(), MAX_WORKERS)
        n_fds = self._set_limits(configuration, n_workers)
        listeners = self._bind(configuration, n_workers, previous)
        try:
            generation = new_generation(number, configuration, listeners, identity, n_workers, self._parts)
        except (ValueError, OSError, MemoryError) as error:
            if previous is None:
                listeners.close()
            else:
                listeners.close_except(previous)
            raise Refused(str(error) or "[fastlb.main()] Not enough memory for the configuration.") from error
        if previous is None and any(srv.saved for px in configuration.proxies for srv in px.servers):
            self._parts.restore(generation, self._alerts.warning)
        generation.is_quiet = self._alerts.is_quiet
        generation.n_fds = n_fds
        return generation

    def _set_limits(self, configuration: Configuration, n_workers: int) -> int:
        settings = configuration.global_
        n_listeners = sum(len(proxy.binds) for proxy in configuration.proxies) + len(settings.stats_sockets)
        reserved = limits.reserved_fds(n_listeners * n_workers, n_workers)
        if not settings.maxconn:
            settings.maxconn_is_computed = True
            settings.maxconn = limits.default_maxconn(settings.ulimit_n, reserved)
            if self._options.is_verbose:
                self._alerts.write(f"Note: setting global.maxconn to {settings.maxconn}.\n")
        try:
            n_fds, warning = limits.apply(settings, reserved, self._options.megabytes)
        except limits.LimitError as error:
            raise Refused(f"[fastlb.main()] {error}") from None
        if warning:
            self._alerts.warning(f"[fastlb.main()] {warning}")
        return n_fds

    def _bind(self, configuration: Configuration, n_workers: int, previous: ListenerSet | None) -> ListenerSet:
        taken = self._take_listeners() if previous is None else []
        listeners = Binder(configuration, n_workers, previous, self._options.old_pids, taken).bind_all()
        for line in listeners.warnings:
            self._alerts.warning(line)
        if listeners.errors:
            for line in listeners.errors:
                self._alerts.alert(line)
            listeners.close_except(previous or ListenerSet())
            raise Refused("[fastlb.main()] Some protocols failed to start their listeners! Exiting.")
        if not listeners.listeners and not listeners.runtime and not self._options.is_master_worker:
            raise Refused("[fastlb.main()] No enabled listener found (check for 'bind' directives) ! Exiting.")
        return listeners

    def _consoles(self) -> list[Listener]:
        """The master's own runtime sockets: that of -S, and in the master-worker mode one for `fastlb reload`."""
        found = []
        if self._options.console is not None:
            try:
                sock = open_runtime(self._options.console)
            except OSError as error:
                raise Refused(f"[fastlb.main()] Cannot bind the master's socket: {error.strerror}.") from None
            found.append(Listener(sock, LEVELS[self._options.console.level]))
        if self._options.is_master_worker:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                sock.bind(private_name(os.getpid()))
                sock.listen()
                found.append(Listener(sock, is_private=True))
            except OSError:
                # Somebody has taken the name: signals still work.
                sock.close()
        return found

    def _take_listeners(self) -> list[Taken]:
        """-x: the listeners of the process that this one replaces."""
        path = self._options.old_socket
        if not path or path == "/dev/null":  # haproxy: says that there is none
            return []
        try:
            return take(path)
        except TakeoverError as error:
            raise Refused(f"Failed to get the sockets from the old process at '{path}': {error}.") from None


def _identity(configuration: Configuration) -> Identity:
    try:
        identity = identity_of(configuration.global_)
    except PrivilegeError as error:
        raise Refused(f"[fastlb.main()] {error}") from None
    changes_user = identity.uid not in (None, os.geteuid())
    if changes_user and shows_foreign_addresses(configuration) and not FOREIGN_ADDRESSES & set(identity.capabilities):
        text = "Some configuration options require full privileges, so global.uid cannot be changed."
        raise Refused(f"[fastlb.main()] {text} Add 'setcap cap_net_raw' for 'usesrc'.")
    return identity


def old_signal_number(name: str) -> int:
    """The signal of -sf (finish) or -st (terminate)."""
    return signal.SIGTERM if name == "st" else signal.SIGUSR1


def default_parts() -> Parts:
    """The real parts. Imports the engine here, so that a broken installation is told before anything is bound."""
    from fastlb_core.bridge import engine  # noqa: F401  shared with every worker by the fork
    from fastlb_core.bridge.snapshot import Snapshot

    from fastlb.compile.program import compile_program
    from fastlb.supervisor.control_process import run_control
    from fastlb.supervisor.heritage import Heritage
    from fastlb.supervisor.worker import run_worker

    return Parts(compile_program, Snapshot, run_worker, run_control, Heritage, _restore, _roster)


def _roster(program: Any) -> Roster:
    from fastlb_core.bridge.dynamic import DynamicServers

    return Roster(DynamicServers(program))


def _restore(generation: Generation, warn: Callable[[str], None]) -> None:
    from fastlb.control.saved_states import restore

    restore(generation.configuration, generation.program, generation.snapshot, warn)
