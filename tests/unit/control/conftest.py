"""Makes a control process's parts over the in-memory arena, from a few words of configuration."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fastlb.config import model
from fastlb.control.app import ControlContext, build
from fastlb.control.hub import Control
from fastlb.control.logs.sender import Sender
from fastlb.control.runtime.service import RuntimeService

from .double import Arena, WorkerState, compiled

HERE = model.Location("test.cfg", 1)


class Lines(Sender):
    """Keeps log lines instead of sending them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def send(self, target: model.LogTarget, line: bytes) -> None:
        self.lines.append(line.decode("latin-1").rstrip("\n"))

    def take(self) -> list[str]:
        taken, self.lines = self.lines, []
        return taken


def server(name: str, port: int = 80, **settings: Any) -> model.Server:
    address = settings.pop("address", None) or model.Address("ipv4", "127.0.0.1", port, port)
    return model.Server(HERE, name, address, **settings)


def backend(name: str, *servers: model.Server, **settings: Any) -> model.Proxy:
    kind, mode = settings.pop("kind", "backend"), settings.pop("mode", "http")
    return model.Proxy(HERE, kind, name, servers=list(servers), mode=mode, **settings)


def frontend(name: str, **settings: Any) -> model.Proxy:
    bind = model.Bind(HERE, model.Address("ipv4", "127.0.0.1", 8080, 8080))
    return model.Proxy(HERE, "frontend", name, binds=[bind], mode=settings.pop("mode", "http"), **settings)


class Rig:
    """A control process's parts, not started; `log` collects its lines in the "priority" format."""

    def __init__(self, *proxies: model.Proxy, level: str = "admin", **settings: Any) -> None:
        target = model.LogTarget(HERE, None, fd=1, format="priority")
        for proxy in proxies:
            proxy.log_global = True
        self.configuration = model.Configuration(model.Global(logs=[target], **settings), list(proxies))
        self.arena = Arena(self.configuration, compiled(self.configuration))
        self.arena.worker_states = [WorkerState(pid=os.getpid())]
        self.level = level

    def context(self, runtime: list[tuple[model.StatsSocket, socket.socket]] | None = None) -> ControlContext:
        return ControlContext(
            self.configuration,
            self.arena.program,
            self.arena,
            *(_listener(), _listener()),
            runtime or [],
            socket.socketpair()[0],
            is_quiet=True,
        )

    def build(self) -> Control:
        """To be called on a running loop."""
        control = build(self.context(), asyncio.get_running_loop())
        self.log = control.journal.sender = Lines()
        return control


def _listener() -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind("")
    sock.listen(16)
    return sock


@asynccontextmanager
async def runtime(rig: Rig, path: Path, control: Control | None = None) -> AsyncIterator[Callable[..., Any]]:
    """Serves the runtime socket at `path`; the value asks it: `await ask("show info")` gives the whole answer."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)
    stats_socket = model.StatsSocket(HERE, model.Address("unix", str(path)), rig.level)
    service = RuntimeService(control or rig.build(), [(stats_socket, listener)])
    service.start()

    async def ask(text: str, end: str = "\n") -> str:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write((text + end).encode())
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer.decode()

    try:
        yield ask
    finally:
        service.stop()
        listener.close()


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    """A path short enough for a unix socket, whatever pytest names its directories."""
    path = Path(f"/tmp/flb-ctl-{os.getpid()}-{abs(hash(tmp_path)) % 10**8}.sock")
    yield path
    path.unlink(missing_ok=True)
