"""`server` and `default-server` with their options (manual, sections 4.2 and 5.2).

Knows how a server is written and how `default-server` passes its settings on. Must not connect to anything; host names are
looked up here because `init-addr` says so.
"""

from __future__ import annotations

from typing import NoReturn

from ..diagnostics import nearest
from ..model import Address, Location, Proxy, Server
from ..values import (
    MAX_PORT,
    AddressRules,
    TimeFault,
    ValueFault,
    parse_integer,
    parse_leading_integer,
)
from . import server_link, server_resolution, tls_server
from .option_rows import harmless, not_yet, server_option
from .row import IGNORED, NOT_YET, UNSUPPORTED, ProxyKeyword, ServerOption, SetServer, Statement
from .server_resolution import MAX_TEMPLATE, resolve_at_start, template_range

MAX_WEIGHT = 256
SERVER_ADDRESS = AddressRules(port="offset", late=True)
_CHECK_ADDRESS = AddressRules(port="optional", unix=False)
_ON_ERROR = "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down'"
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-")


def template() -> Server:
    """The server that a proxy's `default-server` lines write on."""
    return Server(Location("", 0), "", Address("ipv4"))


def copy(srv: Server) -> Server:
    """A server of its own: nothing that can change is shared."""
    twin = object.__new__(Server)
    for name in Server.__slots__:  # dataclasses.replace() takes four times as long, and there may be thousands
        setattr(twin, name, getattr(srv, name))
    twin.init_addr = list(srv.init_addr)
    return twin


def bad_character(name: str) -> str:
    """The first character that HAProxy lets stand in no name of a proxy or server, "" if all may."""
    return next((char for char in name if char not in _NAME_CHARACTERS), "")


def set_default_server(st: Statement, px: Proxy) -> None:
    draft = st.draft
    if draft is None:
        return
    changed = copy(draft.server_template)
    _set_options(st, changed, 1, "")
    draft.server_template = changed


def set_server(st: Statement, px: Proxy) -> None:
    name, word = st.argument(0), st.argument(1)
    if not word or not name:
        _fail(
            st,
            "'server' expects <name> and <addr>[:<port>] as arguments.",
            0,
            "missing-argument",
            "server web1 192.168.1.10:80 check",
        )
    if wrong := bad_character(name):
        _fail(st, f"character '{wrong}' is not permitted in server name '{name}'.", 1, "bad-name")
    px.servers.append(read_server(st, px, name, 2))


def set_server_template(st: Statement, px: Proxy) -> None:
    """Servers that differ in their numbers; each of them asks for the name and gets another address of its answer."""
    prefix, count, word = st.argument(0), st.argument(1), st.argument(2)
    if not (prefix and count and word):
        message = "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments."
        _fail(st, message, 0, "missing-argument", "server-template web 1-5 web.example.com:80 check resolvers dns")
    if wrong := bad_character(prefix):
        _fail(st, f"character '{wrong}' is not permitted in server-template prefix '{prefix}'.", 1, "bad-name")
    numbers = template_range(count)
    if numbers is None:
        _fail(st, f"Wrong server-template number or range arg '{count}'.", 2, "bad-number", f"1-{MAX_TEMPLATE} at most")
    first = read_server(st, px, f"{prefix}{numbers[0]}", 3)
    px.servers.append(first)
    for number in numbers[1:]:
        srv = copy(first)
        srv.name, srv.id = f"{prefix}{number}", None
        px.servers.append(srv)


def read_server(st: Statement, px: Proxy, name: str, index: int) -> Server:
    """The server whose address is word `index`, with the options behind it."""
    draft = st.draft
    srv = copy(draft.server_template) if draft is not None else template()
    srv.location, srv.name = st.line_location(), name
    where = f"'server {px.name}/{name}' : "
    try:
        srv.address = st.address(st.words[index], SERVER_ADDRESS)
    except ValueFault as fault:
        _fail(st, f"{where}{fault.message}", index, fault.code)
    _set_options(st, srv, index + 1, where)
    complete(st, srv, where)
    address = srv.address
    if address.name:
        resolve_at_start(st, srv, lambda message, hint: _fail(st, message, index, "unresolved-host", hint), where)
    return srv


def complete(st: Statement, srv: Server, where: str) -> None:
    """What only the whole line tells, and what TLS needs to be complete."""
    tls_server.complete(st, srv, where)
    if srv.check and srv.track:
        message = f"{where}unable to enable checks and tracking at the same time!"
        _fail(st, message, 1, "conflict", "its state is that of the server it tracks: leave 'check' out")
    if srv.agent_check and not srv.agent_port:
        message = f"{where}server {srv.name} does not have agent port. Agent check has been disabled."
        _fail(st, message, 1, "no-agent-port", "agent-port <port>")


def _fail(st: Statement, message: str, index: int, code: str = "bad-argument", hint: str = "") -> NoReturn:
    """HAProxy's form for server lines: the place, without the word "parsing"."""
    location, _ = st.place(index)
    st.alert(message, index, code, hint, lead=f"[{location}] : ")
    raise st.reported()


def _set_options(st: Statement, srv: Server, index: int, where: str) -> None:
    is_default = not where
    while index < len(st.words):
        name = server_link.option_name(st.words[index])
        row = OPTIONS.get(name)
        if row is None:
            unknown_option(st, name, index, where)
        elif is_default and not row.default_server:
            location, _ = st.place(index)
            message = f"'{name}' option is not accepted in default-server sections"
            st.warn(message, index, "wrong-section", lead=f"[{location}] : ")
            index += 1 + row.arity
        else:
            index += set_option(st, srv, row, index, where)


def unknown_option(st: Statement, name: str, index: int, where: str) -> None:
    guess = nearest(name, OPTIONS)
    tail = f"; did you mean '{guess}' maybe ?" if guess else "."
    if not where:
        tail += " Hint: no address was expected for this server."
    _fail(st, f"{where}unknown keyword '{name}'{tail}", index, "unknown-keyword", f"write '{guess}'" if guess else "")


def set_option(st: Statement, srv: Server, row: ServerOption, index: int, where: str) -> int:
    """Applies one option; returns how many words it took. An option that is not supported is reported, and reading goes on."""
    if row.status == UNSUPPORTED:
        location, _ = st.place(index)
        st.alert(f"{where}'{row.name}': {NOT_YET}", index, "unsupported-keyword", lead=f"[{location}] : ")
    elif row.status == IGNORED and not row.quiet:
        location, _ = st.place(index)
        st.warn(f"{where}'{row.name}' is ignored: {row.note}.", index, "ignored-keyword", lead=f"[{location}] : ")
    value = st.words[index + 1] if row.arity and index + 1 < len(st.words) else ""
    if row.arity and not value:
        _fail(st, f"{where}{row.missing or f'{row.name!r} expects an argument'}.", index, "missing-argument")
    more = 0
    if row.apply is not None:
        try:
            more = row.apply(st, srv, value) or 0
        except ValueFault as fault:
            _fail(st, f"{where}{fault.message}", min(index + row.arity, len(st.words) - 1), fault.code, fault.hint)
    return 1 + row.arity + more


def flag(attribute: str, value: object = True) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        setattr(srv, attribute, value)

    return apply


def delay(option: str, attribute: str, zero: bool = False) -> SetServer:
    """A time; 0 is refused unless `zero`."""

    def apply(st: Statement, srv: Server, word: str) -> None:
        try:
            value = st.milliseconds(word)
        except TimeFault as fault:
            if fault.is_overflow:
                reason = f"timer overflow in argument <{word}> to <{option}> of server {srv.name}"
                raise ValueFault(f"{reason}, maximum value is 2147483647 ms (~24.8 days).", "bad-time") from None
            raise ValueFault(
                f"unexpected character '{fault.character}' in '{option}' argument of server {srv.name}.", "bad-time"
            ) from None
        if value == 0 and not zero:
            raise ValueFault(f"invalid value {value} for argument '{option}' of server {srv.name}.", "bad-time")
        setattr(srv, attribute, value)

    return apply


def set_slowstart(st: Statement, srv: Server, word: str) -> None:
    # haproxy: here a bare number is seconds, unlike everywhere else.
    try:
        srv.slowstart_ms = st.milliseconds(word, "s")
    except TimeFault as fault:
        what = "timer overflow" if fault.is_overflow else f"unexpected character '{fault.character}'"
        raise ValueFault(f"{what} in 'slowstart' argument of server {srv.name}.", "bad-time") from None


def count(option: str, attribute: str, least: int = 0) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        value = _number(st, option, word)
        if value < least or value >= 2**31:
            raise ValueFault(f"'{option}' has to be > {least - 1}." if least else f"'{option}' expects a positive integer.")
        setattr(srv, attribute, value)

    return apply


def limit(option: str, attribute: str) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        # haproxy: atol(); what is below zero means no limit.
        setattr(srv, attribute, min(max(0, _number(st, option, word)), 2**31 - 1))

    return apply


def _number(st: Statement, option: str, word: str) -> int:
    try:
        return parse_integer(word)
    except ValueFault:
        value = parse_leading_integer(word)
        at = st.words.index(word)
        st.warn(f"'{option}' : '{word}' is not a number, it is read as {value}.", at, "bad-number")
        return value


def set_weight(st: Statement, srv: Server, word: str) -> None:
    value = _number(st, "weight", word)
    if not 0 <= value <= MAX_WEIGHT:
        raise ValueFault(f"weight of server {srv.name} is not within 0 and 256 ({value}).")
    srv.weight = value


def set_id(st: Statement, srv: Server, word: str) -> None:
    value = _number(st, "id", word)
    if value <= 0:
        raise ValueFault("'id' : custom id has to be > 0.")
    srv.id = value


def set_cookie(st: Statement, srv: Server, word: str) -> None:
    if any(ord(char) < 32 or char == "\x7f" for char in word):
        raise ValueFault(f"'cookie' : '{word}' has control characters.", "bad-value")
    if any(char in ";,|~" for char in word):
        at = st.words.index(word)
        st.warn(f"'cookie' : clients that send '{word}' back will not be known by it: it has one of ';', ',', '|' and '~'.", at)
    srv.cookie = word


def set_log_proto(st: Statement, srv: Server, word: str) -> None:
    """How the lines of a ring are told apart; of no use to the servers of a backend."""
    if word not in ("legacy", "octet-count"):
        raise ValueFault(f"{_LOG_PROTO} '{word}'")
    srv.log_proto = word


def set_check_address(st: Statement, srv: Server, word: str) -> None:
    try:
        srv.check_address = st.address(word, _CHECK_ADDRESS)
    except ValueFault as fault:
        raise ValueFault(f"'addr' : {fault.message}.", fault.code) from None
    if srv.check_address.port:
        srv.check_port = srv.check_address.port


def set_check_port(st: Statement, srv: Server, word: str) -> None:
    value = _number(st, "port", word)
    if not 0 <= value <= MAX_PORT:
        raise ValueFault(f"'port' : invalid port '{word}' of server {srv.name}.")
    srv.check_port = value or None


def set_agent_port(st: Statement, srv: Server, word: str) -> None:
    # haproxy: what is no port is none, which is told at the end of the line.
    value = _number(st, "agent-port", word)
    srv.agent_port = value if 0 < value <= MAX_PORT else 0


def set_agent_address(st: Statement, srv: Server, word: str) -> None:
    try:
        srv.agent_address = st.address(word, AddressRules(port="no", unix=False)).host
    except ValueFault:
        srv.agent_address = ""
    if not srv.agent_address:
        raise ValueFault(f"parsing agent-addr failed. Check if '{word}' is correct address.")


def set_agent_send(st: Statement, srv: Server, word: str) -> None:
    srv.agent_send = word


def marked(option: str, attribute: str, word: str) -> ServerOption:
    """`on-marked-*`, which take one word each."""

    def apply(st: Statement, srv: Server, value: str) -> None:
        if value != word:
            raise ValueFault(f"'{option}' expects '{word}' but got '{value}'.")
        setattr(srv, attribute, True)

    return server_option(option, apply, word, missing=f"'{option}' expects '{word}' but got ''")


def set_observe(st: Statement, srv: Server, word: str) -> None:
    if word not in ("none", "layer4", "layer7"):
        raise ValueFault(f"'observe' expects one of 'none', 'layer4', 'layer7' but got '{word}'.")
    if word == "layer7" and st.draft is not None and st.draft.proxy.mode != "http":
        # haproxy: an alert, but it starts; nothing is observed then.
        st.warn("'layer7' can only be used in http proxies.", st.words.index(word), "needs-http")
        word = "none"
    srv.observe = "" if word == "none" else word


def set_error_limit(st: Statement, srv: Server, word: str) -> None:
    value = _number(st, "error-limit", word)
    if not 0 < value < 2**31:
        raise ValueFault("error-limit has to be > 0.")
    srv.error_limit = value


def set_on_error(st: Statement, srv: Server, word: str) -> None:
    if word not in ("fastinter", "fail-check", "sudden-death", "mark-down"):
        raise ValueFault(f"{_ON_ERROR} but got '{word}'.")
    srv.on_error = word


def set_track(st: Statement, srv: Server, word: str) -> None:
    srv.track = word


def protocol(option: str, attribute: str) -> SetServer:
    """`proto` and `check-proto`; whether it fits is told once the mode is known (fcgi_section.py)."""

    def apply(st: Statement, srv: Server, value: str) -> None:
        if value == "h2":
            raise ValueFault(f"'{option} h2': {NOT_YET}", "unsupported-keyword")
        if value not in ("h1", "fcgi", "none"):
            raise ValueFault(f"'{option}' :  unknown MUX protocol '{value}'.")
        setattr(srv, attribute, value)

    return apply


_NOT_YET = """
cc/1 check-pool-conn-name/1 check-reuse-pool
check-sni-auto check-via-socks4 healthcheck/1 idle-ping/1 init-state/1
ktls/1 log-bufsize/1 namespace/1 no-renegotiate
quic-cc-algo/1 renegotiate shard/1 sni-auto socks4/1 strict-maxconn tcp-md5sig/1
"""
_LOG_PROTO = "'log-proto' expects one of 'legacy' or 'octet-count' but got"
_OFF_ALREADY = ("no-check-reuse-pool", "no-check-sni-auto", "no-sni-auto")

SERVER: tuple[ServerOption, ...] = (
    server_option("addr", set_check_address, "<address>", missing="'addr' expects an address"),
    server_option("agent-check", flag("agent_check")),
    server_option("no-agent-check", flag("agent_check", False)),
    server_option("agent-addr", set_agent_address, "<address>", missing="'agent-addr' expects an address as argument"),
    server_option(
        "agent-inter", delay("agent-inter", "agent_inter_ms"), "<delay>", "2s", "'agent-inter' expects a delay as argument"
    ),
    server_option("agent-port", set_agent_port, "<port>", missing="'agent-port' expects a port number as argument"),
    server_option("agent-send", set_agent_send, "<string>", missing="'agent-send' expects a string as argument"),
    server_option("backup", flag("backup")),
    server_option("no-backup", flag("backup", False)),
    server_option("check", flag("check")),
    server_option("no-check", flag("check", False)),
    server_option("check-send-proxy", flag("check_send_proxy")),
    server_option("no-check-send-proxy", flag("check_send_proxy", False)),
    server_option("cookie", set_cookie, "<value>", missing="'cookie' expects <value> as argument"),
    server_option("disabled", flag("disabled")),
    server_option("enabled", flag("disabled", False)),
    server_option("downinter", delay("downinter", "downinter_ms"), "<delay>", "inter", "'downinter' expects a delay as argument"),
    server_option("error-limit", set_error_limit, "<count>", "10", "'error-limit' expects an integer argument."),
    server_option("fall", count("fall", "fall", 1), "<count>", "3", "'fall' expects an integer argument"),
    server_option("fastinter", delay("fastinter", "fastinter_ms"), "<delay>", "inter", "'fastinter' expects a delay as argument"),
    server_option("log-proto", set_log_proto, "legacy|octet-count", "legacy", f"{_LOG_PROTO} ''"),
    server_option("id", set_id, "<number>", missing="'id' : expects an integer argument", default_server=False),
    server_option("inter", delay("inter", "inter_ms"), "<delay>", "2s", "'inter' expects a delay as argument"),
    server_option("maxconn", limit("maxconn", "maxconn"), "<number>", "no limit", "'maxconn' expects an integer argument"),
    server_option("maxqueue", limit("maxqueue", "maxqueue"), "<number>", "no limit", "'maxqueue' expects an integer argument"),
    server_option("minconn", limit("minconn", "minconn"), "<number>", "maxconn", "'minconn' expects an integer argument"),
    server_option("observe", set_observe, "{ none | layer4 | layer7 }", "none", "'observe' expects <mode> as argument."),
    server_option(
        "on-error",
        set_on_error,
        "{ fastinter | fail-check | sudden-death | mark-down }",
        "fail-check",
        f"{_ON_ERROR} but got ''",
    ),
    server_option("pool-max-conn", count("pool-max-conn", "pool_max_conn", -1), "<number>", "-1 (no limit)"),
    server_option("pool-purge-delay", delay("pool-purge-delay", "pool_purge_delay_ms", zero=True), "<delay>", "5s"),
    server_option("port", set_check_port, "<port>", missing="'port' expects a port number as argument"),
    server_option("proto", protocol("proto", "proto"), "<h1 | fcgi | none>", missing="'proto' : missing value"),
    server_option(
        "check-proto", protocol("check-proto", "check_proto"), "<h1 | fcgi | none>", missing="'check-proto' : missing value"
    ),
    server_option("rise", count("rise", "rise", 1), "<count>", "2", "'rise' expects an integer argument"),
    server_option("send-proxy", flag("send_proxy", 1)),
    server_option("send-proxy-v2", flag("send_proxy", 2)),
    server_option("no-send-proxy", flag("send_proxy", 0)),
    server_option("no-send-proxy-v2", flag("send_proxy", 0)),
    server_option("slowstart", set_slowstart, "<delay>", "0", "'slowstart' expects a delay as argument"),
    server_option("tfo", flag("tfo")),
    server_option("no-tfo", flag("tfo", False)),
    server_option("track", set_track, "[<backend>/]<server>", missing="'track' expects [<proxy>/]<server> as argument."),
    server_option("weight", set_weight, "<0..256>", "1", "'weight' expects an integer argument"),
    harmless(ServerOption, "pool-low-conn", "idle connections belong to one worker", 1),
    *(harmless(ServerOption, name, "it switches off what fastlb does not do yet", quiet=True) for name in _OFF_ALREADY),
    marked("on-marked-down", "ends_streams_when_down", "shutdown-sessions"),
    marked("on-marked-up", "ends_backup_when_up", "shutdown-backup-sessions"),
    *server_link.SERVER,
    *server_resolution.SERVER,
    *tls_server.SERVER,
    *not_yet(ServerOption, _NOT_YET),
)
OPTIONS: dict[str, ServerOption] = {row.name: row for row in SERVER}

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "server", "server", "LB", "<name> <address>[:<port>] [<option> ...]", manual="4.2", apply=set_server, strict=True
    ),
    ProxyKeyword(
        "server-template",
        "server",
        "LB",
        "<prefix> <num | range> <fqdn>[:<port>] [<option> ...]",
        manual="4.2",
        apply=set_server_template,
        strict=True,
    ),
    ProxyKeyword("default-server", "server", "DLB", "<option> ...", manual="4.2", apply=set_default_server, strict=True),
)
