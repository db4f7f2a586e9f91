"""Actions of HAProxy that fastlb does not have yet: they are told apart from misspelled ones.

Knows their names and the rule sets that take them in 3.5. Must not know what they do.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..keywords.row import UNSUPPORTED
from ..rule import RuleValue
from .row import ActionReader, ActionRow

_OTHERS = {
    "add-acl": "HR",
    "add-headers-bin": "HRA",
    "attach-srv": "s",
    "cache-store": "R",
    "cache-use": "H",
    "capture": "tHRA",
    "close": "r",
    "del-acl": "HR",
    "del-headers-bin": "HRA",
    "del-map": "HRA",
    "disable-l7-retry": "H",
    "do-resolve": "tH",
    "expect-netscaler-cip": "c",
    "expect-proxy": "c",
    "normalize-uri": "H",
    "pause": "HR",
    "replace-path": "H",
    "replace-pathq": "H",
    "replace-uri": "H",
    "send-spoe-group": "trHR",
    "set-bc-mark": "tH",
    "set-bc-tos": "tH",
    "set-dst": "cstH",
    "set-dst-port": "cstH",
    "set-fc-mark": "cstrHR",
    "set-fc-tos": "cstrHR",
    "set-headers-bin": "HRA",
    "set-log-level": "trHRA",
    "set-map": "HRA",
    "set-mark": "cstrHR",
    "set-method": "H",
    "set-nice": "trHR",
    "set-path": "H",
    "set-pathq": "H",
    "set-priority-class": "tH",
    "set-priority-offset": "tH",
    "set-query": "H",
    "set-retries": "tH",
    "set-src": "cstH",
    "set-src-port": "cstH",
    "set-status": "RA",
    "set-timeout": "HR",
    "set-tos": "cstrHR",
    "set-uri": "H",
    "set-var": "cstrHRA",
    "set-var-fmt": "cstrHRA",
    "strict-mode": "HRA",
    "switch-mode": "t",
    "unset-var": "cstrHRA",
    "use-service": "tH",
    "wait-for-body": "HR",
    "wait-for-handshake": "H",
}
_COUNTERS = ("sc-add-gpc", "sc-inc-gpc", "sc-inc-gpc0", "sc-inc-gpc1", "sc-set-gpt", "sc-set-gpt0")
NAMES: dict[str, str] = {
    **_OTHERS,
    **dict.fromkeys(_COUNTERS, "cstrHRA"),
    **dict.fromkeys(("track-sc0", "track-sc1", "track-sc2"), "cstHR"),
}
# What 2.6 does not have.
_NEWER = {
    "add-headers-bin",
    "attach-srv",
    "del-headers-bin",
    "pause",
    "sc-add-gpc",
    "set-bc-mark",
    "set-bc-tos",
    "set-fc-mark",
    "set-fc-tos",
    "set-headers-bin",
    "set-retries",
}


def _refuse(reader: ActionReader) -> tuple[RuleValue, ...]:
    """Never called: the row's status refuses the rule before its words are read."""
    raise reader.fault("is not supported by fastlb yet")


def rows(known: Iterable[ActionRow]) -> tuple[ActionRow, ...]:
    """A row for each action that is not in `known` for a rule set that takes it."""
    have = {(row.name, letter) for row in known for letter in row.sets}
    left = {name: "".join(letter for letter in sets if (name, letter) not in have) for name, sets in NAMES.items()}
    return tuple(
        ActionRow(name, sets, _refuse, since="2.7 or later" if name in _NEWER else "", status=UNSUPPORTED)
        for name, sets in left.items()
        if sets
    )
