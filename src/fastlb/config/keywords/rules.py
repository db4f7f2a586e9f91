"""`acl` and the rule sets: `http-request`, `tcp-request content`, `use_backend` and their kin (manual, section 4.2).

Knows which line goes where on `model.Proxy`. Must not know actions (config/actions) or expressions.
"""

from __future__ import annotations

from ..actions.redirect import read_redirect
from ..actions.replies import DEFAULT_PAGE, read_reply
from ..actions.row import ActionFault, ActionReader
from ..model import Proxy
from ..rule import Rule
from ..rules import add_acl, add_rule, condition_behind, fail_at, warn_if_never, warn_of_order
from ..samples.types import Point
from .errors import STATUSES
from .row import ProxyKeyword, SetProxy, Statement


def rule_set(letter: str) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        add_rule(st, px, letter)

    return apply


def set_inspect_delay(attribute: str) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        if not st.argument(0):
            message = f"'{st.keyword}' expects a positive delay in milliseconds, in proxy '{px.name}'"
            raise st.fail(message, 0, "missing-argument", f"{st.keyword} 5s")
        setattr(px, attribute, st.time(0, st.keyword))

    return apply


def set_use_backend(st: Statement, px: Proxy) -> None:
    """`use_backend <name or format> [if|unless <condition>]`."""
    name = st.argument(0)
    if not name or name in ("if", "unless"):
        raise st.fail("'use_backend' expects a backend name.", 0, "missing-argument", "use_backend <backend> if <condition>")
    condition = condition_behind(
        st, px, 2, "unexpected keyword '{0}' after switching rule, only 'if' and 'unless' are allowed.", "switching rule"
    )
    point = Point.REQUEST_HEADERS if px.mode == "http" else Point.REQUEST_CONTENT
    warn_if_never(st, condition, point, "frontend 'use_backend' rule", 2)
    target = name
    if "%" in name:
        reader = ActionReader(st, "H", 2, aliases=st.reading.format_aliases)
        try:
            arguments = (reader.format(name, 1),)
        except ActionFault as fault:
            raise fail_at(st, f"use_backend rule : {fault.message}.", 1, fault) from None
        rule = Rule(st.line_location(), "use_backend", "format", arguments, condition)
    else:
        rule = Rule(st.line_location(), "use_backend", "name", (target,), condition)
    px.rules.setdefault("use_backend", []).append(rule)


def set_use_server(st: Statement, px: Proxy) -> None:
    """`use-server <server or format> if|unless <condition>`."""
    name = st.argument(0)
    if not name:
        raise st.fail("'use-server' expects a server name.", 0, "missing-argument")
    message = "'use-server' requires either 'if' or 'unless' followed by a condition."
    if st.argument(1) not in ("if", "unless"):
        raise st.fail(message, min(2, len(st.words)), "missing-argument", f"use-server {name} if TRUE")
    condition = condition_behind(st, px, 2, message, "switching rule")
    warn_if_never(st, condition, Point.SET_SERVER, "backend 'use-server' rule", 2)
    if "%" in name:
        reader = ActionReader(st, "H", 2, aliases=st.reading.format_aliases)
        try:
            rule = Rule(st.line_location(), "use-server", "format", (reader.format(name, 1),), condition)
        except ActionFault as fault:
            raise fail_at(st, f"use-server rule : {fault.message}.", 1, fault) from None
    else:
        rule = Rule(st.line_location(), "use-server", "name", (name,), condition)
    px.rules.setdefault("use-server", []).append(rule)


def set_redirect(st: Statement, px: Proxy) -> None:
    """`redirect ...`: runs behind all http-request rules."""
    reader = ActionReader(st, "H", 1, aliases=st.reading.format_aliases)
    try:
        arguments = read_redirect(reader)
    except ActionFault as fault:
        at = fault.word if fault.word >= 0 else 0
        message = f"error detected in {px.title} '{px.name}' while parsing redirect rule : {fault.message}."
        raise fail_at(st, message, at, fault) from None
    what = "a 'redirect' condition"
    condition = condition_behind(
        st, px, reader.at, "'redirect' expects either 'if' or 'unless' followed by a condition but found '{0}'.", what
    )
    warn_if_never(st, condition, Point.REQUEST_HEADERS, "frontend http-request header rule", reader.at)
    warn_of_order(st, px, "redirect")
    px.rules.setdefault("redirect", []).append(Rule(st.line_location(), "redirect", "redirect", arguments, condition, True))


def set_http_error(st: Statement, px: Proxy) -> None:
    """`http-error status <code> ...`: an answer of the proxy's own for a status."""
    if st.argument(0) != "status" or not st.argument(1):
        raise st.fail("http-error : expects at least a <status> as arguments.", 0, "missing-argument", "http-error status 503")
    reader = ActionReader(st, "H", 1, aliases=st.reading.format_aliases)
    try:
        reply = read_reply(reader, 0, DEFAULT_PAGE)
    except ActionFault as fault:
        raise fail_at(st, f"http-error : {fault.message}", max(fault.word, 0), fault) from None
    st.at_most(reader.at - 1)
    status = reply[0]
    if not isinstance(status, int) or status not in STATUSES:
        hint = f"one of {' '.join(map(str, STATUSES))}"
        raise st.fail(f"http-error : status code '{status}' not handled.", 2, hint=hint)
    px.http_error_rules[status] = tuple(reply)


def set_condition_only(keyword: str, point: Point, where: str, rule_set: str = "") -> SetProxy:
    """`monitor fail`, `force-persist`, `ignore-persist`: a condition and nothing else. rule_set: "" for one of its own."""

    def apply(st: Statement, px: Proxy) -> None:
        message = f"'{keyword}' requires either 'if' or 'unless' followed by a condition."
        if st.argument(0) not in ("if", "unless"):
            raise st.fail(message, min(st.n_keyword, len(st.words)), "missing-argument", f"{keyword} if <condition>")
        condition = condition_behind(st, px, st.n_keyword, message, f"a '{keyword}' rule")
        warn_if_never(st, condition, point, where, st.n_keyword)
        warn_of_order(st, px, keyword)
        px.rules.setdefault(rule_set or keyword, []).append(Rule(st.line_location(), keyword, keyword, (), condition))

    return apply


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("acl", "rules", "DFLB", "<aclname> <criterion> [flags] [operator] <value> ...", manual="4.2", apply=add_acl),
    ProxyKeyword(
        "http-request",
        "rules",
        "DFLB",
        "<action> [options...] [ { if | unless } <condition> ]",
        manual="4.2",
        apply=rule_set("H"),
    ),
    ProxyKeyword(
        "http-response",
        "rules",
        "DFLB",
        "<action> <options...> [ { if | unless } <condition> ]",
        manual="4.2",
        apply=rule_set("R"),
    ),
    ProxyKeyword(
        "http-after-response",
        "rules",
        "DFLB",
        "<action> <options...> [ { if | unless } <condition> ]",
        manual="4.2",
        apply=rule_set("A"),
    ),
    ProxyKeyword(
        "tcp-request connection",
        "rules",
        "DFL",
        "<action> <options...> [ { if | unless } <condition> ]",
        manual="4.2",
        apply=rule_set("c"),
    ),
    ProxyKeyword(
        "tcp-request session", "rules", "DFL", "<action> [ { if | unless } <condition> ]", manual="4.2", apply=rule_set("s")
    ),
    ProxyKeyword(
        "tcp-request content", "rules", "DFLB", "<action> [ { if | unless } <condition> ]", manual="4.2", apply=rule_set("t")
    ),
    ProxyKeyword(
        "tcp-request inspect-delay", "rules", "DFLB", "<timeout>", manual="4.2", apply=set_inspect_delay("inspect_delay_ms")
    ),
    ProxyKeyword(
        "tcp-response content", "rules", "DLB", "<action> [ { if | unless } <condition> ]", manual="4.2", apply=rule_set("r")
    ),
    ProxyKeyword(
        "tcp-response inspect-delay",
        "rules",
        "DLB",
        "<timeout>",
        manual="4.2",
        apply=set_inspect_delay("response_inspect_delay_ms"),
    ),
    ProxyKeyword(
        "http-error",
        "rules",
        "DFLB",
        "status <code> [content-type <type>] [{ errorfile | file | lf-file | string | lf-string } <arg>] [hdr <name> <fmt>]*",
        manual="4.2",
        apply=set_http_error,
    ),
    ProxyKeyword(
        "redirect",
        "rules",
        "FLB",
        "{ location | prefix | scheme } <arg> [code <code>] <option> [{if | unless} <condition>]",
        manual="4.2",
        apply=set_redirect,
    ),
    ProxyKeyword("use_backend", "rules", "FL", "<backend> [{if | unless} <condition>]", manual="4.2", apply=set_use_backend),
    ProxyKeyword("use-server", "rules", "LB", "<server> { if | unless } <condition>", manual="4.2", apply=set_use_server),
    ProxyKeyword(
        "monitor fail",
        "rules",
        "FL",
        "{ if | unless } <condition>",
        manual="4.2",
        apply=set_condition_only("monitor fail", Point.REQUEST_HEADERS, "frontend 'monitor fail' rule"),
    ),
)

SECOND_WORD = {
    "tcp-request": (
        "missing argument for 'tcp-request' in proxy",
        "'tcp-request' expects 'inspect-delay', 'connection', 'session' or 'content' (got '{0}')",
    ),
    "tcp-response": (
        "missing argument for 'tcp-response' in proxy",
        "'tcp-response' expects 'inspect-delay' or 'content' (got '{0}')",
    ),
}
