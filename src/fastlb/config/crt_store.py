"""`crt-store` sections: certificates with names, whose parts may be in files of their own (manual of 3.x, section 3.11).

    crt-store web
        crt-base /etc/ssl/certs
        load crt site.pem key /etc/ssl/private/site.key alias site      # bind :443 ssl crt @web/site

Knows the lines. A store without a name is "@/"; its files are known by their own names as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from .keywords.row import NOT_YET, Statement
from .keywords.tls import tell
from .tls_files import based
from .tls_model import Load
from .tls_pem import TlsFault

_PARTS = ("key", "ocsp", "sctl")
_NOT_NEEDED = ("issuer",)  # haproxy: ties an OCSP response to its certificate; here the serial number does
_SWITCHES = ("jwt",)  # on or off: whether jwt_decrypt_cert may have the key
_NOT_YET = ("ocsp-update", "acme", "domains", "ips", "generate-dummy", "keytype", "bits", "curves")


@dataclass(slots=True)
class CrtStore:
    """The section that is open. crt_base, key_base: "" where those of global count."""

    name: str
    crt_base: str = ""
    key_base: str = ""


def open_store(st: Statement) -> None:
    st.at_most(1)
    st.reading.crt_store = CrtStore(st.argument(0))


def set_base(st: Statement) -> None:
    if not st.argument(0):
        raise st.fail(f"'{st.words[0]}' expects a directory path as an argument.", 0, "missing-argument")
    st.at_most(1)
    setattr(st.reading.crt_store, st.words[0].replace("-", "_"), st.argument(0))


def load(st: Statement) -> None:
    store, files = st.reading.crt_store, st.reading.tls_files
    if store is None:  # its header was refused
        raise st.reported()
    said = _words(st)
    crt_base = store.crt_base or files.glob.crt_base
    key_base = store.key_base or files.glob.key_base or crt_base
    parts = {name: based(key_base if name == "key" else crt_base, said[name]) for name in _PARTS if name in said}
    path = based(crt_base, said["crt"])
    try:
        pair = files.pair(path, tell(st, st.words.index("crt") + 1), Load(**parts))
    except TlsFault as fault:
        raise st.fail(f"'load' : {fault.message}", st.words.index("crt") + 1, fault.code, fault.hint) from None
    for name in filter(None, (said["crt"], said.get("alias", ""))):
        if files.aliases.setdefault(f"@{store.name}/{name}", pair) is not pair:
            raise st.fail(f"'load' : '@{store.name}/{name}' was loaded already", 0, "duplicate-name")
        if said.get("jwt") == "on":
            files.glob.token_keys |= {pair.name: pair.key, f"@{store.name}/{name}": pair.key}


def _words(st: Statement) -> dict[str, str]:
    """The pairs of words of a `load` line, `crt` among them."""
    said: dict[str, str] = {}
    for at in range(1, len(st.words), 2):
        name, value = st.words[at], st.words[at + 1] if at + 1 < len(st.words) else ""
        if name in _NOT_YET:
            raise st.fail(f"'load ... {name}': {NOT_YET}", at, "unsupported-keyword")
        if name not in ("crt", "alias", *_PARTS, *_NOT_NEEDED, *_SWITCHES):
            hint = f"one of crt alias {' '.join((*_PARTS, *_SWITCHES))}"
            raise st.fail(f"unknown option '{name}' for 'load'", at, "unknown-keyword", hint)
        if not value:
            raise st.fail(f"'load' : '{name}' expects an argument", at, "missing-argument")
        if name in _SWITCHES and value not in ("on", "off"):
            raise st.fail(f"'load' : '{name}' expects 'on' or 'off'", at + 1)
        said[name] = value
    if "crt" not in said:
        raise st.fail("'load' : missing 'crt'", 0, "missing-argument", "load crt <file>")
    return said
