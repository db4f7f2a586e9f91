"""`crt-list` files: certificates with options and SNI filters of their own (manual, section 5.1 "crt-list").

    <crtfile> [\\[<option> ...\\]] [[!]<snifilter> ...]

Knows the lines. Must not know what the options mean: the caller reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import tls_pem as pem
from .lexer import decode
from .tls_files import Tell, TlsFiles, based
from .tls_model import Acceptance, Certificate
from .tls_pem import Remark, TlsFault
from .values import ValueFault

# The words between brackets and the line's name to settings; raises ValueFault.
ReadSettings = Callable[[list[str], str], Acceptance | None]
MAX_LINE = 65536  # haproxy: CRTLIST_LINESIZE


def read_crt_list(path: str, files: TlsFiles, tell: Tell, read_settings: ReadSettings) -> list[Certificate]:
    """The certificates of a list, in the order of its lines. Raises ValueFault."""
    found: list[Certificate] = []
    for number, text in read_lines(path):
        entries = read_entry(text, f"parsing [{path}:{number}]", files, tell, read_settings)
        found += [replace(each, source=path, line=number) for each in entries]
    return found


def read_lines(path: str) -> list[tuple[int, str]]:
    """The lines of a list that say something, with their numbers. Raises ValueFault."""
    try:
        raw = pem.read(path)
    except (OSError, ValueError) as error:
        raise TlsFault(f"cannot open file '{path}' : {pem.reason(error)}", "missing-file") from None
    if raw and not raw.endswith(b"\n"):
        lines = raw.count(b"\n") + 1
        at = len(raw) - raw.rfind(b"\n")
        message = f"parsing [{path}:{lines}]: Missing LF on last line, file might have been truncated at position {at}."
        raise ValueFault(message, "missing-newline")
    found: list[tuple[int, str]] = []
    for number, line in enumerate(raw.split(b"\n")[:-1], 1):
        if len(line) > MAX_LINE or b"\0" in line:
            raise ValueFault(f"parsing [{path}:{number}]: line of more than {MAX_LINE} bytes, or a NUL in it", "syntax")
        text = decode(line.strip())
        if text and not text.startswith("#"):
            found.append((number, text))
    return found


def read_entry(text: str, where: str, files: TlsFiles, tell: Tell, read_settings: ReadSettings) -> list[Certificate]:
    """The certificates of one line. where: "parsing [file:line]". Raises ValueFault."""
    name, options, filters = _split(text, where, tell)
    settings = read_settings(options or [], where)
    # haproxy: a directory cannot stand in a list; 2.6 never comes back from trying.
    try:
        pairs = files.load(based(files.glob.crt_base, name), tell)
    except ValueFault as fault:
        raise ValueFault(fault.message, fault.code, fault.hint or f"named in {where.removeprefix('parsing ')}") from None
    lowered = tuple(word.lower() for word in filters)
    words = None if options is None else tuple(options)
    return [Certificate(pair, lowered, settings, options=words, written=filters) for pair in pairs]


def _split(text: str, where: str, tell: Tell) -> tuple[str, list[str] | None, tuple[str, ...]]:
    """File, option words (None without brackets) and SNI filters of a line."""
    if text.startswith(("[", "!")):
        raise ValueFault(f"{where}: file must start with a cert", "syntax", "<file> [<option> ...] <name> ...")
    name, state = "", "filters"
    options: list[str] = []
    filters: list[str] = []
    for word in text.replace("[", " [ ").replace("]", " ] ").split():
        if not name:
            name = word
        elif word == "[":
            if state in ("done", "options"):
                raise ValueFault(f"{where}: too many '['", "syntax")
            if filters:
                tell(Remark(f"{where}: malformated line, filters can't be between filename and options!", True))
            state = "options"
        elif word == "]":
            if state != "options":
                raise ValueFault(f"{where}: too many ']'", "syntax")
            state = "done"
        elif state == "options":
            options.append(word)
        else:
            filters.append(word)
    if state == "options":
        raise ValueFault(f"{where}: missing ']'", "syntax")
    return name, options if state == "done" else None, tuple(filters)
