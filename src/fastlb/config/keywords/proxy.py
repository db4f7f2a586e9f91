"""The keywords of the proxy sections that have no family of their own (manual, section 4.2).

Knows how they put a value on `model.Proxy`. Bind lines, servers, options, timeouts, logs, checks and the statistics page
have tables of their own beside this one.
"""

from __future__ import annotations

from ..model import Proxy
from ..values import AddressRules, ValueFault
from .row import NOT_YET, ProxyKeyword, SetProxy, Statement

REUSE_MODES = ("never", "safe", "aggressive", "always")
MODES_NOT_YET = ("log", "spop", "haterm")
_SOURCE = AddressRules(port="optional", unix=False)


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


def set_source(st: Statement, px: Proxy) -> None:
    for at, word in enumerate(st.arguments[1:], 1):
        if word in ("usesrc", "interface"):
            raise st.fail(f"'source ... {word}': {NOT_YET}", st.n_keyword + at, "unsupported-keyword")
        raise st.fail("'source' only supports optional keywords 'interface' and 'usesrc'.", st.n_keyword + at)
    try:
        px.source = st.address(st.argument(0), _SOURCE)
    except ValueFault as fault:
        raise st.fail(f"'source' : {fault.message}", 1, fault.code) from None


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
        "source",
        "proxy",
        "DLB",
        "<addr>[:<port>]",
        manual="4.2",
        apply=set_source,
        arguments=(1, None),
        missing="'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.",
    ),
)
