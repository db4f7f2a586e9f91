"""Where the files of TLS are looked for, and what is loaded from them (manual, sections 3.1, 5.1 "crt", 5.2 "ca-file").

Knows HAProxy's rules about names: extra files, bundles, directories. Reads each file once. Must not know keywords: faults are
ValueFaults with HAProxy's words, remarks go to the caller.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from . import tls_pem as pem
from .tls_model import Authorities, GlobalTls, KeyPair, Load, Revocations
from .tls_pem import Remark, TlsFault

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

EXTRA_FILES = ("bundle", "sctl", "ocsp", "issuer", "key")
BUNDLE = (".rsa", ".dsa", ".ecdsa")  # haproxy: in this order
RESERVED = (".key", ".issuer", ".ocsp", ".sctl")
_CA_ENDS = (".pem", ".crt", ".cer", ".crl")
SYSTEM_CA = "@system-ca"
_TICKET_KEY_SIZES = (48, 80)
_LEAST_TICKET_KEYS = 3
_TICKET_HINT = "each key has 48 bytes, or each has 80: openssl rand 80 | openssl base64 -A | xargs echo"

Tell = Callable[[Remark], None]


def based(base: str, word: str) -> str:
    """`word` as a file below `base`, where it is relative and there is one."""
    return f"{base}/{word}" if base and not word.startswith(("/", "@")) else word


@dataclass(slots=True)
class TlsFiles:
    """The files of one configuration, by name. aliases: "@store/name" of crt-stores."""

    glob: GlobalTls
    pairs: dict[str, KeyPair] = field(default_factory=dict)
    aliases: dict[str, KeyPair] = field(default_factory=dict)
    authority_files: dict[str, Authorities] = field(default_factory=dict)
    revocation_files: dict[str, Revocations] = field(default_factory=dict)

    def load(self, path: str, tell: Tell, bundles: bool = True) -> list[KeyPair]:
        """The pairs that `crt PATH` means: of one file, of a bundle, of a directory in the order of its names."""
        if path.startswith("@"):
            if path not in self.aliases:
                hint = "a crt-store section with that 'load' line must stand before"
                raise TlsFault(f"unable to find '{path}' in a crt-store.", "unknown-certificate", hint)
            return [self.aliases[path]]
        if path in self.pairs:
            return [self.pairs[path]]
        if self.is_directory(path):
            return [self.pair(name, tell) for name in directory_files(path)]
        found = []
        if bundles and "bundle" in self.glob.extra_files and not os.path.exists(path):
            found = [path + end for end in BUNDLE if os.path.exists(path + end)]
        return [self.pair(name, tell) for name in found or [path]]

    def is_directory(self, path: str) -> bool:
        """Whether `crt PATH` means all files of a directory."""
        return not path.startswith("@") and path not in self.pairs and os.path.isdir(path)

    def pair(self, path: str, tell: Tell, load: Load | None = None) -> KeyPair:
        """The pair of one file. Raises TlsFault."""
        if path not in self.pairs:
            load = load or Load()
            raw = _read_certificate(path)
            pem.own_certificates(raw, path)  # haproxy: a file without certificates is told before one without a key
            pair = pem.key_pair(path, raw, self._key(path, raw, load), path)
            pair = self._with_chain(pair)
            self.pairs[path] = self._with_extras(pair, load, tell)
            for remark in pem.remarks(pair):
                tell(remark)
        return self.pairs[path]

    def _key(self, path: str, raw: bytes, load: Load) -> PrivateKeyTypes:
        key = None if load.key else pem.private_key(raw, path)
        other = load.key or self._extra(path, "key")
        if key is None and other:
            try:
                key = pem.private_key(pem.read(other), other)
            except (OSError, ValueError) as error:
                hint = f"{other}: {pem.reason(error)}; put the key into the certificate's file or into this one"
                raise TlsFault(f"No Private Key found in '{other}'.", "missing-file", hint) from None
        if key is None:
            raise TlsFault(f"No Private Key found in '{other or path}'.", "bad-certificate")
        return key

    def _extra(self, path: str, kind: str) -> str:
        """The name of the file beside `path` with what PATH itself does not hold, "" where it must not be looked for."""
        if kind not in self.glob.extra_files:
            return ""
        return (path.removesuffix(".crt") if self.glob.extra_del_ext else path) + f".{kind}"

    def _with_chain(self, pair: KeyPair) -> KeyPair:
        """Completes the chain from `issuers-chain-path`, takes roots out of it (`ssl-skip-self-issued-ca`)."""
        chain = pair.chain
        if not chain and self.glob.issuers:
            chain = self.glob.issuers.get(_authority_key_id(pair.leaf), ())
        if self.glob.skip_self_issued_ca:
            chain = tuple(der for der in chain if not _is_self_issued(der))
        return replace(pair, chain=chain)

    def _with_extras(self, pair: KeyPair, load: Load, tell: Tell) -> KeyPair:
        sctl = self._optional(load.sctl or self._extra(pair.name, "sctl"), required=bool(load.sctl))
        if sctl and int.from_bytes(sctl[:2]) != len(sctl) - 2:
            raise TlsFault(f"'{pair.name}.sctl' is present but cannot be read or parsed'.", "bad-certificate")
        ocsp = self._optional(load.ocsp or self._extra(pair.name, "ocsp"), required=bool(load.ocsp))
        if ocsp and (wrong := wrong_response(ocsp, pair.leaf)):
            tell(Remark(f"OCSP response '{pair.name}.ocsp' is ignored: {wrong}.", True))
            ocsp = b""
        return replace(pair, sctl=sctl, ocsp=ocsp, ocsp_until=end_of_response(ocsp) if ocsp else 0, load=load)

    @staticmethod
    def _optional(path: str, required: bool) -> bytes:
        try:
            return pem.read(path) if path else b""
        except (OSError, ValueError) as error:
            if not required and isinstance(error, FileNotFoundError):
                return b""
            raise TlsFault(f"unable to read '{path}' : {pem.reason(error)}.", "missing-file") from None

    def authorities(self, path: str, keyword: str, tell: Tell) -> Authorities:
        """What `ca-file PATH` loads: a file, a directory's certificates, or "@system-ca". Raises TlsFault."""
        if path not in self.authority_files:
            self.authority_files[path] = self._authorities(path, keyword, tell)
        return self.authority_files[path]

    def _authorities(self, path: str, keyword: str, tell: Tell) -> Authorities:
        if path == SYSTEM_CA:
            return self._system(keyword)
        if not os.path.isdir(path):
            found, crls = _authority_file(path, keyword)
            if not found and not crls:
                raise unloadable(path, keyword, "no certificate or crl found")
            return Authorities(path, tuple(found), tuple(crls))
        loaded = _directory(path)
        if not loaded.certificates and not loaded.crls:
            tell(Remark(f"{keyword}: 0 CA were loaded from '{path}'", True))
        return loaded

    def _system(self, keyword: str) -> Authorities:
        """The certificates that this system trusts, where OpenSSL looks for them (SSL_CERT_FILE, SSL_CERT_DIR)."""
        import ssl

        places = ssl.get_default_verify_paths()
        found = _authority_file(places.cafile, keyword)[0] if places.cafile else []
        if not found and places.capath:
            found = list(_directory(places.capath).certificates)
        if not found:
            raise unloadable(SYSTEM_CA, keyword, "this system has none")
        return Authorities(SYSTEM_CA, tuple(found))

    def revocations(self, path: str) -> Revocations:
        """What `crl-file PATH` loads; the certificates in such a file count for nothing. Raises TlsFault."""
        if path not in self.revocation_files:
            loaded = self._authorities(path, "crl-file", lambda remark: None)
            self.revocation_files[path] = Revocations(path, loaded.crls)
        return self.revocation_files[path]


def end_of_response(response: bytes) -> float:
    from cryptography.x509 import ocsp

    end = ocsp.load_der_ocsp_response(response).next_update_utc
    return end.timestamp() if end is not None else 0


def unloadable(path: str, keyword: str, why: str) -> TlsFault:
    return TlsFault(f"'{keyword}' : unable to load {path}", "missing-file", why)


def _read_certificate(path: str) -> bytes:
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        message = f"unable to stat SSL certificate from file '{path}' : {pem.reason(error)}."
        hint = "a certificate for trying: fastlb cert self-signed <name>" if isinstance(error, FileNotFoundError) else ""
        raise TlsFault(message, "missing-file", hint) from None
    try:
        return pem.read(path)
    except (OSError, ValueError) as error:
        raise TlsFault(f"unable to load certificate from file '{path}'.", "missing-file", pem.reason(error)) from None


def _authority_file(path: str, keyword: str) -> tuple[list[bytes], list[bytes]]:
    try:
        raw = pem.read(path)
        return [pem.der_of(one) for one in pem.certificates(raw)], pem.revocation_lists(raw)
    except OSError as error:
        raise unloadable(path, keyword, pem.reason(error)) from None
    except ValueError as error:
        raise TlsFault(f"'{keyword}' : unable to load {path}", "bad-certificate", str(error)[:100]) from None


def directory_files(path: str) -> list[str]:
    """The files of a directory that `crt` loads, in its order. Raises TlsFault."""
    full = [f"{path}/{name}" for name in _listed(path) if not name.startswith(".") and not name.endswith(RESERVED)]
    return [name for name in full if os.path.isfile(name)]


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise TlsFault(f"unable to scan directory '{path}' : {pem.reason(error)}.", "missing-file") from None


def _directory(path: str) -> Authorities:
    """What can be read of a directory's files; haproxy: files that hold nothing of use are left out without a word."""
    certificates: list[bytes] = []
    crls: list[bytes] = []
    for name in _listed(path):
        if name.endswith(_CA_ENDS) and not name.startswith("."):
            try:
                found, lists = _authority_file(f"{path}/{name}", "ca-file")
            except TlsFault:
                continue
            certificates += found
            crls += lists
    return Authorities(path, tuple(dict.fromkeys(certificates)), tuple(crls))


def load_issuers(path: str, tell: Tell) -> dict[bytes, tuple[bytes, ...]]:
    """The chains of `issuers-chain-path`, by the key identifier of their first certificate. Raises OSError."""
    from cryptography import x509

    found: dict[bytes, tuple[bytes, ...]] = {}
    for name in sorted(name for name in os.listdir(path) if name.endswith(".pem") and not name.startswith(".")):
        full = f"{path}/{name}"
        try:
            chain = pem.certificates(pem.read(full))
            identifier = chain[0].extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            tell(Remark(f"unable to load issuers-chain {full} : SubjectKeyIdentifier not found.", True))
        except (OSError, ValueError, IndexError):
            tell(Remark(f"unable to load issuers-chain {full} : pem certificate not found.", True))
        else:
            found.setdefault(identifier, tuple(pem.der_of(one) for one in chain))
    return found


def load_dh(path: str) -> bytes:
    """PEM of the DH parameters in a file, b"" if it has none. Raises OSError, and ValueError for broken ones."""
    for block in pem.blocks(pem.read(path)):
        if block.label == b"DH PARAMETERS":
            der = block.der
            if not der.startswith(b"\x30"):
                raise ValueError("the parameters cannot be decoded")
            return block.text
    return b""


def load_ticket_keys(path: str) -> tuple[bytes, ...]:
    """The keys of a `tls-ticket-keys` file, oldest first. Raises TlsFault."""
    try:
        lines = pem.read(path).splitlines()
    except (OSError, ValueError) as error:
        raise TlsFault(f"'{path}' : unable to load ssl tickets keys file", "missing-file", pem.reason(error)) from None
    keys: list[bytes] = []
    for number, line in enumerate(lines, 1):
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except binascii.Error:
            raise TlsFault(f"'{path}' : unable to decode base64 key on line {number}", "bad-file", _TICKET_HINT) from None
        if len(key) not in _TICKET_KEY_SIZES or (keys and len(key) != len(keys[0])):
            raise TlsFault(f"'{path}' : wrong sized key on line {number}", "bad-file", _TICKET_HINT)
        keys.append(key)
    if len(keys) < _LEAST_TICKET_KEYS:
        message = f"'{path}' : please supply at least {_LEAST_TICKET_KEYS} keys in the tls-tickets-file"
        raise TlsFault(message, "bad-file", _TICKET_HINT)
    return tuple(keys)


def _certificate(der: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


def _authority_key_id(der: bytes) -> bytes:
    from cryptography import x509

    try:
        value = _certificate(der).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        return b""
    return value.key_identifier or b""


def _is_self_issued(der: bytes) -> bool:
    certificate = _certificate(der)
    return certificate.issuer == certificate.subject


def wrong_response(raw: bytes, leaf: bytes) -> str:
    """Why an OCSP response cannot be stapled to the certificate, "" if it can."""
    import datetime

    from cryptography.x509 import ocsp

    try:
        response = ocsp.load_der_ocsp_response(raw)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return "the responder failed"
        if response.certificate_status is not ocsp.OCSPCertStatus.GOOD:
            return "the certificate's status is not good"
        if response.serial_number != _certificate(leaf).serial_number:
            return "it is about another certificate"
        ends = response.next_update_utc
    except ValueError as error:
        return str(error)[:100] or "it cannot be decoded"
    return "it is out of date" if ends is not None and ends < datetime.datetime.now(datetime.UTC) else ""
