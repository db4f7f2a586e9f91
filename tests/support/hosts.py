"""Whole hosts for tests: a network namespace each, with an own /etc, /run, /var/lib, /var/log and /var/www in memory. Needs root.

Stands in for systemd (`systemctl`, from the unit files) and for ssh between the hosts (`scp`); everything else runs as it is.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from .network import Network
from .poll import poll
from .proxy import command_of

_PRIVATE = ("etc", "run", "var/lib", "var/log", "var/www")
_SETUP = """
mount --make-rprivate /
mount -t tmpfs host {fs}
for place in {places}; do mkdir -p {fs}/$place; done
cp -a /etc/. {fs}/etc/
mkdir -p {fs}/var/log/nginx {fs}/var/lib/nginx {fs}/var/lib/logrotate
mkdir {fs}/run/netns
mount --rbind /run/netns {fs}/run/netns
for place in {places}; do mount --rbind {fs}/$place /$place; done
hostname {name}
echo up > {up}
exec sleep infinity
"""
_UNITS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))


class Host:
    """name: a host of `network`. variables: for the environment of its processes. directory: seen by all hosts at the same path.
    beside: all hosts by name.
    """

    def __init__(
        self, network: Network, name: str, directory: Path, variables: Mapping[str, str], beside: Mapping[str, Host]
    ) -> None:
        self.network, self.name, self.directory, self.beside = network, name, directory, beside
        self.variables = {**os.environ, "HOME": str(directory / f"{name}-home"), "LC_ALL": "C.UTF-8", "TERM": "dumb", **variables}
        self.variables["PATH"] = f"{directory}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        filesystem, up = directory / f"{name}-fs", directory / f"{name}-up"
        filesystem.mkdir()
        (directory / f"{name}-home").mkdir()
        script = _SETUP.format(fs=filesystem, places=" ".join(_PRIVATE), name=name, up=up)
        command = network.on(name, "unshare", "--mount", "--uts", "sh", "-ec", script)
        self._keeper = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command])
        poll(up.exists, f"the host {name}", 30.0)

    def on(self, *command: str) -> list[str]:
        """The command that runs `command` on this host; the process it starts becomes the command itself."""
        return ["nsenter", "-t", str(self._keeper.pid), "-m", "-n", "-u", f"--wd={self.variables['HOME']}", "--", *command]

    def run(self, script: str) -> str:
        """What a shell script says on standard output and error. systemctl and scp must have lines of their own.

        Raises CommandError when a command fails.
        """
        said, ours = "", []
        for line in [*script.replace("\\\n", "").splitlines(), ""]:
            word = line.split(maxsplit=1)[0] if line.strip() else ""
            if word not in ("systemctl", "scp", ""):
                ours.append(line)
                continue
            if ours:
                said += self._shell("\n".join(ours))
                ours = []
            if word:
                said += self._stood_in_for(word, line)
        return said

    def _shell(self, script: str) -> str:
        command = self.on("bash", "-euo", "pipefail", "-c", script)
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, env=self.variables
        )
        if done.returncode:
            raise CommandError(f"on {self.name}, status {done.returncode}: {script}\n{done.stdout}")
        return done.stdout

    def _stood_in_for(self, word: str, line: str) -> str:
        words, _, otherwise = line.partition(" || ")
        arguments = [argument for argument in shlex.split(words)[1:] if argument != "--now"]
        try:
            if word == "scp":
                self._copy(*arguments)
            else:
                self._systemctl(*arguments)
        except CommandError as error:
            if not otherwise:
                raise
            return f"{error}\n" + self._shell(otherwise)
        return ""

    def _copy(self, source: str, target: str) -> None:
        address, _, path = target.partition(":")
        self.beside[self.network.hosts_by_address[address]].file(path).write_bytes(self.file(source).read_bytes())

    def file(self, path: str) -> Path:
        """An absolute path of this host as seen from here."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    # -- in systemd's place

    def _systemctl(self, verb: str, unit: str = "") -> None:
        name = unit.removesuffix(".service")
        if verb in ("stop", "restart"):
            self._stop(name)
        if verb in ("enable", "start", "restart"):
            self._start(name)
        elif verb == "reload":
            self._reload(name)
        else:
            assert verb in ("daemon-reload", "stop"), verb

    def _unit(self, name: str) -> dict[str, list[str]]:
        """The words of [Service]; nginx, rsyslog and keepalived are run in the foreground instead of as daemons."""
        foreground = {
            "nginx": ["nginx", "-g", "daemon off;"],
            "rsyslog": ["rsyslogd", "-n", "-iNONE"],
            "keepalived": [
                "keepalived",
                "-n",
                "-l",
                "-D",
                "-P",
                "-p",
                "/run/keepalived.pid",
                "-s",
                self.network.namespace(self.name),
            ],
        }
        if name in foreground:
            return {"ExecStart": [shlex.join(foreground[name])]}
        words: dict[str, list[str]] = {}
        text = self._shell(f"cat {' '.join(f'{place}/{name}.service' for place in _UNITS)} 2>/dev/null || true")
        for line in text.splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                words.setdefault(key, []).append(value)
        assert "ExecStart" in words, f"no unit {name} on {self.name}"
        return words

    def _start(self, name: str) -> None:
        if name in self.services and self.services[name].poll() is None:
            return
        unit = self._unit(name)
        for command in unit.get("ExecStartPre", ()):
            self._shell(command)
        for path in unit.get("RuntimeDirectory", ()):
            self._shell(f"install -d -m 755 /run/{path}")
        log = self.directory / f"{self.name}-{name}.log"
        # keepalived hears of processes only in the first network namespace, and goes to the host's with -s.
        prefix = ["nsenter", "-t", str(self._keeper.pid), "-m", "--"] if name == "keepalived" else self.on()
        with self._notifications(unit) as (path, is_ready), log.open("ab") as out:
            environment = {**self.variables, **({"NOTIFY_SOCKET": path} if path else {})}
            command = shlex.split(unit["ExecStart"][0])
            self.services[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *prefix, *command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True,
            )  # fmt: skip
            poll(lambda: is_ready() or self.services[name].poll() is not None, f"{name} on {self.name} to be ready", 30.0)
        assert self.services[name].poll() is None, log.read_text()
        (self.directory / f"{self.name}-{name}.pid").write_text(str(self.services[name].pid))

    @contextlib.contextmanager
    def _notifications(self, unit: Mapping[str, list[str]]):
        """The socket of Type=notify (its path, whether READY=1 has come), or nothing to wait for."""
        if unit.get("Type") != ["notify"]:
            yield "", lambda: True
            return
        path = self.directory / f"{self.name}-notify-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.bind(str(path))
            path.chmod(0o777)
            heard: list[bytes] = []

            def is_ready() -> bool:
                with contextlib.suppress(BlockingIOError):
                    heard.append(sock.recv(4096))
                return any(b"READY=1" in text for text in heard)

            yield str(path), is_ready

    def _reload(self, name: str) -> None:
        for command in self._unit(name).get("ExecReload", ()):
            script = command.replace("$MAINPID", str(self.services[name].pid))
            if subprocess.run(self.on("sh", "-c", script), env=self.variables).returncode:
                raise CommandError(f"Job for {name}.service failed.")

    def _stop(self, name: str) -> None:
        if (service := self.services.get(name)) is None:
            return
        if service.poll() is None:
            service.terminate()
        service.wait(30)
        del self.services[name]

    def close(self) -> None:
        """Ends the services, then whatever else runs here, then the host."""
        try:
            for name in sorted(self.services, reverse=True):
                with contextlib.suppress(subprocess.TimeoutExpired, OSError):
                    self._stop(name)
        finally:
            if self._keeper.poll() is None:
                self._keeper.kill()
            self._keeper.wait(10)


class CommandError(Exception):
    """A command of a host failed; the message has what it said."""


# The only thing that a program on a host asks of systemd: logrotate tells rsyslog.
_SYSTEMCTL = """#!/bin/sh
set -e
[ "$1 $2" = "kill --kill-who=main" ]
exec kill -"${3#--signal=}" "$(cat "%s/$(hostname)-${4%%.service}.pid")"
"""


def programs(directory: Path) -> None:
    """Puts `fastlb`, and what stands in for systemd, into DIRECTORY/bin, which is on the hosts' PATH."""
    (directory / "bin").mkdir()
    words = shlex.join(command_of("fastlb"))
    for name, text in (("fastlb", f'#!/bin/sh\nexec {words} "$@"\n'), ("systemctl", _SYSTEMCTL % directory)):
        (directory / "bin" / name).write_text(text)
        (directory / "bin" / name).chmod(0o755)
