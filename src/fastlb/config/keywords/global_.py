"""Keywords of the `global` section that fastlb does, logging and `stats` apart (manual, sections 3.1 and 3.2).

Knows how they put a value on `model.Global`. Must not know what the processes make of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..model import Global
from ..values import TimeFault, ValueFault, group_id, parse_integer, parse_leading_integer, parse_size, user_id
from .row import IGNORED, GlobalKeyword, SetGlobal, Statement

MAX_THREADS = 64  # haproxy: MAX_THREADS of its usual builds
MIN_BUFSIZE, MAX_BUFSIZE = 1024, 16 << 20
MAX_STICK_COUNTERS = 12  # TRACK_MAX of ext/fastlb_core/proxy/track.pxd
MAX_HDR = 32767


def flag(attribute: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        setattr(glob, attribute, True)

    return apply


def text(attribute: str) -> SetGlobal:
    def apply(st: Statement, glob: Global) -> None:
        setattr(glob, attribute, st.argument(0))

    return apply


def once(attribute: str, convert: Callable[[Statement], Any]) -> SetGlobal:
    """A setting of which HAProxy keeps the first value."""

    def apply(st: Statement, glob: Global) -> None:
        if getattr(glob, attribute):
            _warn_taken(st, f"'{st.keyword}'")
        else:
            setattr(glob, attribute, convert(st))

    return apply


def _warn_taken(st: Statement, what: str) -> None:
    # haproxy: printed as an alert, but the file is valid and the first value counts.
    st.warn(f"{what} already specified. Continuing.", 0, "already-specified")


def word(st: Statement) -> str:
    return st.argument(0)


def limit(st: Statement) -> int | None:
    """A number of which zero or less means that nothing was said."""
    return max(0, min(st.integer(0), 2**31 - 1)) or None


def set_maxrewrite(st: Statement, glob: Global) -> None:
    value = st.integer(0)
    if not 0 <= value <= MAX_BUFSIZE:
        raise st.fail("'tune.maxrewrite' expects a positive integer argument.", 1)
    glob.maxrewrite = value or glob.maxrewrite


def set_nbthread(st: Statement, glob: Global) -> None:
    value = parse_leading_integer(st.argument(0))
    if not 1 <= value <= MAX_THREADS:
        raise st.fail(f"'nbthread' value must be between 1 and {MAX_THREADS} (was {value})", 1)
    glob.nbthread = value


def set_user(st: Statement, glob: Global) -> None:
    if _is_taken(st, glob.uid, "user/uid"):
        return
    name = st.argument(0)
    found = user_id(name)
    if found is None:
        hint = f"create it, or name another: useradd --system --no-create-home --shell /usr/sbin/nologin {name}"
        raise st.fail(f"cannot find user id for '{name}' (0:Success)", 1, "unknown-user", hint)
    glob.uid, glob.user = found, name


def set_group(st: Statement, glob: Global) -> None:
    if _is_taken(st, glob.gid, "group/gid"):
        return
    name = st.argument(0)
    found = group_id(name)
    if found is None:
        raise st.fail(
            f"cannot find group id for '{name}' (0:Success)", 1, "unknown-group", f"create it: groupadd --system {name}"
        )
    glob.gid, glob.group = found, name


def set_uid(st: Statement, glob: Global) -> None:
    if not _is_taken(st, glob.uid, "user/uid"):
        glob.uid = _identifier(st, "uid", "user")


def set_gid(st: Statement, glob: Global) -> None:
    if not _is_taken(st, glob.gid, "group/gid"):
        glob.gid = _identifier(st, "gid", "group")


def _is_taken(st: Statement, value: int | None, what: str) -> bool:
    # haproxy: 0 counts as not set, so that `uid 0` can be followed by another.
    if value:
        _warn_taken(st, what)
    return bool(value)


def _identifier(st: Statement, keyword: str, other: str) -> int | None:
    try:
        return parse_integer(st.argument(0))
    except ValueFault:
        st.warn(
            f" {keyword}: string '{st.argument(0)}' is not a number.\n"
            f"   | You might want to use the '{other}' parameter to use a system {other} name.",
            1,
        )
        return None


def set_hard_stop_after(st: Statement, glob: Global) -> None:
    word = st.argument(0)
    try:
        glob.hard_stop_after_ms = st.milliseconds(word)
    except TimeFault as fault:
        if fault.is_overflow:
            reason = f"timer overflow in argument '{word}' to <hard-stop-after>, maximum value is 2147483647 ms (~24.8 days)."
        else:
            reason = f"unexpected character '{fault.character}' in argument to <hard-stop-after>."
        raise st.fail(reason, 1, "bad-time", "hard-stop-after 30s") from None


def set_mworker_max_reloads(st: Statement, glob: Global) -> None:
    value = parse_leading_integer(st.argument(0))
    if value < 0:
        st.warn(f"'mworker-max-reloads' : invalid value {value}, must be >= 0", 1)
    else:
        glob.mworker_max_reloads = value


def set_bufsize(st: Statement, glob: Global) -> None:
    try:
        value = parse_size(st.argument(0))
    except ValueFault:
        value = 0
    if value < 1:
        raise st.fail("'tune.bufsize' expects a positive integer argument.", 1)
    if not MIN_BUFSIZE <= value <= MAX_BUFSIZE:
        raise st.fail(f"'tune.bufsize' must be between {MIN_BUFSIZE} and {MAX_BUFSIZE} (was {value})", 1)
    glob.bufsize = value


def set_maxaccept(st: Statement, glob: Global) -> None:
    value = st.integer(0)
    # haproxy: zero or less means no limit.
    glob.maxaccept = min(value, 2**31 - 1) if value > 0 else 2**31 - 1


def set_maxhdr(st: Statement, glob: Global) -> None:
    value = parse_leading_integer(st.argument(0))
    if not 1 <= value <= MAX_HDR:
        raise st.fail(f"'tune.http.maxhdr' expects a numeric value between 1 and {MAX_HDR}", 1)
    glob.http_maxhdr = value


def set_logurilen(st: Statement, glob: Global) -> None:
    """haproxy: characters of the request line; what is no number is 0, which is none at all."""
    glob.http_logurilen = max(parse_leading_integer(st.argument(0)), 0)


def set_cookielen(st: Statement, glob: Global) -> None:
    glob.http_cookielen = max(parse_leading_integer(st.argument(0)), 0)


def set_stick_counters(st: Statement, glob: Global) -> None:
    value = parse_leading_integer(st.argument(0))
    if not 0 <= value <= MAX_STICK_COUNTERS:
        raise st.fail(f"'tune.stick-counters' expects a number between 0 and {MAX_STICK_COUNTERS}", 1)
    glob.stick_counters = value


def set_spread_checks(st: Statement, glob: Global) -> None:
    if glob.spread_checks:
        _warn_taken(st, "spread-checks")
        return
    value = parse_leading_integer(st.argument(0))
    if not 0 <= value <= 50:
        raise st.fail("'spread-checks' needs a positive value in range 0..50.", 1)
    glob.spread_checks = value


def set_description(st: Statement, glob: Global) -> None:
    glob.description = " ".join(st.arguments)


def set_nbproc(st: Statement, glob: Global) -> None:
    """Removed in 2.5; `nbproc 1` said nothing, and is the only value that can be taken for what it was."""
    if st.argument(0) == "1":
        st.warn("'nbproc 1' has no effect and can be removed.", 0, "ignored-keyword")
        return
    raise st.fail(
        "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on multi-processor machines "
        "if available.",
        0,
        "removed-keyword",
        f"nbthread {st.argument(0)}" if st.argument(0).isdecimal() else "nbthread <number>",
    )


def set_master_worker(st: Statement, glob: Global) -> None:
    # haproxy: 3.5 has removed it; a file with it still starts here.
    st.warn("'master-worker' in global is deprecated: use -W or -Ws on the command line instead.", 0, "ignored-keyword")
    glob.master_worker = True


def set_zero_warning(st: Statement, glob: Global) -> None:
    st.reading.zero_warning = True


INTEGER = "'{0}' expects an integer argument."

GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword("daemon", "process", "G", manual="3.1", apply=flag("daemon"), arguments=(0, 0)),
    GlobalKeyword(
        "user", "process", "G", "<name>", manual="3.1", apply=set_user, arguments=(1, 1), missing="'user' expects a user name."
    ),
    GlobalKeyword(
        "group",
        "process",
        "G",
        "<name>",
        manual="3.1",
        apply=set_group,
        arguments=(1, 1),
        missing="'group' expects a group name.",
    ),
    GlobalKeyword("uid", "process", "G", "<number>", manual="3.1", apply=set_uid, arguments=(1, 1), missing=INTEGER),
    GlobalKeyword("gid", "process", "G", "<number>", manual="3.1", apply=set_gid, arguments=(1, 1), missing=INTEGER),
    GlobalKeyword(
        "chroot",
        "process",
        "G",
        "<directory>",
        manual="3.1",
        apply=once("chroot", word),
        arguments=(1, 1),
        missing="'chroot' expects a directory as an argument.",
    ),
    GlobalKeyword(
        "pidfile",
        "process",
        "G",
        "<file>",
        manual="3.1",
        apply=once("pidfile", word),
        arguments=(1, 1),
        missing="'pidfile' expects a file name as an argument.",
    ),
    GlobalKeyword(
        "node", "process", "G", "<name>", manual="3.1", apply=text("node"), arguments=(1, 1), missing="'node' expects a name."
    ),
    GlobalKeyword(
        "description",
        "process",
        "G",
        "<text>",
        manual="3.1",
        apply=set_description,
        arguments=(1, None),
        missing="'description' expects a string argument.",
    ),
    GlobalKeyword(
        "maxconn",
        "tuning",
        "G",
        "<number>",
        "from ulimit -n",
        "3.2",
        apply=once("maxconn", limit),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "nbthread",
        "process",
        "G",
        "<number>",
        "the CPUs it may use",
        "3.1",
        apply=set_nbthread,
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "ulimit-n",
        "process",
        "G",
        "<number>",
        "from maxconn",
        "3.1",
        apply=once("ulimit_n", limit),
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "hard-stop-after",
        "process",
        "G",
        "<time>",
        "no limit",
        "3.1",
        apply=set_hard_stop_after,
        arguments=(1, 1),
        missing="'hard-stop-after' expects <time> as argument.",
    ),
    GlobalKeyword(
        "mworker-max-reloads",
        "process",
        "G",
        "<number>",
        "no limit",
        "3.1",
        apply=set_mworker_max_reloads,
        arguments=(1, 1),
        missing="'mworker-max-reloads' expects an integer argument.",
    ),
    GlobalKeyword("tune.bufsize", "tuning", "G", "<size>", "16384", "3.2", apply=set_bufsize, arguments=(1, 1), missing=INTEGER),
    GlobalKeyword(
        "tune.maxrewrite", "tuning", "G", "<number>", "1024", "3.2", apply=set_maxrewrite, arguments=(1, 1), missing=INTEGER
    ),
    GlobalKeyword(
        "tune.maxaccept", "tuning", "G", "<number>", "64", "3.2", apply=set_maxaccept, arguments=(1, 1), missing=INTEGER
    ),
    GlobalKeyword(
        "tune.http.logurilen",
        "tuning",
        "G",
        "<number>",
        "1023",
        "3.2",
        apply=set_logurilen,
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword(
        "tune.http.cookielen", "tuning", "G", "<number>", "63", "3.2", apply=set_cookielen, arguments=(1, 1), missing=INTEGER
    ),
    GlobalKeyword(
        "tune.http.maxhdr", "tuning", "G", "<number>", "101", "3.2", apply=set_maxhdr, arguments=(1, 1), missing=INTEGER
    ),
    GlobalKeyword(
        "tune.stick-counters",
        "tuning",
        "G",
        "<number>",
        "3",
        "3.2",
        apply=set_stick_counters,
        arguments=(1, 1),
        missing=INTEGER,
        since="2.7",
    ),
    GlobalKeyword(
        "spread-checks",
        "tuning",
        "G",
        "<0..50, in percent>",
        "0",
        "3.2",
        apply=set_spread_checks,
        arguments=(1, 1),
        missing=INTEGER,
    ),
    GlobalKeyword("zero-warning", "debugging", "G", manual="3.3", since="2.4", apply=set_zero_warning, arguments=(0, 0)),
    GlobalKeyword(
        "nbproc", "process", "G", "1", manual="3.1", status=IGNORED, note="1 changes nothing; more is refused", apply=set_nbproc
    ),
    GlobalKeyword(
        "master-worker",
        "process",
        "G",
        "[no-exit-on-failure]",
        manual="3.1",
        status=IGNORED,
        note="use -W or -Ws",
        apply=set_master_worker,
    ),
)
