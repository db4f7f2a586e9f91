"""Names in rules and expressions: backends, frontends, servers and ACLs that must exist once all files are read.

Knows how a name is found from where it stands, and HAProxy's words for one that is not there. Must not know keywords.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .acl import Acl, AclExpression
from .diagnostics import Diagnostics, nearest
from .expression_uses import ExpressionUse, uses_of
from .model import Configuration, Location, Proxy
from .rule import Rule
from .samples.values import AclRef, ListValue, PrivateKey, ProxyRef, ServerRef, TableRef, Value


def check_references(
    px: Proxy, configuration: Configuration, diagnostics: Diagnostics, source_of: Callable[[Location], str]
) -> None:
    """Reports every name in the proxy's ACLs and rules that stands for nothing."""
    _References(px, configuration, diagnostics, source_of).run()


class _References:
    def __init__(
        self, px: Proxy, configuration: Configuration, diagnostics: Diagnostics, source_of: Callable[[Location], str]
    ) -> None:
        self.px = px
        self.proxies = configuration.proxies
        self.token_keys = configuration.global_.tls.token_keys
        self.diagnostics = diagnostics
        self.source_of = source_of

    def run(self) -> None:
        for rule in (rule for rules in self.px.rules.values() for rule in rules):
            for table in (value for value in rule.arguments if isinstance(value, TableRef)):
                self._check_rule_table(rule, table)
        for use in uses_of(self.px):
            for value, number, keyword in use.arguments():
                self._check_value(value, number, use, keyword)
        for acl in self.px.acls.values():
            self._check_loop(acl)

    def _check_value(self, value: Value, number: int, use: ExpressionUse, keyword: str) -> None:
        within = f" in {use.place}" if use.place else ""
        where = f"in arg {number} of {keyword}{within} in proxy '{self.px.name}'"
        if isinstance(value, ListValue):
            for item in value.items:
                self._check_value(item, number, use, keyword)
        elif isinstance(value, ProxyRef):
            self._check_proxy(value, use, where)
        elif isinstance(value, ServerRef):
            self._check_server(value, use, where)
        elif isinstance(value, TableRef):
            self._check_table(value, use, where)
        elif isinstance(value, AclRef) and value.name not in self.px.acls:
            message = f"unable to find ACL '{value.name}' referenced {where}."
            self._report(use, "unknown-acl", message, _guess(value.name, self.px.acls))
        elif isinstance(value, PrivateKey) and not value.der and value.name not in self.token_keys:
            message = f"unable to find the certificate '{value.name}' referenced {where}."
            hint = "there is no such file, and no crt-store loads it with 'jwt on'"
            self._report(use, "unknown-certificate", message, hint)

    def _check_proxy(self, ref: ProxyRef, use: ExpressionUse, where: str) -> None:
        if not ref.name:
            if not _has_side(self.px, ref.side):
                message = f"proxy '{self.px.name}', referenced {where}, has not {ref.side} capability."
                self._report(use, "wrong-side", message, f"write {use.expression.row.name}(<{ref.side}>)")
            return
        names = [px.name for px in self.proxies if _has_side(px, ref.side)]
        if ref.name not in names:
            message = f"unable to find {ref.side} '{ref.name}' referenced {where}."
            self._report(use, f"unknown-{ref.side}", message, _guess(ref.name, names))

    def _check_table(self, ref: TableRef, use: ExpressionUse, where: str) -> None:
        name = ref.name or self.px.name
        tables = [px.name for px in self.proxies if px.stick_table is not None]
        if name not in tables or (not ref.name and self.px.stick_table is None):
            message = f"unable to find table '{name}' referenced {where}."
            self._report(use, "unknown-table", message, _guess(name, tables) or "a proxy with a 'stick-table' line")

    def _check_server(self, ref: ServerRef, use: ExpressionUse, where: str) -> None:
        px: Proxy | None = self.px
        if not ref.name:
            self._report(
                use, "unknown-server", f"missing server name {where}.", f"write {use.expression.row.name}(<backend>/<server>)"
            )
            return
        if ref.backend:
            backends = {px.name: px for px in reversed(self.proxies) if px.has_backend}
            px = backends.get(ref.backend)
            if px is None:
                message = f"unable to find proxy '{ref.backend}' referenced {where}."
                self._report(use, "unknown-backend", message, _guess(ref.backend, backends))
                return
        names = [srv.name for srv in px.servers] if px is not None else []
        if px is not None and ref.name not in names:
            message = f"unable to find server '{ref.name}' in proxy '{px.name}', referenced {where}."
            self._report(use, "unknown-server", message, _guess(ref.name, names))

    def _check_rule_table(self, rule: Rule, ref: TableRef) -> None:
        name = ref.name or self.px.name
        known = [px.name for px in self.proxies if px.stick_table is not None]
        if name not in known or (not ref.name and self.px.stick_table is None):
            message = f"Proxy '{self.px.name}': unable to find table '{name}' referenced by {rule.action}."
            if rule.core == "stick":
                message = f"Proxy '{self.px.name}': unable to find stick-table '{name}'."
            source = self.source_of(rule.location)
            hint = _guess(name, known) or "a proxy with a 'stick-table' line"
            self.diagnostics.alert("unknown-table", message, "", rule.location, hint, source)

    def _check_loop(self, acl: Acl) -> None:
        """An ACL that asks itself over the `acl()` fetch would never answer."""
        line = next((line for line in acl.expressions if acl.name in _reached(line, self.px.acls)), None)
        if line is not None:
            use = ExpressionUse(line.location, line.expression, "")
            self._report(use, "acl-loop", f"acl '{acl.name}' in proxy '{self.px.name}' refers to itself.", "")

    # --- reports ---

    def _report(self, use: ExpressionUse, code: str, message: str, hint: str) -> None:
        source = self.source_of(use.location)
        at = source.find(use.expression.text) if use.expression.text else -1
        location = replace(use.location, column=at + 1) if at >= 0 else use.location
        self.diagnostics.alert(code, message, f"parsing [{use.location}]: ", location, hint, source)


def _asked(line: AclExpression) -> list[str]:
    """The ACLs that a line of an ACL asks by name."""
    given = [*line.expression.arguments, *(value for step in line.expression.conversions for value in step.arguments)]
    return [value.name for value in given if isinstance(value, AclRef)]


def _reached(line: AclExpression, acls: Mapping[str, Acl]) -> set[str]:
    """The names of the ACLs that the line asks, and those that they ask in turn."""
    reached: set[str] = set()
    waiting = _asked(line)
    while waiting:
        name = waiting.pop()
        if name not in reached and name in acls:
            reached.add(name)
            waiting += [other for each in acls[name].expressions for other in _asked(each)]
    return reached


def _has_side(px: Proxy, side: str) -> bool:
    return px.has_backend if side == "backend" else px.has_frontend


def _guess(name: str, names: Iterable[str]) -> str:
    found = nearest(name, names)
    return f"did you mean '{found}'?" if found else ""
