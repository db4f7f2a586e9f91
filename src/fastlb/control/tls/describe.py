"""Certificates and revocation lists as `show ssl ...` tells them (management guide, section 9.3).

Knows HAProxy's lines and OpenSSL's one-line names. Must not know where the material is used.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509 import ocsp

from fastlb.config.tls_model import KeyPair

# OpenSSL's short names of what stands in a subject; others are shown as dotted numbers.
_SHORT = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.15": "businessCategory",
    "2.5.4.17": "postalCode", "2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier",
    "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}  # fmt: skip
_SHA1_OF_ISSUER = bytes.fromhex("300906052b0e03021a0500")  # AlgorithmIdentifier of a CertID (RFC 6960 4.1.1)


def certificate_lines(der: bytes) -> Iterator[str]:
    """What every `show ssl` tells of one certificate, from its serial number to its issuer."""
    one = x509.load_der_x509_certificate(der)
    yield f"Serial: {_number(one.serial_number)}"
    yield f"notBefore: {_date(one.not_valid_before_utc)}"
    yield f"notAfter: {_date(one.not_valid_after_utc)}"
    yield f"Subject Alternative Name: {', '.join(_alternatives(one))}"
    yield f"Algorithm: {_algorithm(one)}"
    yield f"SHA1 FingerPrint: {one.fingerprint(hashes.SHA1()).hex().upper()}"
    yield f"Subject: {_name(one.subject)}"
    yield f"Issuer: {_name(one.issuer)}"


def pair_lines(pair: KeyPair) -> Iterator[str]:
    yield from certificate_lines(pair.leaf)
    for der in pair.chain:
        above = x509.load_der_x509_certificate(der)
        yield f"Chain Subject: {_name(above.subject)}"
        yield f"Chain Issuer: {_name(above.issuer)}"


def revocation_lines(der: bytes) -> Iterator[str]:
    """What `show ssl crl-file` tells of one list; like `openssl crl -text`, without extensions."""
    crl = x509.load_der_x509_crl(der)
    # RFC 5280 5.1.2.1: the version stands there only where it is 2, and then as a number of its own.
    yield f"Version {2 if crl.tbs_certlist_bytes[:16].find(bytes((2, 1, 1))) >= 0 else 1}"
    yield f"Signature Algorithm: {crl.signature_algorithm_oid._name}"
    yield f"Issuer: {_name(crl.issuer)}"
    yield f"Last Update: {_date(crl.last_update_utc)}"
    if crl.next_update_utc is not None:
        yield f"Next Update: {_date(crl.next_update_utc)}"
    if not len(crl):
        yield "No Revoked Certificates."
        return
    yield "Revoked Certificates:"
    for entry in crl:
        yield f"    Serial Number: {_number(entry.serial_number)}"
        yield f"        Revocation Date: {_date(entry.revocation_date_utc)}"


def response_key(response: bytes) -> str:
    """The CertID (RFC 6960 4.1.1) that an OCSP response is about, as HAProxy names it: DER in hexadecimal."""
    one = ocsp.load_der_ocsp_response(response)
    parts = _tlv(4, one.issuer_name_hash) + _tlv(4, one.issuer_key_hash)
    serial = one.serial_number.to_bytes(one.serial_number.bit_length() // 8 + 1)
    return _tlv(0x30, _SHA1_OF_ISSUER + parts + _tlv(2, serial)).hex()


def response_lines(response: bytes) -> Iterator[str]:
    """An entry of `show ssl ocsp-response`."""
    one = ocsp.load_der_ocsp_response(response)
    yield f"Certificate ID key : {response_key(response)}"
    yield " Certificate ID:"
    yield f"   Issuer Name Hash: {one.issuer_name_hash.hex().upper()}"
    yield f"   Issuer Key Hash: {one.issuer_key_hash.hex().upper()}"
    yield f"   Serial Number: {_number(one.serial_number)}"


def _tlv(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def _number(serial: int) -> str:
    return serial.to_bytes(max(1, (serial.bit_length() + 7) // 8)).hex().upper()


def _date(when: datetime.datetime) -> str:
    return f"{when:%b} {when.day:2} {when:%H:%M:%S %Y} GMT"


def _name(name: x509.Name) -> str:
    return "".join(f"/{_SHORT.get(each.oid.dotted_string, each.oid.dotted_string)}={_text(each.value)}" for each in name)


def _text(value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.decode("latin-1")
    return "".join(each if each.isprintable() else f"\\x{ord(each):02X}" for each in text)


def _alternatives(one: x509.Certificate) -> list[str]:
    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    kinds = (
        (x509.DNSName, "DNS"),
        (x509.IPAddress, "IP Address"),
        (x509.RFC822Name, "email"),
        (x509.UniformResourceIdentifier, "URI"),
    )
    return [f"{title}:{_text(str(each.value))}" for each in names for kind, title in kinds if isinstance(each, kind)]


def _algorithm(one: x509.Certificate) -> str:
    """The kind of its key, with the number of its bits."""
    try:
        key = one.public_key()
    except ValueError:
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey):
        kind = "RSA" if isinstance(key, rsa.RSAPublicKey) else "DSA" if isinstance(key, dsa.DSAPublicKey) else "EC"
        return f"{kind}{key.key_size}"
    return type(key).__name__.lstrip("_").removesuffix("PublicKey").upper()
