"""TLS options of `bind` (manual, section 5.1), and what a bind line with TLS needs as a whole.

Knows how they are written; certificates are loaded where they are named, as in HAProxy, so that the message stands at the word.
Must not know handshakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..crt_list import read_crt_list
from ..model import Bind
from ..tls_files import based, load_ticket_keys
from ..tls_model import Acceptance, BindTls, Certificate
from ..tls_values import (
    completed,
    error_numbers,
    for_certificate,
    is_cipher_list,
    is_curve_list,
    is_suite_list,
    version_range,
)
from ..values import ValueFault
from .row import NOT_YET, UNSUPPORTED, BindOption, Statement
from .since import since
from .tls import SHARED, Apply, Shared, change, converted, tell, text

VERIFY = ("none", "optional", "required")


def _index_of(st: Statement, word: str) -> int:
    """The place of an option's word, to report to."""
    return st.words.index(word) if word in st.words else 0


def set_crt(st: Statement, bind: Bind, word: str) -> None:
    _add(st, bind, word, is_default=False)


def set_default_crt(st: Statement, bind: Bind, word: str) -> None:
    _add(st, bind, word, is_default=True)


def _add(st: Statement, bind: Bind, word: str, is_default: bool) -> None:
    files = st.reading.tls_files
    pairs = files.load(based(files.glob.crt_base, word), tell(st, _index_of(st, word)))
    # haproxy: a directory is a crt-list to the runtime API, a line for each file.
    path = based(files.glob.crt_base, word)
    source = path if files.is_directory(path) else ""
    found = (
        Certificate(pair, is_default=is_default, source=source, line=at if source else 0) for at, pair in enumerate(pairs, 1)
    )
    bind.tls = replace(bind.tls, certificates=(*bind.tls.certificates, *found), lists=_with(bind.tls.lists, source))


def _with(lists: tuple[str, ...], name: str) -> tuple[str, ...]:
    return lists if not name or name in lists else (*lists, name)


def set_crt_list(st: Statement, bind: Bind, word: str) -> None:
    try:
        found = read_crt_list(word, st.reading.tls_files, tell(st, _index_of(st, word)), settings_reader(st, bind))
    except ValueFault as fault:
        raise ValueFault(f"'crt-list' : {fault.message}", fault.code, fault.hint) from None
    bind.tls = replace(bind.tls, certificates=(*bind.tls.certificates, *found), lists=_with(bind.tls.lists, word))


def set_ticket_keys(st: Statement, bind: Bind, word: str) -> None:
    bind.tls = replace(bind.tls, ticket_keys=load_ticket_keys(word), ticket_file=word)


def settings_reader(st: Statement, bind: Bind) -> Callable[[list[str], str], Acceptance | None]:
    """Reads the words between the brackets of a crt-list's line; `where` names the line."""

    def read(words: list[str], where: str) -> Acceptance | None:
        if not words:
            return None
        carrier = Bind(bind.location, bind.address)
        at = 0
        while at < len(words):
            row = _CRT_LIST.get(words[at])
            if words[at] in _NOT_YET:
                raise ValueFault(f"{where}: '{words[at]}': {NOT_YET}", "unsupported-keyword")
            if row is None:
                hint = f"one of {' '.join(sorted(_CRT_LIST))}"
                raise ValueFault(f"{where}: unknown ssl keyword {words[at]}", hint=hint)
            if row.grammar and at + 1 >= len(words):
                raise ValueFault(f"{where}: ssl args out of '[]' for {words[at]}")
            row.apply(st, carrier, words[at + 1] if row.grammar else "")
            at += 2 if row.grammar else 1
        return Acceptance(**{name: getattr(carrier.tls, name) for name in Acceptance.__dataclass_fields__})

    return read


def _authorities(keyword: str, field: str) -> Apply:
    def apply(st: Statement, bind: Bind, word: str) -> None:
        files = st.reading.tls_files
        found = files.authorities(based(files.glob.ca_base, word), keyword, tell(st, _index_of(st, word)))
        values: dict[str, Any] = {field: found}
        bind.tls = replace(bind.tls, **values)

    return apply


def set_crl_file(st: Statement, bind: Bind, word: str) -> None:
    files = st.reading.tls_files
    bind.tls = replace(bind.tls, revocations=files.revocations(based(files.glob.ca_base, word)))


def _verify(word: str) -> str:
    if word not in VERIFY:
        message = f"'verify' : unknown verify method '{word}', only 'none', 'optional', and 'required' are supported"
        raise ValueFault(message)
    return word


def _ignored(keyword: str, field: str) -> Apply:
    return converted(field, lambda word: error_numbers(keyword, word))


OWN: tuple[Shared, ...] = (
    Shared("ssl", change(enabled=True)),
    Shared("crt", set_crt, "<cert>", "'crt' : missing certificate location"),
    Shared("default-crt", set_default_crt, "<cert>", "'default-crt' : missing certificate location"),
    Shared("crt-list", set_crt_list, "<file>", "'crt-list' : missing certificate location"),
    Shared("ca-file", _authorities("ca-file", "authorities"), "<cafile>", "'ca-file' : missing CAfile path"),
    Shared(
        "ca-verify-file",
        _authorities("ca-verify-file", "verify_authorities"),
        "<cafile>",
        "'ca-verify-file' : missing CAfile path",
    ),
    Shared("crl-file", set_crl_file, "<crlfile>", "'crl-file' : missing CRLfile path"),
    Shared("verify", converted("verify", _verify), "{none | optional | required}", "'verify' : missing verify method"),
    Shared("ca-ignore-err", _ignored("ca-ignore-err", "ca_ignore"), "<errors>", "'ca-ignore-err' : missing error IDs list"),
    Shared("crt-ignore-err", _ignored("crt-ignore-err", "crt_ignore"), "<errors>", "'crt-ignore-err' : missing error IDs list"),
    Shared("no-ca-names", change(ca_names=False)),
    Shared("ecdhe", text("ecdhe"), "<named curve>", "'ecdhe' : missing named curve"),
    Shared("strict-sni", change(strict_sni=True)),
    Shared("no-strict-sni", change(strict_sni=False)),
    Shared("prefer-client-ciphers", change(client_ciphers_first=True)),
    Shared(
        "tls-ticket-keys",
        set_ticket_keys,
        "<keyfile>",
        "'tls-ticket-keys' : missing TLS ticket keys file path",
    ),
    Shared("allow-0rtt", change(), status=UNSUPPORTED),
    Shared("generate-certificates", change(), status=UNSUPPORTED),
    Shared("ca-sign-file", change(), "<cafile>", "'ca-sign-file' : missing CAfile path", UNSUPPORTED),
    Shared("ca-sign-pass", change(), "<passphrase>", "'ca-sign-pass' : missing CAkey password", UNSUPPORTED),
)
_IN_CRT_LIST = {
    *("alpn", "ca-file", "ca-verify-file", "ciphers", "ciphersuites", "client-sigalgs", "crl-file", "curves", "ecdhe"),
    *("no-alpn", "no-ca-names", "npn", "sigalgs", "ssl-max-ver", "ssl-min-ver", "verify"),
}
_NOT_YET = ("allow-0rtt", "ktls")
_CRT_LIST = {row.name: row for row in (*OWN, *SHARED) if row.name in _IN_CRT_LIST}

BIND: tuple[BindOption, ...] = tuple(
    BindOption(
        row.name,
        "bind",
        "FL",
        row.grammar,
        manual="5.1",
        since=since(row.name),
        status=row.status,
        apply=None if row.status == UNSUPPORTED else row.apply,
        arity=1 if row.grammar else 0,
        missing=row.missing,
    )
    for row in (*OWN, *SHARED)
)


def complete(st: Statement, bind: Bind) -> None:
    """Checks a bind line with `ssl` as a whole and fills in `global`'s defaults, once its options are read."""
    if not bind.tls.enabled:
        return
    tls = completed(bind.tls, st.reading.configuration.global_.tls.bind)
    line = _Line(st)
    tls = _with_versions(line, tls)
    _check_needs(line, tls)
    _check_lists(line, tls)
    if "h2" in (tls.alpn or ()):
        line.tell("HTTP/2 is not supported by fastlb yet: 'h2' is offered to nobody", "alpn", "alpn http/1.1")
    if tls.npn:
        line.tell("NPN is not supported by fastlb, nor by clients since ALPN took its place", "npn", "alpn http/1.1")
    chosen = tuple(
        replace(each, settings=for_certificate(each.settings, tls)) if each.settings is not None else each
        for each in tls.certificates
    )
    if chosen and not any(each.is_default for each in chosen):
        chosen = (replace(chosen[0], is_default=True), *chosen[1:])
    for each in chosen:
        if each.settings is not None:
            _check_lists(line, each.settings)
    bind.tls = replace(tls, certificates=chosen)


class _Line:
    """Reports about the whole line in HAProxy's words, at the word that is to blame."""

    def __init__(self, st: Statement) -> None:
        self.st = st
        self.lead = f"Proxy '{st.draft.proxy.name if st.draft is not None else ''}': "
        self.place = f"for bind '{st.argument(0)}' at [{st.line_location()}]"

    def _index(self, word: str) -> int:
        return next((at for at, each in enumerate(self.st.words) if each == word and at > 1), 0)

    def alert(self, message: str, word: str, code: str, hint: str = "") -> None:
        self.st.alert(message, self._index(word), code, hint, self.lead)

    def warn(self, message: str, word: str, code: str = "questionable", hint: str = "") -> None:
        self.st.warn(message, self._index(word), code, hint, self.lead)

    def tell(self, message: str, word: str, hint: str) -> None:
        """What fastlb does otherwise than HAProxy, and can be lived with."""
        self.st.report("notice", "unsupported-value", message, self._index(word), hint, self.lead)


def _with_versions(line: _Line, tls: BindTls) -> BindTls:
    found = version_range(tls)
    if found.ignores_off:
        message = f"no-sslv3/no-tlsv1x are ignored {line.place}. Use only 'ssl-min-ver' and 'ssl-max-ver' to fix."
        line.warn(message, "ssl")
    if found.is_ambiguous:
        message = (
            f"Ambiguous configuration {line.place}: the ssl-min-ver value is not configured and the ssl-max-ver value is lower "
            f"than the default ssl-min-ver value (TLSv1.2). Setting the ssl-min-ver to {tls.max_version}. Use 'ssl-min-ver' "
            "to fix this."
        )
        line.warn(message, "ssl-max-ver")
    if not found.lowest:
        line.alert(f"all SSL/TLS versions are disabled {line.place}.", "ssl", "bad-argument", "ssl-min-ver TLSv1.2")
        return tls
    return replace(tls, min_version=found.lowest, max_version=found.highest, off=frozenset(found.holes))


def _check_needs(line: _Line, tls: BindTls) -> None:
    if not tls.certificates and tls.strict_sni:
        message = f"no SSL certificate specified {line.place}, ssl connections will fail (use 'crt')."
        line.warn(message, "ssl", "missing-certificate")
    elif not tls.certificates:
        message = f"no SSL certificate specified {line.place} (use 'crt')."
        line.alert(message, "ssl", "missing-certificate", "ssl crt <file>; for trying: fastlb cert self-signed <name>")
    settings = [tls, *(for_certificate(each.settings, tls) for each in tls.certificates if each.settings is not None)]
    for each in settings:
        if each.verify in ("optional", "required") and each.authorities is None and each.verify_authorities is None:
            message = f"verify is enabled but no CA file specified {line.place}."
            line.alert(message, "verify", "missing-argument", f"verify {each.verify} ca-file <file>")
            return


def _check_lists(line: _Line, tls: Acceptance) -> None:
    if tls.ciphers is not None and not is_cipher_list(tls.ciphers):
        line.alert(f"unable to set SSL cipher list to '{tls.ciphers}' {line.place}.", "ciphers", "bad-argument")
    if tls.ciphersuites is not None and not is_suite_list(tls.ciphersuites):
        line.alert(f"unable to set TLS 1.3 cipher suites to '{tls.ciphersuites}' {line.place}.", "ciphersuites", "bad-argument")
    if tls.curves is not None and not is_curve_list(tls.curves):
        line.alert(f"unable to set SSL curves list to '{tls.curves}' {line.place}.", "curves", "bad-argument")
    if tls.curves is None and tls.ecdhe is not None and not is_curve_list(tls.ecdhe):
        line.alert(f"unable to set elliptic named curve to '{tls.ecdhe}' {line.place}.", "ecdhe", "bad-argument")
