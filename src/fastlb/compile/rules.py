"""Rules, conditions and expressions of the model as the plain values that the program is laid out from.

Knows which name of the model is which index of the program. Must not know any action, fetch or converter, nor how they run
(ext/fastlb_core/bridge/layout_expr.pyx says what the values look like).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import ACL_METHODS, RULE_SETS
from fastlb_core.bridge.layout_persist import PERSIST_RULES

from fastlb.config.acl import Acl, AclExpression, Condition, PatternSource
from fastlb.config.actions.replies import PAGE, PAGE_SET, REPLY_ACTIONS
from fastlb.config.expressions import SCOPES, unavailable
from fastlb.config.keywords.filters import bwlim_name, filters_of
from fastlb.config.logformat import LogFormat
from fastlb.config.model import Configuration, Location, Proxy
from fastlb.config.pattern_files import parse_name, read_patterns
from fastlb.config.rule import Rule, RuleValue
from fastlb.config.samples.ast import Expression
from fastlb.config.samples.types import Point
from fastlb.config.samples.values import (
    AclRef,
    KeyFile,
    ListValue,
    LogProfileRef,
    MapRef,
    PatternFileRef,
    PrivateKey,
    ProxyRef,
    RegexValue,
    ServerRef,
    TableRef,
    Unset,
    UserListRef,
    VariableRef,
)
from fastlb.config.section_model import User, UserList

from .checks import RESULT, check_rules_of
from .failure import CompileError
from .patterns import PatternSets
from .text import file_bytes

Plain = Any  # the core's plain values: nested tuples, lists and dictionaries
# Rule sets whose rules need no function of the core: it reads their arguments itself.
_WITHOUT_ACTION = {"filter", "use_backend", "use-server", "monitor fail", "persist", "stats admin", "fcgi"}
HTTP_FLAG, RAW_FLAG, STREAM_FLAG = 256, 512, 8192  # LF_F_HTTP, LF_F_RAW and LF_F_STREAM of program/logformat.pxd


class Variables:
    """The slot of each variable name in its scope."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, int]] = {scope: {} for scope in SCOPES}

    def slot(self, ref: VariableRef) -> tuple[int, int]:
        """(scope, slot); a new name gets the next slot."""
        slots = self._slots[ref.scope]
        return SCOPES.index(ref.scope), slots.setdefault(ref.name, len(slots))

    def names(self, scope: str) -> list[str]:
        """By slot."""
        return list(self._slots[scope])

    def counts(self) -> list[int]:
        return [len(self._slots[scope]) for scope in SCOPES]


class RuleCompiler:
    """Compiles the rules of one configuration into a builder that has all proxies and servers already.

    proxy_index: by id() of the proxy; server_index: by (backend, server) name.
    """

    def __init__(
        self,
        builder: ProgramBuilder,
        configuration: Configuration,
        proxy_index: dict[int, int],
        server_index: dict[tuple[str, str], int],
    ) -> None:
        self._builder = builder
        self._configuration = configuration
        self._proxies = proxy_index
        self._servers = server_index
        self._acls: dict[int, int] = {}
        self._kept: list[Acl] = []  # so that an id() in _acls is never given to another object
        self._px: Proxy | None = None
        self._userlists: dict[str, int] = {}
        self._location = Location("", 0)
        self._locations: dict[int, Location] = {}  # where each entry of the builder's patterns is used
        self._flags = HTTP_FLAG
        self._pattern_files: list[tuple[Location, str]] = []  # that rules change at run time
        self._sets = PatternSets(builder, configuration.files)
        self.variables = Variables()

    def add_rules(self, px: Proxy, index: int) -> None:
        """All rule sets of `px`. Raises CompileError."""
        self._px = px
        for acl in px.acls.values():
            # Those that no rule uses too: the runtime API shows them.
            self.acl(acl)
        for name, rules in px.rules.items():
            if rules:
                self._builder.set_rules(index, RULE_SETS[name], [self._rule(name, rule) for rule in rules])
        if px.has_backend and (checks := check_rules_of(px)):
            # The result's variable comes first, so that its slot is 0 in every program.
            self.variables.slot(RESULT)
            self._builder.set_rules(index, RULE_SETS["check"], [self._rule("check", rule) for rule in checks])
        if px.http_error_rules:
            answers = {status: self._answer(reply) for status, reply in px.http_error_rules.items()}
            self._builder.set_error_answers(index, answers)
        self._builder.set_inspect(index, px.inspect_delay_ms or 0, px.response_inspect_delay_ms or 0)

    def rules_of(self, px: Proxy, rules: Sequence[Rule]) -> list[dict[str, Plain]]:
        """Rules that somebody else runs, with the names that hold in `px`. Raises CompileError."""
        self._px = px
        return [self._rule("fcgi", rule) for rule in rules]

    def at(self, location: Location, px: Proxy | None = None) -> RuleCompiler:
        """Itself: what it compiles next stands on that line; px: in that proxy, None where it stays as it is."""
        self._location = location
        self._px = self._px if px is None else px
        return self

    def location_of_patterns(self, index: int) -> Location:
        return self._locations.get(index, self._location)

    def finish(self) -> None:
        """What only the whole configuration tells. Raises CompileError."""
        glob = self._configuration.global_
        at_start = [self._rule("global", rule) for rule in glob.set_vars]
        for location, file in self._pattern_files:
            if not self._sets.has_file(file):
                raise CompileError(location, f"no ACL or map reads the file '{file}'")
        self._sets.finish()
        limits = [glob.vars_limits.get(scope, 0) for scope in SCOPES]
        self._builder.set_variables(self.variables.counts(), limits, at_start, self.variables.names("proc"))

    def _rule(self, name: str, rule: Rule) -> dict[str, Plain]:
        self._location = rule.location
        # haproxy: a variable takes values as they are, a message does not.
        self._flags = HTTP_FLAG | RAW_FLAG if rule.action == "set-var-fmt" else HTTP_FLAG
        return {
            "action": rule.core.encode(),
            "needs_action": name not in _WITHOUT_ACTION,
            "arguments": self._rule_arguments(name, rule),
            "condition": self._condition(rule.condition) if rule.condition is not None else None,
            "file": file_bytes(rule.location.file),
            "line": rule.location.line,
            # haproxy: the legacy redirect rules are not told by last_rule_line (manual, 7.3.2).
            "is_final": rule.is_final and name != "redirect",
        }

    def _answer(self, reply: Sequence[RuleValue]) -> list[Plain]:
        """The words of an answer (config/actions/replies.py), the page of an http-errors section in its place."""
        status, kind, content_type, body, headers = reply
        if kind == PAGE_SET:
            kind, body = PAGE, self._page_of(str(body), status)
        return self._values([status, kind, content_type, body, headers])

    def _page_of(self, section: str, status: RuleValue) -> bytes:
        found = self._configuration.http_errors.get(section)
        page = found.pages.get(status) if found is not None and isinstance(status, int) else None
        if page is None:
            raise self._error(f"http-errors section '{section}' has no page for status {status}")
        return page

    def _rule_arguments(self, name: str, rule: Rule) -> list[Plain]:
        target = rule.arguments[0] if rule.arguments else None
        if rule.core in REPLY_ACTIONS:
            return self._answer(rule.arguments)
        if name == "use_backend" and isinstance(target, str):
            return [self._value(ProxyRef(target, "backend"))]
        if rule.core == "set-bandwidth-limit":
            return [self._value(ProxyRef("", "frontend")), self._filter(target), *self._values(rule.arguments[1:])]
        if name == "persist":
            return [PERSIST_RULES[rule.action]]
        if name == "use-server" and isinstance(target, str):
            return [self._value(ServerRef("", target))]
        return [self._value(value) for value in rule.arguments]

    def _filter(self, name: RuleValue) -> int:
        """Where the bandwidth limitation stands among the proxy's filters."""
        filters = filters_of(self._px) if self._px is not None else []
        index = next((number for number, rule in enumerate(filters) if bwlim_name(rule) == name), None)
        if index is None:
            raise self._error(f"unable to find bwlim filter '{name}'")
        return index

    # --- values ---

    def _value(self, value: RuleValue) -> Plain:
        if value is None or isinstance(value, Unset):
            return None
        if isinstance(value, (bool, int, bytes, IPv4Address, IPv6Address)):
            return value
        if isinstance(value, str):
            return file_bytes(value)
        convert = _CONVERSIONS.get(type(value))
        if convert is None:
            raise self._error(f"a value of type {type(value).__name__} is not supported by fastlb yet")
        return convert(self, value)

    def _values(self, values: Sequence[RuleValue]) -> list[Plain]:
        return [self._value(value) for value in values]

    def _error(self, message: str) -> CompileError:
        return CompileError(self._location, message)

    def expression(self, expression: Expression) -> Plain:
        row = expression.row
        return (
            "expr",
            row.core or row.name,
            self._values(expression.arguments),
            [
                (conversion.row.core or conversion.row.name, int(conversion.row.input), self._values(conversion.arguments))
                for conversion in expression.conversions
            ],
        )

    def format(self, log_format: LogFormat, flags: int | None = None) -> Plain:
        """flags: added to those of each item; None: those of the rule at hand."""
        items = []
        flags = self._flags if flags is None else flags
        for item in log_format.items:
            content: Plain = file_bytes(item.text)
            kind, own_flags = "text", item.flags | flags
            if item.expression is not None:
                kind, content = "expr", self.expression(item.expression)
                if unavailable(item.expression, Point.SESSION):
                    own_flags |= STREAM_FLAG
            elif item.is_space:
                kind = "space"
            elif item.alias:
                kind, content = "alias", item.alias
            items.append((kind, content, own_flags, file_bytes(item.name), file_bytes(item.argument)))
        return ("format", items, log_format.flags | flags)

    def _proxy(self, ref: ProxyRef) -> Plain:
        px = self._px if not ref.name else self._find_proxy(ref)
        if px is None:
            raise self._error(f"unable to find {ref.side} '{ref.name}'")
        return ("proxy", self._proxies[id(px)])

    def _table(self, ref: TableRef) -> Plain:
        """Tables are told by their proxy's index."""
        px = (
            self._px
            if not ref.name
            else next((px for px in self._configuration.proxies if px.name == ref.name and px.stick_table is not None), None)
        )
        if px is None or px.stick_table is None:
            raise self._error(f"unable to find table '{ref.name}'")
        return ("table", self._proxies[id(px)])

    def _find_proxy(self, ref: ProxyRef) -> Proxy | None:
        wants_backend = ref.side == "backend"
        return next(
            (
                px
                for px in self._configuration.proxies
                if px.name == ref.name and (px.has_backend if wants_backend else px.has_frontend)
            ),
            None,
        )

    def _server(self, ref: ServerRef) -> Plain:
        backend = ref.backend or (self._px.name if self._px else "")
        index = self._servers.get((backend, ref.name))
        if index is None and any(px.name == backend and px.disabled for px in self._configuration.proxies):
            # A disabled proxy's servers are not in the program: the fetch gets none and has no value.
            return None
        if index is None:
            raise self._error(f"unable to find server '{ref.name}' of '{backend}'")
        self._builder.refer_to_server(index)
        return ("server", index)

    def _variable(self, ref: VariableRef) -> Plain:
        scope, slot = self.variables.slot(ref)
        return ("var", scope, slot, file_bytes(f"{ref.scope}.{ref.name}"))

    def _acl_reference(self, ref: AclRef) -> Plain:
        acl = self._px.acls.get(ref.name) if self._px else None
        if acl is None:
            raise self._error(f"ACL '{ref.name}' not found")
        return ("acl", self.acl(acl), int(ref.is_negated))

    def _users(self, ref: UserListRef) -> Plain:
        users = self._configuration.userlists.get(ref.name)
        if users is None:
            raise self._error(f"unable to find userlist '{ref.name}'")
        if ref.name not in self._userlists:
            plain = [
                (file_bytes(user.name), file_bytes(user.password or ""), user.is_plain, _groups_of(users, user))
                for user in users.users.values()
                if user.password is not None
            ]
            self._userlists[ref.name] = self._builder.add_userlist(file_bytes(ref.name), plain)
        return ("users", self._userlists[ref.name])

    def _key(self, value: KeyFile) -> Plain:
        return ("key", file_bytes(value.path), value.pem)

    def _private_key(self, value: PrivateKey) -> Plain:
        name = file_bytes(value.name)
        if value.der:
            self._builder.add_token_key(name, value.der)
        return name

    def _pattern_file(self, ref: PatternFileRef) -> Plain:
        self._pattern_files.append((self._location, ref.file))
        return ("file", file_bytes(ref.file))

    def _log_profile(self, ref: LogProfileRef) -> Plain:
        return ("log_profile", list(self._configuration.log_profiles).index(ref.name))

    def _list(self, value: ListValue) -> Plain:
        return ("list", self._values(value.items))

    # --- conditions ---

    def _condition(self, condition: Condition) -> dict[str, Plain]:
        terms = [
            (self.acl(term.acl), term.is_negated, position == len(group) - 1)
            for group in condition.groups
            for position, term in enumerate(group)
        ]
        return {"unless": condition.is_unless, "terms": terms}

    def acl(self, acl: Acl) -> int:
        """The ACL's index in the program; made at the first use."""
        if id(acl) not in self._acls:
            lines = [self._acl_line(line) for line in acl.expressions]
            self._acls[id(acl)] = self._builder.add_acl(file_bytes(acl.name), lines)
            self._kept.append(acl)
        return self._acls[id(acl)]

    def _acl_line(self, line: AclExpression) -> dict[str, Plain]:
        self._location = line.location
        method = line.match if line.match in ("found", "bool") else "match"
        patterns = [self._patterns(line, source) for source in line.sources if source.file]
        # haproxy: the set of the line's own words is there even where it has none: commands may add some.
        words = next((source for source in line.sources if not source.file), PatternSource())
        number = self._sets.of_words(line.expression.row.name, words.lines, line.location, line.unique_id)
        patterns.append(self._index(line, words, number))
        if method != "match":
            patterns = []
        return {"expr": self.expression(line.expression), "method": ACL_METHODS[method], "patterns": patterns}

    def _regex(self, value: RegexValue) -> Plain:
        return ("regex", file_bytes(value.pattern), value.ignore_case)

    def _map(self, ref: MapRef) -> Plain:
        """The map's entries are read again here: the configuration only holds its name."""
        name = parse_name(ref.file).name
        directory = self._configuration.directory_of(self._location)
        lines = [] if self._sets.has_file(name) else read_patterns(ref.file, True, directory)
        number = self._sets.of_file(name, lines, self._location, has_values=True, is_acl=False)
        index = self._builder.add_patterns(ref.match, False, number, output=ref.output, captures=ref.captures)
        self._locations[index] = self._location
        return ("patterns", index)

    def _patterns(self, line: AclExpression, source: PatternSource) -> int:
        name = parse_name(source.file).name
        number = self._sets.of_file(name, source.lines, line.location, has_values=source.is_map, is_acl=True)
        return self._index(line, source, number)

    def _index(self, line: AclExpression, source: PatternSource, number: int) -> int:
        method = line.match
        # Those of the line were made plain numbers when it was read (config/acl.py).
        if method == "int" and source.file and line.expression.row.core in ("req.ssl_ver", "req_ssl_ver"):
            method = "dot"
        index: int = self._builder.add_patterns(method, source.ignore_case, number)
        self._locations[index] = line.location
        return index


def _groups_of(users: UserList, user: User) -> list[bytes]:
    """The groups that the user's line names, and those whose line names the user."""
    named = [group for group, members in users.groups.items() if user.name in members]
    return [file_bytes(group) for group in dict.fromkeys((*user.groups, *named))]


_CONVERSIONS: dict[type, Callable[[RuleCompiler, Any], Plain]] = {
    Expression: RuleCompiler.expression,
    LogFormat: RuleCompiler.format,
    ProxyRef: RuleCompiler._proxy,
    ServerRef: RuleCompiler._server,
    TableRef: RuleCompiler._table,
    VariableRef: RuleCompiler._variable,
    AclRef: RuleCompiler._acl_reference,
    ListValue: RuleCompiler._list,
    LogProfileRef: RuleCompiler._log_profile,
    PatternFileRef: RuleCompiler._pattern_file,
    RegexValue: RuleCompiler._regex,
    MapRef: RuleCompiler._map,
    UserListRef: RuleCompiler._users,
    KeyFile: RuleCompiler._key,
    PrivateKey: RuleCompiler._private_key,
}
