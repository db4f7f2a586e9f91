"""`option NAME` of the proxy sections (manual, section 4.2), the health checks' own in `check.py` apart.

Knows which options are plain switches and which take arguments. Must not know what an option does to traffic.
"""

from __future__ import annotations

from ..model import Proxy
from .row import IGNORED, ProxyKeyword, SetProxy, Statement
from .since import since


def set_switch(st: Statement, px: Proxy) -> None:
    """A plain switch; `no` and `default` take it away (none of them is on by default)."""
    if st.prefix:
        px.options.discard(st.words[1])
    else:
        px.options.add(st.words[1])


def set_tcpka(st: Statement, px: Proxy) -> None:
    """Both sides: on the model it is `clitcpka` and `srvtcpka`, as far as the section has the side."""
    if px.kind != "backend":
        px.options.add("clitcpka")
    if px.kind != "frontend":
        px.options.add("srvtcpka")


def http_mode(mode: str) -> SetProxy:
    """The connection modes exclude each other; `no` leaves another mode alone."""

    def apply(st: Statement, px: Proxy) -> None:
        if not st.prefix:
            px.http_mode = mode
        elif px.http_mode == mode:
            px.http_mode = "keep-alive"

    return apply


def set_redispatch(st: Statement, px: Proxy) -> None:
    if st.prefix:
        px.redispatch = 0
    else:
        px.redispatch = st.integer(0) if st.argument(0) else -1


def set_httplog(st: Statement, px: Proxy) -> None:
    """`json` is fastlb's own."""
    is_json = st.argument(0) == "json"
    _set_log_format(st, px, "httplog json" if is_json else "httplog" + _clf(st))


def set_tcplog(st: Statement, px: Proxy) -> None:
    """haproxy: `clf` is of 3.x."""
    _set_log_format(st, px, "tcplog" + _clf(st))


def set_httpslog(st: Statement, px: Proxy) -> None:
    _set_log_format(st, px, "httpslog")


def _clf(st: Statement) -> str:
    if st.argument(0) not in ("", "clf"):
        raise st.fail(f"keyword '{st.words[1]}' only supports option 'clf'.", 2)
    return " clf" if st.argument(0) else ""


def _set_log_format(st: Statement, px: Proxy, name: str) -> None:
    if px.kind == "backend":
        st.warn(f"backend '{px.name}' : 'option {st.words[1]}' directive is ignored in backends.", 0, "ignored-keyword")
        return
    draft = st.draft
    if draft is not None:
        if px.log_format not in ("", "format", name) and "log_format" in draft.explicit:
            location = st.line_location()
            st.warn(
                f"'option {name}' overrides previous 'option {px.log_format}' in '{px.kind}' section.",
                0,
                "already-specified",
                lead=f"parsing [{location}]: ",
            )
        draft.explicit.add("log_format")
        draft.origins["log_format"] = st.line_location()
    px.log_format = name
    px.formats.log = None


def switch(name: str, sections: str, since: str = "") -> ProxyKeyword:
    return ProxyKeyword(
        f"option {name}",
        "option",
        sections,
        default="off",
        manual="4.2",
        since=since,
        apply=set_switch,
        arguments=(0, 0),
        accepts_no=True,
    )


def ignored(name: str, sections: str, note: str, accepts_no: bool = True) -> ProxyKeyword:
    full = f"option {name}"
    return ProxyKeyword(
        full, "option", sections, manual="4.2", since=since(full), status=IGNORED, note=note, accepts_no=accepts_no
    )


def mode(name: str, value: str) -> ProxyKeyword:
    return ProxyKeyword(
        f"option {name}", "option", "DFLB", manual="4.2", apply=http_mode(value), arguments=(0, 0), accepts_no=True
    )


PROXY: tuple[ProxyKeyword, ...] = (
    switch("abortonclose", "DFLB"),
    switch("clitcpka", "DFL"),
    switch("independent-streams", "DFLB"),
    switch("nolinger", "DFLB"),
    switch("socket-stats", "DFL"),
    switch("dontlog-normal", "DFL"),
    switch("dontlognull", "DFL"),
    switch("http-buffer-request", "DFLB"),
    switch("idle-close-on-response", "DFL"),  # haproxy: closes idle connections at once without it; here that never happens
    switch("log-health-checks", "DLB"),
    switch("log-separate-errors", "DFL"),
    switch("logasap", "DFL"),
    switch("allbackups", "DLB"),
    switch("splice-auto", "DFLB"),
    switch("splice-request", "DFLB"),
    switch("splice-response", "DFLB"),
    switch("srvtcpka", "DLB"),
    switch("transparent", "DLB"),
    ProxyKeyword("option tcpka", "option", "DFLB", default="off", manual="4.2", apply=set_tcpka, arguments=(0, 0)),
    mode("http-keep-alive", "keep-alive"),
    mode("http-server-close", "server-close"),
    mode("httpclose", "close"),
    ProxyKeyword("option redispatch", "option", "DLB", "[<interval>]", "off", "4.2", apply=set_redispatch, accepts_no=True),
    ProxyKeyword("option httplog", "option", "DFLB", "[clf|json]", manual="4.2", apply=set_httplog),
    ProxyKeyword("option httpslog", "option", "DFLB", manual="4.2", apply=set_httpslog),
    ProxyKeyword("option tcplog", "option", "DFLB", "[clf]", manual="4.2", apply=set_tcplog, arguments=(0, 1)),
    ignored("contstats", "DFL", "counters are always updated while a stream lasts"),
    ignored("http-no-delay", "DFLB", "data is never held back"),
    ignored("tcp-smart-accept", "DFL", "it saves one packet per connection"),
    ignored("tcp-smart-connect", "DLB", "it saves one packet per connection"),
    ignored("use-small-buffers", "DLB", "memory of queued requests only"),
)
UNKNOWN = "unknown option '{0}'"
