"""`server-state-file`, `server-state-base`, `load-server-state-from-file` and `server-state-file-name` (manual, 3.2 and 4.2).

Knows how they are written. Must not read a state file (compile/state_files.py does).
"""

from __future__ import annotations

from ..model import Global, Proxy
from .row import GlobalKeyword, ProxyKeyword, Statement

_SOURCES = ("global", "local", "none")


def _set_once(attribute: str, missing: str) -> GlobalKeyword:
    name = {"state_file": "server-state-file", "state_base": "server-state-base"}[attribute]

    def apply(st: Statement, glob: Global) -> None:
        if getattr(glob, attribute):
            # haproxy: printed as an alert, but the file is valid and the first value counts.
            st.warn(f"'{name}' already specified. Continuing.", 0, "already-specified")
        elif not st.argument(0):
            raise st.fail(f"'{name}' {missing}", min(1, len(st.words)), "missing-argument")
        else:
            setattr(glob, attribute, st.argument(0))

    return GlobalKeyword(name, "tuning", "G", "<path>", manual="3.1", apply=apply)


def _set_source(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if word not in _SOURCES:
        raise st.fail(f"'{st.keyword}' expects 'global', 'local' or 'none'. Got '{word}'", min(1, len(st.words)))
    px.state_source = word


def _set_name(st: Statement, px: Proxy) -> None:
    st.at_most(1)
    word = st.argument(0)
    px.state_file = "" if word == "use-backend-name" else word


GLOBAL: tuple[GlobalKeyword, ...] = (
    _set_once("state_file", "expect one argument: a file path."),
    _set_once("state_base", "expects one argument: a directory path."),
)
PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "load-server-state-from-file", "proxy", "DLB", "{ global | local | none }", "none", "4.2", apply=_set_source
    ),
    ProxyKeyword("server-state-file-name", "proxy", "DLB", "[ use-backend-name | <file> ]", manual="4.2", apply=_set_name),
)
