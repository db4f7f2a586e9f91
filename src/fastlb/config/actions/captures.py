"""The action `capture` of requests and answers (manual, section 4.2 "http-request capture" and its kin).

Knows its words and that `len` makes a slot of its own. Must not know how it acts (ext/fastlb_core/proxy/action_captures.pyx).
"""

from __future__ import annotations

from ..rule import RuleValue
from .row import ActionFault, ActionReader, ActionRow

_REQUEST = "expects <expression> [ 'len' <length> | id <idx> ]"
_RESPONSE = "expects <expression> id <idx>"
_CONTENT = "a positive 'len' argument is mandatory"
MAX_LENGTH = 65535


def _request(reader: ActionReader) -> tuple[RuleValue, ...]:
    if len(reader.words) < reader.at + 3:
        raise ActionFault(_REQUEST, code="missing-argument")
    expression = reader.expression()
    what = reader.word(_REQUEST)
    if what not in ("len", "id"):
        raise reader.fault(f"expects 'len' or 'id', found '{what}'")
    word = reader.word(_REQUEST)
    return expression, _slot(reader, word) if what == "len" else _id(reader, word)


def _content(reader: ActionReader) -> tuple[RuleValue, ...]:
    expression = reader.expression()
    if reader.peek() != "len":
        raise ActionFault(_CONTENT, code="missing-argument")
    reader.at += 1
    return expression, _slot(reader, reader.word(_CONTENT))


def _response(reader: ActionReader) -> tuple[RuleValue, ...]:
    if len(reader.words) < reader.at + 3:
        raise ActionFault(_RESPONSE, code="missing-argument")
    expression = reader.expression()
    what = reader.word(_RESPONSE)
    if what != "id":
        raise reader.fault(f"expects 'id', found '{what}'")
    return expression, _id(reader, reader.word(_RESPONSE))


def _slot(reader: ActionReader, word: str) -> int:
    """A new slot of the request's captures; its number."""
    px = reader.st.draft.proxy if reader.st.draft else None
    if not word.isascii() or not word.isdigit():
        raise reader.fault(f"cannot parse length '{word}'")
    if int(word) == 0:
        raise reader.fault("length must be > 0")
    if px is None or px.kind == "backend":
        raise ActionFault(f"proxy '{px.name if px else ''}' has no frontend capability", code="wrong-section")
    px.captures.request.append(("", min(int(word), MAX_LENGTH)))
    return len(px.captures.request) - 1


def _id(reader: ActionReader, word: str) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 9:
        raise reader.fault(f"cannot parse id '{word}'")
    return int(word)


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("capture", "H", _request, grammar="<sample> [ len <length> | id <id> ]", core="capture-req"),
    ActionRow("capture", "t", _content, grammar="<sample> len <length>", core="capture-req"),
    ActionRow("capture", "RA", _response, grammar="<sample> id <id>", core="capture-res"),
)
