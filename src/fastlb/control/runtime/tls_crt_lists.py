"""Commands on crt-lists: `add`, `del` and `show ssl crt-list`. Directories are lists with a line for each file.

Knows HAProxy's words (management guide, section 9.3). Nothing is written to the files.
"""

from __future__ import annotations

from fastlb.config.tls_files import based
from fastlb.config.tls_model import Certificate
from fastlb.config.values import ValueFault
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.tls.material import CrtList

_FILES = ("ca-file", "ca-verify-file", "crl-file")


async def _add(request: Request) -> str:
    name, word = request.argument(0).rstrip("/") or request.argument(0), request.argument(1)
    lines = request.payload.splitlines()
    if not name or not (word or lines):
        raise Refused("'add ssl crtlist' expects a filename and a certificate name\n")
    refusal = "Can't edit the crt-list: "
    certificates = request.control.certificates
    crt_list = certificates.material.lists.get(name)
    if crt_list is None:
        raise Refused(f"{refusal}crt-list '{name}' does not exist!\n")
    if len(lines) > 1:
        raise Refused(f"{refusal}only one line of payload is supported!\n")
    change = ["entry", name, crt_list.next_line(), lines[0] if lines else word]
    try:
        (entry,) = certificates.material.entry(change)
        await certificates.perform(change)
    except ValueFault as fault:
        raise Refused(f"{refusal}{fault.message}\n") from None
    dots = sum(name in line.bind.tls.lists for line in certificates.lines.binds)
    return f"Inserting certificate '{entry.pair.name}' in crt-list '{name}'{'.' * dots}\nSuccess!\n"


async def _del(request: Request) -> str:
    name, word = request.argument(0).rstrip("/") or request.argument(0), request.argument(1)
    if not name or not word:
        raise Refused("'del ssl crtlist' expects a filename and a certificate name\n")
    refusal = "Can't delete the entry: "
    certificates = request.control.certificates
    file, colon, number = word.rpartition(":")
    if not colon or word in certificates.material.pairs:
        file, number = word, ""
    crt_list = certificates.material.lists.get(name)
    if crt_list is None:
        raise Refused(f"{refusal}crt-list '{name}' does not exist!\n")
    if file not in certificates.material.pairs:
        raise Refused(f"{refusal}certificate '{file}' does not exist!\n")
    entry = _chosen(crt_list, file, number, refusal)
    defaults = certificates.default_of(name, entry.line, file)
    if defaults:
        places = "".join(f"\t- {place}\n" for place in defaults)
        told = f"certificate '{file}' cannot be deleted, it is used as default certificate by the following frontends:\n"
        raise Refused(f"{refusal}{told}{places}")
    await certificates.perform(["no-entry", name, entry.line, file])
    return f"Entry '{file}' deleted in crtlist '{name}'!\n"


def _chosen(crt_list: CrtList, file: str, number: str, refusal: str) -> Certificate:
    """The entry that `FILE[:LINE]` names; raises Refused."""
    found = [entry for entry in crt_list.entries if entry.pair.name == file]
    lines = ", ".join(str(entry.line) for entry in found)
    if not found:
        raise Refused(f"{refusal}certificate '{file}' can't be found in the crt-list '{crt_list.name}'!\n")
    if not number:
        if len(found) == 1:
            return found[0]
        told = f"found the certificate '{file}' in several entries, please specify a line number preceded by colons ({lines})!\n"
        raise Refused(refusal + told)
    for entry in found:
        if number == str(entry.line):
            return entry
    told = (
        f"found a certificate '{file}' but the line number is incorrect, please specify a correct line number preceded by colons "
    )
    raise Refused(f"{refusal}{told}({lines})!\n")


def _show(request: Request) -> str:
    words = request.arguments
    is_numbered = words[:1] == ["-n"]
    name = words[1 if is_numbered else 0] if len(words) > is_numbered else ""
    lists = request.control.certificates.material.lists
    if not name:
        return "".join(f"{each}\n" for each in sorted(lists))
    crt_list = lists.get(name)
    if crt_list is None:
        raise Refused("didn't find the specified filename\n")
    ca_base = request.control.configuration.global_.tls.ca_base
    return f"# {name}\n" + "".join(_line(entry, is_numbered, ca_base) for entry in crt_list.entries)


def _line(entry: Certificate, is_numbered: bool, ca_base: str) -> str:
    """As it can be loaded again; with its number it cannot."""
    words = [f"{entry.pair.name}:{entry.line}" if is_numbered else entry.pair.name]
    if entry.options is not None:
        files = [
            based(ca_base, word) if entry.options[at - 1] in _FILES and at else word for at, word in enumerate(entry.options)
        ]
        words.append(f"[{' '.join(files)}]")
    return " ".join((*words, *entry.written)) + "\n"


COMMANDS = (
    Command(("add", "ssl", "crt-list"), _add, "add a line to a crt-list", "<list> {<cert>|<payload>}", Level.ADMIN),
    Command(("del", "ssl", "crt-list"), _del, "delete a line of a crt-list", "<list> <cert[:line]>", Level.ADMIN),
    Command(("show", "ssl", "crt-list"), _show, "the crt-lists, or the lines of one", "[-n] [<list>]", Level.ADMIN),
)
