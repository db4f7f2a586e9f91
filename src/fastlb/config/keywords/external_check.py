"""`external-check` in `global` and in proxies, `option external-check`, `insecure-fork-wanted` (manual, sections 3.1 and 4.2).

Knows how they are written. Must not know how a command is run (`control/checks/external.py`).
"""

from __future__ import annotations

from ..model import Global, Proxy
from .row import GlobalKeyword, ProxyKeyword, Statement


def _set_global(st: Statement, glob: Global) -> None:
    glob.external_check = True


def _set_fork(st: Statement, glob: Global) -> None:
    glob.insecure_fork_wanted = st.prefix != "no"


def _set_option(st: Statement, px: Proxy) -> None:
    px.check.kind, px.check.arguments = "external-check", ()


def _set_words(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if word not in ("command", "path"):
        message = f"'external-check' only supports 'command' and 'path'. but got '{word}'."
        raise st.fail(message, min(1, len(st.words)), "unknown-option", "external-check command /path/to/program")
    if not st.argument(1):
        raise st.fail(f"missing argument after '{word}'.", min(2, len(st.words)), "missing-argument")
    st.at_most(2)
    setattr(px.check, word, st.argument(1))


GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword("external-check", "process", "G", manual="3.1", apply=_set_global, arguments=(0, 0)),
    GlobalKeyword("insecure-fork-wanted", "process", "G", manual="3.1", apply=_set_fork, arguments=(0, 0), accepts_no=True),
)
PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("option external-check", "check", "DLB", manual="4.2", apply=_set_option, arguments=(0, 0)),
    ProxyKeyword("external-check", "check", "DLB", "{ command <command> | path <path> }", manual="4.2", apply=_set_words),
)
