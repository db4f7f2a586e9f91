"""Complete answers that replace a proxy's built-in error pages: `errorfile` and `errorloc` (manual, section 4.2).

Knows bytes and statuses. Must not know the built-in pages (fastlb_core.http has them).
"""

from __future__ import annotations

from fastlb.config.model import Proxy

from .failure import CompileError

_REASONS = {302: "Found", 303: "See Other"}


def error_pages(px: Proxy, statuses: tuple[int, ...]) -> dict[int, bytes]:
    """The pages of `px` by status. Raises CompileError for a status that is not among `statuses`."""
    pages = dict(px.errorfiles)
    pages.update({status: redirect(code, location) for status, (code, location) in px.errorlocs.items()})
    for status in pages:
        if status not in statuses:
            raise CompileError(px.location, f"proxy '{px.name}' : no error page can be set for status {status}")
    return pages


def redirect(code: int, location: str) -> bytes:
    """The answer of `errorloc302` or `errorloc303` as HAProxy sends it."""
    lines = [f"HTTP/1.1 {code} {_REASONS[code]}", "cache-control: no-cache", "content-length: 0", f"location: {location}"]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8", "surrogateescape")
