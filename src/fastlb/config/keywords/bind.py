"""`bind` of frontends and listens, with its options (manual, sections 4.2 and 5.1).

Knows addresses and options as they are written. Must not open a socket: the master binds (`supervisor/`).
"""

from __future__ import annotations

from dataclasses import replace

from ..diagnostics import nearest
from ..model import Address, Bind, Proxy
from ..values import AddressRules, ValueFault, group_id, parse_integer, parse_leading_integer, user_id
from . import tls_bind
from .option_rows import bind_option, harmless, not_yet
from .row import IGNORED, NOT_YET, UNSUPPORTED, BindOption, ProxyKeyword, SetBind, Statement, mode_octal
from .server_link import user_timeout

_ADDRESS = AddressRules(port="mandatory", ranges=True, fd=True)


def set_bind(st: Statement, px: Proxy) -> None:
    if not st.argument(0):
        message = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments."
        raise st.fail(message, 0, "missing-argument", "bind *:80")
    template = Bind(st.line_location(), Address("ipv4"))
    addresses = []
    for word in st.argument(0).split(","):
        if not word:
            continue
        try:
            addresses.append(st.address(word, _ADDRESS))
        except ValueFault as fault:
            # haproxy: the options of the line are not looked at behind a bad address; here they are.
            hint = "name a port: bind *:80" if "missing port" in fault.message else ""
            st.alert(f"'bind' : {fault.message}", 1, fault.code, hint)
    _set_options(st, template)
    tls_bind.complete(st, template)
    px.binds += [replace(template, address=address) for address in addresses]


def _set_options(st: Statement, bind: Bind) -> None:
    where = f"'bind {st.argument(0)}' in section '{px_kind(st)}'"
    index = 2
    while index < len(st.words):
        name = st.words[index]
        row = OPTIONS.get(name)
        if row is None:
            guess = nearest(name, OPTIONS)
            tail = f"; did you mean '{guess}' maybe ?" if guess else "."
            raise st.fail(
                f"{where}: unknown keyword '{name}'{tail}", index, "unknown-keyword", f"write '{guess}'" if guess else ""
            )
        index += _set_option(st, bind, row, index, where)


def _set_option(st: Statement, bind: Bind, row: BindOption, index: int, where: str) -> int:
    """Applies one option; returns how many words it took."""
    if row.status == UNSUPPORTED:
        st.alert(f"{where} : '{row.name}': {NOT_YET}", index, "unsupported-keyword")
    elif row.status == IGNORED and not row.quiet:
        st.warn(f"{where} : '{row.name}' is ignored: {row.note}.", index, "ignored-keyword")
    value = st.words[index + 1] if row.arity and index + 1 < len(st.words) else ""
    missing = f"'{row.name}' : missing argument"
    if row.arity and not value:
        raise st.fail(f"{where} : {row.missing or missing}", index, "missing-argument")
    if row.apply is not None:
        try:
            row.apply(st, bind, value)
        except ValueFault as fault:
            raise st.fail(f"{where} : {fault.message}", min(index + 1, len(st.words) - 1), fault.code, fault.hint) from None
    return 1 + row.arity


def px_kind(st: Statement) -> str:
    return st.draft.kind if st.draft is not None else "defaults"


def flag(attribute: str) -> SetBind:
    def apply(st: Statement, bind: Bind, value: str) -> None:
        setattr(bind, attribute, True)

    return apply


def text(attribute: str) -> SetBind:
    def apply(st: Statement, bind: Bind, value: str) -> None:
        setattr(bind, attribute, value)

    return apply


def number(option: str, attribute: str, least: int = 0) -> SetBind:
    def apply(st: Statement, bind: Bind, value: str) -> None:
        try:
            parsed = parse_integer(value)
        except ValueFault:
            raise ValueFault(f"'{option}' : expects an integer argument, found '{value}'") from None
        if not least <= parsed < 2**31:
            raise ValueFault(f"'{option}' : invalid value {parsed}, must be >= {least}")
        setattr(bind, attribute, parsed)

    return apply


def set_backlog(st: Statement, bind: Bind, value: str) -> None:
    parsed = parse_leading_integer(value)
    if parsed < 0:
        raise ValueFault(f"'backlog' : invalid value {parsed}, must be > 0")
    bind.backlog = parsed or None


def set_id(st: Statement, bind: Bind, value: str) -> None:
    try:
        bind.id = parse_integer(value)
    except ValueFault:
        raise ValueFault(f"'id' : expects an integer argument, found '{value}'") from None
    if bind.id <= 0:
        raise ValueFault("'id' : custom id has to be > 0")


def set_cip_magic(st: Statement, bind: Bind, value: str) -> None:
    # haproxy: a C number of 32 bits; 0, which words that are none are read as, is refused.
    magic = parse_leading_integer(value) & 0xFFFFFFFF
    if not magic:
        raise ValueFault(f"'accept-netscaler-cip' : invalid value {magic}, must be >= 0")
    bind.netscaler_magic = magic


def set_mode(st: Statement, bind: Bind, value: str) -> None:
    bind.mode = mode_octal(value)


def set_user(st: Statement, bind: Bind, value: str) -> None:
    bind.uid = user_id(value)
    if bind.uid is None:
        raise ValueFault(f"'user' : unknown user name '{value}'")


def set_group(st: Statement, bind: Bind, value: str) -> None:
    bind.gid = group_id(value)
    if bind.gid is None:
        raise ValueFault(f"'group' : unknown group name '{value}'")


def set_mss(st: Statement, bind: Bind, value: str) -> None:
    mss = parse_leading_integer(value)
    if not 1 <= abs(mss) <= 65535:
        raise ValueFault("'mss' : expects an MSS with and absolute value between 1 and 65535")
    bind.mss = mss


def set_tcp_ut(st: Statement, bind: Bind, value: str) -> None:
    bind.tcp_ut_ms = user_timeout(st, value)


def one_of(option: str, *words: str) -> SetBind:
    """haproxy: an option of `stats socket`, which is checked and says nothing of other sockets."""

    def apply(st: Statement, bind: Bind, value: str) -> None:
        if value not in words:
            listed = ", ".join(f"'{word}'" for word in words[:-1])
            raise ValueFault(f"'{option}' only supports {listed}, and '{words[-1]}' (got '{value}')")

    return apply


def set_proto(st: Statement, bind: Bind, value: str) -> None:
    """Connections speak HTTP/1, or nothing that is looked at, anyway."""
    if value == "h2":
        raise ValueFault(f"'proto h2': {NOT_YET}", "unsupported-keyword", "proto h1")
    if value not in ("h1", "none"):
        raise ValueFault(f"'proto' :  unknown MUX protocol '{value}'")


_NOT_YET = """
cc/1 ech/1 guid-prefix/1 idle-ping/1 ktls/1 label/1 namespace/1 nbconn/1
quic-cc-algo/1 quic-force-retry quic-socket/1 tcp-md5sig/1 tcp-ss/1
"""

BIND: tuple[BindOption, ...] = (
    bind_option("accept-netscaler-cip", set_cip_magic, "<magic number>", "'accept-netscaler-cip' : missing value"),
    bind_option("accept-proxy", flag("accept_proxy")),
    bind_option("backlog", set_backlog, "<number>"),
    bind_option("defer-accept", flag("defer_accept")),
    bind_option("gid", number("gid", "gid"), "<number>"),
    bind_option("group", set_group, "<name>"),
    bind_option("id", set_id, "<number>"),
    bind_option("interface", text("interface"), "<name>", "'interface' : missing interface name"),
    bind_option("maxconn", number("maxconn", "maxconn"), "<number>", "'maxconn' : missing value"),
    bind_option("mode", set_mode, "<octal mode>", "'mode' : missing or invalid mode '' (octal integer expected)"),
    bind_option("name", text("name"), "<name>", "'name' : missing name"),
    bind_option("level", one_of("level", "user", "operator", "admin"), "<level>", "'level' : missing level"),
    bind_option("mss", set_mss, "<maxseg>", "'mss' : missing MSS value"),
    bind_option("proto", set_proto, "h1 | none", "'proto' : missing value"),
    bind_option(
        "severity-output",
        one_of("severity-output", "none", "number", "string"),
        "<format>",
        "'severity-output' : missing severity format",
    ),
    bind_option("tcp-ut", set_tcp_ut, "<delay>", "'tcp-ut' : missing TCP User Timeout value"),
    bind_option("tfo", flag("tfo")),
    bind_option("transparent", flag("transparent")),
    bind_option("uid", number("uid", "uid"), "<number>"),
    bind_option("user", set_user, "<name>"),
    bind_option("v4v6", flag("v4v6")),
    bind_option("v6only", flag("v6only")),
    harmless(BindOption, "nice", "workers have no scheduler to weigh tasks in", 1),
    harmless(BindOption, "process", "each worker listens on each address", 1),
    harmless(BindOption, "shards", "each worker has its own socket for each address", 1),
    harmless(BindOption, "thread", "each worker listens on each address", 1),
    harmless(BindOption, "expose-fd", "a reload inherits all listeners", 1),
    *tls_bind.BIND,
    *not_yet(BindOption, _NOT_YET),
)
OPTIONS: dict[str, BindOption] = {row.name: row for row in BIND}

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("bind", "bind", "FL", "[<address>]:<port_range> [, ...] [<option> ...]", manual="4.2", apply=set_bind),
)
