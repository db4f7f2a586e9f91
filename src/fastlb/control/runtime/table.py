"""The table of all commands, finding one by its words, help and what to say to an unknown one.

Knows the families by name (no registration by import). Must not know what a command does.
"""

from __future__ import annotations

from fastlb.control.runtime import (
    agents,
    cookies,
    dynamic_servers,
    events,
    limits,
    patterns,
    process,
    resolvers,
    schema,
    server,
    session,
    sessions,
    show_errors,
    show_health,
    show_info,
    show_lists,
    show_stat,
    stick_tables,
    tls_authorities,
    tls_certificates,
    tls_crt_lists,
    tls_responses,
    tls_tickets,
    unsupported,
    variables,
)
from fastlb.control.runtime.command import Command, Level, Refused, Request, Severity

COMMANDS: tuple[Command, ...] = tuple(
    sorted(
        (
            *agents.COMMANDS,
            *cookies.COMMANDS,
            *dynamic_servers.COMMANDS,
            *events.COMMANDS,
            *limits.COMMANDS,
            *patterns.COMMANDS,
            *process.COMMANDS,
            *schema.COMMANDS,
            *resolvers.COMMANDS,
            *server.COMMANDS,
            *session.COMMANDS,
            *sessions.COMMANDS,
            *show_errors.COMMANDS,
            *show_health.COMMANDS,
            *show_info.COMMANDS,
            *show_lists.COMMANDS,
            *show_stat.COMMANDS,
            *stick_tables.COMMANDS,
            *tls_authorities.COMMANDS,
            *tls_certificates.COMMANDS,
            *tls_crt_lists.COMMANDS,
            *tls_responses.COMMANDS,
            *tls_tickets.COMMANDS,
            *variables.COMMANDS,
        ),
        key=lambda command: command.words,
    )
)

_PROMPT = Command(("prompt",), lambda request: _toggle_prompt(request), "switch interactive mode on or off")
_QUIT = Command(("quit",), lambda request: _quit(request), "close the connection")
_HELP = Command(("help",), lambda request: _help(request), "list all commands, or those that match", "[<command>]")
ALWAYS = (_HELP, _PROMPT, _QUIT)


def find(words: list[str]) -> Command | None:
    """The command whose keywords the words begin with, the longest one; None for an unknown one."""
    best: Command | None = None
    for command in (*COMMANDS, *ALWAYS):
        if any(tuple(words[: len(name)]) == name for name in (command.words, *command.aliases)) and (
            best is None or len(command.words) > len(best.words)
        ):
            best = command
    return best


async def run(command: Command, request: Request) -> str:
    """Carries a command out for its session; what the client gets, without the closing newline."""
    if command.is_expert and not request.session.is_expert:
        return request.told(Severity.ERR, "This command is restricted to expert mode only.\n")
    if command.is_experimental and not request.session.is_experimental:
        return request.told(Severity.ERR, "This command is restricted to experimental mode only.\n")
    if request.session.level < command.level:
        return request.told(Severity.ERR, "Permission denied\n")
    request.n_keywords = len(command.words)
    try:
        answer = command.run(request)
        return answer if isinstance(answer, str) else await answer
    except Refused as refusal:
        return request.told(Severity.ERR, str(refusal))


def unknown(words: list[str]) -> str:
    """What an unknown command is answered: those that begin like it, or else all of them."""
    missing = unsupported.answer(words)
    if missing is not None:
        return missing
    matches = _matching(words)
    if words and matches:
        head = "Unknown command, but maybe one of the following ones is a better match:\n"
    else:
        head, matches = "Unknown command. Please enter one of the following commands only:\n", COMMANDS
    return head + _listing(matches)


def _matching(words: list[str]) -> tuple[Command, ...]:
    """Commands whose keywords begin with the words, the last word may be cut short; fewer words where none do."""
    for count in range(len(words), 0, -1):
        wanted = " ".join(words[:count])
        found = tuple(command for command in COMMANDS if " ".join(command.words).startswith(wanted))
        if found:
            return found
    return ()


def _listing(commands: tuple[Command, ...]) -> str:
    return "".join(command.line for command in (*commands, *ALWAYS) if command.help)


def _help(request: Request) -> str:
    words = request.arguments
    return "The following commands are valid at this level:\n" + _listing(_matching(words) if words else COMMANDS)


def _toggle_prompt(request: Request) -> str:
    request.session.has_prompt = not request.session.has_prompt
    return ""


def _quit(request: Request) -> str:
    request.session.is_over = True
    return ""


__all__ = ["COMMANDS", "Level", "find", "run", "unknown"]
