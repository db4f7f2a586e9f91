"""`cookie` for the core: flags for words, and the text behind the cookie's value.

Knows what bridge/layout_persist takes. Must not know messages.
"""

from __future__ import annotations

from typing import Any

from fastlb_core.bridge.layout_persist import PERSIST_FLAGS

from ..config.model import Proxy
from ..config.persist_model import CookiePersistence
from .failure import CompileError
from .text import file_bytes

DYNAMIC_DIGITS = 16
MAX_SET_COOKIE = 4000  # bytes of a Set-Cookie value, without its dates; proxy/persist.pyx has room for 4096


def persist_values(px: Proxy, cookie: CookiePersistence) -> dict[str, Any]:
    """The settings as bridge/layout_persist.pxd wants them. Raises CompileError."""
    attributes = [f"domain={domain}" for domain in cookie.domains]
    attributes += [name for name, flag in (("HttpOnly", "httponly"), ("Secure", "secure")) if flag in cookie.flags]
    text = file_bytes("".join(f"; {attribute}" for attribute in attributes + cookie.attributes))
    longest = max([DYNAMIC_DIGITS, *(len(file_bytes(srv.cookie)) for srv in px.servers)])
    if len(file_bytes(cookie.name)) + longest + len(text) > MAX_SET_COOKIE:
        raise CompileError(cookie.location, f"'cookie {cookie.name}' : more than {MAX_SET_COOKIE} bytes with its attributes")
    return {
        "name": file_bytes(cookie.name),
        "flags": sum(PERSIST_FLAGS[flag] for flag in cookie.flags & PERSIST_FLAGS.keys()),
        "max_idle_s": cookie.max_idle_s,
        "max_life_s": cookie.max_life_s,
        "attributes": text,
        "dynamic_key": file_bytes(px.dynamic_cookie_key) if "dynamic" in cookie.flags else b"",
    }
