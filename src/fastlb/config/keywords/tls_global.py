"""Keywords of `global` about TLS: defaults of bind and server lines, where files are, limits (manual, sections 3.1 and 3.2).

Knows how they are written. They change nothing by themselves: lines with `ssl` that follow take them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from ..model import Global
from ..samples.convert_token import ALGORITHMS, DEFAULT_ALGORITHMS, ENCRYPTIONS
from ..tls_files import EXTRA_FILES, load_dh, load_issuers
from ..tls_pem import reason
from ..values import TimeFault, ValueFault, names, parse_leading_integer
from .row import IGNORED, UNSUPPORTED, GlobalKeyword, SetGlobal, Statement
from .since import since
from .tls import SWITCHES, Shared, change, tell

_SERVER_OPTIONS = {row.name: row for row in SWITCHES}
_BIND_OPTIONS = {
    **_SERVER_OPTIONS,
    "prefer-client-ciphers": Shared("prefer-client-ciphers", change(client_ciphers_first=True)),
}


@dataclass(slots=True)
class _Carrier:
    """What the setters of lines change: something with a `tls`."""

    tls: Any


def _default(side: str, field: str) -> SetGlobal:
    """`ssl-default-bind-ciphers` and its like."""

    def apply(st: Statement, glob: Global) -> None:
        setattr(glob.tls, side, replace(getattr(glob.tls, side), **{field: st.argument(0)}))

    return apply


def _default_options(side: str, options: dict[str, Shared]) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        carrier = _Carrier(getattr(glob.tls, side))
        at = 1
        while at < len(st.words):
            at += _default_option(st, carrier, options, at)
        setattr(glob.tls, side, carrier.tls)

    return apply


def _default_option(st: Statement, carrier: _Carrier, options: dict[str, Shared], at: int) -> int:
    """Applies the option at `at`; returns how many words it took."""
    where = f"on global statement '{st.keyword}'"
    row = options.get(st.words[at])
    if row is None:
        raise st.fail(f"unknown option '{st.words[at]}' {where}.", at, "unknown-keyword", f"one of {' '.join(options)}")
    value = st.words[at + 1] if row.grammar and at + 1 < len(st.words) else ""
    if row.grammar and not value:
        raise st.fail(f"{row.missing} {where}.", at, "missing-argument")
    try:
        row.apply(st, carrier, value)
    except ValueFault as fault:
        raise st.fail(f"{fault.message} {where}.", at + 1, fault.code, fault.hint) from None
    return 2 if row.grammar else 1


def _path(field: str) -> SetGlobal:
    """haproxy: the first one counts, a second one is an error."""

    def apply(st: Statement, glob: Global) -> None:
        if getattr(glob.tls, field):
            raise st.fail(f"'{st.keyword}' already specified.", 0, "already-specified")
        setattr(glob.tls, field, st.argument(0))

    return apply


def set_server_verify(st: Statement, glob: Global) -> None:
    if st.argument(0) not in ("none", "required"):
        raise st.fail(f"'{st.keyword}' expects 'none' or 'required' as argument.", 1)
    glob.tls.server_verify = st.argument(0)


def set_extra_files(st: Statement, glob: Global) -> None:
    words = st.arguments
    if any(word not in (*EXTRA_FILES, "none", "all") for word in words):
        raise st.fail(_EXTRA.format(st.keyword), 1)
    if len(words) > 1 and {"none", "all"} & set(words):
        raise st.fail(f"'{st.keyword}' 'none' and 'all' can be only used alone", 1)
    glob.tls.extra_files = frozenset({"none": (), "all": EXTRA_FILES}.get(words[0], words))


def set_del_ext(st: Statement, glob: Global) -> None:
    glob.tls.extra_del_ext = True


def set_skip_self_issued(st: Statement, glob: Global) -> None:
    glob.tls.skip_self_issued_ca = True


def set_issuers(st: Statement, glob: Global) -> None:
    path = st.argument(0)
    if not os.path.isdir(path):
        raise st.fail(_DIRECTORY.format(st.keyword), 1, "missing-file", f"there is no directory {path}")
    try:
        glob.tls.issuers |= load_issuers(path, tell(st, 1))
    except OSError as error:
        raise st.fail(_DIRECTORY.format(st.keyword), 1, "missing-file", reason(error)) from None


def set_dh_file(st: Statement, glob: Global) -> None:
    path = st.argument(0)
    hint = f"openssl dhparam -out {path} 2048"
    try:
        glob.tls.dh = load_dh(path)
    except (OSError, ValueError) as error:
        hint = f"{reason(error)}; {hint}"
    if not glob.tls.dh:
        raise st.fail(f"'{st.keyword}': unable to load DH parameters from file <{path}>.", 1, "missing-file", hint)


def set_dh_bits(st: Statement, glob: Global) -> None:
    value = parse_leading_integer(st.argument(0))
    if value < 1024:
        raise st.fail(f"'{st.keyword}' expects a value >= 1024.", 1)
    glob.tls.default_dh_bits = value


def _number(field: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        value = parse_leading_integer(st.argument(0))
        if value < 0:
            raise st.fail(f"'{st.keyword}' expects a positive numeric value.", 1)
        setattr(glob.tls, field, min(value, 2**31 - 1))

    return apply


def set_lifetime(st: Statement, glob: Global) -> None:
    try:
        glob.tls.lifetime_s = st.milliseconds(st.argument(0), "s") // 1000
    except TimeFault as fault:
        what = f"unexpected character '{fault.character}' in" if fault.character else "timer overflow in"
        raise st.fail(f"{what} argument to <{st.keyword}>.", 1, "bad-time") from None


def set_keylog(st: Statement, glob: Global) -> None:
    if st.argument(0) not in ("on", "off"):
        raise st.fail(f"'{st.keyword}' expects either 'on' or 'off' but got '{st.argument(0)}'.", 1)
    if st.argument(0) == "on":
        raise st.fail(f"'{st.keyword} on' is not supported by fastlb yet", 1, "unsupported-keyword")


_DIRECTORY = "global statement '{0}' expects a directory path as an argument."
_SUITE = "global statement '{0}' expects a cipher suite as an argument."
_CURVES = "global statement '{0}' expects a curves suite as an arguments."
_SIGALGS = "global statement '{0}' expects a signature algorithm list as an argument."
_OPTION = "global statement '{0}' expects an option as an argument."
_INTEGER = "'{0}' expects an integer argument."
_EXTRA = "'{0}' expects one or multiple arguments (none, all, bundle, sctl, ocsp, issuer)."
_LIFETIME = "'{0}' expects ssl sessions <lifetime> in seconds as argument."
_FIELDS = {
    "ciphers": ("ciphers", _SUITE),
    "ciphersuites": ("ciphersuites", _SUITE),
    "curves": ("curves", _CURVES),
    "sigalgs": ("sigalgs", _SIGALGS),
    "client-sigalgs": ("client_sigalgs", _SIGALGS),
}


def _token_list(field: str, known: tuple[str, ...]) -> SetGlobal:
    """`jwt.decrypt_alg_list` and `jwt.decrypt_enc_list`: names with colons between them."""

    def apply(st: Statement, glob: Global) -> None:
        found = tuple(st.argument(0).split(":"))
        wrong = next((name for name in found if name not in known), None)
        if wrong is not None:
            raise st.fail(f"'{st.keyword}' : unknown algorithm '{wrong}'.", 1, "bad-argument", f"some of {':'.join(known)}")
        setattr(glob.tls, field, found)

    return apply


def _row(
    name: str, apply: SetGlobal, grammar: str = "", missing: str = "", default: str = "", most: int | None = 1
) -> GlobalKeyword:
    tuning = name.startswith(("tune.", "maxssl"))
    return GlobalKeyword(
        name,
        "tls",
        "G",
        grammar,
        default,
        "3.2" if tuning else "3.1",
        since(name),
        apply=apply,
        arguments=(1, most) if grammar else (0, None),
        missing=missing,
    )


def _later(name: str) -> GlobalKeyword:
    return GlobalKeyword(name, "tls", "G", manual="3.2", since=since(name), status=UNSUPPORTED)


def _ignored(name: str, note: str) -> GlobalKeyword:
    return GlobalKeyword(name, "tls", "G", manual="3.1", since=since(name), status=IGNORED, note=note)


_NAMES = "'{0}' expects a list of algorithms with colons between them."
_LIBSSL = "libssl is used as the system sets it up"
_NOT_ONLINE = "OCSP answers are read from files; nothing is asked on the network"
GLOBAL: tuple[GlobalKeyword, ...] = (
    *(
        _row(f"ssl-default-{side}-{word}", _default(side, field), f"<{word}>", missing)
        for side in ("bind", "server")
        for word, (field, missing) in _FIELDS.items()
    ),
    _row(
        "ssl-default-bind-options", _default_options("bind", _BIND_OPTIONS), "<option> ...", _OPTION, "ssl-min-ver TLSv1.2", None
    ),
    _row("ssl-default-server-options", _default_options("server", _SERVER_OPTIONS), "<option> ...", _OPTION, most=None),
    _row("crt-base", _path("crt_base"), "<dir>", _DIRECTORY),
    _row("key-base", _path("key_base"), "<dir>", _DIRECTORY),
    _row("ca-base", _path("ca_base"), "<dir>", _DIRECTORY),
    _row("ssl-dh-param-file", set_dh_file, "<file>", "'{0}' expects a file path as an argument."),
    _row("ssl-server-verify", set_server_verify, "{none | required}", _INTEGER, "required"),
    _row("ssl-load-extra-files", set_extra_files, "{none | all | bundle | sctl | ocsp | issuer | key} ...", _EXTRA, "all", None),
    _row("ssl-load-extra-del-ext", set_del_ext),
    _row("ssl-skip-self-issued-ca", set_skip_self_issued),
    _row("issuers-chain-path", set_issuers, "<dir>", _DIRECTORY),
    _row("tune.ssl.default-dh-param", set_dh_bits, "<number>", _INTEGER),
    _row("tune.ssl.cachesize", _number("cache_size"), "<number>", _INTEGER, "20000"),
    _row("tune.ssl.lifetime", set_lifetime, "<timeout>", _LIFETIME, "300s"),
    _row("tune.ssl.maxrecord", _number("max_record"), "<number>", _INTEGER, "0"),
    _row("tune.ssl.hard-maxrecord", _number("hard_max_record"), "<number>", _INTEGER, "0"),
    _row("tune.ssl.keylog", set_keylog, "{on | off}", "'{0}' expects either 'on' or 'off' but got ''.", "off"),
    _row(
        "jwt.decrypt_alg_list",
        _token_list("token_algorithms", ALGORITHMS),
        "<algorithm>[:<algorithm>]...",
        _NAMES,
        ":".join(DEFAULT_ALGORITHMS),
    ),
    _row(
        "jwt.decrypt_enc_list",
        _token_list("token_encryptions", ENCRYPTIONS),
        "<algorithm>[:<algorithm>]...",
        _NAMES,
        ":".join(ENCRYPTIONS),
    ),
    *map(_later, ("maxsslconn", "ssl-passphrase-cmd")),
    *(_later(f"tune.ssl.capture-{what}-size") for what in ("buffer", "cipherlist")),
    *(
        _ignored(name, _LIBSSL)
        for name in names("""
noktls ssl-engine ssl-mode-async ssl-propquery ssl-provider ssl-provider-path ssl-security-level
tune.ssl.certificate-compression tune.ssl.force-private-cache tune.ssl.keyupdate-rate-limit tune.ssl.ssl-ctx-cache-size
acme.scheduler
""")
    ),
    *(
        _ignored(name, _NOT_ONLINE)
        for name in names("""
ocsp-update.disable ocsp-update.httpproxy ocsp-update.maxdelay ocsp-update.mindelay ocsp-update.mode
tune.ssl.ocsp-update.maxdelay tune.ssl.ocsp-update.mindelay
""")
    ),
)
