"""`add server` of the runtime API: which options a server may have that comes while the program runs (management guide, 9.3).

Knows the options and HAProxy's words for what does not fit. The options themselves are those of the configuration (server.py).
Nothing is looked up: no host name, and no file but those that were loaded already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..diagnostics import ALERT, Diagnostics
from ..model import Configuration, Proxy, Server
from ..tls_files import TlsFiles
from ..tracks import Tracks
from ..values import Resolver, ValueFault, names
from .row import BadStatement, Draft, Reading, Source, Statement
from .server import OPTIONS, SERVER_ADDRESS, bad_character, complete, set_option, template, unknown_option
from .server_link import option_name
from .server_resolution import resolve_at_start

# haproxy: those of 2.6, and of later versions `cookie`, `guid` and `hash-key`.
ACCEPTED = frozenset(names("""
addr agent-addr agent-check agent-inter agent-port agent-send allow-0rtt alpn backup ca-file check check-alpn check-proto
check-send-proxy check-sni check-ssl check-via-socks4 ciphers ciphersuites cookie crl-file crt disabled downinter enabled
error-limit fall fastinter force-sslv3 force-tlsv10 force-tlsv11 force-tlsv12 force-tlsv13 guid hash-key id inter maxconn maxqueue
minconn no-backup no-send-proxy no-send-proxy-v2 no-ssl-reuse no-sslv3 no-tfo no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12
no-tlsv13 npn observe on-error on-marked-down on-marked-up pool-low-conn pool-max-conn pool-purge-delay port proto
proxy-v2-options rise send-proxy send-proxy-v2 send-proxy-v2-ssl send-proxy-v2-ssl-cn slowstart sni source ssl ssl-max-ver
ssl-min-ver tfo tls-tickets track usesrc verify verifyhost weight ws
"""))  # fmt: skip
EXPECTED = "'server' expects <name> and <addr>[:<port>] as arguments."


@dataclass(frozen=True, slots=True)
class Known:
    """What there is already. servers: of the backend, with their numbers. added: paths of servers that commands have added."""

    servers: Sequence[tuple[Server, int]]
    added: Collection[str]


def read_dynamic_server(
    configuration: Configuration, px: Proxy, known: Known, words: Sequence[str], files: TlsFiles
) -> tuple[Server, bool]:
    """The server of `add server`, and whether it serves at once. words: its name, its address and its options.

    Raises ValueFault with HAProxy's words.
    """
    name = words[0]
    if len(words) < 2 or not words[1]:
        raise ValueFault(EXPECTED)
    if wrong := bad_character(name):
        raise ValueFault(f"character '{wrong}' is not permitted in server name '{name}'.")
    diagnostics = Diagnostics()
    reading = Reading(configuration, diagnostics, {}, Resolver(lambda host, family: None), lambda variable: None)
    reading.tls_files = files
    st = Statement(reading, Source("CLI", 1, b""), ["server", *words], draft=Draft(px, template()))
    where = f"'server {px.name}/{name}' : "
    srv, said = template(), set[str]()
    srv.location, srv.name, srv.init_addr = st.line_location(), name, ["none"]
    try:
        srv.address = st.address(words[1], SERVER_ADDRESS)
        said = _read_options(st, srv, known, where)
        complete(st, srv, where)
    except BadStatement:
        pass  # its reason is the first alert
    if diagnostics.has_errors:
        fault = next(item for item in diagnostics if item.severity == ALERT)
        raise ValueFault(fault.message.removeprefix(where), fault.code)
    _check(configuration, px, known, srv)
    serves = "enabled" in said and not srv.disabled
    if srv.address.name:
        if not _is_host_name(srv.address.name):
            raise ValueFault(f"invalid address: '{srv.address.name}' in '{words[1]}'")
        # haproxy: as with `init-addr none`; here it waits in maintenance until it is given an address.
        resolve_at_start(st, srv, _not_asked, where)
    return srv, serves


def _is_host_name(name: str) -> bool:
    """haproxy: takes whatever is no address for a name; a command's word that can be none is a mistake."""
    return len(name) <= 253 and name.isascii() and all(char.isalnum() or char in "-._" for char in name)


def _not_asked(message: str, hint: str) -> NoReturn:
    raise ValueFault(message, hint=hint)


def _read_options(st: Statement, srv: Server, known: Known, where: str) -> set[str]:
    """Sets what the words say; returns the options' names."""
    said: set[str] = set()
    index = 3
    while index < len(st.words):
        name = option_name(st.words[index])
        row = OPTIONS.get(name)
        if row is None:
            unknown_option(st, name, index, where)
        elif name not in ACCEPTED:
            raise ValueFault(f"'{name}' option is not accepted for dynamic server")
        else:
            said.add(name)
            index += set_option(st, srv, row, index, where)
        other = next((other for other, number in known.servers if number == srv.id), None)
        if other is not None:
            raise ValueFault(f"'id' : custom id {srv.id} already used at {other.location} ('server {other.name}').")
    return said


def _check(configuration: Configuration, px: Proxy, known: Known, srv: Server) -> None:
    """What does not fit to the backend and its servers, in HAProxy's order."""
    if any(other.name == srv.name for other, _ in known.servers):
        raise ValueFault("Already exists a server with the same name in backend.")
    if (srv.proto and (srv.proto == "none") != (px.mode != "http")) or (srv.proto == "fcgi" and not px.fcgi_app):
        raise ValueFault("MUX protocol is not usable for server.")
    address = srv.check_address or srv.address
    has_port = srv.check_port or srv.address.port
    if srv.check and not has_port and address.family in ("ipv4", "ipv6") and address.host not in ("", "0.0.0.0", "::"):
        where = f"config: backend '{px.name}': server '{srv.name}'"
        raise ValueFault(f"{where} has neither service port nor check port nor tcp_check rule 'connect' with port information.")
    if srv.check and px.check.kind == "httpchk" and "fcgi" in (srv.check_proto, srv.proto):
        raise ValueFault("checks by 'option httpchk' over FastCGI are not supported by fastlb yet.")
    if srv.track:
        _check_track(configuration, px, known, srv)


def _check_track(configuration: Configuration, px: Proxy, known: Known, srv: Server) -> None:
    """haproxy: only a server of the configuration is tracked, so that no chain is broken by `del server`."""
    path = srv.track if "/" in srv.track else f"{px.name}/{srv.track}"
    if path in known.added:
        raise ValueFault(f"unable to use {path} for tracking as it is a dynamic server.")
    faults: list[str] = []
    Tracks(configuration.proxies).check_one(px, srv, lambda _srv, _code, message, _hint: faults.append(message))
    if faults:
        raise ValueFault(faults[0])
