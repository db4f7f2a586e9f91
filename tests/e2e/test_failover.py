"""Two proxies share an address: real keepalived with the file of `fastlb ha init`, real fastlb, a client that asks every 20 ms.

Each host is a network namespace. `fastlb ha drill` measures; the figures are printed, and held only against a generous bound.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fastlb.cli.deploy import run_init
from support.network import Network
from support.poll import poll
from support.proxy import command_of

pytestmark = [
    pytest.mark.fastlb_only,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]

VIP = "10.77.0.100"
HOSTS = {"client": 1, "lb1": 11, "lb2": 12, "web1": 21, "web2": 22}
BOUND_MS = 10_000.0

CONFIG = """
global
    nbthread 1
    stats socket {directory}/{name}.sock mode 600
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 5s
    retries 2
    option redispatch
frontend fe
    bind {vip}:80
    http-response set-header x-proxy {name}
    default_backend be
backend be
    option httpchk GET /
    default-server inter 500ms fall 3 rise 1
    server web1 10.77.0.21:8080 check
    server web2 10.77.0.22:8080 check
"""


class Pair:
    """The two proxies with their keepalived, the web servers and the network."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.program = directory / "fastlb"
        words = " ".join(f"'{word}'" for word in command_of("fastlb"))
        self.program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        self.program.chmod(0o755)
        self.network = Network({name: f"10.77.0.{number}/24" for name, number in HOSTS.items()})

    def start(self) -> None:
        for name in ("web1", "web2"):
            (self.directory / name).mkdir()
            (self.directory / name / "index.html").write_text(name)
            command = self.network.on(name, sys.executable, "-m", "http.server", "8080", "-d", str(self.directory / name))
            self._run(name, command)
        for name in ("lb1", "lb2"):
            (self.directory / f"{name}.cfg").write_text(CONFIG.format(directory=self.directory, name=name, vip=VIP))
            self.start_proxy(name)
        for name in ("lb1", "lb2"):
            poll(lambda name=name: self.check(name).returncode == 0, f"{name} to be well")
            self.configure_keepalived(name)
            self.start_keepalived(name)

    def _run(self, key: str, command, **variables: str) -> None:
        with (self.directory / f"{key}.log").open("ab") as log:
            self.processes[key] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **variables},
            )

    def serving_name(self, name: str) -> str:
        """At most 15 characters, and no other test's."""
        return f"flb-{name}-{os.getpid() % 10**7}"

    def start_proxy(self, name: str) -> None:
        command = self.network.on(name, str(self.program), "-db", "-f", str(self.directory / f"{name}.cfg"))
        self._run(name, command, FASTLB_SERVING_NAME=self.serving_name(name))

    def configure_keepalived(self, name: str) -> None:
        root = self.directory / f"{name}-root"
        role, peer = ("master", "lb2") if name == "lb1" else ("backup", "lb1")
        words = ["--vip", f"{VIP}/24", "--interface", "eth0", "--peer", f"10.77.0.{HOSTS[peer]}", "--role", role, "--node", name]
        words += ["--program", str(self.program), "--socket", f"{self.directory}/{name}.sock"]
        assert run_init([*words, "--root", str(root), "--process", self.serving_name(name)]) == 0
        path = self.keepalived_conf(name)
        path.write_text(path.read_text().replace("/etc/keepalived", str(path.parent)))

    def keepalived_conf(self, name: str) -> Path:
        return self.directory / f"{name}-root/etc/keepalived/keepalived.conf"

    def start_keepalived(self, name: str) -> None:
        # From the first namespace, with -s: only there the kernel tells of processes that end.
        found = shutil.which("keepalived", path="/usr/sbin:/sbin:/usr/bin")
        assert found, "keepalived is missing: .ci/packages test"
        pids = [self.directory / f"{name}-{kind}.pid" for kind in ("keepalived", "vrrp")]
        for path in pids:
            path.unlink(missing_ok=True)
        options = ["-n", "-l", "-D", "-P", "-f", str(self.keepalived_conf(name)), "-p", str(pids[0]), "-r", str(pids[1])]
        self._run(f"{name}-keepalived", [found, *options, "-s", self.network.namespace(name)])

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        return self.fastlb("client", "ha", "check", "--socket", f"{self.directory}/{name}.sock")

    def fastlb(self, host: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = self.network.on(host, str(self.program), *words)
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def wait_on(self, name: str) -> None:
        """Until this proxy alone has the address."""
        other = "lb2" if name == "lb1" else "lb1"
        network = self.network
        poll(
            lambda: network.has_address(name, VIP) and not network.has_address(other, VIP),
            f"{VIP} on {name}\n{self.logs()}",
            30.0,
        )

    def logs(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.directory.glob("lb*.log")))

    def close(self) -> None:
        try:
            # keepalived tidies /run/keepalived when it is asked to end, and its child leaves the session.
            for name in ("lb1-keepalived", "lb2-keepalived"):
                if name in self.processes:
                    self.processes[name].terminate()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.processes[name].wait(10)
            for process in self.processes.values():
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        finally:
            self.network.close()


class Drill:
    """`fastlb ha drill` on the client's host, answered step by step."""

    def __init__(self, pair: Pair) -> None:
        command = pair.network.on("client", str(pair.program), "ha", "drill", f"http://{VIP}/")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        pair.processes["drill"] = self.process

    def _read_to(self, mark: str) -> str:
        assert self.process.stdout is not None
        text = ""
        while not text.endswith(mark):
            assert select.select([self.process.stdout], [], [], 60)[0], text
            letter = self.process.stdout.read(1).decode()
            assert letter, text
            text += letter
        return text

    def _enter(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def watch(self) -> None:
        self._read_to("end > ")
        self._enter()
        self._read_to("then Enter > ")

    def cost(self) -> tuple[int, int, float]:
        """Requests, failed ones, the longest outage in ms."""
        self._enter()
        text = self._read_to("\n\n")
        match = re.search(r"(\d+) requests, (\d+) failed, longest outage (\d+) ms", text)
        assert match, text
        assert "does NOT answer" not in text, match[0]
        return int(match[1]), int(match[2]), float(match[3])

    def end(self) -> str:
        """What it says at its end, after the last step."""
        assert self.process.stdout is not None
        out = self.process.stdout.read().decode()
        assert self.process.wait(30) == 0
        return out


@pytest.fixture
def pair(tmp_path):
    one = Pair(tmp_path)
    try:
        yield one
    finally:
        one.close()


def test_the_address_moves_to_the_backup_and_back(pair, capsys):
    pair.start()
    pair.wait_on("lb1")
    assert pair.check("lb2").returncode == 0  # it listens on an address that is not there
    status = {name: pair.fastlb(name, *status_words(pair, name)) for name in ("lb1", "lb2")}
    assert status["lb1"].stdout.startswith(f"{VIP}: on this host (eth0)\nkeepalived: runs"), status["lb1"]
    assert status["lb2"].stdout.startswith(f"{VIP}: on 10.77.0.11 ("), status["lb2"]
    assert "\nfastlb: well: 1 workers live" in status["lb2"].stdout

    drill = Drill(pair)
    drill.watch()
    pair.processes["lb1"].kill()
    pair.wait_on("lb2")
    pair.processes["lb1"].wait()
    pair.start_proxy("lb1")
    pair.wait_on("lb1")
    costs = {"fastlb is killed and started again": drill.cost()}

    drill.watch()
    pair.processes["lb1-keepalived"].terminate()
    pair.wait_on("lb2")
    pair.processes["lb1-keepalived"].wait(20)
    costs["keepalived is stopped"] = drill.cost()
    drill.watch()
    pair.start_keepalived("lb1")
    pair.wait_on("lb1")
    costs["keepalived is started again"] = drill.cost()

    drill.watch()
    os.killpg(pair.processes["lb1"].pid, signal.SIGSTOP)
    pair.wait_on("lb2")
    costs["fastlb hangs"] = drill.cost()
    drill.watch()
    os.killpg(pair.processes["lb1"].pid, signal.SIGCONT)
    pair.wait_on("lb1")
    costs["fastlb goes on"] = drill.cost()

    drill.watch()
    pair.network.plug("lb1", is_in=False)
    pair.wait_on("lb2")
    costs["the cable is pulled"] = drill.cost()
    drill.watch()
    pair.network.plug("lb1", is_in=True)
    pair.wait_on("lb1")
    costs["the cable is back"] = drill.cost()
    assert "What it cost:" in drill.end()

    with capsys.disabled():
        for what, (n_requests, n_failed, outage_ms) in costs.items():
            print(f"\n    {what:<36}{n_requests} requests, {n_failed} failed, outage {outage_ms:.0f} ms", end="")
    assert all(outage_ms < BOUND_MS for _, _, outage_ms in costs.values()), (costs, pair.logs())


def status_words(pair: Pair, name: str) -> list[str]:
    pidfile = pair.directory / f"{name}-keepalived.pid"
    socket = pair.directory / f"{name}.sock"
    return ["ha", "status", "--file", str(pair.keepalived_conf(name)), "--socket", str(socket), "--pidfile", str(pidfile)]
