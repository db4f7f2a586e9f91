"""Commands on variables of the process: `get var`, `set var` (management guide, section 9.3).

Knows how their values are shown. Must not know where they are kept (control/contents.py).
"""

from __future__ import annotations

import socket

from fastlb_core.bridge.contents import Value

from fastlb.compile.failure import CompileError
from fastlb.compile.value import RESULT, value_of
from fastlb.config.expressions import ExpressionFault, parse_expression, unavailable
from fastlb.config.logformat import parse_format
from fastlb.config.model import Location
from fastlb.config.rule import Rule, RuleValue
from fastlb.config.samples.types import Point
from fastlb.config.samples.values import VariableRef
from fastlb.control.contents import SharedContents
from fastlb.control.runtime.command import Command, Level, Refused, Request

# smp_type_t of program/sample.pxd
_BOOL, _SINT, _IPV4, _IPV6, _STR, _BIN, _METH = 2, 3, 5, 6, 7, 8, 9
_TYPE_NAMES = {_BOOL: "bool", _SINT: "sint", _IPV4: "ipv4", _IPV6: "ipv6", _STR: "str", _BIN: "bin", _METH: "meth"}
_MISSING = "Variable not found.\n"


def _shared(request: Request) -> SharedContents:
    if request.control.contents is None:
        raise Refused(_MISSING)
    return request.control.contents


def _text(value: Value) -> str:
    if value.type in (_IPV4, _IPV6):
        family = socket.AF_INET if value.type == _IPV4 else socket.AF_INET6
        return socket.inet_ntop(family, value.ip[: 4 if value.type == _IPV4 else 16])
    if value.type in (_STR, _BIN) or value.bytes:
        shown: str = value.bytes.decode("utf-8", "surrogateescape")
        return shown
    return str(value.num)


async def _get(request: Request) -> str:
    name = request.argument(0)
    if not name:
        raise Refused("Missing process-wide variable identifier.\n")
    scope, dot, rest = name.partition(".")
    value = await _shared(request).variable(rest) if scope == "proc" and dot else None
    if value is None:
        raise Refused(_MISSING)
    return f"{name}: type={_TYPE_NAMES.get(value.type, 'any')} value=<{_text(value)}>"


async def _set(request: Request) -> str:
    name, how, *rest = (*request.arguments, "", "")
    if not name:
        raise Refused("Missing process-wide variable identifier.\n")
    scope, dot, variable = name.partition(".")
    if not dot or scope != "proc" or not variable:
        raise Refused(f"'set var': cannot set variable '{name}', only scope 'proc' is permitted here.")
    words = [word for word in rest if word]
    if how not in ("expr", "fmt"):
        how, words = "expr", [how, *words] if how else []
    if not words:
        raise Refused("Missing either 'expr', 'fmt' or expression.\n")
    try:
        rule = _rule(name, how, words)
        value = await value_of(rule, _shared(request).variable)
    except (ExpressionFault, CompileError) as fault:
        raise Refused(fault.message if isinstance(fault, ExpressionFault) else str(fault)) from None
    if value is not None:
        await _shared(request).set_variable(variable, value)
    return ""


def _rule(name: str, how: str, words: list[str]) -> Rule:
    target: RuleValue = VariableRef("proc", RESULT)
    here = Location("<CLI>", 1)
    if how == "fmt":
        return Rule(here, "set-var-fmt", "set-var-fmt", (target, 0, parse_format(words[0], Point.CONFIG, {})))
    expression = parse_expression("".join(words)).expression
    if missing := unavailable(expression, Point.CONFIG):
        raise Refused(
            f"fetch method 'set-var({name})' extracts information from '{missing}', none of which is available here"
        )
    return Rule(here, "set-var", "set-var", (target, 0, expression))


COMMANDS = (
    Command(("get", "var"), _get, "show a variable of the process", "<name>", Level.OPERATOR),
    Command(
        ("set", "var"), _set, "set a variable of the process", "<name> [fmt|expr] {<format>|<expr>}", Level.OPERATOR,
        is_experimental=True,
    ),
)
