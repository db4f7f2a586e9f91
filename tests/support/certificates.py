"""Certificates for tests, made while they run: authorities, servers' and clients' certificates, revocation lists.

`Authority("ca")` is its own issuer; `authority.issue("www.example.com")` makes a `Made` that it signed. Nothing is in the tree
that could expire. Keys are ECDSA unless asked otherwise: an RSA key takes a tenth of a second.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


def new_key(kind: str = "ecdsa") -> CertificateIssuerPrivateKeyTypes:
    """A private key: "ecdsa" or "rsa"."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)


@dataclass
class Made:
    """A certificate with its key. issuers: those above it, the nearest first, without the root."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes
    issuers: list[x509.Certificate] = field(default_factory=list)

    @property
    def crt(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def chain(self) -> bytes:
        return b"".join(one.public_bytes(PEM) for one in self.issuers)

    @property
    def private(self) -> bytes:
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @property
    def pem(self) -> bytes:
        """What `crt` takes: certificate, chain and key in one file."""
        return self.crt + self.chain + self.private

    def encrypted(self, password: bytes = b"secret") -> bytes:
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(password))

    def write(self, path: Path) -> Path:
        """Writes `pem`, which only the owner may read."""
        path.write_bytes(self.pem)
        path.chmod(0o600)
        return path


class Authority(Made):
    """A certificate authority: a root of its own, or below `parent`."""

    def __init__(self, name: str = "test authority", parent: Authority | None = None, key: str = "ecdsa") -> None:
        own = new_key(key)
        issuer = parent.certificate.subject if parent else _name(name)
        builder = _builder(_name(name), own, issuer, -1, 3650)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        certificate = builder.sign(parent.key if parent else own, hashes.SHA256())
        super().__init__(certificate, own, parent.below if parent else [])
        self.below = [certificate, *self.issuers] if parent else []

    def issue(
        self,
        *names: str,
        cn: str | None = None,
        key: str = "ecdsa",
        from_days: float = -1,
        to_days: float = 365,
        client: bool = False,
    ) -> Made:
        """A certificate for `names` (DNS names or addresses, as subjectAltName). cn: the subject's, the first name by default.

        from_days, to_days: its validity, counted from now.
        """
        own = new_key(key)
        subject = _name(names[0] if cn is None and names else cn or "")
        builder = _builder(subject, own, self.certificate.subject, from_days, to_days)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return Made(_with_names(builder, names).sign(self.key, hashes.SHA256()), own, self.below)

    def revoke(self, *made: Made) -> bytes:
        """A revocation list with these certificates, PEM."""
        now = _now()
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - datetime.timedelta(days=1)).next_update(now + datetime.timedelta(days=30))
        for one in made:
            revoked = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(now)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM)


def self_signed(*names: str, key: str = "ecdsa", to_days: float = 365) -> Made:
    """A certificate for `names` that is its own issuer."""
    own = new_key(key)
    builder = _builder(_name(names[0]), own, _name(names[0]), -1, to_days)
    return Made(_with_names(builder, names).sign(own, hashes.SHA256()), own)


def _with_names(builder: x509.CertificateBuilder, names: tuple[str, ...]) -> x509.CertificateBuilder:
    general = [_general(name) for name in names]
    return builder.add_extension(x509.SubjectAlternativeName(general), critical=False) if general else builder


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _name(cn: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, key: CertificateIssuerPrivateKeyTypes, issuer: x509.Name, from_days: float, to_days: float
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    begins, ends = _now() + datetime.timedelta(days=from_days), _now() + datetime.timedelta(days=to_days)
    return builder.not_valid_before(begins).not_valid_after(ends)
