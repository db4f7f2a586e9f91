"""`fastlb ha status`: who holds the shared address, and whether this host could.

Knows keepalived.conf as far as `fastlb ha init` writes it, and what `ip` tells of addresses and neighbours. Changes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastlb.cli import ha_check

_KEEPALIVED = "/etc/keepalived/keepalived.conf"
_NEIGHBOUR_S = 1.0


class StatusError(Exception):
    """It cannot be found out; the message says why."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the configuration says. vips: addresses without their length. peer: "" where it is not known."""

    vips: tuple[str, ...]
    interface: str
    peer: str


def run(words: list[str]) -> int:
    """Does what `words` ask for; 0 where every address is held by somebody, 1 where one is not, 2 for what cannot be told."""
    parser = argparse.ArgumentParser("fastlb ha status", description="Who holds the shared address.")
    parser.add_argument("--file", default=_KEEPALIVED, help="keepalived's configuration (default: %(default)s)")
    parser.add_argument("--socket", default=ha_check.Wanted().socket, help="fastlb's runtime socket (default: %(default)s)")
    parser.add_argument("--pidfile", default="/run/keepalived.pid", help="keepalived's (default: %(default)s)")
    options = parser.parse_args(words)
    try:
        shared = read(Path(options.file))
        holders = [_holder(vip, shared) for vip in shared.vips]
    except StatusError as error:
        sys.stderr.write(f"fastlb ha status: {error}\n")
        return 2
    for vip, holder in zip(shared.vips, holders, strict=True):
        print(f"{vip}: {holder or 'nobody answers for it'}")
    print(f"keepalived: {_keepalived(Path(options.pidfile))}")
    print(f"fastlb: {_fastlb(options.socket)}")
    return 0 if all(holders) else 1


def read(path: Path) -> Shared:
    """The shared addresses in a keepalived.conf; raises StatusError."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise StatusError(f"{path}: {error.strerror}; `fastlb ha init` writes it") from None
    other = re.search(r"^# .*; (\S+) is the other one\.$", text, re.MULTILINE)
    text = re.sub(r"(?m)[#!].*$", "", text)
    block = re.search(r"virtual_ipaddress\s*\{([^}]*)\}", text)
    interface = re.search(r"^\s*interface\s+(\S+)", text, re.MULTILINE)
    if block is None or interface is None or not block[1].split():
        raise StatusError(f"{path} has no vrrp_instance with an interface and a virtual_ipaddress")
    vips = tuple(line.split()[0].partition("/")[0] for line in block[1].splitlines() if line.strip())
    peer = re.search(r"unicast_peer\s*\{\s*(\S+)", text)
    return Shared(vips, interface[1], other[1] if other else peer[1] if peer else "")


def _holder(vip: str, shared: Shared) -> str:
    """Who has the address, in words; "" where nobody answers for it."""
    for link in _ip("addr", "show"):
        if any(address.get("local") == vip for address in link.get("addr_info", ())):
            return f"on this host ({link['ifname']})"
    hardware = _hardware_address(vip, shared.interface)
    if not hardware:
        return ""
    if shared.peer and hardware == _hardware_address(shared.peer, shared.interface):
        return f"on {shared.peer} ({hardware})"
    return f"on the host with {hardware}, which is not the peer{f' {shared.peer}' if shared.peer else ''}"


def _hardware_address(host: str, interface: str) -> str:
    """Who answers for the address on the local network; "" for nobody within a second."""
    # Any packet makes the kernel ask; the port of the discard service is as good as another.
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", (host, 9))
    deadline = time.monotonic() + _NEIGHBOUR_S
    while time.monotonic() < deadline:
        for neighbour in _ip("neigh", "show", "to", host, "dev", interface):
            if "lladdr" in neighbour and "FAILED" not in neighbour.get("state", ()):
                return str(neighbour["lladdr"])
        time.sleep(0.05)
    return ""


def _ip(*words: str) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(["ip", "-j", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StatusError("the program `ip` is missing: install iproute2") from None
    if done.returncode:
        raise StatusError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    found = json.loads(done.stdout or "[]")
    return [entry for entry in found if entry]


def _keepalived(pidfile: Path) -> str:
    try:
        pid = int(pidfile.read_text())
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError):
        return "does not run"
    return f"runs, pid {pid}" if name == "keepalived" else "does not run"


def _fastlb(path: str) -> str:
    wanted = ha_check.Wanted()
    wanted.socket = path
    try:
        return f"well: {ha_check.check(wanted)}"
    except ha_check.NotWell as reason:
        return f"not well: {reason}"
