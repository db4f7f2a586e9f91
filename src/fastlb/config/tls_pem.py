"""Files of certificates and keys: bytes to checked DER (RFC 7468, RFC 5280).

Knows PEM and X.509 through `cryptography`, which is imported when the first file is read: a configuration without TLS does not
pay for it. Must not know keywords or where files are looked for (tls_files.py).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import os
import re
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tls_model import KeyPair
from .values import ValueFault

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MAX_FILE = 16 << 20
SOON_DAYS = 30
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
_KEYS = (b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY", b"DSA PRIVATE KEY", b"ENCRYPTED PRIVATE KEY")


class TlsFault(ValueFault):
    """A file that cannot be used. message: HAProxy's; hint: the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Block:
    """One PEM block. text: as it stands in the file, for what takes PEM."""

    label: bytes
    text: bytes
    body: bytes

    @property
    def der(self) -> bytes:
        """Raises ValueError for bad base64."""
        return base64.b64decode(b"".join(self.body.split()), validate=True)


def read(path: str) -> bytes:
    """The bytes of a file of at most MAX_FILE. Raises OSError; never blocks on a fifo."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        raw = stream.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise OSError(0, f"larger than {MAX_FILE} bytes")
    return raw


def reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def blocks(raw: bytes) -> Iterator[Block]:
    for found in _BLOCK.finditer(raw):
        yield Block(found[1], found[0] + b"\n", found[2])


def certificates(raw: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file, in its order. Raises ValueError."""
    from cryptography import x509

    with warnings.catch_warnings():
        # Roots that every system has break RFC 5280 here and there: that is for whoever verifies with them.
        warnings.simplefilter("ignore")
        return [x509.load_der_x509_certificate(block.der) for block in blocks(raw) if block.label in _CERTIFICATES]


def revocation_lists(raw: bytes) -> list[bytes]:
    """The revocation lists of a PEM file as DER, checked. Raises ValueError."""
    from cryptography import x509

    found = [block.der for block in blocks(raw) if block.label == b"X509 CRL"]
    for der in found:
        x509.load_der_x509_crl(der)
    return found


def der_of(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def private_key(raw: bytes, path: str) -> PrivateKeyTypes | None:
    """The first private key of a file, None without one. Raises TlsFault for one that cannot be used."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    block = next((block for block in blocks(raw) if block.label in _KEYS), None)
    if block is None:
        return None
    if block.label.startswith(b"ENCRYPTED") or b"ENCRYPTED" in block.body:
        # haproxy: asks on the terminal for the password, and fails where there is none.
        message = f"the private key in '{path}' is encrypted, and there is nobody to ask for its password."
        raise TlsFault(message, "encrypted-key", f"decrypt it: openssl pkey -in {path} -out <file>")
    try:
        return load_pem_private_key(block.text, None)
    except Exception as error:  # cryptography has several classes for what a key may be
        why = str(error).splitlines()[0][:100] if str(error) else "it cannot be decoded"
        raise TlsFault(f"No Private Key found in '{path}'.", "bad-certificate", f"the key is broken: {why}") from None


def own_certificates(raw: bytes, path: str) -> list[x509.Certificate]:
    """A server's certificate and those behind it. Raises TlsFault where there is none."""
    try:
        found = certificates(raw)
    except (ValueError, binascii.Error) as error:
        raise unloadable(path, str(error)[:100]) from None
    if not found:
        raise unloadable(path, "it holds no certificate (-----BEGIN CERTIFICATE-----)")
    return found


def key_pair(name: str, raw: bytes, key: PrivateKeyTypes, path: str) -> KeyPair:
    """The pair of a file's certificates and `key`. Raises TlsFault with HAProxy's words."""
    from cryptography.hazmat.primitives import serialization as form

    found = own_certificates(raw, path)
    leaf, *chain = found
    spki = (form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    try:
        own = leaf.public_key().public_bytes(*spki)
    except Exception as error:  # an algorithm that cryptography does not know
        raise unloadable(path, str(error)) from None
    if own != key.public_key().public_bytes(*spki):
        hint = "the key belongs to another certificate"
        if any(one.public_key().public_bytes(*spki) == key.public_key().public_bytes(*spki) for one in chain):
            hint = "the file must begin with the server's own certificate; those of its issuers follow"
        raise TlsFault(f"inconsistencies between private key and certificate loaded '{path}'.", "bad-certificate", hint)
    return KeyPair(
        name,
        der_of(leaf),
        key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption()),
        tuple(der_of(one) for one in chain),
        key_type(key),
        names(leaf),
        next((block.text for block in blocks(raw) if block.label == b"DH PARAMETERS"), b""),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def unloadable(path: str, hint: str = "") -> TlsFault:
    return TlsFault(f"unable to load certificate from file '{path}'.", "bad-certificate", hint)


def key_type(key: PrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    kinds = {rsa.RSAPrivateKey: "rsa", ec.EllipticCurvePrivateKey: "ecdsa", dsa.DSAPrivateKey: "dsa"}
    return next((name for kind, name in kinds.items() if isinstance(key, kind)), type(key).__name__.removesuffix("PrivateKey"))


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names of a certificate in lower case: subjectAltName first, then the subject's common names."""
    from cryptography import x509

    found: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound, ValueError):
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found += alternative.get_values_for_type(x509.DNSName)
    for attribute in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        value = attribute.value
        found.append(value if isinstance(value, str) else value.decode("latin-1"))
    return tuple(dict.fromkeys(name.lower() for name in found))


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a certificate that can be used. is_urgent: clients refuse it today."""

    text: str
    is_urgent: bool
    hint: str = ""


def remarks(pair: KeyPair, now: datetime.datetime | None = None) -> list[Remark]:
    """What is questionable about a pair: its dates, the order of its chain."""
    from cryptography import x509

    now = now or datetime.datetime.now(datetime.UTC)
    leaf, *chain = (x509.load_der_x509_certificate(der) for der in (pair.leaf, *pair.chain))
    found = []
    ends, begins = leaf.not_valid_after_utc, leaf.not_valid_before_utc
    if ends < now:
        found.append(Remark(f"certificate '{pair.name}' has expired on {ends:%Y-%m-%d %H:%M} UTC.", True, "renew it"))
    elif begins > now:
        found.append(Remark(f"certificate '{pair.name}' is not valid before {begins:%Y-%m-%d %H:%M} UTC.", True))
    elif (left := (ends - now).days) < SOON_DAYS:
        text = f"certificate '{pair.name}' expires in {left} days, on {ends:%Y-%m-%d %H:%M} UTC."
        found.append(Remark(text, False, "renew it"))
    for lower, upper in zip([leaf, *chain], chain, strict=False):
        if lower.issuer != upper.subject:
            text = f"certificate '{pair.name}' : its chain is out of order: '{_shown(upper)}' follows '{_shown(lower)}', "
            found.append(Remark(text + "which it did not issue.", True, "put each certificate's issuer right behind it"))
            break
    return found


def _shown(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:100]
