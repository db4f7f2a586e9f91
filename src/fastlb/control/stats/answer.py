"""What the statistics service answers to a request: authentication, the form asked for, the page.

Knows `stats uri|auth|realm|refresh|scope|hide-version` (manual, section 4.2 "stats ...") and the options behind the URI
(`;csv`, `;json`, `;typed`, `;norefresh`, `;up`, `;no-maint`). Must not know sockets.
Passwords are compared in constant time and never shown.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from fastlb.config import model
from fastlb.control.directory import LiveProxy
from fastlb.control.hub import Control, clock_ms
from fastlb.control.stats.csv import csv_text, json_text, typed_text
from fastlb.control.stats.fields import Row
from fastlb.control.stats.page import render
from fastlb.control.stats.rows import Filter, proxy_rows

_UNAUTHORIZED = (
    "<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
)
_UNAVAILABLE = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"


@dataclass(slots=True)
class Query:
    """A request as the service received it; header names are in lower case."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keeps_alive: bool = True


@dataclass(slots=True)
class Answer:
    """An answer without its framing headers."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""


def answer(control: Control, query: Query) -> Answer:
    """The answer to a request for the statistics of the proxy that `x-fastlb-proxy` names."""
    index = query.headers.get("x-fastlb-proxy", "")
    proxy = control.directory.by_index.get(int(index)) if index.isdigit() else None
    if proxy is None or proxy.config.stats is None:
        return _error(503, "Service Unavailable", _UNAVAILABLE)
    stats = proxy.config.stats
    if stats.users and not is_authorized(stats.users, query.headers.get("authorization", "")):
        realm = stats.realm.replace("\\", "\\\\").replace('"', '\\"')
        refusal = _error(401, "Unauthorized", _UNAUTHORIZED)
        refusal.headers.append(("www-authenticate", f'Basic realm="{realm}"'))
        return refusal
    if query.method == "POST":
        # haproxy: without `stats admin` a form is refused by sending the browser back with a reason.
        return Answer(303, "See Other", [_NO_CACHE, ("content-type", "text/plain"), ("location", f"{stats.uri};st=DENY")])
    if query.method not in ("GET", "HEAD"):
        return _error(503, "Service Unavailable", _UNAVAILABLE)
    return _statistics(control, proxy, stats, _options(query.target, stats.uri))


_NO_CACHE = ("cache-control", "no-cache")


def _error(status: int, reason: str, text: str) -> Answer:
    return Answer(status, reason, [_NO_CACHE, ("content-type", "text/html")], text.encode())


def is_authorized(users: list[tuple[str, str]], authorization: str) -> bool:
    """Whether a Basic credential (RFC 7617) is one of the users'. Every user is compared, in constant time."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    found = False
    for name, password in users:
        found |= hmac.compare_digest(f"{name}:{password}".encode("utf-8", "surrogateescape"), given)
    return found


def _options(target: str, uri: str) -> set[str]:
    """The words behind the URI, split at `;`, up to a query string of a browser's making."""
    rest = target[len(uri) :] if target.startswith(uri) else target.partition(";")[1] + target.partition(";")[2]
    return {word.split("?")[0].split("=")[0] for word in rest.split(";") if word}


def _statistics(control: Control, proxy: LiveProxy, stats: model.Stats, options: set[str]) -> Answer:
    wanted = Filter(hides_down="up" in options, hides_maint="no-maint" in options, shows_address=stats.show_legends)
    proxies = [other for other in control.directory.proxies if _is_in_scope(stats, proxy, other)]
    now = clock_ms()
    tables = [(other, list(proxy_rows(control, other, wanted, now))) for other in proxies]
    found: list[Row] = [row for _, rows in tables for row in rows]
    refresh_s = 0 if "norefresh" in options else stats.refresh_s or 0
    if "csv" in options:
        kind, text = "text/plain", csv_text(found)
    elif "typed" in options:
        kind, text = "text/plain", typed_text(found)
    elif "json" in options:
        kind, text = "application/json", json_text(found)
    else:
        kind, text = "text/html", render(control, stats, tables, options, refresh_s)
    headers = [_NO_CACHE, ("content-type", kind)]
    if refresh_s:
        headers.append(("refresh", str(refresh_s)))
    return Answer(200, "OK", headers, text.encode("utf-8", "replace"))


def _is_in_scope(stats: model.Stats, own: LiveProxy, other: LiveProxy) -> bool:
    """`stats scope`: the named proxies, "." for the one that serves the page; all of them where there is none."""
    return not stats.scopes or other.name in stats.scopes or (other is own and "." in stats.scopes)
