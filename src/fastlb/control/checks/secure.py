"""TLS of health checks (manual, section 5.2 "check-ssl"): contexts of Python's ssl from the typed model.

Knows what a server's line says of TLS. Must not read files: certificates are in the model, and what ssl only takes from files
goes through one in memory. Must not know when checks run.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass

from fastlb.config.model import Server
from fastlb.config.tls_model import ServerTls

_VERSIONS = {
    "SSLv3": ssl.TLSVersion.SSLv3,
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class CheckTls:
    """name: sent to the server and, where the context verifies, looked for in its certificate; None for neither."""

    context: ssl.SSLContext
    name: str | None


class CheckSocket(ssl.SSLSocket):
    """Tells in the words of a plain socket that a receive has to wait."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None


def check_tls(srv: Server) -> CheckTls | None:
    """What checks of that server need; None where they speak in the clear."""
    tls = srv.tls
    goes_elsewhere = srv.check_port is not None or srv.check_address is not None
    if tls.checks is False or (tls.checks is None and (not tls.enabled or goes_elsewhere)):
        return None
    return CheckTls(_context(tls), tls.verify_host or tls.check_sni or None)


def _context(tls: ServerTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = CheckSocket
    # haproxy: what no name was given for is not compared with one.
    context.check_hostname = tls.verify == "required" and bool(tls.verify_host or tls.check_sni)
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify == "required" else ssl.CERT_NONE
    if tls.min_version is not None:
        context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version is not None:
        context.maximum_version = _VERSIONS[tls.max_version]
    if tls.ciphers is not None:
        context.set_ciphers(tls.ciphers)
    offered = tls.check_alpn if tls.check_alpn is not None else tls.alpn
    # As for traffic (compile/tls.py): what would answer in HTTP/2 could not be understood.
    if alpn := [name for name in offered or () if name != "h2" and name.isascii()]:
        context.set_alpn_protocols(alpn)
    _load(context, tls)
    return context


def _load(context: ssl.SSLContext, tls: ServerTls) -> None:
    authorities, revocations = tls.authorities, tls.revocations
    if tls.verify == "required" and authorities is not None and authorities.certificates:
        context.load_verify_locations(cadata=b"".join(authorities.certificates))
    if tls.verify == "required" and revocations is not None:
        text = "".join(_pem("X509 CRL", crl) for crl in revocations.crls)
        with _MemoryFile(text) as path:
            context.load_verify_locations(path)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if tls.pair is not None:
        chain = [tls.pair.leaf, *tls.pair.chain]
        text = "".join(map(ssl.DER_cert_to_PEM_cert, chain)) + _pem("PRIVATE KEY", tls.pair.key)
        with _MemoryFile(text) as path:
            context.load_cert_chain(path)


def _pem(label: str, der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", label)


class _MemoryFile:
    """A file that is nowhere on a disk, for as long as the block lasts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._fd = -1

    def __enter__(self) -> str:
        self._fd = os.memfd_create("fastlb")
        os.write(self._fd, self._text.encode())
        return f"/proc/self/fd/{self._fd}"

    def __exit__(self, *exception: object) -> None:
        os.close(self._fd)
