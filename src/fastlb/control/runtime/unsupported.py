"""Commands of HAProxy's runtime API that fastlb does not have: a clear answer instead of "unknown".

Knows their names by first word, those of HAProxy 2.6 and 3.5. Must not know why each is missing.
"""

from __future__ import annotations

NAMES = {
    "acme": "renew, status",
    "add": "backend, ssl ca-file, ssl jwt",
    "debug": "counters",
    "del": "backend, ssl jwt",
    "dump": "ssl cert, stats-file",
    "httpclient": "",
    "publish": "backend",
    "set": "anon global-key, anon off, anon on, profiling",
    "show": (
        "anon, cache, default-server, defaults, dev, fd, peers, profiling, "
        "quic, ssl jwt, "
        "ssl ocsp-updates, ssl sni, tasks, trace"
    ),
    "trace": "",
    "unpublish": "backend",
    "update": "ssl ocsp-response",
}

_COMMANDS = frozenset(
    tuple(f"{first} {rest}".split()) for first, listed in NAMES.items() for rest in (name.strip() for name in listed.split(","))
)
_LONGEST = max(len(command) for command in _COMMANDS)


def answer(words: list[str]) -> str | None:
    """What to say where the words begin with the name of such a command; None for what HAProxy does not know either."""
    for count in range(min(len(words), _LONGEST), 0, -1):
        if tuple(words[:count]) in _COMMANDS:
            return f"'{' '.join(words[:count])}' is a command of HAProxy that is not supported by fastlb yet.\n"
    return None
