"""Options of `server` about its connections: their source, what the PROXY header tells, when they are used again (manual, 5.2).

`source` of backends, which has the same words, is here as well. Knows how they are written. Must not know sockets.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from ..diagnostics import nearest
from ..expressions import ExpressionFault, parse_expression, unavailable
from ..link_model import Source
from ..logformat import parse_format
from ..model import Proxy, Server
from ..samples.types import Point
from ..values import AddressRules, TimeFault, ValueFault, parse_leading_integer
from .option_rows import server_option
from .row import NOT_YET, ProxyKeyword, ServerOption, SetServer, Statement

PROXY_OPTIONS = ("ssl", "cert-cn", "ssl-cipher", "cert-sig", "cert-key", "authority", "crc32c", "unique-id")
# haproxy: these are of the TLS extension, and ask for it.
WITH_TLS = frozenset(("cert-cn", "ssl-cipher", "cert-sig", "cert-key"))
HASH_KEYS = ("id", "addr", "addr-port")
_SERVER_SOURCE = AddressRules(port="optional", ranges=True, unix=False)
_BACKEND_SOURCE = AddressRules(port="optional", unix=False)
_SHOWN = AddressRules(port="optional", unix=False)
_HEADER = "hdr_ip("
_WORDS = ("usesrc", "interface")
_TLV = "set-proxy-v2-tlv-fmt"


# --- source ---


def _with_usesrc(st: Statement, source: Source, word: str) -> Source:
    """Raises ValueFault."""
    if word in ("client", "clientip"):
        return replace(source, usesrc=word)
    if not word.startswith(_HEADER):
        try:
            return replace(source, usesrc="address", shown=st.address(word, _SHOWN))
        except ValueFault as fault:
            raise ValueFault(f"'usesrc {word}' : {fault.message}", fault.code) from None
    name, _, occurrence = word.removeprefix(_HEADER).partition(")")[0].partition(",")
    # haproxy: without a number it is the last one, and 0 is none at all.
    number = parse_leading_integer(occurrence) if occurrence else -1
    if not name or number == 0:
        return source
    try:
        header = parse_expression(f"req.hdr_ip({name},{number})").expression
    except ExpressionFault as fault:
        raise ValueFault(f"'usesrc {word}' : {fault.message}", fault.code) from None
    return replace(source, usesrc="header", header=header)


def _read_more(st: Statement, source: Source, index: int, usesrc: str, interface: str) -> tuple[Source, int]:
    """The `usesrc` and `interface` that stand from word `index` on, and the word behind them. Raises ValueFault.

    usesrc, interface: what is said where their argument is missing.
    """
    while index < len(st.words) and st.words[index] in _WORDS:
        word = st.words[index]
        value = st.words[index + 1] if index + 1 < len(st.words) else ""
        if not value:
            raise ValueFault(usesrc if word == "usesrc" else interface, "missing-argument")
        source = _with_usesrc(st, source, value) if word == "usesrc" else replace(source, interface=value)
        index += 2
    return source, index


def set_server_source(st: Statement, srv: Server, word: str) -> int:
    """Returns how many words stand behind the address that belong to it."""
    index = next(at for at in range(2, len(st.words)) if st.words[at] is word)
    try:
        source = Source(st.address(word, _SERVER_SOURCE))
    except ValueFault as fault:
        raise ValueFault(f"'source {word}' : {fault.message}", fault.code) from None
    usesrc = "'usesrc' expects <addr>[:<port>], 'client', 'clientip', or 'hdr_ip(name,#)' as argument."
    srv.source, end = _read_more(st, source, index + 1, usesrc, "'source' : missing interface name.")
    return end - index - 1


def set_backend_source(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    try:
        source = Source(st.address(word, _BACKEND_SOURCE))
    except ValueFault as fault:
        raise st.fail(f"'source {word}' : {fault.message}", 1, fault.code) from None
    usesrc = "'usesrc' expects <addr>[:<port>], 'client', or 'clientip' as argument."
    try:
        px.source, end = _read_more(st, source, 2, usesrc, "'source' : missing interface name.")
    except ValueFault as fault:
        raise st.fail(fault.message, len(st.words) - 1, fault.code) from None
    if end < len(st.words):
        raise st.fail("'source' only supports optional keywords 'interface' and 'usesrc'.", end)


def refuse_usesrc(st: Statement, srv: Server, word: str) -> None:
    raise ValueFault("'usesrc' only allowed after a 'source' statement.")


# --- the PROXY header ---


def set_proxy_options(st: Statement, srv: Server, word: str) -> None:
    options = word.split(",")
    wrong = next((option for option in options if option not in PROXY_OPTIONS), None)
    if wrong is not None:
        guess = nearest(wrong, PROXY_OPTIONS)
        raise ValueFault(f"'{wrong}' : proxy v2 option not implemented.", hint=f"did you mean '{guess}'?" if guess else "")
    srv.proxy_v2_options |= set(options)


def send_proxy(*options: str) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        srv.send_proxy = 2
        srv.proxy_v2_options |= set(options)

    return apply


def drop_proxy(*options: str) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        srv.proxy_v2_options -= set(options)
        srv.send_proxy = 0

    return apply


def option_name(word: str) -> str:
    """Without the parentheses of the one option that has some."""
    return _TLV if word.startswith(f"{_TLV}(") and word.endswith(")") else word


def set_tlv(st: Statement, srv: Server, format: str) -> None:
    """`set-proxy-v2-tlv-fmt(0x20) <fmt>`. Raises ValueFault."""
    option = next(word for word, behind in pairwise(st.words) if behind is format)
    kind = option[len(_TLV) + 1 : -1]
    try:
        number = int(kind, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 255:
        message = f"'set-proxy-v2-tlv-fmt' : '{kind}' is not a type of TLV, which is a number up to 0xFF in parentheses."
        raise ValueFault(message, "bad-number", "set-proxy-v2-tlv-fmt(0xE1) <fmt>")
    try:
        parsed = parse_format(format, Point.CONNECT_SERVER, st.reading.format_aliases)
    except ExpressionFault as fault:
        raise ValueFault(f"'set-proxy-v2-tlv-fmt' : {fault.message}", fault.code, fault.hint) from None
    srv.proxy_v2_tlvs = (*srv.proxy_v2_tlvs, (number, parsed))


# --- the rest ---


def set_tcp_ut(st: Statement, srv: Server, word: str) -> None:
    srv.tcp_ut_ms = user_timeout(st, word)


def user_timeout(st: Statement, word: str) -> int:
    """Milliseconds of `tcp-ut`. Raises ValueFault."""
    try:
        return st.milliseconds(word)
    except TimeFault as fault:
        if fault.is_overflow:
            text = f"timer overflow in argument '{word}' to 'tcp-ut' (maximum value is 2147483647 ms or ~24.8 days)"
            raise ValueFault(text, "bad-time") from None
        raise ValueFault("'tcp-ut' : expects a positive delay in milliseconds", "bad-time") from None


def set_max_reuse(st: Statement, srv: Server, word: str) -> None:
    # haproxy: atoi(); what is below zero is no limit.
    srv.max_reuse = max(-1, min(parse_leading_integer(word), 2**31 - 1))


def set_redir(st: Statement, srv: Server, word: str) -> None:
    if bad := next((char for char in word if ord(char) < 32 or char == "\x7f"), ""):
        raise ValueFault(f"'redir' : character %x{ord(bad):02X} may not stand in the header of an answer.")
    srv.redir = word


def set_stick(is_on: bool) -> SetServer:
    def apply(st: Statement, srv: Server, word: str) -> None:
        srv.non_stick = not is_on

    return apply


def set_hash_key(st: Statement, srv: Server, word: str) -> None:
    if word not in HASH_KEYS:
        raise ValueFault(f"'hash-key' has to be 'id', 'addr' or 'addr-port', got '{word}'.")
    srv.hash_key = word


def set_pool_conn_name(st: Statement, srv: Server, word: str) -> None:
    lead = "error detected while parsing pool-conn-name expression : "
    try:
        found = parse_expression(word).expression
    except ExpressionFault as fault:
        raise ValueFault(f"{lead}{fault.message}", fault.code, fault.hint) from None
    if missing := unavailable(found, Point.CONNECT_SERVER):
        text = f"{lead} fetch method '{word}' extracts information from '{missing}', none of which is available here."
        raise ValueFault(text, "wrong-place")
    srv.pool_conn_name = found


def set_ws(st: Statement, srv: Server, word: str) -> None:
    if word not in ("auto", "h1", "h2"):
        raise ValueFault("'ws' has to be 'auto', 'h1' or 'h2'.")
    if word == "h2":
        raise ValueFault(f"'ws h2': {NOT_YET}", "unsupported-keyword", "ws h1")


def set_guid(st: Statement, srv: Server, word: str) -> None:
    srv.guid = checked_guid(word)


def checked_guid(word: str) -> str:
    """A globally unique identifier: up to 127 letters, digits and -_.: as in names. Raises ValueFault."""
    if len(word) > 127 or not all(char.isascii() and (char.isalnum() or char in "-_.:") for char in word):
        raise ValueFault(f"'guid' : '{word}' is not a GUID: up to 127 letters, digits and -_.:")
    return word


SERVER: tuple[ServerOption, ...] = (
    server_option(
        "source",
        set_server_source,
        "<addr>[:<pl>[-<ph>]] [usesrc { <addr2>[:<port2>] | client | clientip | hdr_ip(<hdr>[,<occ>]) }] [interface <name>]",
        missing="'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as argument.",
    ),
    server_option("usesrc", refuse_usesrc, "<address>", missing="'usesrc' only allowed after a 'source' statement."),
    server_option("send-proxy-v2-ssl", send_proxy("ssl")),
    server_option("send-proxy-v2-ssl-cn", send_proxy("ssl", "cert-cn")),
    server_option("no-send-proxy-v2-ssl", drop_proxy("ssl")),
    server_option("no-send-proxy-v2-ssl-cn", drop_proxy("ssl", "cert-cn")),
    server_option("proxy-v2-options", set_proxy_options, "<option>[,<option>]*", missing="'' : proxy v2 option not implemented."),
    server_option("set-proxy-v2-tlv-fmt", set_tlv, "<fmt>", missing="'set-proxy-v2-tlv-fmt' expects a format"),
    server_option("tcp-ut", set_tcp_ut, "<delay>", missing="'tcp-ut' : missing TCP User Timeout value"),
    server_option("max-reuse", set_max_reuse, "<count>", "-1 (no limit)", "'max-reuse' expects <value> as argument."),
    server_option("redir", set_redir, "<prefix>", missing="'redir' expects <prefix> as argument."),
    server_option("stick", set_stick(True)),
    server_option("non-stick", set_stick(False)),
    server_option("hash-key", set_hash_key, "id | addr | addr-port", "id", "'hash-key' expects 'id', 'addr' or 'addr-port'"),
    server_option("pool-conn-name", set_pool_conn_name, "<expression>", missing="'pool-conn-name' : missing expression"),
    server_option("ws", set_ws, "auto | h1", "auto", "'ws' has to be 'auto', 'h1' or 'h2'."),
    server_option("guid", set_guid, "<string>", missing="'guid' expects an identifier", default_server=False),
)
PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "source",
        "proxy",
        "DLB",
        "<addr>[:<port>] [usesrc { <addr2>[:<port2>] | client | clientip | hdr_ip(<hdr>[,<occ>]) }] [interface <name>]",
        manual="4.2",
        apply=set_backend_source,
        arguments=(1, None),
        missing="'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.",
    ),
)
