"""HAProxy's command line: argv to `Arguments`.

Knows which flags exist and what each takes. Must not act on any of them, and imports nothing outside the standard
library's cheap part. HAProxy's flags are not getopt's: one flag a word, a word that begins like a flag is that flag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class UsageError(Exception):
    """The command line cannot be understood; the message is "" where the usage text alone says enough."""


@dataclass(slots=True)
class Arguments:
    """What the command line asks for.

    mode flags: is_check (-c), is_daemon (-D), is_foreground (-db), is_debug (-d), is_master_worker (-W, -Ws),
    notifies_systemd (-Ws). old_pids and old_signal: "-sf" finish, "-st" terminate, "" neither.
    maxconn, proxy_maxconn, megabytes: -n, -N, -m; 0 means not given. condition: -cc, None if not given.
    verbosity: 0, 1 for -v, 2 for -vv. keyword_classes: what follows -dK. disabled: pollers and helpers switched off.
    """

    files: list[str] = field(default_factory=list)
    is_check: bool = False
    is_daemon: bool = False
    is_foreground: bool = False
    is_debug: bool = False
    is_master_worker: bool = False
    notifies_systemd: bool = False
    is_quiet: bool = False
    is_verbose: bool = False
    is_zero_warning: bool = False
    is_diagnostic: bool = False
    verbosity: int = 0
    condition: str | None = None
    directory: str = ""
    local_peer: str = ""
    pidfile: str = ""
    maxconn: int = 0
    proxy_maxconn: int = 0
    megabytes: int = 0
    old_pids: list[int] = field(default_factory=list)
    old_signal: str = ""
    old_socket: str = ""
    master_socket: str = ""
    keyword_classes: list[str] = field(default_factory=list)
    disabled: set[str] = field(default_factory=set)
    dumps_libraries: bool = False
    ignores_resolution: bool = False
    format: str = "text"
    subcommand: list[str] = field(default_factory=list)


def parse(words: list[str]) -> Arguments:
    """`words` (argv without the program's name) as Arguments; raises UsageError."""
    arguments = Arguments()
    if words and not words[0].startswith("-"):
        arguments.subcommand = words
        return arguments
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            arguments.files += rest
            break
        if not word.startswith("-") or word == "-":
            raise UsageError
        _parse_flag(arguments, word, rest)
    return arguments


def _parse_flag(arguments: Arguments, word: str, rest: list[str]) -> None:
    long_flag = _LONG.get(word.partition("=")[0])
    if long_flag is not None:
        if "=" in word:
            rest.insert(0, word.partition("=")[2])
        long_flag(arguments, word, rest)
        return
    # haproxy: the longest known beginning decides, so that `-dMfill` is -dM and an unknown `-dz` is -d.
    for length in range(min(len(word), _LONGEST), 1, -1):
        act = _FLAGS.get(word[:length])
        if act is not None:
            act(arguments, word, rest)
            return
    raise UsageError


_Flag = Callable[[Arguments, str, list[str]], None]


def _sets(name: str, value: object = True) -> _Flag:
    """A flag that takes nothing."""

    def act(arguments: Arguments, _word: str, _rest: list[str]) -> None:
        setattr(arguments, name, value)

    return act


def _disables(what: str) -> _Flag:
    def act(arguments: Arguments, _word: str, _rest: list[str]) -> None:
        arguments.disabled.add(what)

    return act


def _ignored(_arguments: Arguments, _word: str, _rest: list[str]) -> None:
    """A flag of HAProxy's whose effect has no meaning here: accepted so that command lines keep working."""


def _value(word: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError
    return rest.pop(0)


def _text(name: str) -> _Flag:
    def act(arguments: Arguments, word: str, rest: list[str]) -> None:
        setattr(arguments, name, _value(word, rest))

    return act


def _number(name: str) -> _Flag:
    def act(arguments: Arguments, word: str, rest: list[str]) -> None:
        setattr(arguments, name, _leading_int(_value(word, rest)))

    return act


def _leading_int(text: str) -> int:
    """The number that `text` begins with, 0 if none: haproxy reads these with atoi()."""
    digits = text.lstrip("+ ")
    end = next((i for i, char in enumerate(digits) if not char.isdigit()), len(digits))
    return int(digits[:end] or 0)


def _file(arguments: Arguments, word: str, rest: list[str]) -> None:
    arguments.files.append(_value(word, rest))


def _systemd(arguments: Arguments, _word: str, _rest: list[str]) -> None:
    arguments.is_master_worker = arguments.notifies_systemd = True


def _old_processes(arguments: Arguments, word: str, rest: list[str]) -> None:
    arguments.old_signal = word[1:3]
    # Shells write `-sf $(cat pidfile)`: with no pid file there is no word, or an empty one.
    while rest and not rest[0].startswith("-"):
        for text in rest.pop(0).split():
            if not text.isdigit() or int(text) <= 0:
                raise UsageError(f"-st/sf option: failed to parse {{{text}}}")
            arguments.old_pids.append(int(text))


def _keywords(arguments: Arguments, word: str, _rest: list[str]) -> None:
    arguments.keyword_classes = word[3:].split(",") if word[3:] else ["help"]


def _format(arguments: Arguments, word: str, rest: list[str]) -> None:
    arguments.format = _value(word, rest)
    if arguments.format not in ("text", "json"):
        raise UsageError(f"--format takes 'text' or 'json', not '{arguments.format}'")


_FLAGS: dict[str, _Flag] = {
    "-f": _file,
    "-c": _sets("is_check"),
    "-cc": _text("condition"),
    "-D": _sets("is_daemon"),
    "-W": _sets("is_master_worker"),
    "-Ws": _systemd,
    "-q": _sets("is_quiet"),
    "-V": _sets("is_verbose"),
    "-v": _sets("verbosity", 1),
    "-vv": _sets("verbosity", 2),
    "-C": _text("directory"),
    "-L": _text("local_peer"),
    "-p": _text("pidfile"),
    "-n": _number("maxconn"),
    "-N": _number("proxy_maxconn"),
    "-m": _number("megabytes"),
    "-sf": _old_processes,
    "-st": _old_processes,
    "-x": _text("old_socket"),
    "-S": _text("master_socket"),
    "-4": _disables("IPV6"),
    "-d": _sets("is_debug"),
    "-db": _sets("is_foreground"),
    "-dM": _ignored,  # memory poisoning: `make debug` is the build that has it
    "-dI": _ignored,  # a worker may fork: ours may not, nothing needs it
    "-dW": _sets("is_zero_warning"),
    "-dD": _sets("is_diagnostic"),
    "-dK": _keywords,
    "-dS": _disables("SPLICE"),
    "-dF": _disables("FAST-FORWARD"),
    "-dZ": _disables("ZERO-COPY"),
    "-de": _disables("EPOLL"),
    "-dp": _disables("POLL"),
    "-dk": _disables("KQUEUE"),
    "-dv": _disables("EVPORTS"),
    "-dG": _disables("GETADDRINFO"),
    "-dR": _disables("REUSEPORT"),
    "-dV": _disables("SERVER-SSL-VERIFY"),
    "-dr": _sets("ignores_resolution"),
    "-dL": _sets("dumps_libraries"),
    "-dC": _ignored,  # configuration dump: prints nothing without a key in haproxy either
    "-dA": _ignored,
    "-dt": _ignored,
}
_LONG: dict[str, _Flag] = {
    "--format": _format,
    "--version": _sets("verbosity", 1),
}
_LONGEST = max(len(flag) for flag in _FLAGS)
