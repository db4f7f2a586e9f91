"""Taking a line of the runtime API apart (management guide, section 9.3).

Knows `;` between commands, `\\` before a character that stands for itself, blanks between words, and `<<` at the end of a
line for a payload. Must not know any command.
"""

from __future__ import annotations

MAX_PAYLOAD = 1 << 20  # bytes
# Words beyond this are ignored, as in HAProxy (64 arguments).
_MAX_WORDS = 64


def split_commands(line: str) -> list[str]:
    """The commands of a line, their escapes still in place. An empty line is one empty command."""
    commands = []
    start = position = 0
    while position < len(line):
        if line[position] == "\\":
            position += 2
            continue
        if line[position] == ";":
            commands.append(line[start:position])
            start = position + 1
        position += 1
    commands.append(line[start:])
    return commands


def split_words(command: str) -> list[str]:
    """The words of one command, escapes resolved."""
    words: list[str] = []
    word = ""
    is_open = False
    characters = iter(command)
    for character in characters:
        if character == "\\":
            word += next(characters, "")
            is_open = True
        elif character in " \t":
            if is_open:
                words.append(word)
            word, is_open = "", False
        else:
            word += character
            is_open = True
    if is_open:
        words.append(word)
    return words[:_MAX_WORDS]


def wants_payload(line: str) -> bool:
    """True where the line ends in a `<<` that stands alone: the lines up to an empty one belong to its last command."""
    return line.rstrip(" \t").endswith((" <<", "\t<<")) or line.strip(" \t") == "<<"


def without_payload_mark(line: str) -> str:
    return line.rstrip(" \t")[:-2]
