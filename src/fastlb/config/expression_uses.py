"""Every place of a proxy where an expression stands, for checks that need all of them once the files are read.

Knows the model, and HAProxy's names of the places. Must not know what is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from .acl import Acl
from .logformat import LogFormat
from .model import Location, Proxy
from .rule import Rule, RuleValue
from .samples.ast import Expression
from .samples.values import ListValue, TableRef, Value

# What HAProxy calls the place of an expression, by rule set.
_PLACES = {
    "log-profile": "log-format string",
    "http-request": "http-request expression",
    "http-response": "http-response response",
    "http-after-response": "http-response response",
    "redirect": "redirect format string",
    "stick": "stick rule",
    "use_backend": "use_backend expression",
    "use-server": "use-server or balance expression",
}
_FORMAT_PLACES = {"sd": "log-format-sd string", "unique_id": "unique-id-format string"}


@dataclass(frozen=True, slots=True)
class ExpressionUse:
    """An expression where it stands. place: HAProxy's words for "in what of the proxy", "" in an ACL."""

    location: Location
    expression: Expression
    place: str

    def arguments(self) -> Iterator[tuple[Value, int, str]]:
        """Each argument of the fetch and of its converters with its number and HAProxy's words for the keyword it belongs to."""
        row = self.expression.row
        kind = "sample fetch" if self.place else "ACL"
        for number, value in _numbered(self.expression.arguments, row.arguments):
            yield value, number, f"{kind} keyword '{row.name}'"
        for conversion in self.expression.conversions:
            for number, value in _numbered(conversion.arguments, conversion.row.arguments):
                yield value, number, f"conversion keyword '{conversion.row.name}' for {kind} keyword '{row.name}'"


def uses_of(px: Proxy) -> list[ExpressionUse]:
    """In the order of the lines, each expression once."""
    places = (*_in_acls(px.acls.values()), *_in_rules(px), *_in_formats(px), *_in_servers(px), *_in_balance(px))
    found = {id(use.expression): use for use in places}
    return sorted(found.values(), key=lambda use: (use.location.file, use.location.line))


def _in_acls(acls: Iterable[Acl]) -> Iterator[ExpressionUse]:
    for acl in acls:
        for line in acl.expressions:
            yield ExpressionUse(line.location, line.expression, "")


def _in_rules(px: Proxy) -> Iterator[ExpressionUse]:
    for name, rules in px.rules.items():
        for rule in rules:
            place = _PLACES["redirect"] if rule.action == "redirect" else _PLACES.get(name, f"{name} expression")
            for expression in _expressions(rule.arguments):
                yield ExpressionUse(rule.location, expression, place)
            yield from _in_acls(acls_of(rule))


def _in_formats(px: Proxy) -> Iterator[ExpressionUse]:
    for values in px.http_error_rules.values():
        for expression in _expressions(values):
            yield ExpressionUse(px.location, expression, "http-error directive")
    for field in fields(px.formats):
        given = getattr(px.formats, field.name)
        if given is not None and given.parsed is not None:
            for expression in _expressions([given.parsed]):
                yield ExpressionUse(given.location, expression, _FORMAT_PLACES.get(field.name, "log-format string"))


def _in_servers(px: Proxy) -> Iterator[ExpressionUse]:
    for srv in px.servers:
        formats = [parsed for _, parsed in srv.proxy_v2_tlvs]
        for expression in _expressions([srv.tls.sni, srv.pool_conn_name, *formats]):
            yield ExpressionUse(srv.location, expression, "server directive")


def _in_balance(px: Proxy) -> Iterator[ExpressionUse]:
    balance = px.balance
    if balance.expression is not None and balance.location is not None:
        yield ExpressionUse(balance.location, balance.expression, _PLACES["use-server"])


def _expressions(values: Iterable[RuleValue]) -> Iterator[Expression]:
    for value in values:
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, LogFormat):
            yield from (item.expression for item in value.items if item.expression is not None)
        elif isinstance(value, ListValue):
            yield from _expressions(value.items)


def expressions_of(rules: Iterable[Rule]) -> Iterator[Expression]:
    """All that the rules look at: in their arguments and in their conditions."""
    for rule in rules:
        yield from _expressions(rule.arguments)
        for acl in acls_of(rule):
            yield from (line.expression for line in acl.expressions)


def acls_of(rule: Rule) -> Iterator[Acl]:
    """The ACLs that the rule's condition asks, named or not."""
    for group in rule.condition.groups if rule.condition is not None else ():
        yield from (term.acl for term in group)


def _numbered(values: Iterable[Value], grammar: str) -> Iterator[tuple[int, Value]]:
    """The arguments with their numbers; a table's is that of the words, which its row has put in another order."""
    at = next((number for number, word in enumerate(grammar.split(), 1) if word.startswith("table")), 0)
    for number, value in enumerate(values, 1):
        yield (at if isinstance(value, TableRef) and at else number), value
