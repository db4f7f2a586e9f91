"""Keywords of `global` about variables: `set-var`, `set-var-fmt`, `tune.vars.*-max-size` (manual, sections 3.1 and 3.2).

Knows how they are written. Must not know stores or slots.
"""

from __future__ import annotations

from ..expressions import ExpressionFault, parse_expression, unavailable
from ..logformat import parse_format
from ..model import Global
from ..rule import Rule
from ..samples.check_words import variable
from ..samples.types import Point
from ..samples.values import ArgumentFault, VariableRef
from ..values import ValueFault, parse_integer
from .row import GlobalKeyword, SetGlobal, Statement

_MAX_SIZES = {"global": "proc", "proc": "proc", "sess": "sess", "txn": "txn", "reqres": "req res", "check": "check"}


def _proc_variable(st: Statement) -> VariableRef:
    name = st.argument(0)
    try:
        found = variable(name)
    except ArgumentFault as fault:
        raise st.fail(f"'{st.keyword}': {fault.message}.", 1) from None
    assert isinstance(found, VariableRef)
    if found.scope != "proc":
        raise st.fail(
            f"'{st.keyword}': cannot set variable '{name}', only scope 'proc' is permitted in the global section.", 1
        )
    return found


def _set_var(st: Statement, glob: Global) -> None:
    ref, text = _proc_variable(st), st.argument(1)
    try:
        expression = parse_expression(text).expression
    except ExpressionFault as fault:
        raise st.fail(f"'{st.keyword}': {fault.message}.", 2, fault.code, fault.hint) from None
    if missing := unavailable(expression, Point.CONFIG):
        where = f"set-var({st.argument(0)})"
        raise st.fail(
            f"fetch method '{where}' extracts information from '{missing}', none of which is available here", 2, "wrong-place"
        )
    glob.set_vars.append(Rule(st.line_location(), "set-var", "set-var", (ref, 0, expression)))


def _set_var_fmt(st: Statement, glob: Global) -> None:
    ref = _proc_variable(st)
    try:
        log_format = parse_format(st.argument(1), Point.CONFIG, {})
    except ExpressionFault as fault:
        raise st.fail(f"'{st.keyword}': {fault.message}.", 2, fault.code, fault.hint) from None
    glob.set_vars.append(Rule(st.line_location(), "set-var-fmt", "set-var-fmt", (ref, 0, log_format)))


def _max_size(scopes: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        # haproxy: a plain number of bytes, no unit.
        try:
            size = parse_integer(st.argument(0))
        except ValueFault:
            raise st.fail(f"{st.keyword}: '{st.argument(0)}' is an invalid size", 1) from None
        for scope in scopes.split():
            glob.vars_limits[scope] = max(0, size)

    return apply


_NEEDS = "'{0}' requires a process-wide variable name ('proc.<name>') and a {1}."

GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "set-var", "process", "G", "<var-name> <expr>", manual="3.1", apply=_set_var, arguments=(2, None),
        missing=_NEEDS.format("set-var", "sample expression"),
    ),
    GlobalKeyword(
        "set-var-fmt", "process", "G", "<var-name> <fmt>", manual="3.1", apply=_set_var_fmt, arguments=(2, None),
        missing=_NEEDS.format("set-var-fmt", "format string"),
    ),
    *(
        GlobalKeyword(
            f"tune.vars.{name}-max-size", "tuning", "G", "<size>", "0", "3.2", apply=_max_size(scopes), arguments=(1, 1),
            missing=f"tune.vars.{name}-max-size: '' is an invalid size",
        )
        for name, scopes in _MAX_SIZES.items()
        if name != "check"
    ),
)  # fmt: skip
