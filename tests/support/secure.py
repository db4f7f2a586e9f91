"""TLS clients and servers of tests, on Python's ssl. Certificates: support/certificates.py."""

from __future__ import annotations

import ssl
from pathlib import Path

from .client import Client
from .origin import OriginConnection, Script
from .sockets import connect
from .wire import Cut, Wire


def client_context(**options: object) -> ssl.SSLContext:
    """A context that verifies nothing. options: attributes to set, such as maximum_version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(context, name, value)
    return context


def server_context(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


class SecureClient(Client):
    """One client connection with TLS. name: the server name that is sent; session: one to resume."""

    def __init__(
        self,
        address: tuple[str, int],
        name: str | None = None,
        context: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
        before: bytes = b"",
    ) -> None:
        sock = connect(address)
        if before:
            sock.sendall(before)
        context = context or client_context()
        Wire.__init__(self, context.wrap_socket(sock, server_hostname=name, session=session))

    @property
    def tls(self) -> ssl.SSLSocket:
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.sock

    def common_name(self) -> str:
        """Of the certificate that the server has shown."""
        from cryptography import x509

        der = self.tls.getpeercert(binary_form=True)
        assert der is not None
        subject = x509.load_der_x509_certificate(der).subject
        return str(subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def step_by_step(address: tuple[str, int], request: bytes, context: ssl.SSLContext, size: int = 1) -> bytes:
    """Sends a request over TLS with every flight cut into pieces of `size` bytes; what came back up to the close alert."""
    sock = connect(address)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)

    def push() -> None:
        flight = outgoing.read()
        for start in range(0, len(flight), size):
            sock.sendall(flight[start : start + size])

    def pull() -> None:
        push()
        data = sock.recv(size)
        incoming.write(data) if data else incoming.write_eof()

    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            pull()
    tls.write(request)
    found = b""
    while True:
        try:
            data = tls.read(65536)
        except ssl.SSLWantReadError:
            pull()
            continue
        if not data:
            sock.close()
            return found
        found += data


def checked(script: Script) -> Script:
    """`script` for a server whose checks may be cut off anywhere by the proxy's end, without a close_notify."""

    def run(conn: OriginConnection) -> None:
        try:
            script(conn)
        except ssl.SSLEOFError as error:
            raise Cut from error

    return run


def secured(script: Script, context: ssl.SSLContext, names: list[str | None] | None = None) -> Script:
    """`script` behind TLS. names: where the server names that clients sent are added, in the order of handshakes."""

    def note(tls: ssl.SSLObject, name: str | None, of: ssl.SSLContext) -> None:
        if names is not None:
            names.append(name)

    context.sni_callback = note  # type: ignore[assignment]

    def run(conn: OriginConnection) -> None:
        try:
            conn.sock = context.wrap_socket(conn.sock, server_side=True)
        except (ssl.SSLError, OSError):
            return
        script(conn)

    return run
