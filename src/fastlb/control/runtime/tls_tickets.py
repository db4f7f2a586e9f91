"""Commands on keys of session tickets: `set ssl tls-key` and `show tls-keys`.

Knows HAProxy's words (management guide, section 9.3). The keys are of the files of `tls-ticket-keys`; nothing is written to them.
"""

from __future__ import annotations

import base64
import binascii

from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.tls.wire import packed


def _file(request: Request, command: str) -> str:
    """The file that the first argument names, or numbers as `#N`; raises Refused."""
    tickets = request.control.certificates.material.tickets
    word = request.argument(0)
    names = list(tickets)
    if word.startswith("#") and word[1:].isdigit() and int(word[1:]) < len(names):
        return names[int(word[1:])]
    if word not in tickets:
        raise Refused(f"'{command}' unable to locate referenced filename\n")
    return word


async def _set(request: Request) -> str:
    command = "set ssl tls-key"
    if not request.argument(0) or not request.argument(1):
        raise Refused(f"'{command}' expects a filename and the new TLS key in base64 encoding.\n")
    file = _file(request, command)
    try:
        key = base64.b64decode(request.argument(1), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"'{command}' received invalid base64 encoded TLS key.\n") from None
    keys = request.control.certificates.material.tickets[file]
    if len(key) != len(keys[0]):
        raise Refused(f"'{command}' received a key of wrong size.\n")
    # The last one but one encrypts: all have the newest before it does (manual, 5.1 "tls-ticket-keys").
    await request.control.certificates.perform(["tickets", file, packed((*keys[1:], key))])
    return "TLS ticket key updated!\n"


def _show(request: Request) -> str:
    tickets = request.control.certificates.material.tickets
    wanted = request.argument(0)
    if not wanted:
        return "# id (file)\n" + "".join(f"{number} ({file})\n" for number, file in enumerate(tickets))
    if request.session.level < Level.ADMIN:
        # haproxy: shows everybody the keys that all traffic can be read with.
        raise Refused("Permission denied\n")
    files = list(tickets) if wanted == "*" else [_file(request, "show tls-keys")]
    lines = ["# id secret\n"]
    for number, file in enumerate(tickets):
        if file in files:
            lines.append(f"# {number} ({file})\n")
            lines += [f"{number}.{at} {base64.b64encode(key).decode()}\n" for at, key in enumerate(tickets[file])]
    return "".join(lines)


COMMANDS = (
    Command(("set", "ssl", "tls-key"), _set, "take a new key for session tickets", "[id|file] <key>", Level.ADMIN),
    Command(("show", "tls-keys"), _show, "the files of ticket keys, or their keys", "[id|*]"),
)
