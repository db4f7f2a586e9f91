"""All files of certificates read again (`reload certs`): the master reads, control finds what is different.

Knows which files the configuration names. What was read is plain values, so that it can be sent; private keys are among them.
"""

from __future__ import annotations

from typing import Any

from fastlb.config.crt_list import read_entry, read_lines
from fastlb.config.diagnostics import Diagnostics
from fastlb.config.keywords.row import Reading, Source, Statement
from fastlb.config.keywords.tls_bind import settings_reader
from fastlb.config.model import Address, Bind, Configuration, Location
from fastlb.config.tls_files import SYSTEM_CA, TlsFiles, directory_files, load_ticket_keys
from fastlb.config.tls_model import Certificate
from fastlb.config.tls_pem import Remark
from fastlb.config.values import Resolver, ValueFault
from fastlb.control.tls.material import Change, Material
from fastlb.control.tls.wire import packed, packed_pair

Read = dict[str, Any]


def read_line(configuration: Configuration, text: str, files: TlsFiles) -> list[Certificate]:
    """A crt-list's line, with what it names taken from `files`. Raises ValueFault."""
    reading = Reading(configuration, Diagnostics(), {}, Resolver(), lambda name: None)
    reading.tls_files = files
    statement = Statement(reading, Source("CLI", 1, b""), [])
    read_settings = settings_reader(statement, Bind(Location("CLI", 1, 1), Address("ipv4")))
    return read_entry(text, "parsing [CLI:1]", files, lambda remark: None, read_settings)


def read_files(configuration: Configuration) -> Read:
    """What the files say now, {"fault": TEXT} where one cannot be used. configuration: as it was loaded. Blocks; never raises."""
    try:
        return _Reader(configuration).run()
    except ValueFault as fault:
        return {"fault": f"{fault.message} ({fault.hint})" if fault.hint else fault.message}
    except Exception as error:  # the master must outlive whatever stands in a file
        return {"fault": f"{type(error).__name__}: {error}"}


class _Reader:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._known = Material(configuration, lambda text: [])
        self._files = TlsFiles(configuration.global_.tls)
        self._remarks: list[str] = []

    def _tell(self, remark: Remark) -> None:
        self._remarks.append(remark.text)

    def run(self) -> Read:
        files, known = self._files, self._known
        lists = {name: self._list(name) for name in known.lists}
        direct = self._direct()
        for name in sorted(direct):
            pair = known.pairs[name]
            files.pair(name, self._tell, pair.load if pair is not None else None)
        for name in known.authorities:
            if name != SYSTEM_CA:
                files.authorities(name, "ca-file", self._tell)
        for name in known.revocations:
            files.revocations(name)
        return {
            "pairs": {name: packed_pair(pair) for name, pair in files.pairs.items()},
            "authorities": {name: packed([each.certificates, each.crls]) for name, each in files.authority_files.items()},
            "revocations": {name: packed(each.crls) for name, each in files.revocation_files.items()},
            "tickets": {name: packed(load_ticket_keys(name)[-3:]) for name in known.tickets},
            "lists": lists,
            "direct": sorted(direct),
            "remarks": self._remarks,
        }

    def _direct(self) -> set[str]:
        """The certificates that bind and server lines name themselves."""
        found: set[str] = set()
        for proxy in self._configuration.proxies:
            lines = [bind.tls for bind in proxy.binds if bind.tls.enabled]
            found |= {each.pair.name for tls in lines for each in tls.certificates if not each.source}
            found |= {server.tls.pair.name for server in proxy.servers if server.tls.pair is not None}
        return found

    def _list(self, name: str) -> Read:
        """Its lines, and what they come to; the certificates that they name are loaded on the way."""
        is_directory = self._files.is_directory(name)
        lines = list(enumerate(directory_files(name), 1)) if is_directory else read_lines(name)
        entries = [_shown(number, each) for number, text in lines for each in read_line(self._configuration, text, self._files)]
        return {"lines": [list(line) for line in lines], "entries": entries}


def _shown(number: int, each: Certificate) -> list[Any]:
    return [number, each.pair.name, None if each.options is None else list(each.options), list(each.written)]


def changes_of(material: Material, read: Read) -> list[Change]:
    """What to do so that all is as the files say; what commands have made and no list names stays."""
    lists = [
        ["list", name, found["lines"]]
        for name, found in read["lists"].items()
        if found["entries"] != [_shown(each.line, each) for each in material.lists[name].entries]
    ]
    listed = {entry[1] for found in read["lists"].values() for entry in found["entries"]}
    before = {each.pair.name for crt_list in material.lists.values() for each in crt_list.entries}
    pairs = {name: packed_pair(pair) for name, pair in material.pairs.items() if pair is not None}
    authorities = {name: packed([each.certificates, each.crls]) for name, each in material.authorities.items()}
    revocations = {name: packed(each.crls) for name, each in material.revocations.items()}
    tickets = {name: packed(keys) for name, keys in material.tickets.items()}
    # What a list names is there before the list, and what it no longer names goes after it.
    return [
        *(["pair", name, pair] for name, pair in read["pairs"].items() if pairs.get(name) != pair),
        *(["authorities", name, *found] for name, found in read["authorities"].items() if authorities.get(name) != found),
        *(["revocations", name, found] for name, found in read["revocations"].items() if revocations.get(name) != found),
        *(["tickets", name, keys] for name, keys in read["tickets"].items() if tickets[name] != keys),
        *lists,
        *(["gone", "pair", name] for name in sorted(before - listed - set(read["direct"]))),
    ]
