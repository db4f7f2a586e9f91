"""Commands on authorities and revocation lists: `new`, `set`, `commit`, `abort`, `del` and `show ssl ca-file` and `crl-file`.

Knows HAProxy's words (management guide, section 9.3), which differ between both. Names of both are in one tree there: a name
can be one of them only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastlb.config import tls_pem as pem
from fastlb.config.values import ValueFault
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.tls.certificates import Certificates
from fastlb.control.tls.material import Change
from fastlb.control.tls.transaction import Transaction
from fastlb.control.tls.wire import packed


@dataclass(slots=True)
class _Loaded:
    """What a payload held, DER."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


def _certificates_of(loaded: Any) -> tuple[bytes, ...]:
    found: tuple[bytes, ...] = loaded.certificates
    return found


def _crls_of(loaded: Any) -> tuple[bytes, ...]:
    found: tuple[bytes, ...] = loaded.crls
    return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the two families. kind: of the material; noun: as HAProxy calls it; content: what counts of it."""

    keyword: str
    kind: str
    noun: str
    contents: str
    listed: Callable[[Any], tuple[bytes, ...]]

    def change(self, name: str, loaded: _Loaded) -> Change:
        if self.kind == "authorities":
            return [self.kind, name, packed(loaded.certificates), packed(loaded.crls)]
        return [self.kind, name, packed(loaded.crls)]

    def open(self, certificates: Certificates) -> Transaction[_Loaded]:
        return certificates.transactions[self.kind]

    def named(self, certificates: Certificates) -> dict[str, Any]:
        return certificates.material.known(self.kind)


_CA = _Kind("ca-file", "authorities", "CA", "CAs", _certificates_of)
_CRL = _Kind("crl-file", "revocations", "CRL", "CRLs", _crls_of)


def _exists(certificates: Certificates, name: str) -> bool:
    return any(name in kind.named(certificates) for kind in (_CA, _CRL))


def _new(kind: _Kind) -> Callable[[Request], Any]:
    async def run(request: Request) -> str:
        name = request.argument(0)
        if not name:
            raise Refused(f"'new ssl {kind.keyword}' expects a filename\n")
        if _exists(request.control.certificates, name):
            raise Refused(f"{kind.noun} file '{name}' already exists!\n")
        await request.control.certificates.perform(kind.change(name, _Loaded()))
        return f"New {kind.noun} file created '{name}'!\n"

    return run


def _load(kind: _Kind, payload: str) -> _Loaded:
    """haproxy: either kind takes both; what counts for it must be there."""
    raw = payload.encode("utf-8", "surrogateescape")
    try:
        certificates = tuple(pem.der_of(one) for one in pem.certificates(raw))
        loaded = _Loaded(certificates, tuple(pem.revocation_lists(raw)))
    except ValueError:
        raise Refused("Invalid payload\n") from None
    if (not loaded.certificates and not loaded.crls) or (kind is _CRL and not loaded.crls):
        raise Refused("Invalid payload\n")
    return loaded


def _set(kind: _Kind) -> Callable[[Request], str]:
    def run(request: Request) -> str:
        name = request.argument(0)
        if not name or not request.payload:
            raise Refused(f"'set ssl {kind.keyword} expects a filename and {kind.contents} as a payload\n")
        refusal = f"Can't update {name}!\n"
        if name not in kind.named(request.control.certificates):
            raise Refused(f"Can't replace a {kind.noun} file which is not referenced by the configuration!\n{refusal}")
        transaction = kind.open(request.control.certificates)
        is_new = transaction.begin_or_go_on(name, refusal)
        try:
            loaded = _load(kind, request.payload)
        except Refused as refused:
            raise Refused(f"{refused}{refusal}") from None
        transaction.name, transaction.collected = name, loaded
        return f"transaction {'created' if is_new else 'updated'} for {kind.noun} {name}!\n"

    return run


def _commit(kind: _Kind) -> Callable[[Request], Any]:
    async def run(request: Request) -> str:
        name = request.argument(0)
        if not name:
            raise Refused("'commit ssl ca-file expects a filename\n")
        certificates = request.control.certificates
        loaded = kind.open(certificates).take(name)
        try:
            await certificates.perform(kind.change(name, loaded))
        except ValueFault as fault:
            raise Refused(f"{fault.message}\nCan't commit {name}!\n") from None
        kind.open(certificates).end()
        return f"Committing {name}{'.' * certificates.uses(kind.kind, name)}\nSuccess!\n"

    return run


def _abort(kind: _Kind) -> Callable[[Request], str]:
    return lambda request: kind.open(request.control.certificates).abort(f"abort ssl {kind.keyword}", request.argument(0))


def _del(kind: _Kind) -> Callable[[Request], Any]:
    async def run(request: Request) -> str:
        name = request.argument(0)
        certificates = request.control.certificates
        if not name:
            raise Refused(f"'del ssl {kind.keyword}' expects a {kind.noun} file name\n")
        refusal = f"Can't remove the {kind.noun} file: "
        if name not in kind.named(certificates):
            if _exists(certificates, name):
                other = "CA" if kind is _CRL else "CRL"
                raise Refused(f"{refusal}'del ssl {kind.keyword}' does not work on {other} files!\n")
            raise Refused(f"{refusal}{kind.noun} file '{name}' doesn't exist!\n")
        if certificates.uses(kind.kind, name):
            raise Refused(f"{refusal}{kind.noun} file '{name}' in use, can't be deleted!\n")
        await certificates.perform(["gone", kind.kind, name])
        return f"{kind.noun} file '{name}' deleted!\n"

    return run


def _shown_name(kind: _Kind, name: str, loaded: Any) -> str:
    return f"{name} - {len(kind.listed(loaded))} certificate(s)\n" if kind is _CA else f"{name}\n"


def _show_all(kind: _Kind, certificates: Certificates) -> str:
    lines = []
    transaction = kind.open(certificates)
    if transaction.name:
        lines += ["# transaction\n", _shown_name(kind, f"*{transaction.name}", transaction.collected)]
    lines.append("# filename\n")
    lines += [_shown_name(kind, name, loaded) for name, loaded in sorted(kind.named(certificates).items())]
    return "".join(lines)


def _show(kind: _Kind) -> Callable[[Request], str]:
    def run(request: Request) -> str:
        word = request.argument(0)
        certificates = request.control.certificates
        if not word:
            return _show_all(kind, certificates)
        name, colon, index_text = word.partition(":")
        index = int(index_text) if index_text.isascii() and index_text.isdigit() else 0
        if colon and index < 1:
            raise Refused(f"wrong {kind.noun} index after colons in '{word}'!\n")
        transaction = kind.open(certificates)
        is_drafted = bool(transaction.name) and name == f"*{transaction.name}"
        if not is_drafted and name not in kind.named(certificates):
            raise Refused(f"Can't display the {kind.noun} file : Not found!\n")
        loaded = transaction.collected if is_drafted else kind.named(certificates)[name]
        return f"Filename: {name}\n" + _details(kind, certificates, name, kind.listed(loaded), index)

    return run


def _details(kind: _Kind, certificates: Certificates, name: str, listed: tuple[bytes, ...], index: int) -> str:
    if not listed:
        return "Status: Empty\n"
    from fastlb.control.tls.describe import certificate_lines, revocation_lines

    lines_of = certificate_lines if kind is _CA else revocation_lines
    title = "Certificate" if kind is _CA else "Certificate Revocation List"
    found = [f"Status: {'Used' if certificates.uses(kind.kind, name) else 'Unused'}\n"]
    for number, der in enumerate(listed, 1):
        if not index or number == index:
            found += [" \n", f"{title} #{number}:\n", *(f"{line}\n" for line in lines_of(der))]
    return "".join(found)


def _commands(kind: _Kind) -> tuple[Command, ...]:
    what, argument = f"a {kind.noun} file", f"<{kind.keyword.replace('-', '')}>"
    return (
        Command(("abort", "ssl", kind.keyword), _abort(kind), f"abort a change of {what}", argument, Level.ADMIN),
        Command(("commit", "ssl", kind.keyword), _commit(kind), f"use what was set of {what}", argument, Level.ADMIN),
        Command(("del", "ssl", kind.keyword), _del(kind), f"delete {what} that nothing uses", argument, Level.ADMIN),
        Command(("new", "ssl", kind.keyword), _new(kind), f"make room for {what}", argument, Level.ADMIN),
        Command(
            ("set", "ssl", kind.keyword), _set(kind), f"collect the new content of {what}", f"{argument} <payload>", Level.ADMIN
        ),
        Command(
            ("show", "ssl", kind.keyword),
            _show(kind),
            f"the {kind.noun} files, or one in full",
            f"[{argument}[:<index>]]",
            Level.OPERATOR,
        ),
    )


COMMANDS = (*_commands(_CA), *_commands(_CRL))
