"""What there is of certificates, authorities, revocation lists and crt-lists, by name; at first what the configuration says.

Knows how one change alters the material and the typed model of a line. Changes are plain lists, so that they can be sent and done
again by a control process that was started anew (docs/internals/shared-contents.md). Must not know workers or commands.

    ["pair", name, pair or None]               `commit ssl cert`; None: empty, `new ssl cert`
    ["authorities", name, [der], [crl]]        `commit ssl ca-file`, `new ssl ca-file`
    ["revocations", name, [crl]]               `commit ssl crl-file`, `new ssl crl-file`
    ["gone", kind, name]                       `del ssl ...` of one of the kinds above
    ["entry", list, line, text]                `add ssl crt-list`
    ["no-entry", list, line, name]             `del ssl crt-list`
    ["list", list, [[line, text], ...]]        all lines of a crt-list: `reload certs`
    ["tickets", file, [key, ...]]              `set ssl tls-key`, `reload certs`
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from fastlb.config.model import Bind, Configuration, Server
from fastlb.config.tls_model import Acceptance, Authorities, BindTls, Certificate, KeyPair, Revocations, ServerTls
from fastlb.config.tls_values import for_certificate
from fastlb.control.tls.wire import unpacked, unpacked_pair

Change = list[Any]
ReadEntry = Callable[[str], list[Certificate]]
_Tls = TypeVar("_Tls", Acceptance, BindTls, ServerTls)
_PAIR, _AUTHORITIES, _REVOCATIONS = KINDS = ("pair", "authorities", "revocations")


@dataclass(slots=True)
class CrtList:
    """A crt-list or directory with its lines, in their order."""

    name: str
    entries: list[Certificate] = field(default_factory=list)

    def next_line(self) -> int:
        return max((entry.line for entry in self.entries), default=0) + 1


class Material:
    """All of one configuration. read_entry: a crt-list's line as certificates, made of this very material; raises ValueFault."""

    def __init__(self, configuration: Configuration, read_entry: ReadEntry) -> None:
        self.pairs: dict[str, KeyPair | None] = {}
        self.authorities: dict[str, Authorities] = {}
        self.revocations: dict[str, Revocations] = {}
        self.lists: dict[str, CrtList] = {}
        self.tickets: dict[str, tuple[bytes, ...]] = {}
        self.journal: dict[tuple[str, ...], Change] = {}
        self._read_entry = read_entry
        self._configured: set[tuple[str, str]] = set()
        for proxy in configuration.proxies:
            for bind in proxy.binds:
                self._take_bind(bind.tls)
            for server in proxy.servers:
                self._take_server(server)
        self._configured = {(kind, name) for kind in KINDS for name in self.known(kind)}

    def is_configured(self, kind: str, name: str) -> bool:
        """Whether the configuration names it; if not, a command has made it."""
        return (kind, name) in self._configured

    def copy(self) -> Material:
        """One that changes can be tried on."""
        found = copy.copy(self)
        for name in ("pairs", "authorities", "revocations", "tickets", "journal"):
            setattr(found, name, dict(getattr(self, name)))
        found.lists = {name: CrtList(name, list(each.entries)) for name, each in self.lists.items()}
        return found

    def known(self, kind: str) -> dict[str, Any]:
        """What there is of a kind, by name."""
        kinds: dict[str, dict[str, Any]] = {_PAIR: self.pairs, _AUTHORITIES: self.authorities, _REVOCATIONS: self.revocations}
        return kinds[kind]

    def _take_bind(self, tls: BindTls) -> None:
        if not tls.enabled:
            return
        self._take_settings(tls)
        if tls.ticket_file:
            self.tickets.setdefault(tls.ticket_file, tls.ticket_keys[-3:])
        is_new = {name for name in tls.lists if name not in self.lists}
        for name in is_new:
            self.lists[name] = CrtList(name)
        for each in tls.certificates:
            self.pairs.setdefault(each.pair.name, each.pair)
            if each.settings is not None:
                self._take_settings(each.settings)
            if each.source in is_new:
                self.lists[each.source].entries.append(each)

    def _take_server(self, server: Server) -> None:
        self._take_settings(server.tls)
        if server.tls.pair is not None:
            self.pairs.setdefault(server.tls.pair.name, server.tls.pair)

    def _take_settings(self, tls: Acceptance | ServerTls) -> None:
        for authorities in (tls.authorities, getattr(tls, "verify_authorities", None)):
            if authorities is not None:
                self.authorities.setdefault(authorities.name, authorities)
        if tls.revocations is not None:
            self.revocations.setdefault(tls.revocations.name, tls.revocations)

    # -- changes

    def record(self, change: Change) -> None:
        """Does a change to the material, and keeps what a later process has to do to be where this one is."""
        kind = change[0]
        if kind == _PAIR:
            self.pairs[change[1]] = unpacked_pair(change[2]) if change[2] is not None else None
        elif kind == _AUTHORITIES:
            self.authorities[change[1]] = Authorities(change[1], tuple(unpacked(change[2])), tuple(unpacked(change[3])))
        elif kind == _REVOCATIONS:
            self.revocations[change[1]] = Revocations(change[1], tuple(unpacked(change[2])))
        elif kind == "gone":
            del self.known(change[1])[change[2]]
        elif kind == "entry":
            self.lists[change[1]].entries += self.entry(change)
        elif kind == "list":
            self.lists[change[1]] = CrtList(change[1], self.entries(change))
        elif kind == "no-entry":
            crt_list = self.lists[change[1]]
            crt_list.entries = [each for each in crt_list.entries if (each.line, each.pair.name) != (change[2], change[3])]
        else:
            self.tickets[change[1]] = tuple(unpacked(change[2]))
        self._note(change)

    def _note(self, change: Change) -> None:
        """A later change of the same thing takes the place of the earlier one; what was made and is gone leaves no trace."""
        if change[0] == "gone":
            self.journal.pop((change[1], change[2]), None)
            if (change[1], change[2]) in self._configured:
                self.journal["gone", change[1], change[2]] = change
        elif change[0] == "no-entry":
            if self.journal.pop(("entry", change[1], str(change[2])), None) is None:
                self.journal["no-entry", change[1], str(change[2]), change[3]] = change
        elif change[0] == "entry":
            self.journal["entry", change[1], str(change[2])] = change
        elif change[0] == "list":
            for key in [key for key in self.journal if key[0] in ("entry", "no-entry", "list") and key[1] == change[1]]:
                del self.journal[key]
            self.journal["list", change[1]] = change
        else:
            self.journal.pop(("gone", change[0], change[1]), None)
            self.journal[change[0], change[1]] = change

    def entry(self, change: Change) -> list[Certificate]:
        """The certificates of an "entry". Raises ValueFault."""
        return [replace(each, source=change[1], line=change[2]) for each in self._read_entry(change[3])]

    def entries(self, change: Change) -> list[Certificate]:
        """The certificates of a "list". Raises ValueFault."""
        return [each for line, text in change[2] for each in self.entry(["entry", change[1], line, text])]

    # -- lines

    def bind_after(self, tls: BindTls, change: Change) -> BindTls:
        """A bind line's TLS once the change is done; the same object where it does not concern the line."""
        kind = change[0]
        if kind == _PAIR:
            pair = unpacked_pair(change[2]) if change[2] is not None else None
            if pair is None or not any(each.pair.name == pair.name for each in tls.certificates):
                return tls
            return replace(tls, certificates=_map(tls, lambda each: _with_pair(each, pair)))
        if kind in (_AUTHORITIES, _REVOCATIONS):
            changed = _with_files(tls, change)
            certificates = _map(changed, lambda each: _settings_with_files(each, change))
            return replace(changed, certificates=certificates) if changed is not tls or certificates != tls.certificates else tls
        if kind == "entry" and change[1] in tls.lists:
            return self._with_entries(tls, self.entry(change))
        if kind == "list" and change[1] in tls.lists:
            return self._with_list(tls, change)
        if kind == "no-entry" and change[1] in tls.lists:
            gone = (change[1], change[2], change[3])
            kept = tuple(each for each in tls.certificates if (each.source, each.line, each.pair.name) != gone)
            return replace(tls, certificates=kept)
        if kind == "tickets" and tls.ticket_file == change[1]:
            return replace(tls, ticket_keys=tuple(unpacked(change[2])))
        return tls

    @staticmethod
    def _with_entries(tls: BindTls, entries: Iterable[Certificate]) -> BindTls:
        return _with_default(replace(tls, certificates=(*tls.certificates, *_completed(tls, entries))))

    def _with_list(self, tls: BindTls, change: Change) -> BindTls:
        """The list's certificates stand where its first one stood."""
        at = next((at for at, each in enumerate(tls.certificates) if each.source == change[1]), len(tls.certificates))
        kept = [each for each in tls.certificates if each.source != change[1]]
        known = {(each.line, each.pair.name): each for each in tls.certificates if each.source == change[1]}
        entries = [_unless_alike(each, known.get((each.line, each.pair.name))) for each in _completed(tls, self.entries(change))]
        return _with_default(replace(tls, certificates=(*kept[:at], *entries, *kept[at:])))

    @staticmethod
    def server_after(tls: ServerTls, change: Change) -> ServerTls:
        """The same for a server's."""
        if change[0] == _PAIR and change[2] is not None and tls.pair is not None and tls.pair.name == change[1]:
            return replace(tls, pair=unpacked_pair(change[2]))
        return _with_files(tls, change) if change[0] in (_AUTHORITIES, _REVOCATIONS) else tls


def _completed(tls: BindTls, entries: Iterable[Certificate]) -> list[Certificate]:
    return [
        replace(each, settings=for_certificate(each.settings, tls)) if each.settings is not None else each for each in entries
    ]


def _unless_alike(each: Certificate, old: Certificate | None) -> Certificate:
    """The old one where nothing but its being the default is different, so that its context stays."""
    return old if old is not None and replace(each, is_default=old.is_default) == old else each


def _with_default(tls: BindTls) -> BindTls:
    """A line has a default certificate as soon as it has one at all."""
    if not tls.certificates or any(each.is_default for each in tls.certificates):
        return tls
    return replace(tls, certificates=(replace(tls.certificates[0], is_default=True), *tls.certificates[1:]))


def _map(tls: BindTls, of: Callable[[Certificate], Certificate]) -> tuple[Certificate, ...]:
    return tuple(of(each) for each in tls.certificates)


def _with_pair(each: Certificate, pair: KeyPair) -> Certificate:
    return replace(each, pair=pair) if each.pair.name == pair.name else each


def _settings_with_files(each: Certificate, change: Change) -> Certificate:
    settings = each.settings and _with_files(each.settings, change)
    return each if settings is each.settings else replace(each, settings=settings)


def _with_files(tls: _Tls, change: Change) -> _Tls:
    """Settings with the new content of the file that an "authorities" or "revocations" is about."""
    renewed: dict[str, Any] = {}
    if change[0] == _REVOCATIONS:
        if tls.revocations is not None and tls.revocations.name == change[1]:
            renewed["revocations"] = Revocations(change[1], tuple(unpacked(change[2])))
        return replace(tls, **renewed) if renewed else tls
    for name in ("authorities", "verify_authorities"):
        before = getattr(tls, name, None)
        if before is not None and before.name == change[1]:
            renewed[name] = Authorities(change[1], tuple(unpacked(change[2])), tuple(unpacked(change[3])))
    return replace(tls, **renewed) if renewed else tls


def uses(binds: Iterable[Bind], servers: Iterable[Server], kind: str, name: str) -> int:
    """How many contexts are made of it: HAProxy shows a dot for each when it is committed."""
    count = 0
    for bind in binds:
        for each in bind.tls.certificates:
            settings: Acceptance = each.settings or bind.tls
            count += name in ([each.pair.name] if kind == _PAIR else _named(settings, kind))
    return count + sum(
        name in (([server.tls.pair.name] if server.tls.pair else []) if kind == _PAIR else _named(server.tls, kind))
        for server in servers
    )


def _named(tls: Acceptance | ServerTls, kind: str) -> list[str]:
    if kind == _REVOCATIONS:
        return [tls.revocations.name] if tls.revocations is not None else []
    both = (tls.authorities, getattr(tls, "verify_authorities", None))
    return [each.name for each in both if each is not None]
