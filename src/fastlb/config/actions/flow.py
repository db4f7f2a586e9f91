"""Actions that decide about a stream or connection and say nothing: accept, allow, reject, close, switch-mode.

Knows their arguments. Must not know how answers are sent (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..rule import RuleValue
from .row import ActionFault, ActionReader, ActionRow

PROTOCOLS = {"h1": True, "h2": False}  # HAProxy's names; which of them fastlb speaks


def _nothing(reader: ActionReader) -> tuple[RuleValue, ...]:
    return ()


def _switch_mode(reader: ActionReader) -> tuple[RuleValue, ...]:
    px = reader.st.draft.proxy if reader.st.draft else None
    if px is not None and not px.has_frontend and px.kind != "defaults":
        raise ActionFault(f"not allowed because {px.title} '{px.name}' has no frontend capability", code="wrong-place")
    if reader.word("expects a mode as argument") != "http":
        raise reader.fault(f"expects a valid mode (got '{reader.words[reader.at - 1]}')", hint="switch-mode http [ proto h1 ]")
    if reader.peek() != "proto":
        return ()
    reader.at += 1
    name = reader.word("'proto' expects a protocol as argument")
    if name not in PROTOCOLS:
        raise reader.fault(f"'proto' expects a valid MUX protocol, if specified (got '{name}')", hint="proto h1")
    if not PROTOCOLS[name]:
        raise reader.fault(f"'proto {name}' is not supported by fastlb", hint="fastlb speaks HTTP/1: proto h1, or none")
    return ()


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("accept", "cstr", _nothing, is_final=True, core="allow"),
    ActionRow("allow", "HRAS", _nothing, is_final=True),
    ActionRow("reject", "cstrH", _nothing, is_final=True),
    ActionRow("close", "r", _nothing),
    ActionRow("switch-mode", "t", _switch_mode, grammar="http [ proto <name> ]", is_final=True, note="proto h2 is refused"),
)
