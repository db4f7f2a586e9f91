"""The keywords of the proxy sections that have no family of their own (manual, section 4.2).

Knows how they put a value on `model.Proxy`. Bind lines, servers, options, timeouts, logs, checks and the statistics page
have tables of their own beside this one.
"""

from __future__ import annotations

from dataclasses import replace

from ..model import Proxy
from ..values import TimeFault, ValueFault
from .row import NOT_YET, ProxyKeyword, SetProxy, Statement
from .server_link import checked_guid
from .since import since

REUSE_MODES = ("never", "safe", "aggressive", "always")
AFFINITIES = ("always", "maxconn", "maxqueue")
MODES_NOT_YET = ("log", "spop", "haterm")


def number(attribute: str, least: int = 0) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        setattr(px, attribute, max(least, st.integer(0)))

    return apply


def set_mode(st: Statement, px: Proxy) -> None:
    mode = st.argument(0)
    if st.draft is not None:
        st.draft.explicit.add("unknown mode")  # until the word has proved good: keeps `resolve` from comparing modes
    if mode == "health":
        hint = "monitor-uri /health, or a server's own check"
        message = "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead."
        raise st.fail(message, 1, "removed-keyword", hint)
    if mode in MODES_NOT_YET:
        raise st.fail(f"'mode {mode}': {NOT_YET}", 1, "unsupported-keyword")
    if mode not in ("tcp", "http"):
        raise st.fail(f"unknown proxy mode '{mode}'.", 1, hint="mode http or mode tcp")
    st.at_most(1)
    px.mode = mode
    if st.draft is not None:
        st.draft.explicit.discard("unknown mode")


def set_retries(st: Statement, px: Proxy) -> None:
    px.retries = max(0, st.integer(0))


def set_default_backend(st: Statement, px: Proxy) -> None:
    px.default_backend = st.argument(0)
    if st.draft is not None:
        st.draft.origins["default_backend"] = st.line_location()


def set_disabled(st: Statement, px: Proxy) -> None:
    px.disabled = st.keyword == "disabled"


def set_description(st: Statement, px: Proxy) -> None:
    px.description = " ".join(st.arguments)


def set_id(st: Statement, px: Proxy) -> None:
    value = st.integer(0)
    if value <= 0:
        raise st.fail("custom id has to be > 0.", 1)
    px.id = value


def set_http_reuse(st: Statement, px: Proxy) -> None:
    name = st.argument(0)
    if name not in REUSE_MODES:
        raise st.fail("'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.", 1)
    px.http_reuse = name


def set_monitor_uri(st: Statement, px: Proxy) -> None:
    px.monitor_uri = st.argument(0)


def set_hash_preserve_affinity(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if word not in AFFINITIES:
        raise st.fail(
            f"'hash-preserve-affinity' : unknown method '{word}', only 'always', 'maxconn' and 'maxqueue' are supported.", 1
        )
    px.hash_preserve_affinity = word


def set_guid(st: Statement, px: Proxy) -> None:
    try:
        px.guid = checked_guid(st.argument(0))
    except ValueFault as fault:
        raise st.fail(fault.message, 1) from None


def keepalive(attribute: str, field: str) -> SetProxy:
    """`clitcpka-*` and `srvtcpka-*`; times in whole seconds, as TCP has them."""

    def apply(st: Statement, px: Proxy) -> None:
        value = _count(st) if field == "count" else _seconds(st)
        setattr(px, attribute, replace(getattr(px, attribute), **{field: value}))

    return apply


def _seconds(st: Statement) -> int:
    try:
        return st.milliseconds(st.argument(0), "s") // 1000
    except TimeFault as fault:
        message = f"unexpected character '{fault.character}' in argument to <{st.keyword}>."
        if fault.is_overflow:
            message = (
                f"timer overflow in argument '{st.argument(0)}' to '{st.keyword}' (maximum value is 2147483647 ms or ~24.8 days)"
            )
        raise st.fail(message, 1, "bad-time") from None


def _count(st: Statement) -> int:
    word = st.argument(0)
    if bad := next((char for char in word.removeprefix("-") if char not in "0123456789"), ""):
        raise st.fail(f"'{st.keyword}' : unexpected character '{bad}' in integer value '{word}'", 1, "bad-number")
    return max(0, min(st.integer(0), 127))  # what the kernel takes


INTEGER = "'{0}' expects an integer argument."

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("mode", "proxy", "DFLB", "tcp | http", "tcp", "4.2", apply=set_mode),
    ProxyKeyword(
        "maxconn", "proxy", "DFL", "<number>", "global maxconn", "4.2", apply=number("maxconn"), arguments=(1, 1), missing=INTEGER
    ),
    ProxyKeyword(
        "fullconn",
        "proxy",
        "DLB",
        "<number>",
        "10% of the frontends' maxconn",
        "4.2",
        apply=number("fullconn"),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    ProxyKeyword(
        "backlog", "proxy", "DFL", "<number>", "maxconn", "4.2", apply=number("backlog"), arguments=(1, 1), missing=INTEGER
    ),
    ProxyKeyword(
        "retries",
        "proxy",
        "DLB",
        "<number>",
        "3",
        "4.2",
        apply=set_retries,
        arguments=(1, 1),
        missing="'retries' expects an integer argument (dispatch counts for one).",
    ),
    ProxyKeyword(
        "default_backend",
        "proxy",
        "DFL",
        "<backend>",
        manual="4.2",
        apply=set_default_backend,
        arguments=(1, 1),
        missing="'default_backend' expects a backend name.",
    ),
    ProxyKeyword("disabled", "proxy", "DFLB", manual="4.2", apply=set_disabled, arguments=(0, 0)),
    ProxyKeyword("enabled", "proxy", "DFLB", manual="4.2", apply=set_disabled, arguments=(0, 0)),
    ProxyKeyword(
        "description",
        "proxy",
        "FLB",
        "<text>",
        manual="4.2",
        apply=set_description,
        arguments=(1, None),
        missing="'description' expects a string argument.",
        strict=True,
    ),
    ProxyKeyword("id", "proxy", "FLB", "<number>", manual="4.2", apply=set_id, arguments=(1, 1), missing=INTEGER, strict=True),
    ProxyKeyword("http-reuse", "proxy", "DLB", " | ".join(REUSE_MODES), "safe", "4.2", apply=set_http_reuse, arguments=(0, 1)),
    ProxyKeyword(
        "monitor-uri",
        "proxy",
        "DFL",
        "<uri>",
        manual="4.2",
        apply=set_monitor_uri,
        arguments=(1, 1),
        missing="'monitor-uri' expects an URI.",
    ),
    ProxyKeyword(
        "hash-preserve-affinity",
        "proxy",
        "DLB",
        " | ".join(AFFINITIES),
        "always",
        "4.2",
        since("hash-preserve-affinity"),
        apply=set_hash_preserve_affinity,
        arguments=(1, 1),
        missing="'hash-preserve-affinity' expects 'always', 'maxconn' or 'maxqueue'.",
    ),
    ProxyKeyword(
        "guid",
        "proxy",
        "FLB",
        "<string>",
        manual="4.2",
        since=since("guid"),
        apply=set_guid,
        arguments=(1, 1),
        missing="'guid' expects an identifier.",
    ),
    *(
        ProxyKeyword(
            f"{side}tcpka-{word}",
            "proxy",
            sections,
            "<count>" if word == "cnt" else "<timeout>",
            manual="4.2",
            apply=keepalive(f"{side}_keepalive", field),
            arguments=(1, None),
            missing="'{0}' expects an integer value",
        )
        for side, sections in (("cli", "DFL"), ("srv", "DLB"))
        for word, field in (("cnt", "count"), ("idle", "idle_s"), ("intvl", "interval_s"))
    ),
)
