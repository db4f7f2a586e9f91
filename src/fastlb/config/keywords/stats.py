"""`stats ...`: the statistics page of a proxy (manual, section 4.2) and the runtime API's sockets in `global` (section 3.1).

Knows how they are written. Must not know what the page shows or what the runtime API answers (`control/`).
"""

from __future__ import annotations

from collections.abc import Callable

from ..diagnostics import nearest
from ..model import Global, Proxy, Stats, StatsSocket
from ..rules import add_rule
from ..samples.types import Point
from ..values import AddressRules, TimeFault, ValueFault, group_id, parse_integer, user_id
from .row import NOT_YET, GlobalKeyword, ProxyKeyword, Statement, mode_octal
from .rules import set_condition_only
from .since import since

LEVELS = ("user", "operator", "admin")
UNKNOWN = (
    "unknown stats parameter '{0}', expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', "
    "'show-desc' or 'show-legends'."
)
MISSING = (
    "missing keyword in 'stats', expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', "
    "'show-desc' or 'show-legends'."
)
UNKNOWN_GLOBAL = "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{0}')"
read_admin = set_condition_only("stats admin", Point.REQUEST_HEADERS, "frontend 'stats admin' rule")
_ADDRESS = AddressRules(port="mandatory", fd=True)


def _stats(px: Proxy) -> Stats:
    """The proxy's page: any `stats` line switches it on."""
    if px.stats is None:
        px.stats = Stats()
    return px.stats


def set_enable(st: Statement, px: Proxy) -> None:
    _stats(px)


def set_uri(st: Statement, px: Proxy) -> None:
    _stats(px).uri = st.argument(0)


def set_realm(st: Statement, px: Proxy) -> None:
    # haproxy: further words are ignored without a message, and a file that has them runs.
    _stats(px).realm = st.argument(0)


def set_refresh(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    try:
        _stats(px).refresh_s = st.milliseconds(word, "s") // 1000
    except TimeFault as fault:
        if fault.is_overflow:
            message = f"timer overflow in argument <{word}> to stats refresh interval, maximum value is 2147483647 s (~68 years)."
        else:
            message = f"unexpected character '{fault.character}' in argument to stats refresh interval."
        raise st.fail(message, 2, "bad-time", "stats refresh 10s") from None


def set_auth(st: Statement, px: Proxy) -> None:
    # haproxy: a word without a colon is a user with an empty password.
    name, _, password = st.argument(0).partition(":")
    _stats(px).users.append((name, password))


def set_scope(st: Statement, px: Proxy) -> None:
    _stats(px).scopes.append(st.argument(0))


def set_hide_version(st: Statement, px: Proxy) -> None:
    _stats(px).show_version = False


def set_show_version(st: Statement, px: Proxy) -> None:
    _stats(px).show_version = True


def set_show_legends(st: Statement, px: Proxy) -> None:
    _stats(px).show_legends = True


def set_show_modules(st: Statement, px: Proxy) -> None:
    """haproxy: shows further columns of modules; fastlb's are those of latency."""
    _stats(px).show_modules = True


def set_show_node(st: Statement, px: Proxy) -> None:
    _stats(px).show_node = st.argument(0) or st.reading.configuration.global_.node


def set_show_desc(st: Statement, px: Proxy) -> None:
    _stats(px).show_description = " ".join(st.arguments) or st.reading.configuration.global_.description


def set_http_request(st: Statement, px: Proxy) -> None:
    """`stats http-request allow|deny|auth [realm <realm>] [if|unless <condition>]`."""
    _stats(px)
    add_rule(st, px, "S")


def set_admin(st: Statement, px: Proxy) -> None:
    """`stats admin if|unless <condition>`: who may change servers on the page; several lines are alternatives."""
    _stats(px)
    read_admin(st, px)


def row(
    name: str, apply: Callable[[Statement, Proxy], None], grammar: str = "", default: str = "", missing: str = ""
) -> ProxyKeyword:
    return ProxyKeyword(
        f"stats {name}",
        "stats",
        "DFLB",
        grammar,
        default,
        "4.2",
        since(f"stats {name}"),
        apply=apply,
        missing=missing,
        arguments=(1 if missing else 0, None),
    )


PROXY: tuple[ProxyKeyword, ...] = (
    row("enable", set_enable),
    row("uri", set_uri, "<prefix>", "/haproxy?stats", "'uri' needs an URI prefix."),
    row("realm", set_realm, "<realm>", "HAProxy Statistics", "'realm' needs an realm name."),
    row("refresh", set_refresh, "<delay>", "no refresh", "'refresh' needs a refresh interval."),
    row("auth", set_auth, "<user>:<password>", "no authentication", "'auth' needs a user:password account."),
    row("scope", set_scope, "<proxy> | .", "all proxies", "'scope' needs a proxy name."),
    row("hide-version", set_hide_version, default="yes"),
    row("show-version", set_show_version, default="no"),
    row("show-legends", set_show_legends, default="no"),
    row("show-node", set_show_node, "[<name>]", "no"),
    row("show-desc", set_show_desc, "[<description>]", "no"),
    row("show-modules", set_show_modules, default="no"),
    ProxyKeyword("stats admin", "stats", "FLB", "{ if | unless } <condition>", "no", "4.2", apply=set_admin, strict=True),
    ProxyKeyword(
        "stats http-request",
        "stats",
        "FLB",
        "{ allow | deny | auth [realm <realm>] } [{ if | unless } <condition>]",
        manual="4.2",
        apply=set_http_request,
        strict=True,
    ),
)

# --- global ---


def set_socket(st: Statement, glob: Global) -> None:
    word = st.argument(0)
    if not word:
        message = "'stats socket' in global section expects an address or a path to a UNIX socket"
        raise st.fail(message, 0, "missing-argument", "stats socket /run/fastlb/admin.sock level admin mode 600")
    try:
        address = st.address(word, _ADDRESS)
    except ValueFault as fault:
        raise st.fail(f"'stats socket' : {fault.message}", 2, fault.code) from None
    stats_socket = StatsSocket(st.line_location(), address)
    index = 1
    while name := st.argument(index):
        if name not in SOCKET_OPTIONS:
            guess = nearest(name, SOCKET_OPTIONS)
            tail = f" Did you mean '{guess}' maybe ?" if guess else ""
            raise st.fail(f"'stats socket' : unknown keyword '{name}'.{tail}", st.n_keyword + index, "unknown-keyword")
        setter = SOCKET_OPTIONS[name]
        if setter is None:
            raise st.fail(f"'stats socket' : '{name}': {NOT_YET}", st.n_keyword + index, "unsupported-keyword")
        try:
            setter(stats_socket, st.argument(index + 1))
        except ValueFault as fault:
            raise st.fail(f"'stats socket' : '{fault.message}'", st.n_keyword + index + 1) from None
        index += 2
    glob.stats_sockets.append(stats_socket)


def _level(target: StatsSocket, value: str) -> None:
    if value not in LEVELS:
        raise ValueFault(f"'level' only supports 'user', 'operator', and 'admin' (got '{value}')")
    target.level = value


def _mode(target: StatsSocket, value: str) -> None:
    target.mode = mode_octal(value)


def _user(target: StatsSocket, value: str) -> None:
    target.uid = user_id(value)
    if target.uid is None:
        raise ValueFault(f"'user' : unknown user name '{value}'")


def _group(target: StatsSocket, value: str) -> None:
    target.gid = group_id(value)
    if target.gid is None:
        raise ValueFault(f"'group' : unknown group name '{value}'")


def _number(option: str, attribute: str) -> Callable[[StatsSocket, str], None]:
    def apply(target: StatsSocket, value: str) -> None:
        try:
            number = parse_integer(value)
        except ValueFault:
            number = -1
        if number < 0:
            raise ValueFault(f"'{option}' : expects a positive number, found '{value}'")
        setattr(target, attribute, number)

    return apply


def _name(target: StatsSocket, value: str) -> None:
    if not value:
        raise ValueFault("'name' : missing name")
    target.name = value


def _expose_fd(target: StatsSocket, value: str) -> None:
    if value != "listeners":
        raise ValueFault("'expose-fd' only supports 'listeners'")
    target.expose_fd_listeners = True


def _harmless(target: StatsSocket, value: str) -> None:
    """`process` and `thread` choose who serves the socket; in fastlb it is always the control process."""


def _severity_output(target: StatsSocket, value: str) -> None:
    if value not in ("none", "number", "string"):
        raise ValueFault(f"'severity-output' only supports 'none', 'number', and 'string' (got '{value}')")
    target.severity_output = value


SOCKET_OPTIONS: dict[str, Callable[[StatsSocket, str], None] | None] = {
    "level": _level,
    "mode": _mode,
    "user": _user,
    "group": _group,
    "uid": _number("uid", "uid"),
    "gid": _number("gid", "gid"),
    "maxconn": _number("maxconn", "maxconn"),
    "name": _name,
    "expose-fd": _expose_fd,
    "process": _harmless,
    "thread": _harmless,
    "backlog": None,
    "severity-output": _severity_output,
    "ssl": None,
    "crt": None,
    "interface": None,
    "namespace": None,
    "accept-proxy": None,
    "tfo": None,
    "v4v6": None,
    "v6only": None,
}


def set_timeout(st: Statement, glob: Global) -> None:
    if not st.argument(0):
        raise st.fail("'stats timeout' expects a time", 0, "missing-argument", "stats timeout 30s")
    try:
        glob.stats_timeout_ms = st.milliseconds(st.argument(0))
    except TimeFault as fault:
        reason = "timer overflow" if fault.is_overflow else f"unexpected character '{fault.character}'"
        raise st.fail(f"'stats timeout' : {reason}", 2, "bad-time") from None
    if glob.stats_timeout_ms == 0:
        raise st.fail("'stats timeout' expects a positive value", 2)


def set_maxconn(st: Statement, glob: Global) -> None:
    value = st.integer(0) if st.argument(0) else 0
    if value <= 0:
        raise st.fail("'stats maxconn' expects a positive value", 2)
    glob.stats_maxconn = value


GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "stats socket",
        "stats",
        "G",
        "<address> [level <level>] [mode <mode>] [user|group|uid|gid <id>] [expose-fd listeners] ...",
        manual="3.1",
        apply=set_socket,
    ),
    GlobalKeyword("stats timeout", "stats", "G", "<timeout>", "10s", "3.1", apply=set_timeout, arguments=(0, None)),
    GlobalKeyword("stats maxconn", "stats", "G", "<number>", "10", "3.1", apply=set_maxconn, arguments=(0, None)),
)
