"""The proxies under test: how each is started for a `Setup`, and when it serves.

A new proxy is a row of `PROXIES`. Nothing here measures.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.macro import build, configs, processes
from bench.macro.configs import Addresses
from bench.macro.model import BenchError, Setup

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Proxy:
    """How one proxy is run."""

    name: str
    argv: Callable[[Setup, Addresses, Path], list[str]]
    """Writes what the proxy needs into the directory and returns its command."""
    does: Callable[[Setup], bool]
    version: Callable[[], str]


@dataclass(frozen=True)
class Running:
    """A proxy that answers."""

    pid: int
    port: int
    wall_ms: float
    """From its start to its first answer."""


def _write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@functools.cache
def _certificate() -> str:
    """A self-signed certificate for localhost with its key: one for all proxies of a run."""
    with tempfile.TemporaryDirectory(prefix="fastlb-bench-") as temp:
        pem = Path(temp) / configs.CERTIFICATE
        argv = [sys.executable, "-m", "fastlb", "cert", "self-signed", "localhost", "--key", "rsa", "-o", str(pem)]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment(), timeout=60)
        if done.returncode:
            raise BenchError(f"no certificate: {done.stderr.strip()}")
        return pem.read_text()


def _haproxy_cfg(directory: Path, setup: Setup, ports: Addresses) -> str:
    _write(directory / configs.PATTERNS, configs.patterns_text(setup))
    if setup.tls:
        _write(directory / configs.CERTIFICATE, _certificate())
    return _write(directory / "haproxy.cfg", configs.haproxy_cfg(setup, ports, directory))


def _fastlb(setup: Setup, ports: Addresses, directory: Path) -> list[str]:
    path = _haproxy_cfg(directory, setup, ports)
    return [sys.executable, "-m", "fastlb", "-f", path, "-db"]


def _haproxy(setup: Setup, ports: Addresses, directory: Path) -> list[str]:
    path = _haproxy_cfg(directory, setup, ports)
    return [_path_of("haproxy"), "-f", path, "-db"]


def _nginx(setup: Setup, ports: Addresses, directory: Path) -> list[str]:
    if setup.tls:
        _write(directory / configs.CERTIFICATE, _certificate())
    path = _write(directory / "nginx.conf", configs.nginx_conf(setup, ports, directory))
    return [_path_of("nginx"), "-e", "stderr", "-p", str(directory), "-c", path]


def _nginx_does(setup: Setup) -> bool:
    return not setup.site and (setup.mode == "http" or configs.STREAM_MODULE.exists())


def _floor(setup: Setup, ports: Addresses, _directory: Path) -> list[str]:
    return [str(build.program("floor")), setup.floor_mode, str(ports.listen), str(ports.origin)]


def _path_of(program: str) -> str:
    """Debian keeps both in /usr/sbin, which is not on everybody's PATH."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        raise BenchError(f"{program} is not installed (apt-get install {program})")
    return found


def _first_line(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, env=environment())
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({error})"
    return (done.stdout + done.stderr).strip().split("\n")[0]


def environment() -> dict[str, str]:
    """The environment of every proxy: the project's sources first, so that a clone is measured and not what is installed."""
    paths = [str(ROOT / "src"), str(ROOT / "ext"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": ":".join(filter(None, paths))}


PROXIES: dict[str, Proxy] = {
    "fastlb": Proxy("fastlb", _fastlb, lambda _: True, lambda: _first_line(sys.executable, "-m", "fastlb", "-v")),
    "haproxy": Proxy("haproxy", _haproxy, lambda _: True, lambda: _first_line(_path_of("haproxy"), "-v")),
    "nginx": Proxy("nginx", _nginx, _nginx_does, lambda: _first_line(_path_of("nginx"), "-v")),
    "floor": Proxy("floor", _floor, lambda s: bool(s.floor_mode), lambda: "bench/macro/floor.c"),
}


@contextlib.contextmanager
def running(proxy: Proxy, setup: Setup, origin: tuple[int, int], directory: Path) -> Iterator[Running]:
    """Runs a proxy in front of the origin (its TCP and log ports) until the block ends; enters it once the proxy serves.

    Raises BenchError with the end of its output when it does not come up.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ports = Addresses(listen=processes.free_port(), origin=origin[0], log=origin[1])
    log = directory / f"{proxy.name}.log"
    argv = proxy.argv(setup, ports, directory)
    begin = time.monotonic()
    with processes.started(argv, processes.PROXY_CPU, log, env=environment()) as process:
        while not answers(ports.listen, setup.tls):
            if process.poll() is not None or time.monotonic() - begin > START_DEADLINE_S:
                tail = " | ".join(log.read_text(errors="replace").strip().split("\n")[-3:])
                raise BenchError(f"{proxy.name} does not serve: {tail or 'no output'}")
            time.sleep(0.001)
        yield Running(process.pid, ports.listen, (time.monotonic() - begin) * 1000)


def answers(port: int, tls: bool = False) -> bool:
    """True when a request through this port is answered with 200 right now."""
    return fetch(port, "/64", tls).startswith(b"HTTP/1.1 200")


def fetch(port: int, path: str, tls: bool = False) -> bytes:
    """The whole answer to a GET on a connection of its own; what came until an error, empty when nothing did."""
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as plain, _secured(plain) if tls else plain as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
            while part := sock.recv(65536):
                received += part
    except OSError:
        pass
    return received


def _secured(sock: socket.socket) -> ssl.SSLSocket:
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    return unverified.wrap_socket(sock, server_hostname="localhost")
