"""The lines of a `resolvers` section (manual, section 5.3.2).

Knows name servers, periods and HAProxy's words. Must not ask any of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from .keywords.row import Statement
from .model import Address, Location
from .section_model import NameServer, Resolvers
from .values import AddressRules, TimeFault, ValueFault, parse_leading_integer

RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
_ADDRESS = AddressRules(port="mandatory", unix=False, dgram=True)
_MIN_PAYLOAD, _MAX_PAYLOAD = 12, 65535
_EVENTS = "<event> can be either 'valid', 'nx', 'refused', 'timeout', or 'other'"


def open_resolvers(st: Statement) -> None:
    sections = st.reading.configuration.resolvers
    name = st.argument(0)
    st.reading.resolvers = None
    if not name:
        raise st.fail("missing name for resolvers section.", 0, "missing-argument", "resolvers <name>")
    if name in sections:
        message = f"resolvers '{name}' has same name as another resolvers (declared at {sections[name].location})."
        location, _ = st.place(1)
        st.alert(message, 1, "duplicate-name", lead=f"Parsing [{location}]: ")
        raise st.reported()
    st.reading.resolvers = sections[name] = Resolvers(st.line_location(), name)


def _current(st: Statement) -> Resolvers:
    if st.reading.resolvers is None:  # its header was refused
        raise st.reported()
    return st.reading.resolvers


def _name_server(st: Statement) -> None:
    section = _current(st)
    name, word = st.argument(0), st.argument(1)
    if not word:
        raise st.fail("'nameserver' expects <name> and <addr>[:<port>] as arguments.", 0, "missing-argument")
    if any(server.name == name for server in section.servers):
        raise st.fail(f"name server '{name}' has same name as another nameserver.", 1, "duplicate-name")
    try:
        address = st.address(word, _ADDRESS)
    except ValueFault as fault:
        raise st.fail(f"'nameserver {name}' : {fault.message}", 2, fault.code) from None
    st.at_most(2)
    section.servers.append(NameServer(name, address, is_tcp=_is_stream(word)))


def _is_stream(word: str) -> bool:
    prefix = word.partition("@")[0]
    return "@" in word and prefix.startswith(("tcp", "stream+"))


def _parse_resolv_conf(st: Statement) -> None:
    section = _current(st)
    try:
        section.servers += _system_servers()
    except OSError as error:
        raise st.fail(f"failed to open {RESOLV_CONF} ({error.strerror}).", 0, "unreadable-file") from None


def _system_servers() -> list[NameServer]:
    """Each name server of the system's file, named by its address as HAProxy names it. Raises OSError."""
    words = (line.split() for line in RESOLV_CONF.read_text(errors="replace").splitlines())
    hosts = [found[1] for found in words if len(found) >= 2 and found[0] == "nameserver"]
    return [NameServer(host, Address("ipv6" if ":" in host else "ipv4", host, DNS_PORT, DNS_PORT)) for host in hosts]


def system_section(location: Location) -> Resolvers | None:
    """The section `default` of a configuration that has none (manual, section 5.3.2); None where the system names no server."""
    with contextlib.suppress(OSError):
        servers = _system_servers()
        return Resolvers(location, "default", servers) if servers else None
    return None


def _hold(st: Statement) -> None:
    section = _current(st)
    event, word = st.argument(0), st.argument(1)
    if not word:
        raise st.fail("'hold' expects an <event> and a <time> as arguments.", 0, "missing-argument", _EVENTS)
    if event not in section.hold_ms:
        message = f"'hold' unknown <event>: '{event}', expects either 'nx', 'timeout', 'valid', 'obsolete' or 'other'."
        raise st.fail(message, 1, "bad-argument")
    section.hold_ms[event] = _period(st, 2, "hold")


def _timeout(st: Statement) -> None:
    section = _current(st)
    event = st.argument(0)
    if event not in ("resolve", "retry"):
        what = "'timeout' expects 'retry' or 'resolve' and <time> as arguments"
        raise st.fail(f"{what} got '{event}'." if event else f"{what}.", 1 if event else 0)
    if not st.argument(1):
        raise st.fail(f"'timeout {event}' expects <time> as argument.", 1, "missing-argument")
    setattr(section, f"{event}_ms", _period(st, 2, f"timeout {event}"))


def _period(st: Statement, index: int, what: str) -> int:
    word = st.words[index]
    try:
        return st.milliseconds(word)
    except TimeFault as fault:
        location, _ = st.place(index)
        reason = (
            f"timer overflow in argument <{word}> to <{what}> (maximum value is 2147483647 ms or ~24.8 days)."
            if fault.is_overflow
            else f"unexpected character '{fault.character}' in argument to <{what}>."
        )
        st.alert(reason, index, "bad-time", lead=f"parsing [{location}]: ")
        raise st.reported() from None


def _payload(st: Statement) -> None:
    section = _current(st)
    size = _number(st, "accepted_payload_size")
    if not _MIN_PAYLOAD <= size <= _MAX_PAYLOAD:
        raise st.fail(f"'accepted_payload_size' must be between {_MIN_PAYLOAD} and {_MAX_PAYLOAD} inclusive (was {size}).", 1)
    section.payload_size = size


def _retries(st: Statement) -> None:
    _current(st).retries = max(1, _number(st, "resolve_retries"))


def _number(st: Statement, keyword: str) -> int:
    if not st.argument(0):
        raise st.fail(f"'{keyword}' expects <nb> as argument.", 0, "missing-argument")
    return parse_leading_integer(st.argument(0))


KEYWORDS: dict[str, Callable[[Statement], None]] = {
    "nameserver": _name_server,
    "parse-resolv-conf": _parse_resolv_conf,
    "hold": _hold,
    "timeout": _timeout,
    "accepted_payload_size": _payload,
    "resolve_retries": _retries,
}
