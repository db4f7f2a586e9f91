"""`balance` (manual, section 4.2).

Knows the names of the algorithms and their arguments. Must not know how they choose (`fastlb_core.lb`).
"""

from __future__ import annotations

from ..model import Balance, Proxy
from .row import NOT_YET, ProxyKeyword, Statement

ALGORITHMS = ("roundrobin", "static-rr", "leastconn", "first", "source")
ALGORITHMS_NOT_YET = ("uri", "url_param", "hdr", "random", "rdp-cookie", "hash", "log-hash", "sticky")


def set_balance(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    # haproxy: `balance` alone is roundrobin, and words behind an algorithm without arguments are not looked at.
    name = word.partition("(")[0]
    if not word:
        px.balance = Balance()
    elif word in ALGORITHMS:
        px.balance = Balance(word)
    elif name in ALGORITHMS_NOT_YET:
        raise st.fail(f"'balance {name}': {NOT_YET}", 1, "unsupported-keyword", f"one of {' '.join(ALGORITHMS)}")
    else:
        raise st.fail(
            "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and "
            "'rdp-cookie(name)' options.",
            1,
            hint=f"fastlb supports {' '.join(ALGORITHMS)} now",
        )


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("balance", "balance", "DLB", " | ".join(ALGORITHMS), "roundrobin", "4.2", apply=set_balance),
)
