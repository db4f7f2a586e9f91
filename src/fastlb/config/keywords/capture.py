"""`capture cookie`, `capture request|response header` and `declare capture` (manual, section 4.2).

Knows how a slot for a captured text is declared. Must not know when it is filled (ext/fastlb_core/proxy/capture.pyx).
"""

from __future__ import annotations

from ..model import Captures, Proxy
from ..values import parse_leading_integer
from .row import ProxyKeyword, SetProxy, Statement

MAX_LENGTH = 65535
COOKIE_LENGTH = 63  # tune.http.cookielen where it is not set


def set_cookie(st: Statement, px: Proxy) -> None:
    if st.argument(1) != "len" or not st.argument(2):
        message = "'capture' expects 'cookie' <cookie_name> 'len' <len>."
        raise st.fail(message, 0, "missing-argument", "capture cookie NAME len 32")
    length = _length(st.argument(2))
    most = st.reading.configuration.global_.http_cookielen or COOKIE_LENGTH
    if length > most:
        st.warn(f"truncating capture length to {most} bytes for proxy '{px.name}'.", 4, "too-long")
        length = most
    px.captures.cookie = (st.argument(0), length) if length else None


def set_header(direction: str) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        if st.argument(0) != "header":
            raise st.fail(_WHAT, 0, hint=f"capture {direction} header NAME len 32")
        if not st.argument(1) or st.argument(2) != "len" or not st.argument(3):
            message = f"'capture {direction}' expects 'header' <header_name> 'len' <len>."
            raise st.fail(message, 0, "missing-argument", f"capture {direction} header NAME len 32")
        if st.argument(4):
            at = st.n_keyword + 4
            message = f"'capture {direction}' cannot handle unexpected argument '{st.argument(4)}'."
            raise st.fail(message, at, "unexpected-argument")
        slots(px.captures, direction).append((st.argument(1).lower(), _length(st.argument(3))))

    return apply


def declare_capture(st: Statement, px: Proxy) -> None:
    if px.kind == "defaults":
        raise st.fail("'declare' not available in default section", 0, "wrong-section")
    if px.kind == "backend":
        raise st.fail("'declare' only available in frontend or listen section", 0, "wrong-section")
    direction = st.argument(0)
    if direction not in ("request", "response"):
        raise st.fail("'declare capture' requires a direction ('request' or 'response')", min(2, len(st.words)))
    if st.argument(1) != "len":
        raise st.fail("'declare capture' requires a capture length ('len')", min(3, len(st.words)))
    word = st.argument(2)
    if not word:
        message = "'declare capture': 'len' requires a numeric value that represents the capture length"
        raise st.fail(message, 4, "missing-argument")
    if not word.isascii() or not word.isdigit():
        raise st.fail(f"'declare capture': cannot parse the length '{word}'.", 4)
    if int(word) == 0:
        raise st.fail("length must be > 0", 4)
    slots(px.captures, direction).append(("", _length(word)))


def slots(captures: Captures, direction: str) -> list[tuple[str, int]]:
    return captures.request if direction == "request" else captures.response


def _length(word: str) -> int:
    """haproxy: a length is read up to its first character that is no digit; without any it is 0, a slot that stays empty."""
    return min(max(parse_leading_integer(word), 0), MAX_LENGTH)


_WHAT = "'capture' expects 'cookie' or 'request header' or 'response header'."

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("capture cookie", "capture", "FL", "<name> len <length>", manual="4.2", apply=set_cookie),
    ProxyKeyword("capture request", "capture", "FL", "header <name> len <length>", manual="4.2", apply=set_header("request")),
    ProxyKeyword("capture response", "capture", "FL", "header <name> len <length>", manual="4.2", apply=set_header("response")),
    ProxyKeyword(
        "declare capture", "capture", "DFLB", "[ request | response ] len <length>", manual="4.2", apply=declare_capture
    ),
)
SECOND_WORD = {
    "capture": (_WHAT, _WHAT),
    "declare": (
        "'declare' needs a second keyword that specify the type of declaration ('capture')",
        "unknown declaration type '{0}' (supports 'capture')",
    ),
}
