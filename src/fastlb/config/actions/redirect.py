"""`redirect` in all its forms (manual, section 4.2 "redirect").

Knows its words. Must not know how the location is made (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..logformat import LogFormat
from ..rule import RuleValue
from .row import ActionFault, ActionReader

# The numbers are those of ext/fastlb_core/proxy/action_redirect.pyx.
_KINDS = {"location": 0, "prefix": 1, "scheme": 2}
_CODES = (301, 302, 303, 307, 308)
_FLAGS = {"drop-query": 1, "append-slash": 2, "ignore-empty": 4, "keep-query": 8}
_EXPECTED = (
    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query', 'ignore-empty', 'keep-query' "
    "or 'append-slash' (was '{0}')"
)


def read_redirect(reader: ActionReader) -> tuple[RuleValue, ...]:
    """(kind, target, code, flags, cookie); flags as above, cookie the header's value or None. Raises ActionFault."""
    kind, code, flags = -1, 302, 0
    target: LogFormat | None = None
    cookie: RuleValue = None
    while word := reader.peek():
        reader.at += 1
        if word in _FLAGS:
            flags |= _FLAGS[word]
            continue
        if word not in _KINDS and word not in ("code", "set-cookie", "set-cookie-fmt", "clear-cookie"):
            raise reader.fault(_EXPECTED.format(word))
        text = reader.word(f"missing argument for '{word}'")
        if word in _KINDS:
            kind, target = _KINDS[word], reader.format(text)
        elif word == "code":
            code = _code(reader, text)
        elif word == "set-cookie-fmt":
            cookie = reader.format(text)
        elif word == "set-cookie":
            cookie = f"{text}; path=/;"
        else:
            cookie = f"{text}; path=/; Max-Age=0;"
    if target is None:
        raise ActionFault("redirection type expected ('prefix', 'location', or 'scheme')", code="missing-argument")
    return kind, target, code, flags, cookie


def _code(reader: ActionReader, text: str) -> int:
    if not text.isdigit() or int(text) not in _CODES:
        raise reader.fault(f"'code': unsupported HTTP code '{text}' (must be one of 301, 302, 303, 307 or 308)")
    return int(text)
