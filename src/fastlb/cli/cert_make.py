"""Makes keys, certificates, requests and bundles for `fastlb cert`.

Knows X.509 through `cryptography`, and that what holds a private key is its owner's alone from the moment it exists. Must not
print anything but what was written.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import ipaddress
import os
import re
import sys
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fastlb.config import tls_pem
from fastlb.config.tls_pem import TlsFault

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
MAX_CN = 64  # RFC 5280: ub-common-name
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_PEM = serialization.Encoding.PEM


class CertError(Exception):
    """What keeps a file from being made, in words for the user."""


def self_signed(options: argparse.Namespace) -> None:
    """Writes a self-signed certificate with its key. Raises CertError."""
    names = [_general(name) for name in options.names]
    path = options.output or f"{_stem(options.names[0])}.pem"
    _refuse_existing([path], options.force)
    key = _new_key(options)
    subject = x509.Name(_common_name(options.names))
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks of clients differ
        .not_valid_after(now + datetime.timedelta(days=options.days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    _write(path, certificate.public_bytes(_PEM) + _key_text(key), options.force)
    _say(f"{path}: certificate and key for {', '.join(options.names)}, {options.days} days.", f"bind :443 ssl crt {path}")


def request(options: argparse.Namespace) -> None:
    """Writes a certificate request, and a new key unless one is given. Raises CertError."""
    names = [_general(name) for name in options.names]
    path = options.output or f"{_stem(options.names[0])}.csr"
    key_path = "" if options.key_file else f"{os.path.splitext(path)[0]}.key"
    _refuse_existing([path, *([key_path] if key_path else [])], options.force)
    key = _read_key(options.key_file) if options.key_file else _new_key(options)
    try:
        more = list(x509.Name.from_rfc4514_string(re.sub(r"(?<!\\), *", ",", options.subject))) if options.subject else []
    except ValueError:
        raise CertError(f"--subject: '{options.subject}' is not written like O=Example Ltd,L=Berlin,C=DE") from None
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([*more, *_common_name(options.names)]))
    made = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    if key_path:
        _write(key_path, _key_text(key), options.force)
        _say(f"{key_path}: the private key; keep it, and nobody else gets it.")
    _write(path, made.public_bytes(_PEM), options.force)
    _say(f"{path}: the request, for the certificate authority.", f"fastlb cert bundle <answer> {key_path or options.key_file}")


def bundle(options: argparse.Namespace) -> None:
    """Joins the files' certificates, in order, and the key. Raises CertError."""
    texts = [_read(path) for path in options.files]
    raw = b"\n".join(texts)
    keys = [_key_of(text, path) for text, path in zip(texts, options.files, strict=True)]
    found_keys = [key for key in keys if key is not None]
    if len(found_keys) != 1:
        raise CertError(f"{len(found_keys)} of the files hold a private key, and one has to")
    try:
        certificates = list(dict.fromkeys(tls_pem.certificates(raw)))
    except ValueError as error:
        raise CertError(f"a certificate cannot be decoded: {str(error)[:100]}") from None
    chain = _ordered(certificates, found_keys[0])
    names = tls_pem.names(chain[0])
    path = options.output or f"{_stem(names[0] if names else 'certificate')}.pem"
    _write(path, b"".join(one.public_bytes(_PEM) for one in chain) + _key_text(found_keys[0]), options.force)
    left = len(certificates) - len(chain)
    spare = f"; {left} that do not belong to the chain are left out" if left else ""
    _say(f"{path}: {len(chain)} certificates and the key{spare}.", f"bind :443 ssl crt {path}")


def _ordered(certificates: Sequence[x509.Certificate], key: PrivateKeyTypes) -> list[x509.Certificate]:
    """The key's certificate, then the issuer of each in turn, without a self-issued root."""
    own = _spki(key.public_key())
    first = next((one for one in certificates if _spki(one.public_key()) == own), None)
    if first is None:
        raise CertError("none of the certificates belongs to the private key")
    chain = [first]
    while chain[-1].issuer != chain[-1].subject:
        upper = next((one for one in certificates if one.subject == chain[-1].issuer and one not in chain), None)
        if upper is None or upper.issuer == upper.subject:
            break  # clients have the roots that they trust
        chain.append(upper)
    return chain


def _spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


# --- keys and names ---


def _new_key(options: argparse.Namespace) -> Key:
    return ec.generate_private_key(ec.SECP256R1()) if options.key == "ecdsa" else rsa.generate_private_key(65537, options.bits)


def _read_key(path: str) -> Key:
    key = _key_of(_read(path), path)
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise CertError(f"'{path}' holds no RSA or ECDSA private key")
    return key


def _key_of(text: bytes, path: str) -> PrivateKeyTypes | None:
    try:
        return tls_pem.private_key(text, path)
    except TlsFault as fault:
        raise CertError(f"{fault.message} ({fault.hint})") from None


def _key_text(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _general(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    ascii_name = _ascii(name)
    labels = ascii_name.removeprefix("*.").split(".")
    if len(ascii_name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise CertError(f"'{name}' is no host name, *.wildcard or IP address")
    return x509.DNSName(ascii_name)


def _ascii(name: str) -> str:
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        raise CertError(f"'{name}' is no host name") from None


def _common_name(names: Sequence[str]) -> list[x509.NameAttribute[str]]:
    """The first name as the subject's; a longer one than a subject may hold stands among the alternative names only."""
    name = _ascii(names[0])
    return [x509.NameAttribute(NameOID.COMMON_NAME, name)] if len(name) <= MAX_CN else []


def _stem(name: str) -> str:
    """A name as the beginning of a file's: `*.example.com` is wildcard.example.com."""
    return _ascii(name).replace("*", "wildcard").replace("/", "_").replace(":", "_")


# --- files ---


def _read(path: str) -> bytes:
    try:
        return tls_pem.read(path)
    except (OSError, ValueError) as error:
        raise CertError(f"cannot read '{path}': {tls_pem.reason(error)}") from None


def _refuse_existing(paths: Sequence[str], force: bool) -> None:
    for path in paths:
        if not force and os.path.lexists(path):
            raise CertError(f"'{path}' exists; --force replaces it, -o FILE takes another name")


def _write(path: str, text: bytes, force: bool) -> None:
    """Writes the file, mode 600, at once or not at all: a reader never meets half of it."""
    _refuse_existing([path], force)
    fresh = f"{path}.new-{os.getpid()}"
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        if force:
            os.rename(fresh, path)
        else:
            os.link(fresh, path)  # unlike rename, it never replaces a file that came meanwhile
            os.unlink(fresh)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            os.unlink(fresh)
        raise CertError(f"cannot write '{path}': {tls_pem.reason(error)}") from None


def _say(text: str, then: str = "") -> None:
    sys.stdout.write(f"{text}\n" + (f"    then: {then}\n" if then else ""))
