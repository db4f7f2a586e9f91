"""A rule: an action with its arguments and the condition it depends on.

Knows data only. Written by config/rules.py, completed by resolve, turned into the program by compile.
"""

from __future__ import annotations

from dataclasses import dataclass

from .acl import Condition
from .logformat import LogFormat
from .model import Location
from .samples.ast import Expression
from .samples.values import Value

# One argument of an action for the core; None is an optional one that was not given.
RuleValue = Value | Expression | LogFormat | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a rule set.

    action: its name; core: the function in the core's table. is_final: ends the rule set when it applies.
    """

    location: Location
    action: str
    core: str
    arguments: tuple[RuleValue, ...] = ()
    condition: Condition | None = None
    is_final: bool = False
