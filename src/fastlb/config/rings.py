"""`ring` sections, and the rings that `log` lines write into: named ones, `buf0`, and one for each stream target (manual, 3.9).

Knows their lines and HAProxy's words. Must not know how a ring is kept or sent (control/logs/rings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .diagnostics import nearest
from .keywords.log import FORMATS
from .keywords.row import Statement
from .keywords.server import bad_character, read_server
from .log_model import LogTarget, Ring, RingServer
from .model import Configuration, Location, Proxy, Server
from .values import TimeFault, ValueFault, parse_leading_integer, parse_size

# haproxy: of every program; what it does not log itself into may be written there as well.
BUILT_IN = "buf0"
_MIN_SIZE = 16384
_MAX_SIZE = 256 << 20

Report = Callable[[str, str, Location, str, str], None]  # code, message, location, lead, hint


def built_in() -> Ring:
    return Ring(Location("", 0), BUILT_IN, "in-memory ring buffer", "timed", size=1 << 20)


# --- sections ---


def open_ring(st: Statement) -> None:
    rings = st.reading.configuration.rings
    name = st.argument(0)
    st.reading.ring = None
    if not name:
        raise st.fail("missing ring name.", 0, "missing-argument", "ring <name>")
    if wrong := bad_character(name):
        raise st.fail(f"invalid ring name '{name}' (character '{wrong}' is not permitted).", 1, "bad-name")
    if name in rings or name in (BUILT_IN, "stdout", "stderr"):
        raise st.fail(f"sink named '{name}' already exists.", 1, "duplicate-name")
    if st.argument(1):
        st.warn(f"'ring' : argument '{st.argument(1)}' is ignored.", 2, "unexpected-argument")
    st.reading.ring = rings[name] = Ring(st.line_location(), name, name)


def _current(st: Statement) -> Ring:
    if st.reading.ring is None:  # its header was refused
        raise st.reported()
    return st.reading.ring


def _description(st: Statement) -> None:
    ring = _current(st)
    if not st.argument(0):
        raise st.fail("missing ring description text.", 0, "missing-argument")
    ring.description = " ".join(st.arguments)


def _format(st: Statement) -> None:
    ring, name = _current(st), st.argument(0)
    if name not in FORMATS:
        raise st.fail(f"unknown format '{name}'.", min(1, len(st.arguments)), hint=f"one of {' '.join(FORMATS)}")
    ring.format = name


def _max_length(st: Statement) -> None:
    ring, word = _current(st), st.argument(0)
    # haproxy: atol(), as of most numbers
    length = parse_leading_integer(word)
    if length < 1:
        raise st.fail(f"invalid size '{word}' for new sink buffer.", min(1, len(st.arguments)))
    ring.max_length = length


def _size(st: Statement) -> None:
    ring, word = _current(st), st.argument(0)
    at = min(1, len(st.arguments))
    try:
        size = parse_size(word)
    except ValueFault:
        size = 0
    if not 0 < size <= _MAX_SIZE:
        raise st.fail(f"invalid size '{word}' for new sink buffer.", at, hint=f"{_MIN_SIZE} to {_MAX_SIZE} bytes")
    if size < _MIN_SIZE:
        message = f"size '{word}' is smaller than the least size '{_MIN_SIZE}' for ring '{ring.name}'."
        raise st.fail(message, at, hint=f"size {_MIN_SIZE}")
    ring.size = size


def _timeout(st: Statement) -> None:
    ring, name, word = _current(st), st.argument(0), st.argument(1)
    if name not in ("connect", "server"):
        raise st.fail("'timeout' expects 'connect' or 'server'.", min(1, len(st.arguments)), hint="timeout connect 5s")
    if not word:
        raise st.fail(f"'timeout {name}' expects <time> as argument.", 1, "missing-argument")
    try:
        value = st.milliseconds(word)
    except TimeFault as fault:
        message = f"unexpected character '{fault.character}' in argument to <timeout {name}>."
        if fault.is_overflow:
            message = f"timer overflow in argument <{word}> to <timeout {name}> (maximum value is 2147483647 ms or ~24.8 days)."
        raise st.fail(message, 2, "bad-time") from None
    if name == "connect":
        ring.connect_ms = value
    else:
        ring.server_ms = value


def _server(st: Statement) -> None:
    ring, name = _current(st), st.argument(0)
    location, _ = st.place(0)
    if not name or not st.argument(1):
        message = "'server' expects <name> and <addr>[:<port>] as arguments."
        st.alert(message, 0, "missing-argument", "server syslog 192.168.1.10:6514 log-proto octet-count", f"[{location}] : ")
        raise st.reported()
    srv = read_server(st, Proxy(ring.location, "ring", ring.name), name, 2)
    if any(other.name == name for other in ring.servers):
        raise st.fail(f"ring '{ring.name}', another server named '{name}' was already defined.", 1, "duplicate-server")
    for what in _beyond(srv):
        st.alert(f"'server {ring.name}/{name}' : '{what}' is not supported by fastlb yet in a ring.", 1, "unsupported-keyword")
    if srv.address.family in ("ipv4", "ipv6") and not srv.address.port:
        raise st.fail(f"'server {ring.name}/{name}' : missing port specification.", 2, "bad-address", "a port: 6514 or 514")
    ring.servers.append(RingServer(name, srv.address, srv.log_proto == "octet-count"))


def _beyond(srv: Server) -> Iterable[str]:
    """What of its settings would change what a log server gets; the others are of no use to a ring."""
    facts = {
        "ssl": srv.tls.enabled, "send-proxy": bool(srv.send_proxy), "source": srv.source is not None,
        "resolvers": bool(srv.resolution.resolvers), "disabled": srv.disabled,
    }  # fmt: skip
    return [what for what, is_set in facts.items() if is_set]


def _backing_file(st: Statement) -> None:
    _current(st)
    message = "'backing-file' is not supported by fastlb yet: a ring lives in memory, and a new process begins with an empty one"
    raise st.fail(message, 0, "unsupported-keyword", "send the ring's lines to a server")


KEYWORDS: dict[str, Callable[[Statement], None]] = {
    "backing-file": _backing_file,
    "description": _description,
    "format": _format,
    "maxlen": _max_length,
    "server": _server,
    "size": _size,
    "timeout": _timeout,
}


# --- log targets ---


def resolve_rings(configuration: Configuration, alert: Report, warn: Callable[[str, str, Location], None]) -> None:
    """Gives each log target its ring: the one it names, or one of its own for a stream target."""
    for ring in configuration.rings.values():
        if ring.max_length > ring.size:
            message = f"ring '{ring.name}' event max length '{ring.max_length}' exceeds size, forced to size '{ring.size}'."
            warn("too-long", message, ring.location)
            ring.max_length = ring.size
    made: dict[Location, Ring] = {}  # a line of a defaults section is one target for all that inherit it
    for target in (*configuration.global_.logs, *(target for px in configuration.proxies for target in px.logs)):
        if target.is_stream:
            ring = made.setdefault(target.location, _implicit(target, len(made) + 1))
            target.ring = ring.name
        elif target.ring:
            _use(configuration, target, alert)
    configuration.rings |= {ring.name: ring for ring in made.values()}


def _implicit(target: LogTarget, number: int) -> Ring:
    assert target.address is not None
    place = f"created from logserver declared into '{target.location.file}' at line {target.location.line}"
    ring = Ring(target.location, f"ring#{number}", place)
    ring.servers.append(RingServer("default", target.address, is_counted=False))
    return ring


def _use(configuration: Configuration, target: LogTarget, alert: Report) -> None:
    if target.ring == BUILT_IN:
        configuration.rings.setdefault(BUILT_IN, built_in())
    ring = configuration.rings.get(target.ring)
    if ring is None:
        guess = nearest(target.ring, configuration.rings)
        hint = f"did you mean '{guess}'?" if guess else f"add a section 'ring {target.ring}'"
        message = f"log : unknown ring '{target.ring}'."
        alert("unknown-ring", message, target.location, f"parsing [{target.location}] : ", hint)
        return
    # haproxy: the ring's format, whatever the line says.
    target.format, target.with_hostname = ring.format, True
