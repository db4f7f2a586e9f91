"""Actions on variables, maps and ACLs: set-var, set-var-fmt, unset-var, add-acl, del-acl, set-map, del-map.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..rule import RuleValue
from ..samples.check_words import variable
from ..samples.convert_text import VAR_CONDITIONS
from ..samples.values import ArgumentFault, PatternFileRef, VariableRef
from .row import ActionFault, ActionReader, ActionRow

_LOCAL = "each worker changes its own copy"


def _name(reader: ActionReader, text: str) -> VariableRef:
    try:
        found = variable(text)
    except ArgumentFault as fault:
        # haproxy: shows the rest of the word with its parenthesis.
        tail = ")" if fault.message.startswith("invalid syntax") else ""
        message = fault.message.removesuffix("'") + tail + "'" if tail else fault.message
        raise ActionFault(message, reader.st.n_keyword) from None
    assert isinstance(found, VariableRef)
    return found


def _name_and_conditions(reader: ActionReader) -> tuple[VariableRef, int]:
    name, *words = (reader.parenthesis or "").split(",")
    bits = 0
    for word in filter(None, words):
        if word not in VAR_CONDITIONS:
            hint = f"one of {', '.join(VAR_CONDITIONS)}"
            raise ActionFault(f'unknown condition "{word}"', reader.st.n_keyword, 0, hint)
        bits |= VAR_CONDITIONS[word]
    return _name(reader, name), bits


def _set_var(reader: ActionReader) -> tuple[RuleValue, ...]:
    name, conditions = _name_and_conditions(reader)
    if not reader.has_word():
        raise ActionFault("missing fetch method", code="missing-argument")
    return name, conditions, reader.expression()


def _set_var_fmt(reader: ActionReader) -> tuple[RuleValue, ...]:
    name, conditions = _name_and_conditions(reader)
    # haproxy: without a format the variable becomes empty.
    text = reader.word("") if reader.has_word() else ""
    return name, conditions, reader.format(text)


def _unset_var(reader: ActionReader) -> tuple[RuleValue, ...]:
    if "," in (reader.parenthesis or ""):
        raise ActionFault(
            "unset-var does not expect parameters after the variable name. "
            'Only "set-var" and "set-var-fmt" manage conditions',
            reader.st.n_keyword,
        )
    return (_name(reader, reader.parenthesis or ""),)


def _file(reader: ActionReader) -> PatternFileRef:
    return PatternFileRef(reader.parenthesis or "")


def _key(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 1 arguments"
    text = reader.word(message)
    if not text or reader.has_word():
        raise ActionFault(message, code="missing-argument")
    return _file(reader), reader.format(text)


def _key_and_value(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 2 arguments"
    key, value = reader.words_left(2, message)
    if not key or not value or reader.has_word():
        raise ActionFault(message, code="missing-argument")
    return _file(reader), reader.format(key, reader.at - 2), reader.format(value)


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("set-var", "cstrHRA", _set_var, True, "(<var-name>[,<cond>...]) <expr>"),
    ActionRow("set-var-fmt", "cstrHRA", _set_var_fmt, True, "(<var-name>[,<cond>...]) <fmt>"),
    ActionRow("unset-var", "cstrHRA", _unset_var, True, "(<var-name>)"),
    ActionRow("add-acl", "HR", _key, True, "(<file-name>) <key fmt>", note=_LOCAL),
    ActionRow("del-acl", "HR", _key, True, "(<file-name>) <key fmt>", note=_LOCAL),
    ActionRow("set-map", "HRA", _key_and_value, True, "(<file-name>) <key fmt> <value fmt>", note=_LOCAL),
    ActionRow("del-map", "HRA", _key, True, "(<file-name>) <key fmt>", note=_LOCAL),
)
