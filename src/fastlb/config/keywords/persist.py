"""`cookie` and the rules and options of persistence (manual, section 4.2).

Knows how they are written. Must not know how a cookie is found or made (ext/fastlb_core/proxy/persist.pxd).
"""

from __future__ import annotations

from ..model import Proxy
from ..persist_model import CookiePersistence
from ..samples.types import Point
from ..values import MAX_TIME_MS, TimeFault, parse_time
from .options import switch
from .row import ProxyKeyword, Statement
from .rules import set_condition_only

_FLAGS = ("rewrite", "insert", "prefix", "indirect", "nocache", "postonly", "preserve", "httponly", "secure", "dynamic")
_MODES = ("rewrite", "insert", "prefix")
_WORDS = (
    "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', "
    "'maxlife' and 'attr' options."
)
_DOMAIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._")
_MISSING = {
    "domain": "<domain>",
    "attr": "<value>",
    "maxidle": "<idletime> in seconds",
    "maxlife": "<lifetime> in seconds",
}


def set_cookie(st: Statement, px: Proxy) -> None:
    if not st.argument(0):
        raise st.fail(
            "'cookie' expects <cookie_name> as argument.", 0, "missing-argument", "cookie SRVID insert indirect nocache"
        )
    cookie = CookiePersistence(st.line_location(), st.argument(0))
    at = 2
    while at < len(st.words):
        word = st.words[at]
        if word in _FLAGS:
            cookie.flags.add(word)
        elif word in _MISSING:
            at += 1
            _set_value(st, cookie, word, at)
        else:
            raise st.fail(_WORDS, at, hint=f"one of {' '.join((*_FLAGS, *_MISSING))}")
        at += 1
    _check(st, cookie)
    px.cookie = cookie


def _set_value(st: Statement, cookie: CookiePersistence, word: str, at: int) -> None:
    value = st.words[at] if at < len(st.words) else ""
    if not value:
        raise st.fail(f"'{word}' expects {_MISSING[word]} as argument.", at, "missing-argument")
    if word == "domain":
        _add_domain(st, cookie, value, at)
    elif word == "attr":
        bad = next((char for char in value if ord(char) < 32 or char in ";\x7f"), "")
        if bad:
            raise st.fail(
                f"character '%x{ord(bad):02X}' is not permitted in attribute value.", at, hint="one attribute for each 'attr'"
            )
        cookie.attributes.append(value)
    elif word == "maxidle":
        cookie.max_idle_s = _seconds(st, word, value, at)
    else:
        cookie.max_life_s = _seconds(st, word, value, at)


def _add_domain(st: Statement, cookie: CookiePersistence, domain: str, at: int) -> None:
    if bad := next((char for char in domain if char not in _DOMAIN), ""):
        raise st.fail(f"character '{bad}' is not permitted in domain name '{domain}'.", at)
    if "." not in domain:
        message = f"domain '{domain}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        st.warn(message, at)
    cookie.domains.append(domain)


def _seconds(st: Statement, option: str, word: str, at: int) -> int:
    """# haproxy: seconds, up to 68 years; a part of one counts as a whole."""
    try:
        return -(-parse_time(word, "s", MAX_TIME_MS * 1000) // 1000)
    except TimeFault as fault:
        if fault.is_overflow:
            message = f"timer overflow in argument <{word}> to <{option}>, maximum value is 2147483647 s (~68 years)."
        else:
            message = f"unexpected character '{fault.character}' in argument to <{option}>."
        raise st.fail(message, at, "bad-time", "a time is a whole number and s, m, h or d: 30m, 8h") from None


def _check(st: Statement, cookie: CookiePersistence) -> None:
    if len(cookie.flags & set(_MODES)) > 1:
        raise st.fail("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.", 0, hint="keep one of them")
    if cookie.flags >= {"rewrite", "indirect"}:
        raise st.fail("cookie 'rewrite' and 'indirect' modes are incompatible.", 0, hint="indirect goes with insert")
    if "preserve" in cookie.flags and not cookie.flags & {"insert", "indirect"}:
        raise st.fail("cookie 'preserve' requires at least 'insert' or 'indirect'.", 0)


def set_dynamic_cookie_key(st: Statement, px: Proxy) -> None:
    # haproxy: only the first word counts; more of them are passed over.
    px.dynamic_cookie_key = st.argument(0)


def set_rdp_cookie(st: Statement, px: Proxy) -> None:
    """`persist rdp-cookie[(name)]`, whose name may hold anything but its closing parenthesis."""
    word = st.argument(0)
    if not word:
        raise st.fail("missing persist method.", 0, "missing-argument", "persist rdp-cookie")
    if not word.startswith("rdp-cookie"):
        raise st.fail("unknown persist method.", 1, hint="persist rdp-cookie")
    if word == "rdp-cookie":
        px.rdp_cookie = "msts"
        return
    name, end, _ = word.removeprefix("rdp-cookie(").partition(")")
    if not word.startswith("rdp-cookie(") or not name or not end:
        raise st.fail("persist rdp-cookie(name)' requires an rdp cookie name.", 1)
    st.at_most(1)
    px.rdp_cookie = name


def _whole(st: Statement, least: int) -> int:
    """Argument 0 where HAProxy takes nothing but a number."""
    word = st.argument(0)
    digits = word.removeprefix("-") if least < 0 else word
    if bad := next((char for char in digits if char not in "0123456789"), "" if digits else " "):
        raise st.fail(f"'{st.keyword}' : unexpected character '{bad}' in integer value '{word}'", 1, "bad-number")
    return min(int(word[:12]), 2**31 - 1)


def set_max_keep_alive_queue(st: Statement, px: Proxy) -> None:
    px.max_keep_alive_queue = max(-1, _whole(st, -1))


def set_max_session_srv_conns(st: Statement, px: Proxy) -> None:
    # haproxy: below zero nothing is kept, as with zero.
    px.max_session_srv_conns = max(0, min(st.integer(0), 2**31 - 1))


def _rule(keyword: str) -> ProxyKeyword:
    apply = set_condition_only(keyword, Point.REQUEST_CONTENT, "backend tcp-request content rule", "persist")
    return ProxyKeyword(keyword, "persist", "LB", "{ if | unless } <condition>", manual="4.2", apply=apply)


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "cookie",
        "persist",
        "DLB",
        "<name> [rewrite | insert | prefix] [indirect] [nocache] [postonly] [preserve] [httponly] [secure] [dynamic] "
        "[domain <domain>]* [maxidle <idle>] [maxlife <life>] [attr <value>]*",
        manual="4.2",
        apply=set_cookie,
    ),
    ProxyKeyword(
        "dynamic-cookie-key",
        "persist",
        "DLB",
        "<string>",
        manual="4.2",
        apply=set_dynamic_cookie_key,
        arguments=(1, None),
        missing="'dynamic-cookie-key' expects <secret_key> as argument.",
    ),
    ProxyKeyword("persist", "persist", "DLB", "rdp-cookie[(<name>)]", manual="4.2", apply=set_rdp_cookie),
    ProxyKeyword(
        "max-keep-alive-queue",
        "persist",
        "DLB",
        "<value>",
        "-1 (no limit)",
        "4.2",
        apply=set_max_keep_alive_queue,
        arguments=(1, None),
        missing="'max-keep-alive-queue' expects expects an integer value (or -1 to disable)",
    ),
    ProxyKeyword(
        "max-session-srv-conns",
        "persist",
        "DFL",
        "<nb>",
        "5",
        "4.2",
        apply=set_max_session_srv_conns,
        arguments=(1, None),
        missing="'max-session-srv-conns' expects a number. Got no argument",
    ),
    switch("prefer-last-server", "DLB"),
    _rule("force-persist"),
    _rule("ignore-persist"),
    switch("persist", "DLB"),
)
