"""Section headers and the statements of a section's body: finds the row, checks where it may stand, applies it.

Knows the kinds of sections, defaults and their inheritance. Must not know any keyword (`keywords/`) or how lines are read
(`parser.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import TypeVar

from .acl import Acl
from .diagnostics import nearest
from .keywords import GLOBAL, PROXY, SECOND_WORD, SECOND_WORD_GLOBAL
from .keywords import rows as keyword_rows
from .keywords.row import (
    IGNORED,
    NOT_YET,
    REMOVED,
    SUPPORTED,
    UNSUPPORTED,
    BadStatement,
    Draft,
    GlobalKeyword,
    ProxyKeyword,
    Reading,
    Row,
    Source,
    Statement,
)
from .keywords.server import bad_character, template
from .keywords.server import copy as copy_server
from .model import Location, Proxy
from .other_sections import READERS
from .values import names

PROXY_SECTIONS = ("defaults", "frontend", "backend", "listen")
# Sections of HAProxy that fastlb does not read yet: one error at their first line, their body skipped.
OTHER_SECTIONS = names("""
peers mailers cache log-forward acme traces healthcheck namespace_list program
""")
RowT = TypeVar("RowT", GlobalKeyword, ProxyKeyword)
SECTIONS = ("global", *PROXY_SECTIONS, *READERS, *OTHER_SECTIONS)
_LETTERS = {"defaults": "D", "frontend": "F", "backend": "B", "listen": "L"}
_NEGATABLE = "options, log, busy-polling, set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping"


def rows() -> Iterator[Row]:
    """Everything that the tables know, sections first, for `-dKall` and docs/compatibility.md."""
    for name in SECTIONS:
        known = name == "global" or name in PROXY_SECTIONS or name in READERS
        yield Row(name, "section", manual="3" if name == "global" else "4", status=SUPPORTED if known else UNSUPPORTED)
    yield from keyword_rows()


def inherit(origin: Draft | None, kind: str, name: str, location: Location) -> Draft:
    """A new proxy with the settings of a defaults section; nothing that can change is shared with it."""
    if origin is None:
        return Draft(Proxy(location, kind, name), template())
    settings = origin.proxy
    px = replace(
        settings,
        location=location,
        kind=kind,
        name=name,
        id=None,
        description="",
        binds=[],
        servers=[],
        options=set(settings.options),
        timeouts=copy(settings.timeouts),
        logs=[replace(target, sample_ranges=list(target.sample_ranges)) for target in settings.logs],
        errorfiles=dict(settings.errorfiles),
        errorlocs=dict(settings.errorlocs),
        errorfile_sets=list(settings.errorfile_sets),
        http_error_rules=dict(settings.http_error_rules),
        forwardfor=copy(settings.forwardfor),
        originalto=copy(settings.originalto),
        acls={name: Acl(name, list(acl.expressions)) for name, acl in settings.acls.items()},
        rules={name: list(rules) for name, rules in settings.rules.items()},
        formats=replace(settings.formats),
        captures=replace(
            settings.captures, request=list(settings.captures.request), response=list(settings.captures.response)
        ),
        check=settings.check.copy(),
        stats=replace(settings.stats, users=list(settings.stats.users), scopes=list(settings.stats.scopes))
        if settings.stats
        else None,
        compression=replace(
            settings.compression,
            algorithms=list(settings.compression.algorithms),
            types=list(settings.compression.types),
            types_req=list(settings.compression.types_req),
        )
        if settings.compression
        else None,
    )
    unknown_mode = {"unknown mode"} & origin.explicit
    return Draft(px, copy_server(origin.server_template), dict(origin.origins), unknown_mode)


class Sections:
    """The state between two lines: the section that is open, and what later sections refer to."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.kind = ""  # "" before the first section, "skipped" in one that is not read
        self.name = ""
        self.draft: Draft | None = None
        self.drafts: list[Draft] = []  # proxies, in the order of the files
        self.last_defaults: Draft | None = None
        self.named_defaults: dict[str, list[Draft]] = {}
        self.frontends: dict[str, Proxy] = {}
        self.backends: dict[str, Proxy] = {}

    def close(self) -> None:
        """The end of a file ends its section."""
        self.kind, self.name, self.draft = "", "", None

    def take(self, source: Source, words: list[str]) -> None:
        """One line: a section header or a statement of the open section. Reports; never raises."""
        if words[0] in SECTIONS:
            self._open(Statement(self.reading, source, words))
            return
        if self.kind == "skipped":
            return
        st = Statement(self.reading, source, words, draft=self.draft)
        with suppress(BadStatement):
            self._statement(st)

    # --- headers ---

    def _open(self, st: Statement) -> None:
        self.kind = st.words[0]
        self.name = st.argument(0) or self.kind
        self.draft = None
        if self.kind in OTHER_SECTIONS:
            self.kind = "skipped"
            st.alert(f"section '{st.words[0]}': {NOT_YET}", 0, "unsupported-section", "its lines are skipped")
        elif self.kind in READERS:
            with suppress(BadStatement):
                READERS[self.kind].open(st)
        elif self.kind == "global":
            if len(st.words) > 1:
                st.alert(f"'global' cannot handle unexpected argument '{st.words[1]}'.", 1, "unexpected-argument")
        else:
            self._open_proxy(st)

    def _open_proxy(self, st: Statement) -> None:
        name, origin = self._header(st)
        location = st.line_location()
        self.draft = inherit(origin, self.kind, name, location)
        if self.kind == "defaults":
            self.last_defaults = self.draft
            if name:
                self.named_defaults.setdefault(name, []).append(self.draft)
            return
        if not name:
            return
        self._claim_name(st, self.draft.proxy)
        self.drafts.append(self.draft)

    def _header(self, st: Statement) -> tuple[str, Draft | None]:
        """Name and defaults of `KIND [NAME] [from DEFAULTS]`; mistakes are reported, and reading goes on."""
        rest = st.words[1:]
        name = ""
        if rest and not (self.kind == "defaults" and rest[0] == "from" and len(rest) == 2):
            name = rest.pop(0)
        if not name and self.kind != "defaults":
            hint = f"{self.kind} <name>"
            st.alert(f"'{self.kind}' expects an <id> argument", 0, "missing-argument", hint)
        elif wrong := bad_character(name):
            st.alert(f"character '{wrong}' is not permitted in '{self.kind}' name '{name}'.", 1, "bad-name")
        origin = self.last_defaults if self.kind != "defaults" else None
        at = len(st.words) - len(rest)
        if len(rest) >= 2 and rest[0] == "from":
            return name, self._named(st, name, rest[1], at + 1)
        if rest and self.kind in ("frontend", "listen"):
            word = rest[0]
            hint = f"write 'bind {word}' on a line of its own" if ":" in word else ""
            st.alert("please use the 'bind' keyword for listening addresses.", at, "removed-keyword", hint)
        elif rest:
            st.warn(f"'{self.kind}' : argument '{rest[0]}' is ignored.", at, "unexpected-argument")
        return name, origin

    def _named(self, st: Statement, name: str, wanted: str, at: int) -> Draft | None:
        found = self.named_defaults.get(wanted, [])
        who = f"{self.kind} '{name}'"
        if not found:
            guess = nearest(wanted, self.named_defaults)
            hint = f"did you mean '{guess}'?" if guess else ""
            st.alert(f"defaults section '{wanted}' not found for {who}.", at, "unknown-defaults", hint)
            return None
        if len(found) > 1:
            first, second = found[0].proxy.location, found[1].proxy.location
            st.alert(
                f"ambiguous defaults section name '{wanted}' referenced by {who} exists at least at {first} and {second}.",
                at,
                "ambiguous-defaults",
            )
        return found[-1]

    def _claim_name(self, st: Statement, px: Proxy) -> None:
        """Two sections of one name: an error, but for a frontend and a backend."""
        taken = (self.frontends.get(px.name) if px.has_frontend else None) or (
            self.backends.get(px.name) if px.has_backend else None
        )
        other = self.frontends.get(px.name) or self.backends.get(px.name)
        if taken is not None:
            location, _ = st.place(1)
            st.alert(
                f"{px.kind} '{px.name}' has the same name as {taken.kind} '{taken.name}' declared at {taken.location}.",
                1,
                "duplicate-name",
                lead=f"Parsing [{location}]: ",
            )
        elif other is not None:
            # haproxy: 2.6 says nothing, 3.x refuses.
            st.warn(
                f"{px.kind} '{px.name}' has the same name as {other.kind} '{other.name}' declared at {other.location}.",
                1,
                "duplicate-name",
            )
        if px.has_frontend:
            self.frontends.setdefault(px.name, px)
        if px.has_backend:
            self.backends.setdefault(px.name, px)

    # --- bodies ---

    def _statement(self, st: Statement) -> None:
        if self.kind in READERS:
            READERS[self.kind].statement(st)
            return
        self._shift_prefix(st)
        if self.kind == "global":
            row = self._find_global(st)
            self._check(st, row)
            if row.apply is not None:
                row.apply(st, self.reading.configuration.global_)
        elif self.draft is not None:
            self._proxy_statement(st, self.draft)
        else:
            raise self._out_of_section(st)

    def _out_of_section(self, st: Statement) -> BadStatement:
        location, _ = st.place(0)
        guess = self._suggest(st.words[0], SECTIONS)
        hint = (
            f"did you mean '{guess}'?" if guess else "a file begins with a section: global, defaults, frontend, backend or listen"
        )
        st.alert(f"unknown keyword '{st.words[0]}' out of section.", 0, "unknown-keyword", hint, f"parsing [{location}]: ")
        return st.reported()

    def _shift_prefix(self, st: Statement) -> None:
        """`no` and `default` before a keyword."""
        if st.words[0] not in ("no", "default") or not self.kind:
            return
        prefix = st.words[0]
        table = GLOBAL if self.kind == "global" else PROXY
        row = table.get(st.argument(0))
        if isinstance(row, dict):
            row = row.get(st.words[2]) if len(st.words) > 2 else None
        if st.argument(0) == "option" or (row is not None and row.accepts_no):
            st.prefix = prefix
            st.words = st.words[1:]
            if (row is not None and row.accepts_no) or not st.argument(0):
                return
            location, _ = st.place(0)
            st.alert(
                f"negation/default is not supported for option '{st.words[1]}'.",
                1,
                "bad-prefix",
                "remove the line",
                f"parsing [{location}]: ",
            )
            raise st.reported()
        location, _ = st.place(0)
        st.alert(f"negation/default currently supported only for {_NEGATABLE}.", 0, "bad-prefix", lead=f"parsing [{location}]: ")
        raise st.reported()

    def _find_global(self, st: Statement) -> GlobalKeyword:
        row = GLOBAL.get(st.words[0])
        if isinstance(row, dict):
            return self._second_word(st, row, SECOND_WORD_GLOBAL)
        if row is None:
            raise self._unknown(st, "global", (*GLOBAL, *SECTIONS))
        return row

    def _find_proxy(self, st: Statement) -> ProxyKeyword:
        row = PROXY.get(st.words[0])
        if isinstance(row, dict):
            return self._second_word(st, row, SECOND_WORD)
        if row is None:
            raise self._unknown(st, self.kind, (*PROXY, *SECTIONS))
        return row

    def _second_word(self, st: Statement, group: dict[str, RowT], messages: dict[str, tuple[str, str]]) -> RowT:
        first, second = st.words[0], st.argument(0)
        row = group.get(second)
        if row is not None:
            st.n_keyword = 2
            return row
        missing, unknown = messages.get(
            first, (f"'{first}' expects one of: {', '.join(group)}.", f"unknown '{first}' keyword '{{0}}'")
        )
        location, _ = st.place(0)
        spaced = "" if first in ("option", "stats") and not (first == "option" and second) and self.kind != "global" else " "
        lead = f"parsing [{location}]{spaced}: "
        if not second:
            supported = [name for name, row in group.items() if row.status == SUPPORTED]
            st.alert(missing, 0, "missing-argument", f"one of {', '.join(supported)}", lead)
            raise st.reported()
        guess = self._suggest(second, group)
        message = unknown.format(second)
        if not message.endswith((".", ")")):
            message += f"; did you mean '{guess}' maybe ?" if guess else "."
        st.alert(message, 1, "unknown-keyword", f"write '{first} {guess}'" if guess else "", lead)
        raise st.reported()

    def _unknown(self, st: Statement, kind: str, candidates: tuple[str, ...]) -> BadStatement:
        word = st.words[0]
        guess = self._suggest(word, candidates)
        tail = f"; did you mean '{guess}' maybe ?" if guess else ""
        hint = f"write '{guess}'" if guess else ""
        if kind == "global" and word in PROXY:
            hint = "it belongs in a proxy section: defaults, frontend, backend or listen"
        elif kind != "global" and word in GLOBAL:
            hint = "it belongs in the 'global' section"
        st.alert(f"unknown keyword '{word}' in '{kind}' section{tail}", 0, "unknown-keyword", hint)
        return st.reported()

    def _suggest(self, word: str, candidates: Iterable[str]) -> str:
        diagnostics = self.reading.diagnostics
        if diagnostics.suggestions_left <= 0 or len(word) > 64:
            return ""
        diagnostics.suggestions_left -= 1
        return nearest(word, candidates)

    def _check(self, st: Statement, row: GlobalKeyword | ProxyKeyword) -> None:
        """What the row says without a setter: not supported, removed, ignored, number of arguments."""
        at = st.n_keyword - 1
        if row.status == UNSUPPORTED:
            st.alert(f"'{row.name}': {NOT_YET}", at, "unsupported-keyword")
            raise st.reported()
        if row.status == REMOVED:
            argument = st.argument(0)
            st.alert(_fill(row.note, argument), at, "removed-keyword", _fill(row.hint, argument))
            raise st.reported()
        if row.status == IGNORED and row.apply is None:
            if not row.quiet:
                st.warn(f"'{row.name}' is ignored: {row.note}.", at, "ignored-keyword")
            raise st.reported()
        least, most = row.arguments
        if len(st.words) - st.n_keyword < least or (least == 1 and not st.argument(0)):
            st.alert(_fill(row.missing, st.keyword) or f"'{st.keyword}' expects an argument.", 0, "missing-argument", _usage(row))
            raise st.reported()
        if most is not None:
            st.at_most(most)

    def _proxy_statement(self, st: Statement, draft: Draft) -> None:
        row = self._find_proxy(st)
        if row.status in (UNSUPPORTED, REMOVED):
            self._check(st, row)
        if _LETTERS[self.kind] not in row.sections:
            self._wrong_section(st, row, draft.proxy)
            return
        self._check(st, row)
        if row.apply is not None:
            row.apply(st, draft.proxy)

    def _wrong_section(self, st: Statement, row: ProxyKeyword, px: Proxy) -> None:
        label = row.name.removeprefix("option ")
        if px.kind == "defaults":
            st.alert(f"'{label}' not allowed in 'defaults' section.", 0, "wrong-section", "move it to the sections that need it")
            return
        side = "backend" if px.kind == "frontend" else "frontend"
        if row.strict:
            st.alert(f"'{label}' not allowed because {px.kind} '{px.name}' has no {side} capability.", 0, "wrong-section")
            return
        will_be = "will be ignored" if row.family == "timeout" else "ignored"
        end = "" if row.family == "timeout" else "."
        more = " Maybe you want 'fullconn' instead ?" if row.name == "maxconn" else ""
        st.warn(f"'{label}' {will_be} because {px.kind} '{px.name}' has no {side} capability{end}{more}", 0, "wrong-section")


def _fill(text: str, value: str) -> str:
    return text.format(value) if "{" in text else text


def _usage(row: GlobalKeyword | ProxyKeyword) -> str:
    return f"{row.name} {row.grammar}" if row.grammar else ""
