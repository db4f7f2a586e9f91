"""TLS of bind and server lines as the plain values that contexts are made of.

Knows the model (config/tls_model.py), which is complete: defaults were filled in when the lines were read. Must not read files
nor know libssl: what the values look like is in ext/fastlb_core/bridge/layout_tls.pxd.
"""

from __future__ import annotations

from typing import Any

from fastlb.config.model import Bind, Global, Server
from fastlb.config.tls_model import Acceptance, BindTls, Certificate, GlobalTls, KeyPair, Protocols, ServerTls

from .text import file_bytes

Values = dict[str, Any]
HTTP_2 = b"h2"  # offered to nobody: fastlb does not speak it
NO_PAIR = KeyPair("", b"", b"")


def bind_values(bind: Bind, glob: Global) -> Values | None:
    """The values of a bind line, None without `ssl`."""
    tls = bind.tls
    if not tls.enabled:
        return None
    return {
        "certificates": [certificate_values(certificate, tls, glob.tls) for certificate in tls.certificates],
        "strict_sni": tls.strict_sni,
        "id": line_identity(bind),
    }


def line_identity(bind: Bind) -> bytes:
    """What sessions of the line's clients are marked with: another line does not resume them."""
    return b"fastlb %d" % bind.location.line


def server_values(srv: Server, glob: Global, sni: Any = None) -> Values | None:
    """The values of a server line, None without `ssl`. sni: its compiled expression, or None."""
    tls = srv.tls
    if not tls.enabled:
        return None
    pair = tls.pair or NO_PAIR
    return {
        "settings": {
            **_protocols(tls, glob.tls),
            **_verification(tls),
            "options": _options(tls, tls.tickets),
            "ca_ignore": 0,
            "crt_ignore": 0,
        },
        "leaf": pair.leaf,
        "key": pair.key,
        "chain": list(pair.chain),
        "verify_host": file_bytes(tls.verify_host),
        "reuse": tls.reuse,
        "sni": sni,
    }


def certificate_values(certificate: Certificate, tls: BindTls, glob: GlobalTls) -> Values:
    """Of one certificate of a bind line."""
    pair = certificate.pair
    # haproxy: with any filter, "!*" too, the certificate's own names count for nothing.
    names = [name for name in certificate.filters if not name.startswith("!")] if certificate.filters else list(pair.names)
    settings = certificate.settings or tls
    options = _options(settings, tls.tickets)
    return {
        "leaf": pair.leaf,
        "key": pair.key,
        "chain": list(pair.chain),
        "dh": pair.dh or glob.dh,
        "ocsp": pair.ocsp,
        "ocsp_until": int(pair.ocsp_until),
        "sctl": pair.sctl,
        "names": [file_bytes(name) for name in dict.fromkeys(names)],
        "excluded": [file_bytes(name[1:]) for name in certificate.filters if name.startswith("!")],
        "is_ecdsa": pair.key_type == "ecdsa",
        "is_default": certificate.is_default or _is_twin(pair, tls),
        "settings": {
            **_protocols(settings, glob),
            **_verification(settings),
            "curves": file_bytes(settings.curves or settings.ecdhe or ""),
            "options": options if tls.client_ciphers_first else [*options, "server-preference"],
            "ca_ignore": _bits(settings.ca_ignore),
            "crt_ignore": _bits(settings.crt_ignore),
            "ticket_keys": list(tls.ticket_keys),
            "dh_bits": glob.default_dh_bits,
            "cache_size": 0 if tls.tickets else glob.cache_size,
        },
    }


def _is_twin(pair: KeyPair, tls: BindTls) -> bool:
    """The default certificate's other half: the same names with a key of the other kind, as bundles have them."""
    return any(
        each.is_default and each.pair.names == pair.names and each.pair.key_type != pair.key_type for each in tls.certificates
    )


def _protocols(tls: Protocols, glob: GlobalTls) -> Values:
    offered = [name for name in map(file_bytes, tls.alpn or ()) if name != HTTP_2]
    return {
        "ciphers": file_bytes(tls.ciphers or ""),
        "ciphersuites": file_bytes(tls.ciphersuites or ""),
        "curves": file_bytes(tls.curves or ""),
        "sigalgs": file_bytes(tls.sigalgs or ""),
        "client_sigalgs": file_bytes(tls.client_sigalgs or ""),
        "min": tls.min_version or "",
        "max": tls.max_version or "",
        "alpn": b"".join(bytes((len(name),)) + name for name in offered),
        "lifetime_s": glob.lifetime_s,
        "max_record": glob.max_record,
        "hard_max_record": glob.hard_max_record,
        "idle_ms": glob.idle_timer_ms,
    }


def _verification(tls: Acceptance | ServerTls) -> Values:
    """haproxy: clients are told the names of `ca-file` only, `ca-verify-file` just verifies (manual, 5.1)."""
    authorities = [tls.authorities]
    named: tuple[bytes, ...] = ()
    if isinstance(tls, Acceptance):
        authorities.append(tls.verify_authorities)
        named = tls.authorities.certificates if tls.authorities is not None and tls.ca_names else ()
    known = [each for each in authorities if each is not None]
    lists = [crl for each in known for crl in each.crls]
    return {
        "verify": tls.verify or "none",
        "authorities": [der for each in known for der in each.certificates],
        "ca_names": list(named),
        "crls": lists + list(tls.revocations.crls if tls.revocations is not None else ()),
        "check_crls": tls.revocations is not None,
    }


def _options(tls: Protocols, tickets: bool) -> list[str]:
    excluded = [f"no-{version}" for version in sorted(tls.off)]
    return excluded if tickets else [*excluded, "no-tickets"]


def _bits(errors: frozenset[int] | None) -> int | None:
    """A bit for each X509_V_ERR number, None for all of them."""
    return None if errors is None else sum(1 << error for error in errors)
