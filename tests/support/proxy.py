"""The program under test as a process: Debian's haproxy or fastlb, same command line, same configuration text.

`fd@NAME` in a configuration, with a name instead of a number, becomes a listening socket that the program
inherits: no port can be taken by another test, and no connection is refused while the program starts. `port@NAME`
becomes an address with a held port, for what an inherited socket cannot show (a listener for each worker).
Must not know what a configuration means.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from . import runtime
from .client import Client, fetch
from .poll import DEADLINE, TimedOut, poll
from .sockets import HeldPort, listener
from .wire import Message

# What must never stand in the output of a healthy program: a Python traceback, a sanitizer's report, our own abort.
DISASTERS = (
    "Traceback (most recent",
    "AddressSanitizer",
    "LeakSanitizer",
    "runtime error:",
    "a check of the core failed",
    "Segmentation fault",
)

HTTP = """
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
"""
TCP = HTTP.replace("mode http", "mode tcp")


def command_of(program: str) -> list[str]:
    """How the program is started; FASTLB_COMMAND replaces `python -m fastlb`."""
    if program == "haproxy":
        return [shutil.which("haproxy") or "/usr/sbin/haproxy"]
    return shlex.split(os.environ.get("FASTLB_COMMAND", "")) or [sys.executable, "-m", "fastlb"]


class Proxy:
    """A running program.

    config: the configuration's text. A `global` section with a runtime socket, `nbthread` and no logs is put before it.
    threads: `nbthread`, 1 so that results do not depend on which worker accepts.
    args: more arguments; `mode` replaces `-db`. wait: until the runtime socket answers.
    prefix: a command that starts the program (`prlimit ...`). extra_fds: more descriptors to inherit.
    files: texts that the configuration names, by their names in the program's directory.
    runtime_socket: False leaves the runtime socket out (then `wait` has nothing to wait for).
    """

    def __init__(
        self,
        program: str,
        config: str,
        *,
        threads: int = 1,
        args: tuple[str, ...] = (),
        mode: tuple[str, ...] = ("-db",),
        env: dict[str, str] | None = None,
        wait: bool = True,
        runtime_socket: bool = True,
        prefix: tuple[str, ...] = (),
        extra_fds: tuple[int, ...] = (),
        files: dict[str, str] | None = None,
    ) -> None:
        self.program = program
        self.directory = Path(tempfile.mkdtemp(prefix="flb-"))
        self.directory.chmod(0o755)
        self.listeners = {name: listener() for name in dict.fromkeys(re.findall(r"\bfd@([A-Za-z]\w*)", config))}
        self.addresses = {name: sock.getsockname() for name, sock in self.listeners.items()}
        self.runtime_path = str(self.directory / "run.sock")
        head = f"global\n    nbthread {threads}\n"
        if runtime_socket:
            head += f"    stats socket {self.runtime_path} level admin mode 600\n"
        self.held = {name: HeldPort() for name in dict.fromkeys(re.findall(r"\bport@([A-Za-z]\w*)", config))}
        self.addresses |= {name: (held.host, held.port) for name, held in self.held.items()}
        text = re.sub(r"\bfd@([A-Za-z]\w*)", lambda m: f"fd@{self.listeners[m[1]].fileno()}", head + config)
        text = re.sub(r"\bport@([A-Za-z]\w*)", lambda m: str(self.held[m[1]]), text)
        self.config_path = self.directory / "proxy.cfg"
        self.config_path.write_text(text + "\n")
        for name, content in (files or {}).items():
            (self.directory / name).write_text(content)
        self.out_path, self.err_path = self.directory / "stdout", self.directory / "stderr"
        # Every process of the program inherits the write end: end of file on the other one says that all are gone.
        self.alive_fd, inherited = os.pipe()
        fds = [sock.fileno() for sock in self.listeners.values()]
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self.process = subprocess.Popen(
                # Where the tests are killed, what they started goes with them.
                ["setpriv", "--pdeathsig", "KILL", *prefix, *command_of(program), *mode, *args, "-f", str(self.config_path)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[*fds, *extra_fds, inherited],
                start_new_session=True,
                env={**os.environ, **(env or {})},
                cwd=self.directory,
            )
        os.close(inherited)
        for sock in self.listeners.values():
            sock.close()
        self.stopped = False
        if wait and runtime_socket:
            self.wait_ready()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return self.out_path.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        return self.err_path.read_text(errors="replace")

    @property
    def output(self) -> str:
        config = self.config_path.read_text()
        return f"--- {self.program} {self.config_path}\n{config}--- stdout\n{self.stdout}--- stderr\n{self.stderr}"

    def wait_ready(self) -> None:
        """Until the runtime socket answers; fails at once where the program ended."""

        def ready() -> bool:
            assert self.process.poll() is None, f"{self.program} ended with {self.process.returncode}\n{self.output}"
            try:
                return "Name: " in self.command("show info")
            except OSError:
                return False

        try:
            poll(ready, f"{self.program} to be ready")
        except BaseException:
            print(self.output)
            self.kill()
            self.discard()
            raise

    def client(self, name: str = "fe", source: str = "") -> Client:
        return Client(self.addresses[name], source)

    def fetch(self, target: str = "/", method: str = "GET", headers: str = "", body: bytes = b"", name: str = "fe") -> Message:
        """One request on a connection of its own to the listener `fd@NAME`."""
        return fetch(self.addresses[name], target, method, headers, body)

    def command(self, text: str) -> str:
        """The runtime socket's answer."""
        return runtime.command(self.runtime_path, text)

    def stat(self) -> dict[tuple[str, str], dict[str, str]]:
        return runtime.stat(self.runtime_path)

    def info(self) -> dict[str, str]:
        return runtime.info(self.runtime_path)

    def wait_state(self, backend: str, server: str, status: str) -> None:
        """Until `show stat` gives the server that status (the start of it)."""
        poll(lambda: self.stat()[backend, server]["status"].startswith(status), f"{backend}/{server} to be {status}")

    def children(self) -> list[int]:
        """The pids of the direct children."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def all_gone(self, deadline: float = DEADLINE) -> bool:
        """Whether every process of the program ended within the deadline."""
        os.set_blocking(self.alive_fd, False)

        def at_end() -> bool:
            try:
                return os.read(self.alive_fd, 1) == b""
            except BlockingIOError:
                return False

        with contextlib.suppress(TimedOut):
            return poll(at_end, "end of all processes", deadline)
        return False

    def wait(self, deadline: float = DEADLINE) -> int:
        """The exit status (negative: the signal) once the program and all its children ended."""
        try:
            status = self.process.wait(deadline)
            gone = self.all_gone()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.program} did not end\n{self.output}") from None
        if not gone:
            self.kill()
            raise AssertionError(f"{self.program} left processes behind\n{self.output}")
        self.stopped = True
        return status

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """End every process of the program's session, whatever its state."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.stopped = True

    def finish(self) -> None:
        """End of the test: stop what still runs, demand a clean exit and a clean output, remove the files."""
        try:
            if not self.stopped:
                running = self.process.poll() is None
                status = self.stop()
                assert running, f"{self.program} ended by itself with {status}\n{self.output}"
                # haproxy: a master ends with 128 + 15.
                assert status in ((-signal.SIGTERM, 0, 143) if self.program == "haproxy" else (-signal.SIGTERM, 0)), (
                    f"exit status {status}\n{self.output}"
                )
            for word in DISASTERS:
                assert word not in self.stderr + self.stdout, self.output
        finally:
            self.kill()
            self.discard()

    def discard(self) -> None:
        """Give back the descriptors, the ports and the files."""
        os.close(self.alive_fd)
        for held in self.held.values():
            held.close()
        shutil.rmtree(self.directory, ignore_errors=True)
