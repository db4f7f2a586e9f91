"""Actions that answer: `deny`, `return`, `tarpit`, `redirect`, `auth`, `early-hint`, `silent-drop`.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..rule import RuleValue
from .redirect import read_redirect
from .replies import DEFAULT_PAGE, EMPTY, read_reply
from .row import ActionReader, ActionRow


def _deny(reader: ActionReader) -> tuple[RuleValue, ...]:
    status = 502 if reader.letter == "R" else 403
    return tuple(read_reply(reader, status, DEFAULT_PAGE, ("status", "deny_status")))


def _tarpit(reader: ActionReader) -> tuple[RuleValue, ...]:
    return tuple(read_reply(reader, 500, DEFAULT_PAGE, ("status", "deny_status")))


def _return(reader: ActionReader) -> tuple[RuleValue, ...]:
    return tuple(read_reply(reader, 200, EMPTY))


def _auth(reader: ActionReader) -> tuple[RuleValue, ...]:
    realm: RuleValue = None
    if reader.peek() == "realm":
        reader.at += 1
        realm = reader.format(reader.word("missing realm value"))
    if realm is None and reader.letter == "S":
        realm = "HAProxy Statistics"
    return (realm or reader.st.draft.proxy.name if reader.st.draft else realm,)


def _silent_drop(reader: ActionReader) -> tuple[RuleValue, ...]:
    """`rst-ttl <n>` is taken: the reset then leaves with that many hops to live."""
    ttl = 0
    if reader.peek() == "rst-ttl":
        reader.at += 1
        ttl = reader.integer(reader.word("missing rst-ttl value"), "invalid rst-ttl value", 1, 255)
    return (ttl,)


def _early_hint(reader: ActionReader) -> tuple[RuleValue, ...]:
    name, text = reader.words_left(2, "expects exactly 2 arguments")
    return name.lower(), reader.format(text)


_REPLY = "[status <code>] [content-type <type>] [{ errorfile | file | lf-file | string | lf-string } <arg>] [hdr <name> <fmt>]*"

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("deny", "HRS", _deny, grammar=_REPLY, is_final=True),
    ActionRow("return", "HR", _return, grammar=_REPLY, is_final=True),
    ActionRow("tarpit", "H", _tarpit, grammar=_REPLY, is_final=True),
    ActionRow("redirect", "HR", read_redirect, grammar="<rule>", is_final=True),
    ActionRow("auth", "HS", _auth, grammar="[realm <realm>]", is_final=True),
    ActionRow("silent-drop", "cstrHR", _silent_drop, grammar="[ rst-ttl <ttl> ]", is_final=True),
    ActionRow("early-hint", "H", _early_hint, grammar="<name> <fmt>"),
)
