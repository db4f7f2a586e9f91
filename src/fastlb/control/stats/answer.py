"""What the statistics service answers to a request: authentication, the form asked for, the page.

Knows `stats uri|auth|realm|refresh|scope|hide-version` (manual, section 4.2 "stats ...") and the options behind the URI
(`;csv`, `;json`, `;typed`, `;norefresh`, `;up`, `;no-maint`). Must not know sockets.
Passwords are compared in constant time and never shown.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus

from fastlb.config import model
from fastlb.control.directory import LiveProxy
from fastlb.control.hub import Control, clock_ms
from fastlb.control.stats import admin, exporter
from fastlb.control.stats.csv import csv_text, json_text, typed_text
from fastlb.control.stats.fields import Row
from fastlb.control.stats.page import PAGE_HEADERS, View, render
from fastlb.control.stats.rows import Filter, proxy_rows

_UNAUTHORIZED = (
    "<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
)
_UNAVAILABLE = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"


_NOT_ALLOWED = "<html><body><h1>405 Method Not Allowed</h1>\nThe statistics are only read.\n</body></html>\n"
_BAD_REQUEST = "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"


@dataclass(slots=True)
class Query:
    """A request as the service received it; header names are in lower case."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    keeps_alive: bool = True
    is_too_large: bool = False


@dataclass(slots=True)
class Answer:
    """An answer without its framing headers."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""


# Numbers of service_t (proxy/stream.pxd), which the engine puts into `x-fastlb-service`.
_SERVICE_ADMIN, _SERVICE_PROMETHEUS = "1", "2"


def answer(control: Control, query: Query) -> Answer:
    """The answer of the service that `x-fastlb-service` names, for the proxy that `x-fastlb-proxy` names.

    Both headers are the engine's: what clients send under these names never gets here.
    """
    if query.headers.get("x-fastlb-service") == _SERVICE_PROMETHEUS:
        return _metrics(control, query)
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
    wish = read_wish(query.target, stats.uri)
    is_admin = query.headers.get("x-fastlb-service") == _SERVICE_ADMIN
    if query.method == "POST":
        return _sent_back(stats.uri, wish, _form(control, query) if is_admin else "DENY")
    if query.method not in ("GET", "HEAD"):
        return _error(503, "Service Unavailable", _UNAVAILABLE)
    return _statistics(control, proxy, stats, wish, is_admin)


def _form(control: Control, query: Query) -> str:
    if query.is_too_large:
        return "EXCD"
    return "DENY" if admin.is_foreign(query.headers) else admin.carry_out(control, query.body)


def _sent_back(uri: str, wish: Wish, outcome: str) -> Answer:
    """haproxy: the browser fetches the page anew, with the outcome in its address; a reload then posts nothing twice."""
    location = f"{uri};st={outcome}" + (";up" if "up" in wish.options else "") + wish.scope_query
    return Answer(303, "See Other", [_NO_CACHE, ("content-type", "text/plain"), ("location", location)])


def _metrics(control: Control, query: Query) -> Answer:
    """haproxy: the exporter answers GET and HEAD; a parameter that it does not know is a bad request."""
    if query.method not in ("GET", "HEAD"):
        return _error(405, "Method Not Allowed", _NOT_ALLOWED)
    try:
        asked = exporter.read_query(query.target)
    except ValueError:
        return _error(400, "Bad request", _BAD_REQUEST)
    kind = ("content-type", "text/plain; version=0.0.4")
    return Answer(200, "OK", [_NO_CACHE, kind], exporter.exposition(control, asked).encode("utf-8", "replace"))


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


@dataclass(frozen=True, slots=True)
class Wish:
    """What stands behind the URI: words, the outcome of a form, part of the proxies' names."""

    options: frozenset[str] = frozenset()
    outcome: str = ""
    scope: str = ""

    @property
    def scope_query(self) -> str:
        return f"?scope={quote(self.scope)}" if self.scope else ""


_MAX_SCOPE = 20


def read_wish(target: str, uri: str) -> Wish:
    """The words behind the URI, split at `;`, `?` and `&`: browsers and HAProxy's links use all of them."""
    rest = target[len(uri) :] if target.startswith(uri) else target.partition(";")[1] + target.partition(";")[2]
    pairs = [word.partition("=") for word in re.split("[;?&]", rest) if word]
    named = {name: value for name, _, value in pairs}
    return Wish(
        frozenset(name for name, _, _ in pairs if name not in ("st", "scope", "")),
        named.get("st", ""),
        unquote_plus(named.get("scope", ""))[:_MAX_SCOPE],
    )


def _statistics(control: Control, proxy: LiveProxy, stats: model.Stats, wish: Wish, is_admin: bool) -> Answer:
    options = wish.options
    wanted = Filter(hides_down="up" in options, hides_maint="no-maint" in options, shows_address=stats.show_legends)
    proxies = [other for other in control.directory.proxies if _is_in_scope(stats, proxy, other) and wish.scope in other.name]
    now = clock_ms()
    tables = [(other, list(proxy_rows(control, other, wanted, now))) for other in proxies]
    found: list[Row] = [row for _, rows in tables for row in rows]
    refresh_s = 0 if "norefresh" in options else stats.refresh_s or 0
    headers = [_NO_CACHE]
    if "csv" in options:
        kind, text = "text/plain", csv_text(found)
    elif "typed" in options:
        kind, text = "text/plain", typed_text(found)
    elif "json" in options:
        kind, text = "application/json", json_text(found)
    else:
        kind, text = "text/html", render(control, stats, tables, View(options, wish.outcome, wish.scope, refresh_s, is_admin))
        headers += PAGE_HEADERS
    headers.append(("content-type", kind))
    if refresh_s and kind != "text/html":
        # The page refreshes itself in place, or says so to a browser without JavaScript.
        headers.append(("refresh", str(refresh_s)))
    return Answer(200, "OK", headers, text.encode("utf-8", "replace"))


def _is_in_scope(stats: model.Stats, own: LiveProxy, other: LiveProxy) -> bool:
    """`stats scope`: the named proxies, "." for the one that serves the page; all of them where there is none."""
    return not stats.scopes or other.name in stats.scopes or (other is own and "." in stats.scopes)
