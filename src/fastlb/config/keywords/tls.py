"""Options of TLS that `bind`, `server` and `global`'s default options share (manual, sections 3.1, 5.1 and 5.2).

Knows how they are written and that they change a frozen `tls` of whatever has one. Must not know what a line needs as a whole
(tls_bind.py, tls_server.py) or open files (config/tls_files.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..tls_model import VERSIONS
from ..tls_pem import Remark
from ..tls_values import protocol_list, version
from ..values import ValueFault
from .row import SUPPORTED, Statement

MISSING_CIPHERS = "missing cipher suite"
MISSING_VERSION = "missing the ssl/tls version"


class HasTls(Protocol):
    """A bind line or a server."""

    tls: Any


Apply = Callable[[Statement, Any, str], None]


@dataclass(frozen=True, slots=True)
class Shared:
    """One option. grammar: "" for one without an argument; missing: HAProxy's words where that is not there."""

    name: str
    apply: Apply
    grammar: str = ""
    missing: str = ""
    status: str = SUPPORTED


def change(**values: object) -> Apply:
    """A switch: sets fields of `tls` to what is given."""

    def apply(st: Statement, line: HasTls, word: str) -> None:
        line.tls = replace(line.tls, **values)

    return apply


def text(field: str) -> Apply:
    def apply(st: Statement, line: HasTls, word: str) -> None:
        line.tls = replace(line.tls, **{field: word})

    return apply


def converted(field: str, convert: Callable[[str], object]) -> Apply:
    """An option whose word `convert` turns into the field's value, or refuses with a ValueFault."""

    def apply(st: Statement, line: HasTls, word: str) -> None:
        line.tls = replace(line.tls, **{field: convert(word)})

    return apply


def _protocols(keyword: str, field: str) -> Apply:
    def convert(word: str) -> tuple[str, ...]:
        try:
            return protocol_list(word)
        except ValueFault as fault:
            raise ValueFault(f"'{keyword}' : {fault.message}") from None

    return converted(field, convert)


def protocols(keyword: str, field: str) -> Shared:
    what = "NPN" if keyword == "npn" else "ALPN"
    missing = f"'{keyword}' : missing the comma-delimited {what} protocol suite"
    return Shared(keyword, _protocols(keyword, field), "<protocols>", missing)


def _exclude(name: str) -> Apply:
    def apply(st: Statement, line: HasTls, word: str) -> None:
        line.tls = replace(line.tls, off=line.tls.off | {name})

    return apply


def word_of(name: str) -> str:
    """The version in the names of options: "tlsv12" for "TLSv1.2"."""
    return name.lower().replace(".", "")


def tell(st: Statement, at: int) -> Callable[[Remark], None]:
    """Reports what is worth knowing of a file that the word at `at` names: a warning, or a notice for what can wait."""

    def report(remark: Remark) -> None:
        severity = "warning" if remark.is_urgent else "notice"
        st.report(severity, "certificate", remark.text, at, remark.hint, None)

    return report


SWITCHES: tuple[Shared, ...] = (
    *(Shared(f"no-{word_of(name)}", _exclude(name)) for name in VERSIONS),
    *(Shared(f"force-{word_of(name)}", change(min_version=name, max_version=name)) for name in VERSIONS),
    Shared("ssl-min-ver", converted("min_version", version), "<version>", f"'ssl-min-ver' : {MISSING_VERSION}"),
    Shared("ssl-max-ver", converted("max_version", version), "<version>", f"'ssl-max-ver' : {MISSING_VERSION}"),
    Shared("no-tls-tickets", change(tickets=False)),
)
SHARED: tuple[Shared, ...] = (
    *SWITCHES,
    Shared("tls-tickets", change(tickets=True)),
    Shared("ciphers", text("ciphers"), "<ciphers>", f"'ciphers' : {MISSING_CIPHERS}"),
    Shared("ciphersuites", text("ciphersuites"), "<ciphersuites>", f"'ciphersuites' : {MISSING_CIPHERS}"),
    Shared("curves", text("curves"), "<curves>", "'curves' : missing curve suite"),
    Shared("sigalgs", text("sigalgs"), "<sigalgs>", "'sigalgs' : missing signature algorithm list"),
    Shared("client-sigalgs", text("client_sigalgs"), "<sigalgs>", "'client-sigalgs' : missing signature algorithm list"),
    protocols("alpn", "alpn"),
    Shared("no-alpn", change(alpn=())),
    protocols("npn", "npn"),
)
