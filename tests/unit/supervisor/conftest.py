"""Starts the supervisor with stand-in workers (stand_in.py) and takes it down again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.poll import poll

STAND_IN = str(Path(__file__).with_name("stand_in.py"))


class Program:
    """A running supervisor; its listener is inherited, so that connections wait while it starts."""

    def __init__(self, directory: Path, *args: str, workers: int = 2, head: str = "", env: dict[str, str] | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.config = directory / "x.cfg"
        self.describe("first", workers, head)
        self.out, self.err = directory / "out", directory / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, STAND_IN, *args, "-f", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[self.listener.fileno()],
                start_new_session=True,
                env={**os.environ, **(env or {})},
            )

    def describe(self, text: str, workers: int = 2, head: str = "") -> None:
        self.config.write_text(
            f"global\n nbthread {workers}\n{head}\ndefaults\n mode tcp\n"
            f" timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
            f"listen fe\n description {text}\n bind fd@{self.listener.fileno()}\n server s 127.0.0.1:1\n"
        )

    def connect(self, text: str = "x") -> socket.socket:
        sock = socket.create_connection(self.address, 10)
        sock.settimeout(10)
        sock.sendall(text.encode())
        return sock

    def ask(self, text: str = "x") -> list[str]:
        """The words of a worker's answer: generation, index, pid, description; empty where it died instead."""
        with self.connect(text) as sock:
            try:
                return sock.recv(200).decode().split()
            except ConnectionResetError:
                return []

    def wait_ready(self) -> None:
        self.wait_for('"serving"')

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(20)

    def wait_for(self, text: str) -> None:
        """Until stderr or stdout holds the text."""
        poll(lambda: text in self.err.read_text() + self.out.read_text(), repr(text))

    def close(self) -> None:
        self.listener.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def run(*args: str, **options: object) -> Program:
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(Program(directory, *args, **options))  # type: ignore[arg-type]
        return started[-1]

    yield run
    for one in started:
        print(one.out.read_text(), one.err.read_text())
        one.close()
