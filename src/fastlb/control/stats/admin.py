"""The forms of the statistics page: what a POST asks for, carried out for the servers that it names.

Knows HAProxy's field names (`b` backend, `s` server, `action`), its words for actions, and the status that the browser is sent
back with (`st=`). Must not know whether the client may do this: the engine has evaluated `stats admin`, `answer` looks.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from fastlb.control.directory import LiveProxy, LiveServer
from fastlb.control.hub import Control

# True: the server was changed, or is as it was asked to be.
Change = Callable[[Control, LiveServer], bool]

_REASON = ", changed from the statistics page"
_MOST_FIELDS = 10000


def _administrative(word: str) -> Change:
    def change(control: Control, server: LiveServer) -> bool:
        servers = control.servers
        {"ready": servers.set_ready, "drain": servers.set_drain, "maint": servers.set_maint}[word](server)
        return True

    return change


def _operational(word: str) -> Change:
    return lambda control, server: server.tracked is None and control.servers.force_health(server, word, _REASON)


def _checks(is_enabled: bool) -> Change:
    return lambda control, server: server.config.check and control.checks.set_enabled(server, is_enabled)


def _agent(is_enabled: bool) -> Change:
    return lambda control, server: control.agents.set_enabled(server, is_enabled)


def _said_by_agent(word: str) -> Change:
    return lambda control, server: control.agents.force(server, word, _REASON)


def _end_sessions(control: Control, server: LiveServer) -> bool:
    """haproxy: done, even where there was none."""
    control.servers.on_killed(server)
    return True


# (word, what the page calls it, what it does)
ACTIONS: tuple[tuple[str, str, Change], ...] = (
    ("ready", "Set state to READY", _administrative("ready")),
    ("drain", "Set state to DRAIN", _administrative("drain")),
    ("maint", "Set state to MAINT", _administrative("maint")),
    ("dhlth", "Health: disable checks", _checks(False)),
    ("ehlth", "Health: enable checks", _checks(True)),
    ("hrunn", "Health: force UP", _operational("up")),
    ("hnolb", "Health: force NOLB", _operational("stopping")),
    ("hdown", "Health: force DOWN", _operational("down")),
    ("dagent", "Agent: disable checks", _agent(False)),
    ("eagent", "Agent: enable checks", _agent(True)),
    ("arunn", "Agent: force UP", _said_by_agent("up")),
    ("adown", "Agent: force DOWN", _said_by_agent("down")),
    ("shutdown", "Kill Sessions", _end_sessions),
)
_CHANGES: dict[str, Change] = {word: change for word, _, change in ACTIONS}

# What `st=` tells, for the page.
OUTCOMES = {
    "DONE": ("good", "Action processed successfully."),
    "NONE": ("plain", "Nothing has changed."),
    "PART": ("poor", "Action partially processed: some server names are probably unknown."),
    "ERRP": ("bad", "Action not processed: wrong parameters, unknown action or unknown names."),
    "EXCD": ("bad", "Action not processed: the form is too large, select fewer servers."),
    "DENY": ("bad", "Action denied: it takes the rights of 'stats admin'."),
    "UNKN": ("bad", "Unexpected result."),
}


def is_foreign(headers: dict[str, str]) -> bool:
    """The form was sent by a page of another site: browsers tell by Origin or Sec-Fetch-Site, other programs send neither."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin", "")
    try:
        return bool(origin) and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:  # no URL at all: `http://[`
        return True


def carry_out(control: Control, body: bytes) -> str:
    """Does what the form says and returns the `st=` word."""
    try:
        text = body.decode("ascii", "replace")
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS)
    except ValueError:
        return "EXCD"
    actions = [value for name, value in fields if name == "action"]
    backends = [value for name, value in fields if name == "b"]
    names = [value for name, value in fields if name == "s"]
    if any(action not in _CHANGES for action in actions) or len(actions) > 1 or len(backends) > 1:
        return "ERRP"
    if not actions or not backends or not names:
        return "NONE"
    backend = control.directory.backend(backends[0])
    if backend is None:
        return "ERRP"
    return _outcome(*_change_all(control, backend, names, _CHANGES[actions[0]]))


def _change_all(control: Control, backend: LiveProxy, names: list[str], change: Change) -> tuple[int, int]:
    """How many servers were changed, and how many names nobody has."""
    n_changed = n_unknown = 0
    for name in dict.fromkeys(names):
        server = control.directory.server(backend, name)
        if server is None:
            n_unknown += 1
        elif change(control, server):
            n_changed += 1
    return n_changed, n_unknown


def _outcome(n_changed: int, n_unknown: int) -> str:
    if n_unknown:
        return "PART" if n_changed else "ERRP"
    return "DONE" if n_changed else "NONE"
