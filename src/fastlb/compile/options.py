"""The switches of a proxy as the core's PX_O_* bits.

Knows which option becomes which bit; the bits' numbers come from fastlb_core.bridge.constants.
"""

from __future__ import annotations

from fastlb_core.bridge.constants import OPTIONS

from fastlb.config.expression_uses import expressions_of
from fastlb.config.model import Proxy
from fastlb.config.samples.types import Source


def waits_for_body(px: Proxy) -> bool:
    """Whether `px` may hold back a request or an answer for its body."""
    rules = (*px.rules.get("http-request", ()), *px.rules.get("http-response", ()))
    return (
        "http-buffer-request" in px.options
        or "check_post" in px.balance.flags
        or bool(px.fcgi_app)
        or any(rule.core == "wait-for-body" for rule in rules)
    )


def peeks_http(px: Proxy) -> bool:
    """Whether rules of a TCP proxy look for a request of HTTP in what its streams have received."""
    rules = (*px.rules.get("tcp-request content", ()), *px.rules.get("use_backend", ()))
    if px.mode != "tcp" or not rules:
        return False
    # An ACL may be asked through the fetch `acl` as well.
    lines = (line.expression for acl in px.acls.values() for line in acl.expressions)
    return any(
        source in (Source.REQUEST, Source.REQUEST_HEADERS)
        for expression in (*expressions_of(rules), *lines)
        for source in expression.row.sources
    )


def option_bits(px: Proxy) -> int:
    """PX_O_* of the proxy. Options that only control looks at (`log-health-checks`) have no bit."""
    names = set(px.options)
    if px.disabled:
        names.add("disabled")
    if px.rdp_cookie is not None:
        names.add("persist rdp-cookie")
    if peeks_http(px):
        names.add("peeks http")
    if px.forwardfor is not None:
        names.add("forwardfor")
        if px.forwardfor.if_none:
            names.add("forwardfor if-none")
        if px.forwardfor.except_network is not None:
            names.add("forwardfor except")
    if "nolinger" in names:
        names |= {"nolinger frontend"} if px.has_frontend else set()
        names |= {"nolinger backend"} if px.has_backend else set()
    bits = 0
    for name in names & OPTIONS.keys():
        bits |= OPTIONS[name]
    return bits
