"""What a transaction of `set ssl cert` has collected, until it is committed or aborted.

Knows HAProxy's words for payloads that cannot be used. Must not know who uses the certificate.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fastlb.config import tls_pem as pem
from fastlb.config.tls_files import end_of_response, wrong_response
from fastlb.config.tls_model import KeyPair
from fastlb.config.values import ValueFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

# What `set ssl cert FILE.END` sets; the certificate itself without an end, or with `.crt`.
ENDS = ("key", "ocsp", "sctl", "issuer", "crt")


@dataclass(slots=True)
class Draft:
    """certificates: the leaf and its chain, DER, () while there is none; key: PKCS#8, b"" while there is none."""

    name: str
    certificates: tuple[bytes, ...] = ()
    key: bytes = field(default=b"", repr=False)
    dh: bytes = b""
    ocsp: bytes = b""
    sctl: bytes = b""

    def load(self, end: str, payload: str) -> None:
        """Takes the payload for the part that `end` names; raises ValueFault with HAProxy's words and changes nothing."""
        raw = payload.encode("utf-8", "surrogateescape")
        {"key": self._load_key, "ocsp": self._load_ocsp, "sctl": self._load_sctl, "issuer": self._load_issuer}.get(
            end, self._load_pem
        )(raw)

    def pair(self) -> KeyPair:
        """What is to be used from now on; raises ValueFault where its parts do not fit."""
        if not self.certificates or not self.key:
            raise ValueFault("The transaction must contain at least a certificate and a private key!")
        if self.ocsp and wrong_response(self.ocsp, self.certificates[0]):
            raise ValueFault("OCSP single response: Certificate ID does not match any certificate or issuer.")
        made = pem.key_pair(self.name, _pem_of(self.certificates), _private(self.key), self.name)
        return replace(
            made, dh=self.dh, ocsp=self.ocsp, sctl=self.sctl, ocsp_until=end_of_response(self.ocsp) if self.ocsp else 0
        )

    def _load_pem(self, raw: bytes) -> None:
        """haproxy: all that was there before goes, what belonged to the old certificate too."""
        found = pem.own_certificates(raw, self.name)
        try:
            key = pem.private_key(raw, self.name)
        except ValueFault:
            key = None
        self.certificates = tuple(pem.der_of(one) for one in found)
        self.key = b"" if key is None else _der_of(key)
        self.dh = next((block.text for block in pem.blocks(raw) if block.label == b"DH PARAMETERS"), b"")
        self.ocsp = self.sctl = b""

    def _load_key(self, raw: bytes) -> None:
        try:
            key = pem.private_key(raw, self.name)
        except ValueFault:
            key = None
        if key is None:
            raise ValueFault(f"unable to load private key from file '{self.name}'.")
        self.key = _der_of(key)

    def _load_ocsp(self, raw: bytes) -> None:
        try:
            response = base64.b64decode(b"".join(raw.split()), validate=True)
        except binascii.Error:
            raise ValueFault("Error reading OCSP response in base64 format") from None
        fault = response_fault(response)
        if fault:
            raise ValueFault(fault)
        self.ocsp = response

    def _load_sctl(self, raw: bytes) -> None:
        """haproxy: as its own file would be, which is binary."""
        if int.from_bytes(raw[:2]) != len(raw) - 2:
            raise ValueFault("")
        self.sctl = raw

    def _load_issuer(self, raw: bytes) -> None:
        """Checked and then not needed: a serial number ties a response to its certificate here."""
        try:
            found = pem.certificates(raw)
        except ValueError:
            found = []
        if not found:
            raise ValueFault(f"'{self.name}' cannot be read or parsed'.")


def draft_of(name: str, pair: KeyPair | None) -> Draft:
    """A transaction begins with what is in use."""
    if pair is None:
        return Draft(name)
    return Draft(name, (pair.leaf, *pair.chain), pair.key, pair.dh, pair.ocsp, pair.sctl)


def response_fault(response: bytes) -> str:
    """Why an OCSP response cannot be stapled to any certificate, "" if it can; HAProxy's words."""
    from cryptography.x509 import ocsp

    try:
        found = ocsp.load_der_ocsp_response(response)
    except ValueError:
        return "Unable to parse OCSP response"
    if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return "OCSP response status not successful"
    try:
        if found.certificate_status is not ocsp.OCSPCertStatus.GOOD:
            return "OCSP single response: certificate status is unknown"
    except ValueError:
        return "OCSP response ignored because contains multiple single responses (more than one)"
    return ""


def _pem_of(certificates: tuple[bytes, ...]) -> bytes:
    import ssl

    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()


def _private(der: bytes) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, None)


def _der_of(key: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
