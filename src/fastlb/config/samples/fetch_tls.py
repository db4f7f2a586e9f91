"""Sample fetches of TLS (manual, section 7.3.4).

Knows their types, arguments and where they may be used. What the client's and the server's session, or the kinds of
certificates have alike is one function of the core: whose it looks at is its first argument, which the row's name says. Those
whose `core` is `no_value` or `always_false` are what fastlb never has: early data, the extension NPN, and what only later
versions of HAProxy tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..keywords.row import UNSUPPORTED
from . import checks
from .fetch_http import derived
from .row import Check, FetchRow
from .types import BIN, BOOL, SINT, STR, SampleType, Source
from .values import Value

_FALSE = "always_false"
_NONE = "no_value"


def _rows(
    prefix: str,
    names: str,
    output: SampleType,
    source: Source,
    core: str = "",
    arguments: str = "",
    check: Check | None = None,
    since: str = "",
) -> Iterator[FetchRow]:
    for name in names.split():
        yield FetchRow(f"{prefix}_{name}", output, (source,), arguments, "7.3.4", since, core, check=check)


_CLIENTS, _SERVERS, _OWN = range(3)  # whose, as ext/fastlb_core/proxy/fetch_certificate.pyx has it


def _of(whose: int, check: Check | None = None) -> Check:
    def check_and_tell(values: list[Value]) -> list[Value]:
        return [whose, *(check(values) if check is not None else values)]

    return check_and_tell


def _session(prefix: str, source: Source, whose: int) -> Iterator[FetchRow]:
    """What the sessions with clients and with servers have."""
    kinds = (
        (BOOL, "is_used is_resumed"),
        (SINT, "alg_keysize err use_keysize"),
        (STR, "alpn cipher err_str protocol"),
        (BIN, "client_random server_random session_id session_key unique_id"),
    )
    for output, names in kinds:
        for name in names.split():
            full = prefix if name == "is_used" else f"{prefix}_{name}"
            yield FetchRow(full, output, (source,), "", "7.3.4", core=f"tls_{name}", check=_of(whose))


_CLIENT = Source.CLIENT_CONNECTION
_SERVER = Source.SERVER_CONNECTION
_NAME = "str? int? any?"
_SECRETS = (
    "client_early_traffic_secret client_handshake_traffic_secret client_traffic_secret_0 early_exporter_secret exporter_secret "
    "server_handshake_traffic_secret server_traffic_secret_0"
)


def _certificate(prefix: str, whose: int, names: str = "") -> Iterator[FetchRow]:
    """What all three kinds of certificates have: the client's, the frontend's own, the server's.

    # haproxy: the server's may be asked for anywhere too, before there is one they have no value.
    """
    kinds = (
        (BIN, f"der serial sha1 {names}", "", None),
        (STR, "key_alg notafter notbefore sig_alg", "", None),
        (SINT, "version", "", None),
        (STR, "i_dn s_dn", _NAME, checks.distinguished_name),
    )
    for output, known, arguments, check in kinds:
        for name in known.split():
            full, core = f"{prefix}_{name}", f"x509_{name}"
            yield FetchRow(full, output, (_CLIENT,), arguments, "7.3.4", core=core, check=_of(whose, check))


FETCHES: tuple[FetchRow, ...] = (
    *_session("ssl_fc", _CLIENT, _CLIENTS),
    *_rows("ssl_fc", "has_crt has_early has_sni", BOOL, _CLIENT),
    *_rows("ssl_fc", "cipherlist_xxh protocol_hello_id", SINT, _CLIENT, _NONE),
    *_rows("ssl_fc", "sni", STR, _CLIENT),
    *_rows("ssl_fc", f"npn {_SECRETS}", STR, _CLIENT, _NONE),
    *_rows("ssl_fc", "ecformats_bin", BIN, _CLIENT, _NONE),
    *_rows("ssl_fc", "cipherlist_bin cipherlist_hex eclist_bin extlist_bin", BIN, _CLIENT, _NONE, "int?"),
    *_rows("ssl_fc", "cipherlist_str", STR, _CLIENT, _NONE, "int?"),
    *_rows("ssl_fc", "crtname curve", STR, _CLIENT, _NONE, since="2.9"),
    *_rows("ssl_fc", "early_rcvd", BOOL, _CLIENT, _FALSE, since="3.3"),
    *_rows("ssl_fc", "sigalgs_bin supported_versions_bin", BIN, _CLIENT, _NONE, "int?", since="3.2"),
    *_session("ssl_bc", _SERVER, _SERVERS),
    *_rows("ssl_bc", "npn", STR, _SERVER, _NONE),
    *_rows("ssl_bc", "curve", STR, _SERVER, _NONE, since="2.9"),
    *_rows("ssl_bc", "sni", STR, _SERVER, _NONE, since="3.2"),
    *_rows("ssl_bc", _SECRETS, STR, _SERVER, _NONE, since="3.3"),
    *_certificate("ssl_c", _CLIENTS, "chain_der"),
    *_rows("ssl_c", "used", BOOL, _CLIENT),
    *_rows("ssl_c", "ca_err ca_err_depth err verify", SINT, _CLIENT),
    *_rows("ssl_c", "r_dn", STR, _CLIENT, _NONE, _NAME, checks.distinguished_name, "2.7"),
    *_rows("ssl_c", "policies san", STR, _CLIENT, _NONE, since="3.3"),
    *_certificate("ssl_f", _OWN),
    *_certificate("ssl_s", _SERVERS, "chain_der"),
    FetchRow(
        "51d.all",
        STR,
        (Source.REQUEST_HEADERS,),
        " ".join(["any", *["any?"] * 11]),
        "7.3.4",
        status=UNSUPPORTED,
        note="needs the 51Degrees library",
    ),
)

_SNI = next(row for row in FETCHES if row.name == "ssl_fc_sni")
DERIVATIVES: tuple[FetchRow, ...] = (derived("ssl_fc_sni_end", _SNI, "end"), derived("ssl_fc_sni_reg", _SNI, "reg"))
