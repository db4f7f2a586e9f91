"""`timeout NAME` of the proxy sections (manual, section 4.2).

Knows which timeout belongs to which side. Must not know what happens when one expires.
"""

from __future__ import annotations

from ..model import Proxy
from .row import ProxyKeyword, Statement


def set_timeout(st: Statement, px: Proxy) -> None:
    name = st.words[1]
    if not st.argument(0):
        raise st.fail(
            f"'timeout {name}' expects an integer value (in milliseconds)", 2, "missing-argument", f"timeout {name} 30s"
        )
    value = st.time(0, f"timeout {name}")
    if st.argument(1):
        message = f"'timeout {name}' : unexpected extra argument '{st.argument(1)}' after value '{st.argument(0)}'."
        raise st.fail(message, 3, "unexpected-argument", f"timeout {name} {st.argument(0)}")
    if st.draft is not None:
        # haproxy: in a defaults section the last one counts without a word.
        if st.keyword in st.draft.explicit and st.draft.kind != "defaults":
            st.warn(f"overwriting 'timeout {name}' which was already specified", 0, "already-specified")
        st.draft.explicit.add(st.keyword)
    # haproxy: 0 is no limit, as if the line were not there.
    setattr(px.timeouts, name.replace("-", "_"), value or None)


def row(name: str, sections: str, since: str = "") -> ProxyKeyword:
    return ProxyKeyword(f"timeout {name}", "timeout", sections, "<timeout>", "no limit", "4.2", since, apply=set_timeout)


PROXY: tuple[ProxyKeyword, ...] = (
    row("check", "DLB"),
    row("client", "DFL"),
    row("client-fin", "DFL"),
    row("client-hs", "DFL", "3.0"),
    row("connect", "DLB"),
    row("http-keep-alive", "DFLB"),
    row("http-request", "DFLB"),
    row("queue", "DLB"),
    row("server", "DLB"),
    row("server-fin", "DLB"),
    row("tarpit", "DFLB"),
    row("tunnel", "DLB"),
)
UNKNOWN = (
    "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', 'tunnel', 'tarpit', "
    "'client-fin' and 'server-fin' (got '{0}')"
)
