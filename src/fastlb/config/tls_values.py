"""Words of TLS as HAProxy writes them: versions, protocol lists, cipher lists, curves, error numbers.

Each function takes one word and returns a value or raises a ValueFault with HAProxy's words. Lists that libssl reads are tried
on this system's, as the engine will hand them over; nothing here knows which keyword asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TypeVar

from .tls_model import DEFAULT_MIN_VERSION, VERSIONS, Acceptance, BindTls, Protocols, ServerTls
from .values import ValueFault, names, parse_leading_integer

MAX_VERIFY_ERROR = 94  # haproxy: of the libcrypto that it was built with
TLS13_SUITES = frozenset(
    names("""
TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256
""")
)
# Names of OpenSSL 3 for the groups that its default provider has, in lower case.
GROUPS = frozenset(
    names("""
p-256 secp256r1 prime256v1 p-384 secp384r1 p-521 secp521r1 p-224 secp224r1 p-192 secp192r1 prime192v1 secp256k1 secp224k1
secp192k1 x25519 x448 brainpoolp256r1 brainpoolp384r1 brainpoolp512r1 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192
sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 sect409k1 sect409r1
sect571k1 sect571r1 k-163 b-163 k-233 b-233 k-283 b-283 k-409 b-409 k-571 b-571 secp160k1 secp160r1 secp160r2
""")
)
_SPOKEN = VERSIONS[1:]  # SSLv3 is broken (RFC 7568), and libssl comes without it
_Tls = TypeVar("_Tls", BindTls, ServerTls)
_Settings = TypeVar("_Settings", bound=Protocols)


def protocol_list(word: str) -> tuple[str, ...]:
    """`alpn` and `npn`: names separated by commas; empty ones are left out."""
    found = tuple(name for name in word.split(",") if name)
    if long := next((name for name in found if len(name.encode("utf-8", "surrogateescape")) > 255), ""):
        raise ValueFault(f"protocol name '{long[:20]}...' is longer than 255 bytes")
    return found


def version(word: str) -> str:
    if word not in VERSIONS:
        raise ValueFault(f"'{word}' : unknown ssl/tls version", hint=f"one of {' '.join(VERSIONS)}")
    return word


@lru_cache
def is_cipher_list(text: str) -> bool:
    """Whether libssl finds a cipher in the list (up to TLSv1.2)."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(text)
    except (ssl.SSLError, ValueError):
        return False
    return True


def is_suite_list(text: str) -> bool:
    """Whether each suite of TLSv1.3 exists; "" is allowed and switches TLSv1.3's off."""
    return all(name in TLS13_SUITES for name in text.split(":")) if text else True


def is_curve_list(text: str) -> bool:
    return all(name.lstrip("?*-").lower() in GROUPS for name in text.split(":"))


def error_numbers(keyword: str, word: str) -> frozenset[int] | None:
    """`ca-ignore-err`: X509_V_ERR numbers separated by commas; None for "all"."""
    if word == "all":
        return None
    found = set()
    for part in word.split(","):
        number = parse_leading_integer(part)
        if not 1 <= number <= MAX_VERIFY_ERROR:
            raise ValueFault(f"'{keyword}' : ID '{number}' out of range (1..{MAX_VERIFY_ERROR}) in error IDs list '{word}'")
        found.add(number)
    return frozenset(found)


def completed(own: _Tls, defaults: _Tls) -> _Tls:
    """A line's settings with those of `global` where it says nothing."""
    merged = overridden(defaults, own)
    switches = {"tickets": own.tickets and defaults.tickets, "off": own.off | defaults.off}
    if isinstance(own, BindTls) and isinstance(defaults, BindTls):
        switches["client_ciphers_first"] = own.client_ciphers_first or defaults.client_ciphers_first
    kept = {item.name: getattr(merged, item.name) for item in fields(Protocols)} | switches
    return replace(own, **kept)


def overridden(general: Protocols, special: _Settings) -> _Settings:
    """`special` with what `general` says where it says nothing (None)."""
    both = {item.name for item in fields(general)} & {item.name for item in fields(special)}
    missing = {name: getattr(general, name) for name in both if getattr(special, name) is None}
    return replace(special, **missing)


def for_certificate(settings: Acceptance, line: BindTls) -> Acceptance:
    """A crt-list line's settings on top of the bind line's."""
    merged = overridden(line, settings)
    return replace(
        merged,
        off=settings.off or line.off,
        ca_names=settings.ca_names and line.ca_names,
        ca_ignore=line.ca_ignore,
        crt_ignore=line.crt_ignore,
    )


@dataclass(frozen=True, slots=True)
class Range:
    """The versions that a line speaks. lowest: "" if there is none. holes: those between that it does not speak.

    ignores_off: `no-tlsv1x` beside a lowest or highest version says nothing. is_ambiguous: only the highest version was said,
    and it is below the usual lowest.
    """

    lowest: str
    highest: str
    holes: tuple[str, ...] = ()
    ignores_off: bool = False
    is_ambiguous: bool = False


def version_range(settings: Protocols, default: str = DEFAULT_MIN_VERSION) -> Range:
    """What `ssl-min-ver`, `ssl-max-ver`, `no-tlsv1x` come to."""
    lowest, highest = settings.min_version, settings.max_version
    ignores_off = bool(settings.off) and (lowest is not None or highest is not None)
    is_ambiguous = lowest is None and highest is not None and VERSIONS.index(highest) < VERSIONS.index(default)
    first = VERSIONS.index(lowest or (highest if is_ambiguous and highest else default))
    last = VERSIONS.index(highest or VERSIONS[-1])
    off = frozenset() if ignores_off else settings.off
    spoken = [name for name in VERSIONS[first : last + 1] if name in _SPOKEN and name not in off]
    if not spoken:
        return Range("", "", (), ignores_off, is_ambiguous)
    between = VERSIONS[VERSIONS.index(spoken[0]) : VERSIONS.index(spoken[-1]) + 1]
    return Range(spoken[0], spoken[-1], tuple(name for name in between if name not in spoken), ignores_off, is_ambiguous)
