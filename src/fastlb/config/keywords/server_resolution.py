"""How a server's name becomes an address: `init-addr`, `resolvers` and its options, `server-template` (manual, 5.2 and 5.3).

Knows HAProxy's order of methods and its words. Must not ask a name server: that is control's work while the program runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import NoReturn

from ..model import Address, Resolution, Server
from ..values import AddressRules, Resolver, ValueFault, parse_address, resolved
from .row import ServerOption, Statement

INIT_ADDR_METHODS = ("libc", "last", "none")
UNRESOLVED_HINT = "init-addr last,libc,none starts without the address"
MAX_TEMPLATE = 10_000  # servers of one line
_FIXED = AddressRules(port="no", unix=False)
_OPTIONS: dict[str, Callable[[Resolution], Resolution]] = {
    "allow-dup-ip": lambda resolution: replace(resolution, allows_duplicates=True),
    "prevent-dup-ip": lambda resolution: replace(resolution, allows_duplicates=False),
    "ignore-weight": lambda resolution: replace(resolution, ignores_weight=True),
}


def resolve_at_start(st: Statement, srv: Server, fail: Callable[[str, str], NoReturn], where: str) -> None:
    """Gives the server the address that `init-addr` finds; without one it starts down (host "", name set).

    fail: reports (message, hint) and raises. The methods are tried in turn; `last` is the state file's, which is read later
    (state_files.py): whether a server whose name nobody knows has an address there.
    """
    address, found, asked_system = srv.address, None, False
    methods = methods_of(srv)
    has_state = "last" in methods and st.draft is not None and st.draft.proxy.state_source != "none"
    for method in methods:
        if method == "libc" and not is_service(address.name):
            asked_system = True
            found = resolved(address, st.reading.resolver)
        elif method not in INIT_ADDR_METHODS:
            found = _fixed(address, method)
        if found is not None or method == "none":
            break
    else:
        if not has_state:
            what = "could not" if asked_system else "no method found to"
            fail(f"{where}{what} resolve address '{address.name}'.", UNRESOLVED_HINT)
    if asked_system and (found is None or method != "libc") and not has_state:
        ending = "disabling server" if found is None else "falling back to configured address"
        location, _ = st.place(2)
        message = f"{where}could not resolve address '{address.name}', {ending}."
        st.warn(message, 2, "unresolved-host", lead=f"[{location}] : ")
    srv.awaits_state = found is None and has_state and not srv.disabled
    srv.disabled = srv.disabled or found is None
    srv.address = found or replace(address, family="ipv4" if address.family == "ip" else address.family)


def methods_of(srv: Server) -> list[str]:
    """haproxy: a server whose name is asked for later may start without an address."""
    return srv.init_addr or ["last", "libc", *(["none"] if srv.resolution.resolvers else [])]


def is_service(name: str) -> bool:
    """Whether the name is asked for SRV records (manual, section 5.3.1)."""
    return name.startswith("_")


def _fixed(address: Address, host: str) -> Address:
    numeric = parse_address(host, _FIXED, _nobody())
    return replace(address, family=numeric.family, host=numeric.host)


def _nobody() -> Resolver:
    return Resolver(lambda name, family: None)


def set_init_addr(st: Statement, srv: Server, word: str) -> None:
    methods = word.split(",")
    for method in methods:
        if method in INIT_ADDR_METHODS:
            continue
        try:
            parse_address(method, _FIXED, _nobody())
        except ValueFault:
            raise ValueFault(
                f"'init-addr' : unknown init-addr method '{method}', supported methods are 'libc', 'last', 'none'."
            ) from None
    srv.init_addr = methods


def set_resolvers(st: Statement, srv: Server, word: str) -> None:
    srv.resolution = replace(srv.resolution, resolvers=word)


def set_prefer(st: Statement, srv: Server, word: str) -> None:
    if word not in ("ipv4", "ipv6"):
        raise ValueFault("'resolve-prefer' expects either ipv4 or ipv6 as argument.")
    srv.resolution = replace(srv.resolution, prefers=word)


def set_networks(st: Statement, srv: Server, word: str) -> None:
    networks = []
    for text in word.split(","):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            raise ValueFault(f"'resolve-net' invalid network '{text}'.") from None
    srv.resolution = replace(srv.resolution, networks=(*srv.resolution.networks, *networks))


def set_options(st: Statement, srv: Server, word: str) -> None:
    for option in word.split(","):
        if option not in _OPTIONS:
            raise ValueFault(
                f"'resolve-opts' : unknown resolve-opts option '{option}', supported methods are 'allow-dup-ip', "
                "'ignore-weight', and 'prevent-dup-ip'."
            )
        srv.resolution = _OPTIONS[option](srv.resolution)


def template_range(word: str) -> range | None:
    """The numbers of `server-template`'s servers: `3` means 1 to 3, `2-5` means 2 to 5; None for anything else."""
    low, dash, high = word.partition("-")
    if not dash:
        low, high = "1", low
    if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in (low, high)):
        return None
    first, last = int(low), int(high)
    return range(first, last + 1) if 0 < last - first + 1 <= MAX_TEMPLATE else None


def _row(name: str, apply: Callable[[Statement, Server, str], None], grammar: str, default: str = "") -> ServerOption:
    missing = f"'{name}' expects an argument"
    return ServerOption(name, "server", "LB", grammar, default, "5.2", apply=apply, arity=1, missing=missing)


SERVER: tuple[ServerOption, ...] = (
    _row("init-addr", set_init_addr, "{last | libc | none | <ip>},...", "last,libc"),
    _row("resolvers", set_resolvers, "<id>"),
    _row("resolve-prefer", set_prefer, "{ipv4 | ipv6}", "ipv6"),
    _row("resolve-net", set_networks, "<network>,..."),
    _row("resolve-opts", set_options, "{allow-dup-ip | ignore-weight | prevent-dup-ip},...", "prevent-dup-ip"),
)
