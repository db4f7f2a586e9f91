"""The typed model of TLS: what `bind`, `server` and `global` say about it, and the loaded files.

Knows data only; everything is frozen, so that a setting is changed with dataclasses.replace() and copies of a server or bind
share nothing that can change. Written by keywords/tls_*.py, the files are read by tls_files.py and crt_list.py. Files are
held as DER, as libcrypto's d2i functions take them; the engine opens none.

`None` means "not said": what then counts is in the comment of the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .samples.ast import Expression

VERSIONS = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")  # in order
DEFAULT_MIN_VERSION = "TLSv1.2"  # of `bind`; a server's is what libssl allows


@dataclass(frozen=True, slots=True)
class Authorities:
    """The certificates of a `ca-file` or `ca-verify-file`. crls: what the same files hold of revocation lists.

    name: the file or directory, "@system-ca" for the system's.
    """

    name: str
    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Revocations:
    """The lists of a `crl-file`."""

    name: str
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What `load` of a crt-store says of one certificate; "" where it says nothing."""

    key: str = ""
    ocsp: str = ""
    sctl: str = ""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its private key.

    name: the file as the runtime API names it, or "@store/alias". leaf, chain: the certificate and those above it, in the
    file's order. key: PKCS#8. key_type: "rsa", "ecdsa", "dsa" or what else the key is. names: DNS names of the subject (CN)
    and of subjectAltName, in lower case, "*.example.com" among them. dh: PEM of the DH parameters in the file, b"" if none.
    ocsp: the response to staple, ocsp_until: when it expires, seconds since 1970, 0 for never. sctl: the list of signed
    certificate timestamps (RFC 6962). not_after: seconds since 1970. load: in which other files its parts are.
    """

    name: str
    leaf: bytes
    key: bytes = field(repr=False)
    chain: tuple[bytes, ...] = ()
    key_type: str = "rsa"
    names: tuple[str, ...] = ()
    dh: bytes = b""
    ocsp: bytes = b""
    ocsp_until: float = 0
    sctl: bytes = b""
    not_after: float = 0
    load: Load | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Protocols:
    """What a handshake may use, on either side.

    ciphers: up to TLSv1.2; ciphersuites: TLSv1.3; curves, sigalgs, client_sigalgs: OpenSSL's lists separated by colons.
    min_version, max_version: of VERSIONS. off: versions that `no-tlsv11` and the like exclude one by one; empty for none.
    alpn: () where `alpn ""` or `no-alpn` switches it off.
    """

    ciphers: str | None = None
    ciphersuites: str | None = None
    curves: str | None = None
    sigalgs: str | None = None
    client_sigalgs: str | None = None
    min_version: str | None = None
    max_version: str | None = None
    off: frozenset[str] = frozenset()
    alpn: tuple[str, ...] | None = None
    npn: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Acceptance(Protocols):
    """What a `bind` line, or a line of a crt-list for its certificate, says.

    ecdhe: one curve, where `curves` names none. verify: None is "none". ca_names: whether the client is told the names of
    `authorities`, but never of `verify_authorities`. ca_ignore, crt_ignore: X509_V_ERR numbers to ignore above and at the
    client's certificate; None ignores all.
    """

    ecdhe: str | None = None
    verify: str | None = None
    authorities: Authorities | None = None
    verify_authorities: Authorities | None = None
    revocations: Revocations | None = None
    ca_names: bool = True
    ca_ignore: frozenset[int] | None = frozenset()
    crt_ignore: frozenset[int] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as a bind line presents it.

    filters: SNI filters of a crt-list, in lower case, "!" in front of those that exclude; () where the pair's names count.
    settings: of the crt-list's line, completed with those of the bind line; None where the bind line's count as they are.
    is_default: for clients whose SNI matches nothing: the first of the line, or those of `default-crt`.
    source: the crt-list or directory, "" for a file of `crt`; line: its number there. options: words between the brackets, None
    where there are none. written: the filters as they stand there.
    """

    pair: KeyPair
    filters: tuple[str, ...] = ()
    settings: Acceptance | None = None
    is_default: bool = False
    source: str = ""
    line: int = 0
    options: tuple[str, ...] | None = None
    written: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BindTls(Acceptance):
    """TLS of a `bind` line; without `enabled` nothing of it counts.

    certificates: in the order of the line; the first that matches an SNI wins, an ECDSA one for clients that take it.
    ticket_keys: of `tls-ticket-keys`, each 48 or 80 bytes; the last three count, the last but one encrypts. () for random ones.
    ticket_file: where they are from. lists: the crt-lists and directories of the line, which the runtime API may add to.
    """

    enabled: bool = False
    certificates: tuple[Certificate, ...] = ()
    strict_sni: bool = False
    tickets: bool = True
    ticket_keys: tuple[bytes, ...] = field(default=(), repr=False)
    ticket_file: str = ""
    lists: tuple[str, ...] = ()
    client_ciphers_first: bool = False


@dataclass(frozen=True, slots=True)
class ServerTls(Protocols):
    """TLS of a `server` line; without `enabled` only checks may use it.

    verify: set once the line is complete. verify_host: `verifyhost`. crt: the word of `crt`, which `pair` has loaded. sni:
    sent, and checked where `verify required` is. checks: `check-ssl`; None follows `enabled` where the check goes to the
    server's own address.
    """

    enabled: bool = False
    verify: str | None = None
    verify_host: str = ""
    authorities: Authorities | None = None
    revocations: Revocations | None = None
    crt: str = ""
    pair: KeyPair | None = None
    sni: Expression | None = None
    reuse: bool = True
    tickets: bool = True
    checks: bool | None = None
    check_sni: str = ""
    check_alpn: tuple[str, ...] | None = None


@dataclass(slots=True)
class GlobalTls:
    """TLS of `global`: defaults of the lines that follow, where files are, and limits.

    bind, server: what `ssl-default-bind-*` and `ssl-default-server-*` say. extra_files: what `ssl-load-extra-files` names,
    of EXTRA_FILES. dh: PEM of `ssl-dh-param-file`. max_record, hard_max_record: bytes, 0 for no limit. token_keys: the
    private keys of crt-stores' `load ... jwt on`, PKCS#8 by name. token_algorithms, token_encryptions: of
    `jwt.decrypt_alg_list` and `jwt.decrypt_enc_list`; None for those of samples/convert_token.py.
    """

    bind: BindTls = field(default_factory=BindTls)
    server: ServerTls = field(default_factory=ServerTls)
    crt_base: str = ""
    key_base: str = ""
    ca_base: str = ""
    server_verify: str = "required"
    extra_files: frozenset[str] = frozenset({"bundle", "sctl", "ocsp", "issuer", "key"})
    extra_del_ext: bool = False
    skip_self_issued_ca: bool = False
    issuers: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    token_keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    token_algorithms: tuple[str, ...] | None = None
    token_encryptions: tuple[str, ...] | None = None
    dh: bytes = b""
    default_dh_bits: int = 0
    cache_size: int = 20000
    lifetime_s: int = 300
    idle_timer_ms: int = 1000
    max_record: int = 0
    hard_max_record: int = 0
