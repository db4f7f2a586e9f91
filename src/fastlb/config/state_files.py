"""State files: what `show servers state` said of the servers, read again at a start (manual, "load-server-state-from-file").

Knows the format, how a file's lines belong to servers, and HAProxy's words for what is wrong with them: warnings, never an error.
Must not know how a state is carried out (control/saved_states.py).

haproxy: a file with one line that is no line of a state says nothing at all; of two lines for one server the first one counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from .diagnostics import Diagnostics
from .ids import assign_ids, first_proxy_id
from .keywords.server_resolution import UNRESOLVED_HINT, methods_of
from .model import Address, Configuration, Proxy, Server
from .saved_state import SavedState

_VERSION = re.compile(rb"[ \t]*\+?0*1\n\Z")
_NUMBER = re.compile(r"[ \t]*([+-]?\d+)")
_MIN_FIELDS, _MAX_FIELDS = 20, 25
_MAX_LINE = 1999
_MAX_NAME = 255
_FMAINT, _CMAINT, _FDRAIN, _HMAINT = 0x01, 0x04, 0x08, 0x40
Line = list[str]

# What haproxy calls the numbers that it checks, where each stands, and the highest one that there is; in its order.
_CHECKED = (
    ("srv_op_state", 5, 3),
    ("srv_admin_state", 6, 0x7F),
    ("srv_uweight", 7, 256),
    ("srv_iweight", 8, 256),
    ("srv_last_time_change", 9, 2**64 - 1),
    ("srv_check_status", 10, 20),
    ("srv_check_result", 11, 4),
    ("srv_check_health", 12, 2**63 - 1),
    ("srv_check_state", 13, 0x1F),
    ("srv_agent_state", 14, 0x1F),
    ("bk_f_forced_id", 15, 1),
    ("srv_f_forced_id", 16, 1),
)
_MAY_BE_NEGATIVE = ("srv_last_time_change", "srv_check_health")


class _BadFile(Exception):
    """Why a file is not taken."""


def load_states(configuration: Configuration, diagnostics: Diagnostics) -> None:
    """Gives each server what its state file says of it. Blocks on the files."""
    _Loader(configuration, diagnostics).run()
    for px in configuration.proxies:
        for srv in px.servers:
            if srv.awaits_state:
                _report_unresolved(px, srv, diagnostics)


def _report_unresolved(px: Proxy, srv: Server, diagnostics: Diagnostics) -> None:
    methods = methods_of(srv)
    what = "could not" if "libc" in methods else "no method found to"
    message = f"'server {px.name}/{srv.name}' : {what} resolve address '{srv.address.name}'"
    lead = f"[{srv.location}] : "
    if "none" not in methods:
        diagnostics.alert("unresolved-host", f"{message}.", lead, srv.location, UNRESOLVED_HINT)
    elif "libc" in methods:
        diagnostics.warning("unresolved-host", f"{message}, disabling server.", lead, srv.location)


class _Loader:
    def __init__(self, configuration: Configuration, diagnostics: Diagnostics) -> None:
        self._configuration = configuration
        self._diagnostics = diagnostics
        self._all: dict[tuple[str, str], Line] = {}

    def run(self) -> None:
        glob = self._configuration.global_
        if glob.state_file:
            path = _joined(glob.state_base, glob.state_file)
            lines, fault = _lines(path, f"global server state file '{path}'")
            if fault:
                self._warn(f"config: {fault}")
            for line in [] if fault else lines:
                self._all.setdefault((line[1], line[3]), line)
        numbers = assign_ids((px.id for px in self._configuration.proxies), first_proxy_id(bool(glob.stats_sockets)))
        for px, number in zip(self._configuration.proxies, numbers, strict=True):
            if px.state_source == "global" and not px.disabled:
                self._load_global(px)
            elif px.state_source == "local" and px.has_backend and not px.disabled:
                self._load_local(px, number)

    def _load_global(self, px: Proxy) -> None:
        if not self._configuration.global_.state_file:
            self._warn(
                f"backend '{px.name}' configured to load server state file from global section 'server-state-file' directive."
                " Unfortunately, 'server-state-file' is not set!"
            )
        for srv in px.servers:
            line = self._all.get((px.name, srv.name))
            if line is not None:
                self._take(px, srv, line)

    def _load_local(self, px: Proxy, number: int) -> None:
        path = _joined(self._configuration.global_.state_base, px.state_file or px.name)
        found: dict[str, Line] = {}
        names = {srv.name for srv in px.servers}
        lines, fault = _lines(path, f"server state file '{path}'", ".")
        for line in lines:
            by_id = _integer(line[0]) == number
            if line[1] != px.name:
                if by_id:
                    told = f"from server state file: '{line[1]}', from running config '{px.name}'"
                    self._warn(f"Proxy '{px.name}': backend name mismatch: {told}")
                continue
            if not by_id:
                told = f"from server state file: '{line[0]}', from running config '{number}'"
                self._warn(f"Proxy '{px.name}': backend ID mismatch: {told}")
            if line[3] not in names:
                self._warn(f"Proxy '{px.name}': can't find server '{line[3]}' in backend '{px.name}'")
                continue
            found.setdefault(line[3], line)
        if fault:
            self._warn(f"Proxy '{px.name}': {fault}")
        for srv in [] if fault else px.servers:
            if srv.name in found:
                self._take(px, srv, found[srv.name])

    def _warn(self, message: str) -> None:
        self._diagnostics.warning("server-state", message)

    # -- one server

    def _take(self, px: Proxy, srv: Server, line: Line) -> None:
        fields = [*line, *("-", "0", "0", "-", "-", "0")[len(line) - 19 :]] if len(line) < _MAX_FIELDS else line
        path = f"{px.name}/{srv.name}"
        faults = "".join(_faults(fields))
        if faults:
            self._warn(f"server-state application failed for server '{path}'{faults}")
            return
        admin = _integer(fields[6]) or 0
        if srv.saved is None and admin & _HMAINT and srv.resolution.resolvers and fields[17] != "-":
            srv.address = replace(srv.address, name=fields[17])
        srv.saved = SavedState(
            state=_integer(fields[5]) or 0,
            admin=admin,
            uweight=_integer(fields[7]) if _integer(fields[8]) == srv.weight else None,
            since_s=max(0, _integer(fields[9]) or 0),
            status=_integer(fields[10]) or 0,
            check_flags=_integer(fields[13]) or 0,
            agent_flags=_integer(fields[14]) or 0,
        )
        _take_address(srv, fields[4])
        if srv.address.family in ("ipv4", "ipv6") and srv.address.port_offset is None:
            port = max(0, _integer(fields[18]) or 0)
            srv.address = replace(srv.address, port_low=port, port_high=port)
        srv.saved, fault = _with_destinations(srv, srv.saved, fields)
        if fault:
            self._warn(f"server-state partially applied for server '{path}', {fault}")


def _joined(base: str, name: str) -> str:
    return os.path.join(base, name)


def _lines(path: str, what: str, ending: str = "") -> tuple[list[Line], str]:
    """The lines of a file up to the first bad one, and HAProxy's words for what is wrong, "" for nothing."""
    lines: list[Line] = []
    try:
        for line in _read(path):
            lines.append(line)
    except OSError as error:
        return [], f"Can't open {what}: {os.strerror(error.errno or 0)}{ending}"
    except _BadFile as fault:
        return lines, str(fault).format(what=what)
    return lines, ""


def _read(path: str) -> Iterator[Line]:
    # A directory or a device must not hang the start, nor a huge line fill the memory.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        try:
            if not _VERSION.match(file.readline(_MAX_LINE)):
                raise _BadFile("Can't get version of the {what}.")
            number = 0
            while raw := file.readline(_MAX_LINE):
                number += 1
                words = raw.decode("utf-8", "surrogateescape").split()
                if raw.endswith(b"\n") and (not words or words[0].startswith("#")):
                    continue
                if not raw.endswith(b"\n") or len(words) < _MIN_FIELDS:
                    raise _BadFile(f"corrupted {{what}} at line {number}.")
                yield words[:_MAX_FIELDS]
        except OSError:
            raise _BadFile("Can't get version of the {what}.") from None


def _integer(text: str) -> int | None:
    """The number that a text begins with."""
    match = _NUMBER.match(text)
    return int(match[1][:24]) if match else None


def _faults(fields: Line) -> Iterator[str]:
    for name, at, highest in _CHECKED:
        value = _integer(fields[at])
        is_bad = value is None or value > highest or (value < 0 and name not in _MAY_BE_NEGATIVE)
        # haproxy: nobody can have asked for maintenance and for a drain.
        if is_bad or (name == "srv_admin_state" and value is not None and value & _FMAINT and value & _FDRAIN):
            yield f", invalid {name} value '{fields[at]}'"
    if len(fields[17]) > _MAX_NAME:
        yield f", invalid srv_fqdn value '{fields[17]}'"
    if (_integer(fields[18]) or 0) > 65535:
        yield f", invalid srv_port value '{fields[18]}'"


def _numeric(host: str) -> Address | None:
    try:
        return Address(f"ipv{ip_address(host).version}", host)
    except ValueError:
        return None


def _take_address(srv: Server, host: str) -> None:
    """`init-addr last`: the address that the name had, unless an earlier method has found one."""
    if not srv.address.name:
        return
    methods = methods_of(srv)
    saved = _numeric(host)
    if "last" not in methods or saved is None or (srv.address.host and methods[0] != "last"):
        return
    srv.address = replace(srv.address, family=saved.family, host=saved.host)
    if srv.awaits_state:
        srv.disabled = srv.awaits_state = False


def _with_destinations(srv: Server, saved: SavedState, fields: Line) -> tuple[SavedState, str]:
    """Where commands had sent checks and questions to the agent; and HAProxy's words for what cannot be."""
    host, port, fault = _destination(fields[22], fields[21], srv.check and not saved.has_check_off, "health")
    if fault:
        return saved, fault
    saved = replace(saved, check_host=host, check_port=port)
    host, port, fault = _destination(fields[23], fields[24], srv.agent_check and not saved.has_agent_off, "agent")
    return (saved if fault else replace(saved, agent_host=host, agent_port=port)), fault


def _destination(host: str, port: str, is_enabled: bool, what: str) -> tuple[str, int, str]:
    address, number = _numeric(host), _integer(port)
    fault = ""
    if (host != "-" or number != 0) and not is_enabled:
        fault = f"{what} checks are not enabled on this server"
    elif host != "-" and address is None:
        fault = f"invalid addr '{host}'"
    elif number is None:
        fault = "provided port is not an integer"
    elif not 0 <= number <= 65535:
        fault = "provided port is invalid"
    return "" if address is None else address.host, number or 0, fault
