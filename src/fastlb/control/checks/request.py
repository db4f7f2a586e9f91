"""The bytes of an HTTP check's request (manual, "http-check send").

Knows what HAProxy adds and leaves out. Must not know when it is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from fastlb.config.check_rules import HttpSend
from fastlb.config.logformat import LogFormat

_WITH_LENGTH = frozenset(("POST", "PUT", "PATCH"))


def request_bytes(step: HttpSend, text: Callable[[object], bytes], state: bytes = b"") -> bytes:
    """Header names leave in lower case; HTTP/1.1 asks for the connection's end (RFC 9112, 9.6).

    text: what a format says now. state: of `http-check send-state`, b"" for none.
    """
    method, version = step.method or "OPTIONS", step.version or "HTTP/1.0"
    uri = text(step.uri) if isinstance(step.uri, LogFormat) else (step.uri or "/").encode("utf-8", "surrogateescape")
    body = text(step.body) if isinstance(step.body, LogFormat) else step.body
    headers = [(name.lower().encode("utf-8", "surrogateescape"), text(value)) for name, value in step.headers]
    lines = [name + b": " + value for name, value in headers if name != b"connection"]
    if state:
        lines.append(b"x-haproxy-server-state: " + state)
    if body or method in _WITH_LENGTH:
        lines.append(b"content-length: %d" % len(body))
    own = next((value for name, value in headers if name == b"connection"), b"")
    if version == "HTTP/1.1" and (not own or own.lower() == b"close"):
        lines.append(b"connection: close")
    elif own and not (version == "HTTP/1.1" and own.lower() == b"keep-alive"):
        lines.append(b"connection: " + own)
    host = next((value for name, value in headers if name == b"host"), b"")
    first = f"{method} ".encode() + _with_host(uri, host) + f" {version}".encode()
    return b"\r\n".join([first, *lines, b"", b""]) + body


def _with_host(uri: bytes, host: bytes) -> bytes:
    """haproxy: an absolute URI and Host name the same host, and Host is right."""
    if not host or uri.startswith(b"/") or b"://" not in uri:
        return uri
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=host))
