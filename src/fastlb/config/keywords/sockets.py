"""Keywords of `global` about sockets and connections of the whole process, and about its rights (manual, sections 3.1 and 3.2).

Knows how they put a value on `model.Global`. Must not know what the processes make of it.
"""

from __future__ import annotations

from ..model import Global
from ..values import TimeFault, ValueFault, group_id, parse_leading_integer, user_id
from .row import IGNORED, GlobalKeyword, SetGlobal, Statement, mode_octal
from .since import since

CAPABILITIES = ("cap_net_admin", "cap_net_bind_service", "cap_net_raw", "cap_sys_admin")
MAX_IDLE_TIMER_MS = 65535
_UNIX_BIND = ("prefix", "mode", "user", "uid", "group", "gid")
_CODES = range(100, 600)


def rate(attribute: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        if getattr(glob, attribute):
            st.warn(f"'{st.keyword}' already specified. Continuing.", 0, "already-specified")
        else:
            setattr(glob, attribute, max(0, min(st.integer(0), 2**31 - 1)))

    return apply


def set_idle_timer(st: Statement, glob: Global) -> None:
    word = st.argument(0)
    message = f"'tune.idletimer' expects a timer value between 0 and {MAX_IDLE_TIMER_MS} ms."
    try:
        value = st.milliseconds(word)
    except TimeFault as fault:
        if not fault.is_overflow:
            message = f"unexpected character '{fault.character}' in argument to <tune.idletimer>."
        raise st.fail(message, 1, "bad-time") from None
    if value > MAX_IDLE_TIMER_MS:
        raise st.fail(message, 1, "bad-time")
    glob.tls.idle_timer_ms = value


def set_unix_bind(st: Statement, glob: Global) -> None:
    at = 1
    while at < len(st.words):
        word, value = st.words[at], st.words[at + 1] if at + 1 < len(st.words) else ""
        if word not in _UNIX_BIND:
            options = "'prefix', 'mode', 'uid', 'gid', 'user' and 'group'"
            raise st.fail(f"'unix-bind' only supports the {options} options.", at)
        if not value:
            what = "a path" if word == "prefix" else "a value"
            raise st.fail(f"unix_bind '{word}' expects {what} as an argument.", at, "missing-argument")
        _set_unix_bind(st, glob, word, value, at + 1)
        at += 2


def _set_unix_bind(st: Statement, glob: Global, word: str, value: str, at: int) -> None:
    unix = glob.unix_bind
    if word == "prefix":
        unix.prefix = value
    elif word == "mode":
        try:
            unix.mode = mode_octal(value)
        except ValueFault as fault:
            raise st.fail(fault.message.replace("'mode'", "'unix-bind mode'"), at) from None
    elif word in ("uid", "gid"):
        setattr(unix, word, parse_leading_integer(value))
    else:
        found = user_id(value) if word == "user" else group_id(value)
        if found is None:
            raise st.fail(f"'unix-bind' : '{value}' unknown {word}.", at, f"unknown-{word}")
        setattr(unix, "uid" if word == "user" else "gid", found)


def set_capabilities(st: Statement, glob: Global) -> None:
    wanted = st.argument(0).split(",")
    if wrong := next((name for name in wanted if name not in CAPABILITIES), None):
        raise st.fail(f"'setcap' : unsupported capability '{wrong}', supported ones are {', '.join(CAPABILITIES)}.", 1)
    glob.capabilities = tuple(dict.fromkeys((*glob.capabilities, *wanted)))


def switch(attribute: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        setattr(glob, attribute, True)

    return apply


def codes(attribute: str) -> SetGlobal:
    """`[+-]<code>[-<code>][,...]`: what bears no sign takes the place of what was there."""

    def apply(st: Statement, glob: Global) -> None:
        found: frozenset[int] = getattr(glob, attribute)
        for at in range(1, len(st.words)):
            word = st.words[at]
            listed = _codes_of(st, word.lstrip("+-"), at)
            found = found | listed if word[0] == "+" else found - listed if word[0] == "-" else listed
        setattr(glob, attribute, found)

    return apply


def _codes_of(st: Statement, text: str, at: int) -> frozenset[int]:
    listed: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.partition("-")
        last = high if dash else low
        if not (low.isdecimal() and last.isdecimal() and int(low[:4]) in _CODES and int(last[:4]) in _CODES and low <= last):
            raise st.fail(f"'{st.keyword}' : '{part}' is not a status or a range of them, 100 to 599.", at, "bad-number")
        listed |= set(range(int(low), int(last) + 1))
    return frozenset(listed)


INTEGER = "'{0}' expects an integer argument."

GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "maxconnrate",
        "tuning",
        "G",
        "<number>",
        "no limit",
        "3.2",
        apply=rate("max_conn_rate"),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "maxsessrate",
        "tuning",
        "G",
        "<number>",
        "no limit",
        "3.2",
        apply=rate("max_sess_rate"),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "maxsslrate",
        "tuning",
        "G",
        "<number>",
        "no limit",
        "3.2",
        apply=rate("max_tls_rate"),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "tune.idletimer",
        "tuning",
        "G",
        "<timeout>",
        "1000",
        "3.2",
        apply=set_idle_timer,
        arguments=(1, None),
        missing=f"'tune.idletimer' expects a timer value between 0 and {MAX_IDLE_TIMER_MS} ms.",
    ),
    GlobalKeyword(
        "unix-bind",
        "process",
        "G",
        "[prefix <prefix>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
        manual="3.1",
        apply=set_unix_bind,
        arguments=(0, None),
    ),
    GlobalKeyword(
        "setcap",
        "process",
        "G",
        "<name>[,<name>...]",
        manual="3.1",
        since=since("setcap"),
        apply=set_capabilities,
        arguments=(1, 1),
        missing="'setcap' expects a list of capabilities.",
    ),
    GlobalKeyword(
        "insecure-setuid-wanted", "process", "G", manual="3.1", apply=switch("insecure_setuid_wanted"), arguments=(0, 0)
    ),
    GlobalKeyword("pp2-never-send-local", "process", "G", manual="3.1", apply=switch("never_sends_local"), arguments=(0, 0)),
    GlobalKeyword(
        "http-err-codes",
        "process",
        "G",
        "[+-]<range>[,...] ...",
        "400-499",
        "3.1",
        since("http-err-codes"),
        apply=codes("error_codes"),
        arguments=(1, None),
        missing="'{0}' expects statuses.",
    ),
    GlobalKeyword(
        "http-fail-codes",
        "process",
        "G",
        "[+-]<range>[,...] ...",
        "500-599 -501 -505",
        "3.1",
        since("http-fail-codes"),
        apply=codes("fail_codes"),
        arguments=(1, None),
        missing="'{0}' expects statuses.",
    ),
    GlobalKeyword(
        "cluster-secret",
        "process",
        "G",
        "<secret>",
        manual="3.1",
        status=IGNORED,
        note="it protects tokens of QUIC",
        arguments=(1, 1),
        missing="expects an ASCII string argument.",
    ),
    GlobalKeyword(
        "anonkey",
        "debugging",
        "G",
        "<key>",
        manual="3.3",
        since=since("anonkey"),
        status=IGNORED,
        note="nothing is shown anonymously",
        arguments=(1, 1),
        missing="'anonkey' expects a key.",
    ),
)
