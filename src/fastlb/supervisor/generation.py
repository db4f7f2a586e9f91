"""One generation: a compiled configuration with all that its processes share.

Knows what is made before the fork and inherited through it: the program, the arena's view, the listeners, the two private
sockets, the wake-up descriptors. A reload makes another generation. Must not know signals or the order of life (master.py).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastlb.config.model import Configuration
from fastlb.control.roster import Roster
from fastlb.supervisor.channel import Channel
from fastlb.supervisor.children import CONTROL, WORKER, Child
from fastlb.supervisor.listeners import ListenerSet
from fastlb.supervisor.privileges import Identity
from fastlb.supervisor.ring_sockets import RingSockets
from fastlb.supervisor.unix_socket import open_private

# base/arena.pxd, worker_command_t
COMMAND_RUN, COMMAND_SOFT_STOP, COMMAND_STOP, COMMAND_PAUSE, COMMAND_RESUME = range(5)
# base/arena.pxd, worker_state_t
STATE_RUNNING = 2


class Heritage(Protocol):
    """What a generation leaves to the one after it (heritage.py)."""

    def leave_to(self, heir: Generation) -> list[str]: ...
    def take_back(self) -> None: ...
    def leave_rest_to(self, heir: Generation, with_tables: bool = True) -> None: ...


@dataclass(slots=True)
class Generation:
    """A configuration that runs, or is about to.

    program, snapshot: of fastlb_core.bridge, untyped because this layer only hands them on. message_*, service_*, console_*:
    the private sockets on which control listens, owned. wake_fds: one eventfd per worker, owned. observed_fd: one by which
    workers tell control of errors (`observe`), owned. channel: to this generation's control process, None while there is
    none. hard_stop_at, kill_at: seconds of the monotonic clock at which a drain, or a stop, has taken too long; None while
    that is not running. is_quiet: -q, for control. n_fds: the descriptor limit of a child. rings: what carries log lines to
    control. heritage: made with the generation. startup_logs: what was said until its processes were born, for control.
    """

    number: int
    configuration: Configuration
    listeners: ListenerSet
    identity: Identity
    program: Any
    snapshot: Any
    message_listener: socket.socket
    message_address: bytes
    service_listener: socket.socket
    wake_fds: list[int]
    observed_fd: int
    rings: RingSockets = field(default_factory=RingSockets)
    console_listener: socket.socket | None = None
    console_address: bytes = b""
    heritage: Heritage | None = None
    roster: Roster | None = None
    workers: list[Child] = field(default_factory=list)
    control: Child = field(default_factory=lambda: Child(CONTROL))
    channel: Channel | None = None
    is_ready: bool = False
    is_stopping: bool = False
    hard_stop_at: float | None = None
    kill_at: float | None = None
    is_quiet: bool = False
    n_fds: int = 1024
    startup_logs: str = ""

    @property
    def n_workers(self) -> int:
        return len(self.wake_fds)

    def children(self) -> list[Child]:
        return [*self.workers, self.control]

    def is_gone(self) -> bool:
        """Whether no process of it is left."""
        return not any(child.pid for child in self.children())

    def has_workers(self) -> bool:
        return any(child.pid for child in self.workers)

    def command(self, command: int) -> None:
        """Tells every worker; COMMAND_*."""
        for child in self.workers:
            if child.pid:
                self.snapshot.command_worker(child.index, command)

    def notice_ready_workers(self) -> bool:
        """Marks the workers that poll their listeners by now; true when all do."""
        states = self.snapshot.workers()
        for child in self.workers:
            if child.pid and not child.is_ready:
                child.is_ready = states[child.index].state == STATE_RUNNING
        return all(child.is_ready for child in self.workers)

    def tell_control(self, message: dict[str, object]) -> None:
        if self.channel is not None:
            self.channel.send(message)

    def change_roster(self, message: dict[str, object]) -> None:
        """Does what control asks for, and tells it which workers were there before: those do not know it from the master."""
        fault = ""
        try:
            if self.roster is None:
                fault = "servers cannot be added here"
            elif message.get("change") == "add":
                self.roster.add(_text(message))
            else:
                self.roster.remove(int(_text(message)))
        except (ValueError, TypeError, KeyError) as error:
            # Whatever control sends, the master must outlive it.
            fault = str(error) or type(error).__name__
        workers = [[child.index, child.pid] for child in self.workers if child.pid]
        self.tell_control({"event": "roster", "number": message.get("number"), "fault": fault, "workers": workers})

    def close_listeners(self) -> None:
        """Soft stop: connections are refused from here on, once the workers have closed theirs too."""
        self.listeners.close()

    def close(self) -> None:
        """Lets go of everything but the listeners; for a generation without processes."""
        self.message_listener.close()
        self.service_listener.close()
        self.rings.close()
        if self.console_listener is not None:
            self.console_listener.close()
        for fd in (*self.wake_fds, self.observed_fd):
            os.close(fd)
        if self.channel is not None:
            self.channel.close()
            self.channel = None


def _text(message: dict[str, object]) -> str:
    content = message.get("content")
    return content.decode() if isinstance(content, bytes) else ""


def new_generation(
    number: int, configuration: Configuration, listeners: ListenerSet, identity: Identity, n_workers: int, parts: Parts
) -> Generation:
    """Compiles the configuration and makes what its processes will share.

    parts: how to compile, see Parts. Raises ValueError with a message for the operator where it cannot be compiled.
    """
    message_listener, message_address = open_private("messages")
    service_listener, service_address = open_private("services")
    rings = RingSockets(configuration)
    program = parts.compile(
        configuration,
        n_workers=n_workers,
        listeners=listeners.listeners,
        service_address=service_address,
        message_address=message_address,
        log_pid=os.getpid(),
        generation=number,
        ring_fds=rings.worker_fds(),
    )
    snapshot = parts.snapshot(program)
    wake_fds = [os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) for _ in range(n_workers)]
    for index, fd in enumerate(wake_fds):
        snapshot.set_wake_fd(index, fd)
    observed_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    snapshot.set_observed_fd(observed_fd)
    generation = Generation(
        number,
        configuration,
        listeners,
        identity,
        program,
        snapshot,
        message_listener,
        message_address,
        service_listener,
        wake_fds,
        observed_fd,
        rings,
    )
    generation.console_listener, generation.console_address = open_private("console")
    generation.workers = [Child(WORKER, index) for index in range(n_workers)]
    generation.heritage = parts.heritage(generation)
    generation.roster = parts.roster(program)
    return generation


@dataclass(frozen=True, slots=True)
class Parts:
    """What a generation is made of and run by; the tests put doubles here.

    compile: fastlb.compile.compile_program, given `listeners` as Listener objects. snapshot: Snapshot(program).
    restore: puts what state files say into a generation before it is forked, and tells what that changes. run_worker,
    run_control: the life of a child after the fork; they return its exit status. heritage: Heritage(generation). roster: made
    for a program.
    """

    compile: Callable[..., Any]
    snapshot: Callable[[Any], Any]
    run_worker: Callable[[Generation, int], int]
    run_control: Callable[[Generation], int]
    heritage: Callable[[Generation], Heritage]
    restore: Callable[[Generation, Callable[[str], None]], None] = lambda generation, warn: None
    roster: Callable[[Any], Roster | None] = lambda program: None
