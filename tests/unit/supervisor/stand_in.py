"""The supervisor with doubles for the compiled parts: `python stand_in.py ARGUMENTS` takes fastlb's own command line.

A stand-in worker accepts on its sockets and answers "GENERATION INDEX PID TEXT", where TEXT is the description of the
frontend. It holds a connection whose client sends "hold" until the client closes, which is what a soft stop must wait for; "die"
kills it.
Environment: STAND_IN_FAIL=1 makes every worker end with status 3 before it is ready.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

from fastlb.cli import main
from fastlb.supervisor import start
from fastlb.supervisor.generation import (
    COMMAND_PAUSE,
    COMMAND_RUN,
    COMMAND_SOFT_STOP,
    COMMAND_STOP,
    STATE_RUNNING,
    Generation,
    Parts,
)
from fastlb.supervisor.worker import close_foreign, settle

_SLOT = struct.Struct("=iii")
_FIELD = struct.Struct("=i")
_NAMES = ("pid", "state", "command")


@dataclass
class Slot:
    pid: int
    state: int
    command: int


class Snapshot:
    """The worker slots of the arena in a mapping that the processes share."""

    def __init__(self, program: Any) -> None:
        self._map = mmap.mmap(-1, 4096)
        self._wake_fds: dict[int, int] = {}

    def _get(self, index: int) -> Slot:
        return Slot(*_SLOT.unpack_from(self._map, index * _SLOT.size))

    def put(self, index: int, **changes: int) -> None:
        """Writes the named fields and no other: master and worker write to one slot at the same time."""
        for name, value in changes.items():
            _FIELD.pack_into(self._map, index * _SLOT.size + _NAMES.index(name) * _FIELD.size, value)

    def workers(self) -> list[Slot]:
        return [self._get(index) for index in range(64)]

    def set_observed_fd(self, fd: int) -> None:
        pass

    def set_wake_fd(self, index: int, fd: int) -> None:
        self._wake_fds[index] = fd

    def set_worker(self, index: int, pid: int) -> None:
        self.put(index, pid=pid)

    def command_worker(self, index: int, command: int) -> None:
        self.put(index, command=command)
        os.eventfd_write(self._wake_fds[index], 1)

    def recover_worker(self, index: int) -> None:
        self.put(index, pid=0, state=0, command=COMMAND_RUN)

    def recover_process(self, pid: int) -> None:
        pass


def run_worker(generation: Generation, index: int) -> int:
    master = os.getppid()
    close_foreign(generation, index)
    if not settle(generation, master):
        return 1
    if os.environ.get("STAND_IN_FAIL"):
        return 3
    listeners = {one.fds(generation.n_workers)[index]: one for one in generation.listeners.listeners}
    poll = select.poll()
    for fd in listeners:
        poll.register(fd, select.POLLIN)
    poll.register(generation.wake_fds[index], select.POLLIN)
    held: dict[int, socket.socket] = {}
    generation.snapshot.put(index, state=STATE_RUNNING)
    is_stopping = False
    while not (is_stopping and not held):
        for fd, _ in poll.poll():
            if fd == generation.wake_fds[index]:
                os.eventfd_read(fd)
                command = generation.snapshot.workers()[index].command
                if command == COMMAND_STOP:
                    return 0
                if command == COMMAND_SOFT_STOP and not is_stopping:
                    is_stopping = True
                    for listening in listeners:
                        poll.unregister(listening)
                    for one in generation.listeners.listeners:
                        one.sockets[0 if one.is_shared else index].close()
            elif fd in held:
                poll.unregister(fd)
                held.pop(fd).close()
            elif generation.snapshot.workers()[index].command not in (COMMAND_PAUSE, COMMAND_SOFT_STOP):
                _serve(fd, listeners[fd], generation, index, held, poll)
    return 0


def _serve(fd: int, listener: Any, generation: Generation, index: int, held: dict[int, socket.socket], poll: select.poll) -> None:
    try:
        sock = socket.socket(fileno=os.dup(fd)).accept()[0]
    except BlockingIOError:
        return
    sock.settimeout(10)
    asked = sock.recv(100)
    if asked == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    sock.sendall(f"{generation.number} {index} {os.getpid()} {listener.proxy.description}\n".encode())
    if asked == b"hold":
        held[sock.fileno()] = sock
        poll.register(sock.fileno(), select.POLLIN)
    else:
        sock.close()


def run_control(generation: Generation) -> int:
    """Writes what the master tells, one event a line, on stdout; ends by SIGTERM or with the channel."""
    master = os.getppid()
    if not settle(generation, master):
        return 1
    assert generation.channel is not None
    with generation.channel.theirs.makefile("rb") as lines:
        for line in lines:
            os.write(1, line)
    return 0


def compiled(configuration: Any, **shared: Any) -> object:
    return object()


class Heritage:
    """Nothing to leave."""

    def __init__(self, generation: Generation) -> None:
        pass

    def leave_to(self, heir: Generation) -> list[str]:
        return []

    def take_back(self) -> None:
        pass

    def leave_rest_to(self, heir: Generation, with_tables: bool = True) -> None:
        pass


start.default_parts = lambda: Parts(compiled, Snapshot, run_worker, run_control, Heritage)
if __name__ == "__main__":
    sys.exit(main.run(sys.argv[1:]))
