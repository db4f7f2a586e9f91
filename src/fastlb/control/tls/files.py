"""All files of certificates read again (`reload certs`): what is different in them, as changes.

Knows which files the configuration names. Reads with this process's rights, which may be fewer than those it was started with.
"""

from __future__ import annotations

from collections.abc import Callable

from fastlb.config.crt_list import read_lines
from fastlb.config.tls_files import SYSTEM_CA, TlsFiles, directory_files, load_ticket_keys
from fastlb.config.tls_model import Certificate, GlobalTls, Load
from fastlb.config.tls_pem import Remark
from fastlb.control.tls.material import Change, Material
from fastlb.control.tls.wire import packed, packed_pair

ReadLine = Callable[[str, TlsFiles], list[Certificate]]


def changes_of_files(
    material: Material, glob: GlobalTls, loads: dict[str, Load | None], read_line: ReadLine, direct: set[str]
) -> tuple[list[Change], list[str]]:
    """What to do so that all is as the files say, and what is worth knowing of them.

    loads: where parts of a certificate are, by its name. read_line: a crt-list's line with what it names. direct: certificates
    that lines name themselves. Raises ValueFault for a file that cannot be used; blocks while it reads.
    """
    reader = _Reader(material, TlsFiles(glob), loads, read_line)
    return reader.run(direct), reader.remarks


class _Reader:
    def __init__(self, material: Material, files: TlsFiles, loads: dict[str, Load | None], read_line: ReadLine) -> None:
        self._material = material
        self._files = files
        self._loads = loads
        self._read_line = read_line
        self.remarks: list[str] = []

    def _tell(self, remark: Remark) -> None:
        self.remarks.append(remark.text)

    def run(self, direct: set[str]) -> list[Change]:
        lists, listed = self._lists()
        for name in sorted(self._configured("pair")):
            if name in direct or name in listed:
                self._files.pair(name, self._tell, self._loads.get(name))
        before = {each.pair.name for crt_list in self._material.lists.values() for each in crt_list.entries}
        gone = sorted(before - direct - listed)
        # What a list names is there before the list, and what it no longer names goes after it.
        return [*self._pairs(), *self._authorities(), *self._tickets(), *lists, *(["gone", "pair", name] for name in gone)]

    def _configured(self, kind: str) -> list[str]:
        return [name for name in self._material.known(kind) if self._material.is_configured(kind, name)]

    def _lists(self) -> tuple[list[Change], set[str]]:
        """Changes of crt-lists, and the certificates that they name; those are loaded on the way."""
        changes: list[Change] = []
        listed: set[str] = set()
        for name, old in self._material.lists.items():
            is_directory = self._files.is_directory(name)
            lines = list(enumerate(directory_files(name), 1)) if is_directory else read_lines(name)
            found = [(number, each) for number, text in lines for each in self._read_line(text, self._files)]
            listed |= {each.pair.name for _, each in found}
            before = [(each.line, each.pair.name, each.options, each.written) for each in old.entries]
            if before != [(number, each.pair.name, each.options, each.written) for number, each in found]:
                changes.append(["list", name, [list(line) for line in lines]])
        return changes, listed

    def _pairs(self) -> list[Change]:
        read = {name: packed_pair(pair) for name, pair in self._files.pairs.items()}
        known = {name: packed_pair(pair) for name, pair in self._material.pairs.items() if pair is not None}
        return [["pair", name, pair] for name, pair in read.items() if known.get(name) != pair]

    def _authorities(self) -> list[Change]:
        files, known = self._files, self._material
        for name in self._configured("authorities"):
            if name != SYSTEM_CA:
                files.authorities(name, "ca-file", self._tell)
        for name in self._configured("revocations"):
            files.revocations(name)
        return [
            *(
                ["authorities", name, packed(found.certificates), packed(found.crls)]
                for name, found in files.authority_files.items()
                if known.authorities.get(name) != found
            ),
            *(
                ["revocations", name, packed(lists.crls)]
                for name, lists in files.revocation_files.items()
                if known.revocations.get(name) != lists
            ),
        ]

    def _tickets(self) -> list[Change]:
        read = {name: load_ticket_keys(name)[-3:] for name in self._material.tickets}
        return [["tickets", name, packed(keys)] for name, keys in read.items() if keys != self._material.tickets[name]]
