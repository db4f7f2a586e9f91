"""What a host's files depend on, checked: words that end up in other programs' configuration files.

Knows which values are fit to be written there. Must not know the files, nor the command line's flags.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

# Priorities one apart: a master that leaves knowingly is followed after advert_int * (256 - priority) / 256 by the other one.
PRIORITIES = {"master": 254, "backup": 253}
_MAX_PASSWORD = 8  # keepalived takes no more


class SettingsError(Exception):
    """A value cannot be written into a configuration file; the message says which and what would do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two proxies that share addresses; this host's part.

    vips: "192.168.1.200/24", all IPv4. role: "master" or "backup". router_id: 1-255, the same on both hosts, another one
    for each pair in the network. process: the name of this host's serving master.
    password: "" for none; one makes it VRRP version 2, which is slower. backends: those that must have a server.
    """

    vips: tuple[str, ...]
    interface: str
    peer: str
    role: str
    node: str
    process: str
    router_id: int = 51
    priority: int = 0
    unicast: bool = False
    password: str = ""
    backends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_addresses(self.vips, self.peer)
        _word("interface", self.interface, r"[\w.:@-]{1,15}", "a name such as eth0")
        _word("node", self.node, r"[\w.-]{1,64}", "a host name")
        _word("process name", self.process, r"[\w.-]{1,15}", "at most 15 letters, digits, dots and dashes")
        for backend in self.backends:
            _word("backend", backend, r"[\w.:-]+", "a backend's name")
        if self.role not in PRIORITIES:
            raise SettingsError(f"'{self.role}' is no role: master or backup")
        if not 1 <= self.router_id <= 255:
            raise SettingsError(f"virtual router id {self.router_id} is not within 1 and 255")
        if not 0 <= self.priority <= 254:
            raise SettingsError(f"priority {self.priority} is not within 1 and 254")
        if self.password:
            if re.fullmatch(rf"[!-~]{{1,{_MAX_PASSWORD}}}", self.password) is None:
                raise SettingsError(f"the password cannot be used: it must be 1 to {_MAX_PASSWORD} printable characters")
            if set(self.password) & set("\"'#!{}"):
                raise SettingsError("the password must not contain any of \"'#!{}, which mean something to keepalived")

    @property
    def own_priority(self) -> int:
        return self.priority or PRIORITIES[self.role]


@dataclass(frozen=True, slots=True)
class Settings:
    """One host.

    program: the words that start fastlb, absolute. config, socket: the proxy's file and its runtime socket, absolute. log_owner:
    "USER GROUP" of the log directory. servers: "ADDRESS:PORT" for the first configuration. pair: None for a proxy alone.
    """

    program: str
    config: str = "/etc/fastlb/fastlb.cfg"
    socket: str = "/run/fastlb/admin.sock"
    log_owner: str = "root root"
    servers: tuple[str, ...] = ()
    pair: Pair | None = None

    def __post_init__(self) -> None:
        _word("program", self.program, r"/[\w./+@-]+( [\w./+@-]+)*", "an absolute path without blanks, and its arguments")
        for name, value in (("configuration file", self.config), ("runtime socket", self.socket)):
            _word(name, value, r"/[\w./+@-]+", "an absolute path without blanks")
        for server in self.servers:
            _word("server", server, r"[\w.-]+:\d{1,5}|\[[0-9A-Fa-f:.]+\]:\d{1,5}", "ADDRESS:PORT")
            if not 1 <= int(server.rpartition(":")[2]) <= 65535:
                raise SettingsError(f"server {server}: its port is not within 1 and 65535")


def _word(name: str, value: str, pattern: str, wanted: str) -> None:
    if re.fullmatch(pattern, value, re.ASCII) is None:
        raise SettingsError(f"{name} {value!r} cannot be used: it must be {wanted}")


def _check_addresses(vips: tuple[str, ...], peer: str) -> None:
    if not vips:
        raise SettingsError("a shared address is missing: --vip 192.168.1.200/24")
    hosts = []
    for vip in vips:
        try:
            address = ipaddress.ip_interface(vip)
        except ValueError as error:
            raise SettingsError(f"shared address: {error}") from None
        if address.version != 4:
            raise SettingsError(f"shared address {vip}: IPv6 is not supported by `fastlb ha` yet")
        if "/" not in vip:
            raise SettingsError(f"shared address {vip}: write it with its network's length, as in {vip}/24")
        if address.network.prefixlen < 31 and address.ip in (address.network.network_address, address.network.broadcast_address):
            raise SettingsError(f"shared address {vip} is the network's own or its broadcast address, not a host's")
        hosts.append(address.ip)
    try:
        other = ipaddress.IPv4Address(peer)
    except ValueError as error:
        raise SettingsError(f"the peer: {error}") from None
    if other in hosts:
        raise SettingsError(f"the peer {peer} is the shared address; its own address is needed")


def log_owner(root: Path) -> str:
    """Whose the log directory must be: rsyslog runs as `syslog` on some systems and as root on the others."""
    try:
        accounts = (root / "etc/passwd").read_text(errors="replace")
    except OSError:
        accounts = ""
    return "syslog adm" if re.search(r"^syslog:", accounts, re.MULTILINE) else "root root"
