"""`do-resolve(<var>,<resolvers>[,ipv4|ipv6]) <expr>`: a name's address, asked for while the stream waits.

Knows its arguments (manual, section 4.2). Must not know who asks the DNS (control/resolvers), nor whether the section is there
(config/resolve.py).
"""

from __future__ import annotations

from ..rule import Rule, RuleValue
from ..section_model import Resolvers
from .row import ActionFault, ActionReader, ActionRow

_FAMILIES = {"": 6, "ipv4": 4, "ipv6": 6}  # which address comes first
_MARGIN_MS = 1000
RESOLVERS, LIMIT = 1, 3  # indexes into the arguments


def _do_resolve(reader: ActionReader) -> tuple[RuleValue, ...]:
    # haproxy: a comma at the end is no argument.
    words = [word.strip() for word in (reader.parenthesis or "").removesuffix(",").split(",")]
    if not 2 <= len(words) <= 3 or not words[0] or (words[2:] and words[2] not in _FAMILIES):
        raise _fault(reader.words[reader.st.n_keyword], reader.st.n_keyword)
    if not reader.has_word():
        raise _fault("", -1)
    variable = reader.variable(words[0], reader.st.n_keyword)
    expression = reader.expression()
    return variable, words[1], _FAMILIES[words[2] if words[2:] else ""], 0, expression


def _fault(word: str, at: int) -> ActionFault:
    expected = "Expects 'do-resolve(<varname>,<resolvers>[,<options>]) <expr>'. Available options are 'ipv4' and 'ipv6'"
    return ActionFault(f"Can't parse '{word}'. {expected}", at, code="missing-argument" if not word else "bad-argument")


def longest_wait_ms(section: Resolvers) -> int:
    """What all tries for both kinds of addresses take where nobody answers, and a little more for the messages."""
    return 2 * section.retries * section.retry_ms + _MARGIN_MS


def with_limit(rule: Rule, section: Resolvers) -> tuple[RuleValue, ...]:
    """The arguments of a `do-resolve` rule, complete."""
    return (*rule.arguments[:LIMIT], longest_wait_ms(section), *rule.arguments[LIMIT + 1 :])


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("do-resolve", "tH", _do_resolve, True, "(<var>,<resolvers>[,{ ipv4 | ipv6 }]) <expr>", needs_parenthesis=False),
)
