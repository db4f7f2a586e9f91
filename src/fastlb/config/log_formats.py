"""The formats of a proxy once everything is read: those of its lines, and those that HAProxy's options stand for.

Knows the options' formats (manual, section 8.2) and what is wrong with a format or a capture of a proxy. Must not know how a
line is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .expressions import ExpressionFault
from .log_aliases import ALIASES
from .logformat import FormatFault, LogFormat, parse_format
from .model import FormatText, Location, Proxy
from .samples.types import Point

_HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
)
# The manual's strict equivalents. haproxy: of a connection without TLS the fields of httpslog are these constants.
EQUIVALENTS = {
    "httplog": _HTTPLOG,
    "httpslog": _HTTPLOG + " 0/-/-/-/0 -/%sslv/%sslc",
    "httplog clf": (
        '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq '
        "%CC %CS %hrl %hsl"
    ),
    "tcplog clf": (
        '%{+Q}o %{-Q}ci - - [%T] "TCP " 000 %B "" "" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq '
        '"" ""'
    ),
}
_TITLES = {"log": "log-format", "sd": "log-format-sd", "error": "error-log-format", "unique_id": "unique-id"}

Report = Callable[[str, str, Location, str, str], None]  # code, message, location, lead, hint


def resolve_formats(px: Proxy, alert: Report) -> None:
    """Parses the formats of `px` in place and checks its captures; `alert` is told about each mistake."""
    if px.has_frontend:
        for attribute, title in _TITLES.items():
            _resolve(px, attribute, title, alert)
        _check_captures(px, alert)


def option_format(px: Proxy) -> LogFormat | None:
    """The format that the proxy's `option httplog` and its kin mean where the engine has no line of its own for it."""
    name = px.log_format
    captures = px.captures
    if name == "httplog" and not (captures.request or captures.response or captures.cookie):
        return None
    text = EQUIVALENTS.get(name)
    return parse_format(text, Point.LOG, ALIASES, merges_spaces=True) if text is not None else None


def _resolve(px: Proxy, attribute: str, title: str, alert: Report) -> None:
    given: FormatText | None = getattr(px.formats, attribute)
    if given is None:
        return
    try:
        # haproxy: the unique id belongs to the request, whose headers it may look at.
        point = Point.REQUEST_HEADERS if attribute == "unique_id" else Point.LOG
        parsed = parse_format(given.text, point, ALIASES, merges_spaces=True)
        if px.mode != "http":
            _check_mode(parsed)
    except ExpressionFault as fault:
        lead = f"Parsing [{given.location}]: "
        alert(fault.code, f"failed to parse {title} : {fault.message}.", given.location, lead, fault.hint)
        return
    setattr(px.formats, attribute, replace(given, parsed=parsed))


def _check_mode(parsed: LogFormat) -> None:
    for item in parsed.items:
        if item.alias and ALIASES[item.alias].needs_http:
            raise FormatFault(f"format variable '{item.alias}' is reserved for HTTP mode", code="needs-http")


def _check_captures(px: Proxy, alert: Report) -> None:
    """Rules that name a slot by its number must find it in their frontend."""
    for keyword in ("http-request", "http-response"):
        count = len(px.captures.request if keyword == "http-request" else px.captures.response)
        for rule in px.rules.get(keyword, ()):
            slot = rule.arguments[1] if rule.action == "capture" else -1
            if isinstance(slot, int) and slot >= count:
                message = f"Proxy '{px.name}': unable to find capture id '{slot}' referenced by {keyword} capture rule."
                direction = keyword.removeprefix("http-")
                alert("unknown-capture", message, rule.location, "", f"declare capture {direction} len <length>")
