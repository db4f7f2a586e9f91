"""`option external-check`: a program judges the server, by its exit status (manual, "external-check command").

Knows the program's arguments, its environment and its end. Must not know when checks run.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
from collections.abc import Callable

from fastlb.control import ports
from fastlb.control.checks.status import Result, Status
from fastlb.control.directory import LiveServer
from fastlb.control.sockaddr import unpack

_NONE = "NOT_USED"
_CANNOT_RUN = 255


def command_line(server: LiveServer, state: ports.ServerState) -> tuple[list[str], dict[str, str]]:
    """The program with its arguments, and its whole environment."""
    proxy = server.proxy
    proxy_host, proxy_port = _first_bind(server)
    _, address = unpack(state.address)
    host, port = (address, "") if isinstance(address, str) else (address[0], str(server.config.check_port or address[1]))
    variables = {
        "PATH": proxy.config.check.path,
        "HAPROXY_PROXY_NAME": proxy.name,
        "HAPROXY_PROXY_ID": str(proxy.id),
        "HAPROXY_PROXY_ADDR": proxy_host,
        "HAPROXY_PROXY_PORT": proxy_port,
        "HAPROXY_SERVER_NAME": server.name,
        "HAPROXY_SERVER_ID": str(server.id),
        "HAPROXY_SERVER_ADDR": host,
        "HAPROXY_SERVER_PORT": port,
        "HAPROXY_SERVER_MAXCONN": str(state.maxconn),
        "HAPROXY_SERVER_CURCONN": str(state.served),
        "HAPROXY_SERVER_SSL": "1" if server.config.tls.enabled else "0",
        "HAPROXY_SERVER_PROTO": "h1" if proxy.is_http else "tcp",
    }
    words = [proxy.config.check.command, proxy_host or _NONE, proxy_port or _NONE, host, port or _NONE]
    return words, variables


def _first_bind(server: LiveServer) -> tuple[str, str]:
    for bind in server.proxy.config.binds:
        if bind.address.family in ("ipv4", "ipv6"):
            any_host = "::" if bind.address.family == "ipv6" else "0.0.0.0"
            return bind.address.host or any_host, str(bind.address.port)
        if bind.address.family == "unix":
            return bind.address.host, ""
    return "", ""


class ExternalProbe:
    """One run of the program; `finished` is called once unless cancel() comes first. There is no connection to wait for.

    may_fork: `insecure-fork-wanted`.
    """

    __slots__ = ("_environment", "_finished", "_loop", "_may_fork", "_pid", "_pidfd", "_words", "connected_at")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        words: list[str],
        environment: dict[str, str],
        finished: Callable[[Result], None],
        may_fork: bool = True,
    ) -> None:
        self._loop = loop
        self._words = words
        self._environment = environment
        self._finished = finished
        self._may_fork = may_fork
        self._pid = 0
        self._pidfd = -1
        self.connected_at = 0.0

    def start(self) -> None:
        if not self._may_fork and os.geteuid() != 0:
            # haproxy: the limit on processes that it sets then does not hold for root.
            self._finished(Result(Status.SOCKERR, -1, os.strerror(errno.EAGAIN)))
            return
        program = shutil.which(self._words[0], path=self._environment["PATH"] or os.defpath)
        if program is None:
            self._finished(Result(Status.PROCERR, _CANNOT_RUN))
            return
        nothing = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        try:
            # A group of its own, so that a time limit ends what the program has started as well.
            self._pid = os.posix_spawn(
                program,
                self._words,
                self._environment,
                file_actions=nothing,
                setpgroup=0,
                setsigmask=(),
                setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGCHLD),
            )
        except OSError:
            self._finished(Result(Status.PROCERR, _CANNOT_RUN))
            return
        self._pidfd = os.pidfd_open(self._pid)
        self._loop.add_reader(self._pidfd, self._ended)

    def expire(self) -> None:
        """The time is over: ends the program."""
        self.cancel()
        self._finished(Result(Status.PROCTOUT, 0))

    def cancel(self) -> None:
        """Ends the program without a result."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            # It may take its time to go (a file system that hangs): nobody waits for it here.
            self._loop.add_reader(self._pidfd, self._reap)

    def _ended(self) -> None:
        code = self._reap()
        self._finished(Result(Status.PROCERR if code else Status.PROCOK, max(code, -1)))

    def _reap(self) -> int:
        """The exit status of the program, which has ended; below 0 for a signal."""
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        pid, self._pid, self._pidfd = self._pid, 0, -1
        try:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        except ChildProcessError:
            return _CANNOT_RUN
