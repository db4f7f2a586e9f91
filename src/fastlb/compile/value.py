"""What one expression or format is worth outside traffic, for `set var` of the runtime API.

Knows how to make a program that holds nothing else. Must not know commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.contents import Value, evaluate

from fastlb.config.expressions import SCOPES
from fastlb.config.model import Configuration
from fastlb.config.rule import Rule

from .rules import RuleCompiler

# The variable that takes the result. Its name is none that a configuration can have.
RESULT = " result"


async def value_of(rule: Rule, variable: Callable[[str], Awaitable[Value | None]]) -> Value | None:
    """The value that a `set-var` or `set-var-fmt` rule would give its variable RESULT; None where it has none.

    variable: gives the process's variables that the rule may look at, by name. Raises CompileError.
    """
    configuration = Configuration()
    configuration.global_.set_vars.append(rule)
    builder = ProgramBuilder(n_workers=1)
    compiler = RuleCompiler(builder, configuration, {}, {})
    compiler.finish()
    known: dict[int, Value] = {}
    names = compiler.variables.names(SCOPES[0])
    for slot, name in enumerate(names):
        value = await variable(name)
        if value is not None:
            known[slot] = value
    return evaluate(builder.finish(), known, names.index(RESULT))
