"""File descriptors and memory: global maxconn from the limits of the system, and the limits from maxconn.

Knows haproxy's arithmetic (two descriptors a connection plus what the process needs for itself) and its refusals.
A connection may land on any worker, so every worker gets the whole limit. Must not know listeners or processes.
"""

from __future__ import annotations

import resource

from fastlb.config.model import Global

# haproxy: fd-hard-limit's default since 2.8; containers hand out a limit of a thousand million descriptors.
FD_HARD_LIMIT = 1_048_576
# A process's own: the standard three, poller, wake-up, messages, log sockets, and room for the interpreter's files.
_RESERVED_FDS = 24
_MEGABYTE = 1 << 20


class LimitError(Exception):
    """A limit cannot be had; the message is for the operator."""


def reserved_fds(n_listeners: int, n_workers: int) -> int:
    """Descriptors of one process that are not connections."""
    return _RESERVED_FDS + n_listeners + 2 * n_workers


def default_maxconn(ulimit_n: int | None, reserved: int) -> int:
    """The global maxconn of a configuration without one: what `ulimit-n`, or the system's hard limit, allows."""
    available = ulimit_n or min(_hard_limit(), FD_HARD_LIMIT)
    return max((available - reserved) // 2, 1)


def apply(settings: Global, reserved: int, megabytes: int = 0) -> tuple[int, str]:
    """Raises the limits of this process, which its children inherit, for `settings.maxconn` connections.

    megabytes: -m, the most address space, 0 for no limit. Returns the descriptor limit of each child, for `keep_to`, and a
    warning to print, "" if all is well.
    Raises LimitError where maxconn cannot be served (haproxy: "strict-limits", on by default).
    """
    needed = 2 * (settings.maxconn or 1) + reserved
    wanted = settings.ulimit_n or needed
    warning = ""
    if wanted < needed:
        warning = (
            f"FD limit ({wanted}) too low for maxconn={settings.maxconn}."
            f" Please raise 'ulimit-n' to {needed} or more to avoid any trouble."
        )
    _raise_fd_limit(wanted)
    if megabytes:
        limit = megabytes * _MEGABYTE
        try:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        except (OSError, ValueError):
            raise LimitError(f"Cannot fix MEM limit to {megabytes} megs.") from None
    return wanted, warning


def keep_to(n_fds: int) -> None:
    """Lowers this process's soft limit of descriptors to what was computed: a child needs no more, its tables have that size."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_fds if hard == resource.RLIM_INFINITY else min(n_fds, hard), hard))


def _raise_fd_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        else:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        raise LimitError(
            f"Cannot raise FD limit to {wanted}, limit is {_hard_limit()}."
            " Lower 'maxconn', start as root, or raise the limit of the account (LimitNOFILE= of the systemd unit)."
        ) from None


def _hard_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return FD_HARD_LIMIT if hard == resource.RLIM_INFINITY else hard
