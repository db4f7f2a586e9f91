"""Converters of text and of parts of it, and those that read variables beside it (manual, section 7.3.1).

Knows their types and arguments. Must not know how they are computed (ext/fastlb_core/program/conv_text.pyx and its kin).
"""

from __future__ import annotations

from .check_words import is_given, number_of, one_of, padded, registered, required_variable, text_of, variable, variable_of
from .convert_number import CONVERTERS as NUMBERS
from .row import ConverterRow
from .types import ANY, BIN, BOOL, SINT, STR
from .values import AclRef, ArgumentFault, RegexValue, Unset, Value

VAR_CONDITIONS = {
    "ifexists": 0x01,
    "ifnotexists": 0x02,
    "ifempty": 0x04,
    "ifnotempty": 0x08,
    "ifset": 0x10,
    "ifnotset": 0x20,
    "ifgt": 0x40,
    "iflt": 0x80,
}  # VAR_C_* of program/vars.pxd
# when_t of proxy/conv_when.pyx
WHEN_CONDITIONS = {
    "error": 0, "normal": 1, "forwarded": 2, "toapplet": 3, "processed": 4, "stopping": 5, "acl": 6,
}  # fmt: skip
_JSON = {"": 0, "ascii": 0, "utf8": 1, "utf8s": 3, "utf8p": 5, "utf8ps": 7}  # JSON_* of program/conv_json.pyx
_DESCRIPTORS = {"": -1, "buf0": -1, "stdout": 1, "stderr": 2}


def _concat(values: list[Value]) -> list[Value]:
    before, name, behind = padded(values, 3)
    return [before, registered(name) if is_given(name) else Unset(), behind]


def _add_item(values: list[Value]) -> list[Value]:
    before, name, behind = padded(values, 3)
    if not is_given(name) and not is_given(behind):
        raise ArgumentFault("one of the optional arguments has to be nonempty")
    return _concat([before, name, behind])


def _part(values: list[Value]) -> list[Value]:
    if values[0] == 0:
        raise ArgumentFault("Unexpected value 0 for index")
    if not is_given(values[1]):
        raise ArgumentFault("Empty separators list")
    return values


def _bytes(values: list[Value]) -> list[Value]:
    checked: list[Value] = []
    for index, value in enumerate(values):
        number = number_of(value)
        found = number if number is not None else variable_of(value)
        if found is None and not is_given(value) and index == 0:
            raise ArgumentFault("expected type 'integer' at position 1, but got nothing", 0)
        if found is None and is_given(value):
            raise ArgumentFault(f"failed to parse '{text_of(value)}' as type 'integer' at position {index + 1}", index)
        # haproxy: a length that is left out behind a comma is 0.
        checked.append(0 if found is None else found)
    return padded(checked, 2)


def _json(values: list[Value]) -> list[Value]:
    message = "Unexpected input code type. Allowed value are 'ascii', 'utf8', 'utf8s', 'utf8p' and 'utf8ps'"
    return [one_of(values[0], _JSON, message)] if values and is_given(values[0]) else [0]


def _debug(values: list[Value]) -> list[Value]:
    prefix, sink = padded(values, 2)
    return [prefix, one_of(sink, _DESCRIPTORS, f"No such sink '{text_of(sink)}'") if is_given(sink) else -1]


def _language(values: list[Value]) -> list[Value]:
    return padded(values, 2)


def _param(values: list[Value]) -> list[Value]:
    return padded(values, 2)


def _set_var(values: list[Value]) -> list[Value]:
    conditions = 0
    name = variable(values[0] if values else "")
    for word in values[1:]:
        conditions |= one_of(word, VAR_CONDITIONS, f'unknown condition "{text_of(word)}"')
    return [name, conditions]


def _unset_var(values: list[Value]) -> list[Value]:
    return [variable(values[0] if values else "")]


def _when(values: list[Value]) -> list[Value]:
    """`when(<condition>)`, `when(acl,[!]<name>)`."""
    word, name = (text_of(value) for value in padded(values, 2))
    condition = one_of(word, WHEN_CONDITIONS, f"unknown condition '{word}', one of {', '.join(WHEN_CONDITIONS)}")
    if word != "acl":
        if name:
            raise ArgumentFault(f"condition '{word}' takes no argument", 1)
        return [condition]
    if not name.removeprefix("!"):
        raise ArgumentFault("condition 'acl' expects the name of an ACL", 1)
    return [condition, AclRef(name.removeprefix("!"), name.startswith("!"))]


def _regsub(values: list[Value]) -> list[Value]:
    """A regex, the substitute, and 1 for `g`. haproxy: an empty regex is refused once all is read, with a place of its own."""
    regex, substitute, flags = (text_of(value) for value in padded(values, 3))
    for flag in flags:
        if flag not in "ig":
            raise ArgumentFault(f"invalid regex flag '{flag}', only 'i' and 'g' are supported")
    if not regex:
        raise ArgumentFault("missing regex", 0)
    return [RegexValue(regex, "i" in flags), substitute, int("g" in flags)]


_WHOLE: tuple[ConverterRow, ...] = (
    ConverterRow("cut_crlf", STR, STR),
    ConverterRow("has_ctl", STR, BOOL, since="2.7 or later"),
    ConverterRow("length", STR, SINT),
    ConverterRow("lower", STR, STR),
    ConverterRow("ltrim", STR, STR, "str?"),
    ConverterRow("reverse", STR, STR, since="2.7 or later"),
    ConverterRow("reverse_dom", STR, STR, since="2.7 or later"),
    ConverterRow("rtrim", STR, STR, "str?"),
    ConverterRow("upper", STR, STR),
)
_PARTS: tuple[ConverterRow, ...] = (
    ConverterRow("bytes", BIN, BIN, "any any?", check=_bytes),
    ConverterRow("field", STR, STR, "int str int?", check=_part),
    ConverterRow("language", STR, STR, "str? str?", check=_language),
    ConverterRow("param", STR, STR, "str str?", since="2.7", check=_param),
    ConverterRow("word", STR, STR, "int str int?", check=_part),
)
_OTHERS: tuple[ConverterRow, ...] = (
    ConverterRow("add_item", STR, STR, "str str str?", check=_add_item),
    ConverterRow("concat", STR, STR, "str? str? str?", check=_concat),
    ConverterRow("debug", ANY, ANY, "str? str?", check=_debug),
    ConverterRow("iif", BOOL, STR, "str str"),
    ConverterRow("json", STR, STR, "str?", check=_json),
    ConverterRow("regsub", STR, STR, "str str str?", check=_regsub),
    ConverterRow("secure_memcmp", BIN, BOOL, "str?", check=required_variable),
    ConverterRow("set-var", ANY, ANY, "any? any? any? any? any?", check=_set_var),
    ConverterRow("strcmp", STR, SINT, "str?", check=required_variable),
    ConverterRow("unset-var", ANY, ANY, "any?", check=_unset_var),
    ConverterRow("when", ANY, ANY, "any any?", since="3.1", check=_when),
)
CONVERTERS: tuple[ConverterRow, ...] = (*_WHOLE, *_PARTS, *_OTHERS, *NUMBERS)
