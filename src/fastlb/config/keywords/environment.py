"""`setenv` and its kin, and `default-path`: what the reading of files depends on (manual, section 3.1).

Knows what they change at once, for the lines that follow. Must not know which keyword opens a file.
"""

from __future__ import annotations

from ..model import Global
from .row import GlobalKeyword, Statement

_MODES = "supported modes include 'current', 'config', 'parent', and 'origin'."


def _checked_name(st: Statement, at: int) -> str:
    name = st.words[at]
    if not name or "=" in name or "\0" in name:
        raise st.fail(f"'{st.keyword}' failed on variable '{name}' : Invalid argument.", at)
    return name


def set_variable(st: Statement, glob: Global) -> None:
    """`setenv` and `presetenv`."""
    name, value = _checked_name(st, 1), st.argument(1)
    if st.keyword == "presetenv" and name in st.reading.environment:
        return
    st.reading.environment[name] = value
    glob.environment[name] = value


def unset(st: Statement, glob: Global) -> None:
    for at in range(1, len(st.words)):
        _forget(st, glob, _checked_name(st, at))


def reset(st: Statement, glob: Global) -> None:
    """Forgets all variables but those that are named, and those that are the program's own."""
    for name in [name for name in st.reading.environment if name not in st.arguments]:
        _forget(st, glob, name)


def _forget(st: Statement, glob: Global, name: str) -> None:
    st.reading.environment.pop(name, None)
    glob.environment[name] = None


def set_default_path(st: Statement, glob: Global) -> None:
    mode = st.argument(0)
    if mode not in ("current", "config", "parent", "origin"):
        what = "unsupported" if mode else "missing"
        raise st.fail(f"{what} default-path mode '{mode}' for 'default-path', {_MODES}", min(1, len(st.words) - 1))
    if mode == "origin" and not st.argument(1):
        raise st.fail("'default-path origin' expects a directory as an argument.", 1, "missing-argument")
    st.reading.directory.set_mode(mode, st.argument(1))
    try:
        st.reading.directory.enter(st.source.file)
    except OSError as error:
        reason = f"couldn't set 'default-path' to {mode} '{st.argument(1)}': {error.strerror}."
        raise st.fail(reason, len(st.words) - 1, "bad-file") from None


GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "setenv",
        "process",
        "G",
        "<name> <value>",
        manual="3.1",
        apply=set_variable,
        arguments=(2, 2),
        missing="'setenv' expects a name and a value.",
    ),
    GlobalKeyword(
        "presetenv",
        "process",
        "G",
        "<name> <value>",
        manual="3.1",
        apply=set_variable,
        arguments=(2, 2),
        missing="'presetenv' expects a name and a value.",
    ),
    GlobalKeyword(
        "unsetenv",
        "process",
        "G",
        "<name> ...",
        manual="3.1",
        apply=unset,
        arguments=(1, None),
        missing="'unsetenv' expects at least one variable name.",
    ),
    GlobalKeyword("resetenv", "process", "G", "[<name> ...]", manual="3.1", apply=reset),
    GlobalKeyword(
        "default-path",
        "process",
        "G",
        "current | config | parent | origin <path>",
        "current",
        "3.1",
        apply=set_default_path,
        arguments=(0, None),
    ),
)
