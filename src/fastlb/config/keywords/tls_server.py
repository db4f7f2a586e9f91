"""TLS options of `server` and `default-server` (manual, section 5.2), and what a server with TLS needs as a whole.

Knows how they are written. The client certificate is loaded once the line is complete: without `ssl`, HAProxy does not look for
it. Must not connect to anything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..diagnostics import ALERT, WARNING
from ..expressions import ExpressionFault, parse_expression, unavailable
from ..model import Server
from ..samples.types import Point
from ..tls_files import based
from ..tls_model import ServerTls
from ..tls_pem import TlsFault
from ..tls_values import completed, is_cipher_list, is_curve_list, is_suite_list, version_range
from ..values import ValueFault
from .row import UNSUPPORTED, ServerOption, Statement
from .since import since
from .tls import SHARED, Apply, Shared, change, converted, protocols, tell, text

_NO_CA = (
    "verify is enabled by default but no CA file specified. If you're running on a LAN where you're certain to trust the "
    "server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use 'ssl-server-verify none' "
    "in the global section to disable server-side verifications by default."
)
_ONLY_SERVER = {"no-sslv3", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13"}
_LOWEST = "TLSv1.0"  # what a server's connection begins with where nothing is said: libssl decides


def set_ca_file(st: Statement, srv: Server, word: str) -> None:
    files = st.reading.tls_files
    found = files.authorities(based(files.glob.ca_base, word), "ca-file", tell(st, st.words.index(word)))
    srv.tls = replace(srv.tls, authorities=found)


def set_crl_file(st: Statement, srv: Server, word: str) -> None:
    files = st.reading.tls_files
    srv.tls = replace(srv.tls, revocations=files.revocations(based(files.glob.ca_base, word)))


def set_sni(st: Statement, srv: Server, word: str) -> None:
    lead = "error detected while parsing sni expression : "
    try:
        found = parse_expression(word).expression
    except ExpressionFault as fault:
        raise ValueFault(f"{lead}{fault.message}", fault.code, fault.hint) from None
    if missing := unavailable(found, Point.CONNECT_SERVER):
        message = f"{lead} fetch method '{word}' extracts information from '{missing}', none of which is available here."
        raise ValueFault(message, "wrong-place")
    srv.tls = replace(srv.tls, sni=found)


def _verify(word: str) -> str:
    if word not in ("none", "required"):
        raise ValueFault(f"'verify' : unknown verify method '{word}', only 'none' and 'required' are supported")
    return word


def _dotted(apply: Apply) -> Apply:
    """HAProxy ends its sentences here, but not on bind lines."""

    def act(st: Statement, srv: Any, word: str) -> None:
        try:
            apply(st, srv, word)
        except ValueFault as fault:
            end = "" if fault.message.endswith(".") else "."
            raise ValueFault(fault.message + end, fault.code, fault.hint) from None

    return act


OWN: tuple[Shared, ...] = (
    Shared("ssl", change(enabled=True)),
    Shared("no-ssl", change(enabled=False)),
    Shared("check-ssl", change(checks=True)),
    Shared("no-check-ssl", change(checks=False)),
    Shared("verify", converted("verify", _verify), "{none | required}", "'verify' : missing verify method"),
    Shared("verifyhost", text("verify_host"), "<hostname>", "'verifyhost' : missing hostname to verify against"),
    Shared("no-verifyhost", change(verify_host="")),
    Shared("ca-file", set_ca_file, "<cafile>", "'ca-file' : missing CAfile path"),
    Shared("crl-file", set_crl_file, "<crlfile>", "'crl-file' : missing CRLfile path"),
    Shared("crt", text("crt"), "<cert>", "'crt' : missing certificate file path"),
    Shared("sni", set_sni, "<expression>", "'sni' : missing sni expression"),
    Shared("check-sni", text("check_sni"), "<sni>", "'check-sni' : missing SNI"),
    protocols("check-alpn", "check_alpn"),
    Shared("ssl-reuse", change(reuse=True)),
    Shared("no-ssl-reuse", change(reuse=False)),
    Shared("allow-0rtt", change(), status=UNSUPPORTED),
)

SERVER: tuple[ServerOption, ...] = tuple(
    ServerOption(
        row.name,
        "server",
        "LB",
        row.grammar,
        manual="5.2",
        since=since(row.name),
        status=row.status,
        apply=None if row.status == UNSUPPORTED else row.apply if row.name == "sni" else _dotted(row.apply),
        arity=1 if row.grammar else 0,
        missing=row.missing,
        default_server=row.name not in _ONLY_SERVER,
    )
    for row in (*OWN, *SHARED)
    if row.name != "no-alpn"
)


def complete(st: Statement, srv: Server, where: str) -> None:
    """Checks a server with TLS as a whole, loads its certificate and fills in `global`'s defaults."""
    if not srv.tls.enabled and not srv.tls.checks:
        return
    glob = st.reading.configuration.global_.tls
    tls = completed(srv.tls, glob.server)
    tls = replace(tls, verify=tls.verify or glob.server_verify)
    line = _Line(st, where)
    tls = _with_certificate(line, tls)
    tls = _with_versions(line, tls, srv)
    if tls.verify == "required" and tls.authorities is None:
        line.report(ALERT, _NO_CA, "ssl", "missing-argument", "verify required ca-file @system-ca")
    if tls.ciphers is not None and not is_cipher_list(tls.ciphers):
        line.report(ALERT, f"unable to set SSL cipher list to '{tls.ciphers}'.", "ciphers")
    if tls.ciphersuites is not None and not is_suite_list(tls.ciphersuites):
        line.report(ALERT, f"unable to set TLS 1.3 cipher suites to '{tls.ciphersuites}'.", "ciphersuites")
    if tls.curves is not None and not is_curve_list(tls.curves):
        line.report(ALERT, f"unable to set SSL curves list to '{tls.curves}'.", "curves")
    srv.tls = tls


class _Line:
    """Reports about a server's line, at the word that is to blame."""

    def __init__(self, st: Statement, where: str) -> None:
        self.st = st
        self.where = where

    def report(self, severity: str, message: str, word: str, code: str = "bad-argument", hint: str = "") -> None:
        places = {each: at for at, each in enumerate(self.st.words) if at > 2}
        at = places.get(word) or places.get("check-ssl", 0)
        location, _ = self.st.place(at)
        self.st.report(severity, code, f"{self.where}{message}", at, hint, f"[{location}] : ")


def _with_certificate(line: _Line, tls: ServerTls) -> ServerTls:
    if not tls.crt:
        return tls
    files = line.st.reading.tls_files
    at = line.st.words.index("crt") if "crt" in line.st.words else 0
    try:
        found = files.load(based(files.glob.crt_base, tls.crt), tell(line.st, at), bundles=False)
    except TlsFault as fault:
        line.report(ALERT, fault.message, "crt", fault.code, fault.hint)
        return tls
    return replace(tls, pair=found[0] if found else None)


def _with_versions(line: _Line, tls: ServerTls, srv: Server) -> ServerTls:
    found = version_range(tls, _LOWEST)
    px = line.st.draft.proxy.name if line.st.draft is not None else ""
    if found.ignores_off:
        message = "no-sslv3/no-tlsv1x are ignored for this server. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
        line.report(WARNING, message, "ssl", "questionable")
    if not found.lowest:
        line.report(ALERT, f"backend '{px}': all SSL/TLS versions are disabled for server '{srv.name}'.", "ssl")
        return tls
    if found.holes:
        message = (
            f"backend '{px}': SSL/TLS versions range not contiguous for server '{srv.name}'. Hole find for "
            f"{', '.join(found.holes)}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
        )
        line.report(WARNING, message, "ssl", "questionable")
    # Without a word about the lowest version, libssl's own counts.
    lowest = found.lowest if tls.min_version is not None or tls.off else None
    return replace(tls, min_version=lowest, max_version=found.highest, off=frozenset(found.holes))
