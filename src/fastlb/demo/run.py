"""`fastlb demo`: three origin servers, the proxy in front of them and its statistics page, until Ctrl-C.

Knows how to start and stop these processes and what to tell the user. The proxy is the ordinary program, started with an
ordinary file that the user may look at.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fastlb.demo.origin import serve
from fastlb.supervisor import kernel

_CONFIGURATION = """\
# The demonstration's configuration, written by `fastlb demo`.
global
    stats socket {directory}/fastlb.sock level admin mode 600
    log stdout format raw local0 notice

defaults
    mode http
    log global
    option httplog
    option forwardfor
    option redispatch
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout check 2s

frontend www
    bind {address}:{port}
    default_backend origins

backend origins
    balance roundrobin
    option httpchk HEAD /
    default-server inter 1s fall 2 rise 2
{servers}

listen stats
    bind {address}:{stats_port}
    stats enable
    stats uri /
    stats refresh 5s
"""

_ADVICE = """
fastlb demo is ready. Try, in another terminal:

    {curl}    again and again: the three servers answer in turn
    {kill}    ends {victim_name}; its checks take it out within two seconds
    {curl}    the two others go on, no request fails
    {browser}    the statistics page, in a browser

The configuration is {path}
Ctrl-C stops everything.
"""
_READY_S = 15.0


class Origin:
    """One origin server in a process of its own, so that it can be killed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self.socket.getsockname()[1]
        self.pid = os.fork()
        if self.pid == 0:
            status = 0
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                kernel.die_with_parent(signal.SIGTERM)
                asyncio.run(serve(self.socket, name))
            except BaseException:
                status = 1
            finally:
                os._exit(status)
        self.socket.close()

    def has_ended(self) -> bool:
        """Whether the process is gone by now; true only once."""
        if self.pid == 0 or os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            return False
        self.pid = 0
        return True

    def stop(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
            self.pid = 0


class _Interrupted(Exception):
    """Ctrl-C or SIGTERM."""


def run(words: list[str]) -> int:
    """Runs the demonstration with the sub-command's own arguments; returns the exit status."""
    parser = argparse.ArgumentParser("fastlb demo", description="Three small servers behind fastlb, to play with.")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port of the proxy (default: %(default)s)")
    parser.add_argument("--stats-port", type=int, default=8404, help="port of the statistics page (default: %(default)s)")
    options = parser.parse_args(words)

    def interrupt(_number: int, _frame: object) -> None:
        raise _Interrupted

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    origins: list[Origin] = []
    proxy: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryDirectory(prefix="fastlb-demo-") as directory:
        try:
            origins += [Origin(f"origin{i}") for i in (1, 2, 3)]
            path = Path(directory) / "demo.cfg"
            path.write_text(_configuration(options, origins, directory))
            proxy = subprocess.Popen([sys.executable, "-m", "fastlb", "-db", "-f", str(path)])
            return _watch(proxy, origins, options, path)
        except _Interrupted:
            return 0
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            _stop(proxy, origins)


def _configuration(options: argparse.Namespace, origins: list[Origin], directory: str) -> str:
    return _CONFIGURATION.format(
        directory=directory,
        address=options.address,
        port=options.port,
        stats_port=options.stats_port,
        servers="\n".join(f"    server {origin.name} 127.0.0.1:{origin.port} check" for origin in origins),
    )


def _watch(proxy: subprocess.Popen[bytes], origins: list[Origin], options: argparse.Namespace, path: Path) -> int:
    """Waits for the proxy, tells what to try, then reports deaths until the proxy ends or the user interrupts."""
    deadline = time.monotonic() + _READY_S
    while not _is_listening(path.parent / "fastlb.sock"):
        if proxy.poll() is not None:
            return proxy.returncode or 1
        if time.monotonic() > deadline:
            sys.stderr.write("fastlb demo: the proxy does not answer\n")
            return 1
        time.sleep(0.02)
    for origin in origins:
        print(f"{origin.name}: pid {origin.pid}, port {origin.port}")
    victim = origins[1]
    commands = {
        "curl": f"curl http://{options.address}:{options.port}/",
        "kill": f"kill {victim.pid}",
        "browser": f"http://{options.address}:{options.stats_port}/",
    }
    width = max(map(len, commands.values()))
    aligned = {name: command.ljust(width) for name, command in commands.items()}
    text = _ADVICE.format(**aligned, victim_name=victim.name, path=path)
    print(text, flush=True)
    while proxy.poll() is None:
        for origin in origins:
            if origin.has_ended():
                print(f"{origin.name} is gone.", flush=True)
        time.sleep(0.1)
    return proxy.returncode or 1


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _stop(proxy: subprocess.Popen[bytes] | None, origins: list[Origin]) -> None:
    if proxy is not None and proxy.poll() is None:
        proxy.terminate()
        try:
            proxy.wait(5)
        except subprocess.TimeoutExpired:
            proxy.kill()
            proxy.wait()
    for origin in origins:
        origin.stop()
    print("\nfastlb demo: everything is stopped.", flush=True)
