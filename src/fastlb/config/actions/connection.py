"""Actions on the connection and the stream: addresses, marks, priorities, timeouts, log level, waiting.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..keywords.row import UNSUPPORTED
from ..rule import RuleValue
from ..samples.types import ADDR, SINT, SampleType
from ..values import TimeFault, ValueFault, parse_size, parse_time
from .row import ActionFault, ActionReader, ActionRow

_LEVELS = {
    "emerg": 0, "alert": 1, "crit": 2, "err": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7, "silent": 8,
}  # fmt: skip
_TIMEOUTS = {"server": 0, "tunnel": 1, "client": 2, "connect": 3, "queue": 4, "tarpit": 5}  # TIMEOUT_* of proxy/stream.pxd


def _log_level(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 1 argument (log level name or 'silent')"
    word = reader.word(message)
    if word not in _LEVELS:
        raise reader.fault(message, hint=f"one of {', '.join(_LEVELS)}")
    return (_LEVELS[word],)


def _nice(reader: ActionReader) -> tuple[RuleValue, ...]:
    word = reader.word("expects exactly 1 argument (integer value)")
    return (reader.integer(word, "expects exactly 1 argument (integer value)", -(2**31)),)


def _number(reader: ActionReader) -> int:
    word = reader.word("expects exactly 1 argument (integer/hex value)")
    try:
        return int(word, 0)
    except ValueError:
        raise reader.fault(f"invalid character starting at '{word}' (integer/hex value expected)") from None


def _tos(reader: ActionReader) -> tuple[RuleValue, ...]:
    return (_number(reader) & 0xFF,)


def _mark(reader: ActionReader) -> tuple[RuleValue, ...]:
    return (_number(reader) & 0xFFFFFFFF,)


def _number_or_expression(reader: ActionReader) -> tuple[RuleValue, ...]:
    """3.x: a number, or an expression that gives one."""
    if reader.peek()[:1].isdigit():
        return (_number(reader) & 0xFFFFFFFF,)
    return (_expression(reader, SINT),)


def _expression(reader: ActionReader, want: SampleType) -> RuleValue:
    if not reader.has_word():
        raise ActionFault("missing fetch method", code="missing-argument")
    return reader.expression(want)


def _address(reader: ActionReader) -> tuple[RuleValue, ...]:
    return (_expression(reader, ADDR),)


def _integer(reader: ActionReader) -> tuple[RuleValue, ...]:
    return (_expression(reader, SINT),)


def _time_or_expression(reader: ActionReader, what: str) -> RuleValue:
    """A time where the word begins with a digit, else an expression for milliseconds."""
    word = reader.peek()
    if not word[:1].isdigit():
        try:
            return reader.expression(SINT)
        except ActionFault:
            raise ActionFault(f"unexpected character '{word[:1]}' in rule '{what}'", reader.at - 1) from None
    reader.at += 1
    try:
        return parse_time(word)
    except (TimeFault, ValueFault):
        raise reader.fault(f"unexpected character '{word.lstrip('0123456789')[:1]}' in rule '{what}'") from None


def _timeout(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 2 arguments"
    name = reader.word(message)
    if not reader.has_word():
        raise ActionFault(message, code="missing-argument")
    if name not in _TIMEOUTS:
        raise reader.fault(f"'set-timeout' rule supports 'server'/'tunnel' (got '{name}')", hint=f"one of {', '.join(_TIMEOUTS)}")
    if name != "client" and reader.st.draft and not reader.st.draft.proxy.has_backend:
        raise ActionFault(f"proxy '{reader.st.draft.proxy.name}' has no backend capability", code="wrong-place")
    value = _time_or_expression(reader, f"set-timeout {name}")
    if value == 0:
        raise ActionFault(f"null value is not valid for a 'set-timeout {name}' rule", reader.at - 1)
    return _TIMEOUTS[name], value


def _retries(reader: ActionReader) -> tuple[RuleValue, ...]:
    if reader.peek()[:1].isdigit():
        word = reader.word("expects exactly 1 argument")
        return (reader.integer(word, "expects a number of retries"),)
    return (_expression(reader, SINT),)


def _pause(reader: ActionReader) -> tuple[RuleValue, ...]:
    if not reader.has_word():
        raise ActionFault("expects exactly 1 argument", code="missing-argument")
    return (_time_or_expression(reader, "pause"),)


def _wait_for_body(reader: ActionReader) -> tuple[RuleValue, ...]:
    if reader.peek() != "time":
        raise ActionFault("expects time <time> [ at-least <bytes> ]", code="missing-argument")
    reader.at += 1
    wait_ms, least = _quantity(reader, "time", parse_time), 0
    if reader.peek() == "at-least":
        reader.at += 1
        least = _quantity(reader, "at-least", parse_size)
    return wait_ms, least


def _quantity(reader: ActionReader, name: str, parse: object) -> int:
    if not reader.has_word():
        raise ActionFault(f"missing argument for '{name}'", code="missing-argument")
    word = reader.word("")
    try:
        return parse_time(word) if parse is parse_time else parse_size(word)
    except (TimeFault, ValueFault):
        raise reader.fault(f"unexpected character '{word.lstrip('0123456789')[:1]}'") from None


def _nothing(reader: ActionReader) -> tuple[RuleValue, ...]:
    return ()


def _layer4(reader: ActionReader) -> tuple[RuleValue, ...]:
    word = reader.peek()
    if word != "layer4":
        raise ActionFault(f"only supports 'layer4' (got '{word}')", reader.at if word else -1)
    reader.at += 1
    return ()


def _not_yet(name: str, sets: str, note: str = "", since: str = "") -> ActionRow:
    return ActionRow(name, sets, _nothing, status=UNSUPPORTED, note=note, since=since)


_NO_RETRY_ON = "no effect: requests are not sent again once an answer has come"

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("set-log-level", "trHRA", _log_level, grammar="<level>"),
    ActionRow("set-nice", "trHR", _nice, grammar="<nice>", note="no effect: a worker serves its streams in turn"),
    ActionRow("set-tos", "cstrHR", _tos, grammar="<tos>", core="set-fc-tos"),
    ActionRow("set-mark", "cstrHR", _mark, grammar="<mark>", core="set-fc-mark"),
    ActionRow("set-fc-tos", "cstrHR", _number_or_expression, grammar="{ <tos> | <expr> }", since="2.9"),
    ActionRow("set-fc-mark", "cstrHR", _number_or_expression, grammar="{ <mark> | <expr> }", since="2.9"),
    ActionRow("set-bc-tos", "tH", _number_or_expression, grammar="{ <tos> | <expr> }", since="2.9"),
    ActionRow("set-bc-mark", "tH", _number_or_expression, grammar="{ <mark> | <expr> }", since="2.9"),
    ActionRow("expect-proxy", "c", _layer4, grammar="layer4"),
    ActionRow("expect-netscaler-cip", "c", _layer4, grammar="layer4"),
    ActionRow("set-src", "cstH", _address, grammar="<expr>"),
    ActionRow("set-src-port", "cstH", _integer, grammar="<expr>"),
    ActionRow("set-dst", "cstH", _address, grammar="<expr>"),
    ActionRow("set-dst-port", "cstH", _integer, grammar="<expr>"),
    ActionRow("set-priority-class", "tH", _integer, grammar="<expr>"),
    ActionRow("set-priority-offset", "tH", _integer, grammar="<expr>"),
    ActionRow("set-timeout", "HR", _timeout, grammar="{ server | tunnel | ... } { <timeout> | <expr> }"),
    ActionRow("set-retries", "tH", _retries, grammar="{ <retries> | <expr> }", since="3.0 or later"),
    ActionRow("disable-l7-retry", "H", _nothing, note=_NO_RETRY_ON),
    ActionRow("pause", "HR", _pause, grammar="{ <timeout> | <expr> }", since="3.2"),
    ActionRow("wait-for-handshake", "H", _nothing),
    ActionRow("wait-for-body", "HR", _wait_for_body, grammar="time <time> [ at-least <bytes> ]"),
    _not_yet("send-spoe-group", "trHR"),
    _not_yet("use-service", "t"),
    _not_yet("cache-use", "H"),
    _not_yet("cache-store", "R"),
)
