"""What servers are told about the client's connection: `option forwardfor`, `originalto` and `forwarded` (manual, section 4.2).

Knows their arguments. Must not know how the headers are written (ext/fastlb_core/proxy/http_edits.pyx, action_forwarded.pyx).
"""

from __future__ import annotations

import ipaddress

from ..actions.row import ActionFault, ActionReader
from ..model import ForwardFor, Proxy
from ..rule import Rule, RuleValue
from ..rules import fail_at
from .row import ProxyKeyword, Statement
from .since import since

TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
FORWARDED = "option forwarded"  # the rule set of its one rule
_ADDRESS_GRAMMAR = "[except <network>] [header <name>] [if-none]"


def _read_address(st: Statement, setting: ForwardFor, expected: str) -> ForwardFor:
    """The words of `forwardfor` and `originalto`, the last one wins. expected: HAProxy's list of them."""
    name = f"'{st.keyword}"
    index = 0
    while word := st.argument(index):
        at = st.n_keyword + index + 1
        if word == "if-none":
            setting.if_none = True
            index += 1
            continue
        if word not in ("except", "header"):
            raise st.fail(f"{name}' only supports optional values: {expected}.", at - 1)
        value = st.argument(index + 1)
        if word == "except":
            try:
                setting.except_network = ipaddress.ip_network(value, strict=False)
            except ValueError:
                raise st.fail(f"{name} except' expects <address>[/mask] as argument.", at) from None
        elif not value or not set(value) <= TOKEN:
            raise st.fail(f"{name} header' expects <header_name> as argument.", at)
        else:
            setting.header = value
        index += 2
    return setting


def set_forwardfor(st: Statement, px: Proxy) -> None:
    px.forwardfor = _read_address(st, ForwardFor(), "'except', 'header' and 'if-none'")


def set_originalto(st: Statement, px: Proxy) -> None:
    """`if-none` is 3.x's."""
    px.originalto = _read_address(st, ForwardFor(header="X-Original-To"), "'except' and 'header'")


# -- RFC 7239

# The arguments of the core's `forwarded`, in its order; those before which another one must stand.
_PARTS = ("proto", "host", "by", "by_port", "for", "for_port")
_NEEDS = {"by_port": "by", "for_port": "for"}


def _forwarded_parts(st: Statement) -> list[RuleValue]:
    found: dict[str, RuleValue] = {}
    reader = ActionReader(st, "H", st.n_keyword, aliases=st.reading.format_aliases)
    while reader.has_word():
        at = reader.at
        word = reader.word("")
        part, has_expression = word.removesuffix("-expr"), word.endswith("-expr")
        if part not in _PARTS or word == "proto-expr":
            known = [*_PARTS, *(f"{name}-expr" for name in _PARTS[1:])]
            raise st.fail(f"'{FORWARDED}': unknown keyword '{word}'.", at, "unexpected-argument", f"one of {', '.join(known)}")
        if part in found:
            raise st.fail(f"'{FORWARDED}': '{part}' was already given.", at, "already-specified")
        if has_expression:
            try:
                found[part] = reader.expression()
            except ActionFault as fault:
                where = fault.word if fault.word >= 0 else len(st.words)
                raise fail_at(st, f"'{FORWARDED}': '{word}': {fault.message}.", where, fault) from None
        else:
            found[part] = 1
    for port, node in _NEEDS.items():
        if port in found and node not in found:
            raise st.fail(f"'{FORWARDED}': '{port}' needs '{node}' or '{node}-expr'.", st.n_keyword, hint=f"{node} {port}")
    if not found:
        found = {"proto": 1, "for": 1}
    return [found.get(part) for part in _PARTS]


def set_forwarded(st: Statement, px: Proxy) -> None:
    if st.prefix:
        px.rules.pop(FORWARDED, None)
        return
    px.rules[FORWARDED] = [Rule(st.line_location(), "forwarded", "forwarded", tuple(_forwarded_parts(st)), None)]


_FORWARDED_GRAMMAR = (
    "[proto] [host | host-expr <expr>] [by | by-expr <expr>] [by_port | by_port-expr <expr>]"
    " [for | for-expr <expr>] [for_port | for_port-expr <expr>]"
)

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("option forwardfor", "option", "DFLB", _ADDRESS_GRAMMAR, "off", "4.2", apply=set_forwardfor),
    ProxyKeyword("option originalto", "option", "DFLB", _ADDRESS_GRAMMAR, "off", "4.2", apply=set_originalto),
    ProxyKeyword(
        FORWARDED,
        "option",
        "DLB",
        _FORWARDED_GRAMMAR,
        "off",
        "4.2",
        since(FORWARDED),
        apply=set_forwarded,
        accepts_no=True,
    ),
)
