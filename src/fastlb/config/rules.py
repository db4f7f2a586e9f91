"""Reads the lines of rule sets: `http-request <action> ... [if|unless <condition>]` and its kin (manual, section 4.2).

Knows how a rule is made of an action and a condition, and HAProxy's words for a bad one. Must not know any action
(config/actions) or how rules run.
"""

from __future__ import annotations

from .acl import Acl, AclFault, Condition, bad_name, never_matches, parse_acl, parse_condition
from .actions import ACTIONS
from .actions.row import RULE_SETS, ActionFault, ActionReader, ActionRow
from .expressions import ExpressionFault, guess
from .keywords.row import NOT_YET, SUPPORTED, BadStatement, Statement
from .model import Proxy
from .rule import Rule
from .samples.types import Point

# The order in which HAProxy runs what a proxy's lines may mix.
_STAGES = (
    "tcp-request connection",
    "tcp-request session",
    "tcp-request content",
    "monitor fail",
    "http-request",
    "redirect",
    "use_backend",
    "use-server",
)


def add_acl(st: Statement, px: Proxy) -> None:
    """`acl <name> <expression> [flags] [patterns]`."""
    name = st.argument(0)
    if bad := bad_name(name):
        raise st.fail(f"character '{bad}' is not permitted in acl name '{name}'.", 1, "bad-name")
    if name in ("or", "||"):
        raise st.fail(
            f"acl name '{name}' will never match. '{name}' is used to express a logical disjunction within a condition.",
            1,
            "bad-name",
        )
    try:
        line = parse_acl(st.words[2:], st.line_location(), st.reading.acl_ids)
    except AclFault as fault:
        raise fail_at(st, f"error detected while parsing ACL '{name}' : {fault.message}.", 2 + fault.word, fault) from None
    acl = px.acls.setdefault(name, Acl(name))
    acl.expressions.append(line)


def fail_at(st: Statement, message: str, word: int, fault: ExpressionFault) -> BadStatement:
    """Reports the fault at its character and returns the exception to raise."""
    st.alert(message, min(word, len(st.words)), fault.code, fault.hint, offset=fault.offset)
    return st.reported()


def read_condition(st: Statement, px: Proxy, at: int, what: str) -> Condition | None:
    """`if|unless <condition>` from word `at` on; None where the line ends there. what: "an 'http-request deny' condition"."""
    if at >= len(st.words):
        return None
    try:
        return parse_condition(st.words[at + 1 :], px.acls, st.line_location(), st.words[at] == "unless", st.reading.acl_ids)
    except AclFault as fault:
        raise fail_at(st, f"error detected while parsing {what} : {fault.message}.", at + 1 + fault.word, fault) from None


def warn_if_never(st: Statement, condition: Condition | None, point: Point, where: str, at: int) -> None:
    """Warns of ACLs that look at what is not there at `point`. where: 'frontend http-request header rule'."""
    for acl, line in never_matches(condition, point) if condition is not None else ():
        who = f"acl '{acl.name}'" if acl.name else "anonymous acl"
        st.warn(
            f"{who} will never match because it uses keyword '{line.expression.row.name}' which is incompatible with '{where}'",
            at,
            "never-matches",
        )


def add_rule(st: Statement, px: Proxy, letter: str) -> None:
    """One line of the rule set `letter` (RULE_SETS)."""
    keyword, point = RULE_SETS[letter]
    row, parenthesis = _action(st, px, letter, keyword)
    name = f"{keyword} {st.argument(0)}"
    reader = ActionReader(st, letter, st.n_keyword + 1, parenthesis, st.reading.format_aliases)
    try:
        arguments = row.parse(reader)
    except ActionFault as fault:
        at = fault.word if fault.word >= 0 else st.n_keyword
        message = f"error detected in {px.title} '{px.name}' while parsing '{name}' rule : {fault.message}."
        raise fail_at(st, message, at, fault) from None
    at = reader.at
    if at < len(st.words) and st.words[at] not in ("if", "unless"):
        location, _ = st.place(at)
        st.alert(
            f"'{name}' expects either 'if' or 'unless' followed by a condition but found '{st.words[at]}'.",
            at,
            "unexpected-argument",
            lead=f"parsing [{location}]: ",
        )
        raise st.reported()
    condition = read_condition(st, px, at, f"an '{name}' condition")
    warn_if_never(st, condition, point, _where(px, keyword), at)
    rules = px.rules.setdefault(keyword, [])
    if keyword.startswith("http") and rules and rules[-1].is_final and rules[-1].condition is None:
        st.warn(f"previous '{keyword}' action is final and has no condition attached, further entries are NOOP.", 0, "no-effect")
    warn_of_order(st, px, keyword)
    rules.append(Rule(st.line_location(), row.name, row.core or row.name, arguments, condition, row.is_final))


def _where(px: Proxy, keyword: str) -> str:
    side = "frontend" if px.has_frontend or px.kind == "defaults" else "backend"
    return f"{side} {keyword} {'header ' if keyword.startswith('http') else ''}rule"


def warn_of_order(st: Statement, px: Proxy, keyword: str) -> None:
    """haproxy: rules run by kind, not by line; a line that looks as if it came later is worth a warning."""
    if keyword not in _STAGES:
        return
    for later in _STAGES[_STAGES.index(keyword) + 1 :]:
        if px.rules.get(later):
            st.warn(f"a '{keyword}' rule placed after a '{later}' rule will still be processed before.", 0, "order")
            return


def _action(st: Statement, px: Proxy, letter: str, keyword: str) -> tuple[ActionRow, str | None]:
    """The row of the action word, and what its parenthesis holds."""
    word = st.argument(0)
    name, opening, rest = word.partition("(")
    row = ACTIONS.get((letter, word)) or (ACTIONS.get((letter, name)) if opening else None)
    if row is None:
        raise _unknown(st, px, letter, keyword, name)
    if row.status != SUPPORTED:
        hint = row.note
        raise st.fail(f"'{keyword} {name}': {NOT_YET}", st.n_keyword, "unsupported-keyword", hint)
    is_wrong = not row.takes_parenthesis if opening else row.takes_parenthesis and row.needs_parenthesis
    if is_wrong or (opening and not rest.endswith(")")):
        message = (
            f"error detected in {px.title} '{px.name}' while parsing '{keyword} {word}' rule : "
            f"incomplete argument after action '{word}'. Expects '{name}{row.grammar.split(' ')[0]}'."
        )
        raise st.fail(message, st.n_keyword, "bad-argument", f"write {name}{row.grammar}")
    return row, rest[:-1] if opening else None


def _unknown(st: Statement, px: Proxy, letter: str, keyword: str, name: str) -> BadStatement:
    known = sorted(row.name for (set_letter, _), row in ACTIONS.items() if set_letter == letter and row.status == SUPPORTED)
    listed = ", ".join(f"'{row_name}'" for row_name in known)
    hint = guess(name, known)
    if keyword.startswith("tcp"):
        st.alert(f"'{keyword}' expects {listed} in proxy '{px.name}' (got '{name}').", st.n_keyword, "unknown-action", hint)
        return st.reported()
    location, _ = st.place(st.n_keyword)
    tail = "" if name else " (missing argument)"
    st.alert(
        f"'{keyword}' expects {listed}, but got '{name}'{tail}.",
        st.n_keyword,
        "unknown-action",
        hint,
        f"parsing [{location}]: ",
    )
    return st.reported()


def condition_behind(st: Statement, px: Proxy, at: int, unexpected: str, what: str) -> Condition | None:
    """For statements with a condition of their own (`use_backend`): the words from `at` on must be one, or none at all.

    unexpected: HAProxy's message for another word, with {0} in its place.
    """
    if at < len(st.words) and st.words[at] not in ("if", "unless"):
        raise st.fail(unexpected.format(st.words[at]), at, "unexpected-argument")
    return read_condition(st, px, at, what)
