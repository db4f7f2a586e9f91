"""Writes docs/compatibility.md from the tables that the program itself uses; `make docs` runs it.

Knows the page's order and words. Must not know any keyword: what is in the tables is in the page, in their order.
`python docs/generate.py --check` writes nothing and fails if the committed page is not what the tables say.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from fastlb.cli.texts import USAGE
from fastlb.config.actions import ROWS as ACTIONS
from fastlb.config.actions.row import RULE_SETS, ActionRow
from fastlb.config.keywords import GLOBAL_ROWS, PROXY_ROWS
from fastlb.config.keywords.balance import ALGORITHMS, NOT_SUPPORTED
from fastlb.config.keywords.bind import BIND
from fastlb.config.keywords.log import FORMATS
from fastlb.config.keywords.row import IGNORED, REMOVED, SUPPORTED, UNSUPPORTED, Row
from fastlb.config.keywords.server import SERVER
from fastlb.config.log_aliases import ALIASES
from fastlb.config.samples import ACL_FETCHES, CONVERTERS, FETCHES
from fastlb.config.samples.row import ConverterRow, FetchRow
from fastlb.config.samples.types import SampleType
from fastlb.config.sections import rows as all_rows
from fastlb.control.runtime.table import ALWAYS, COMMANDS
from fastlb.control.runtime.unsupported import NAMES as MISSING_COMMANDS
from fastlb.control.stats.fields import FIELDS
from fastlb.control.stats.process import LINES
from fastlb.supervisor.console import COMMANDS as MASTER_COMMANDS
from fastlb.supervisor.console import LEVELS

PAGE = Path(__file__).with_name("compatibility.md")
STATUS = {SUPPORTED: "supported", IGNORED: "accepted without effect", UNSUPPORTED: "not supported yet", REMOVED: "removed"}
LEVEL_NAMES = {number: name for name, number in LEVELS.items()}
LETTERS = {"G": "global", "D": "defaults", "F": "frontend", "L": "listen", "B": "backend"}

CORPUS = Path(__file__).parents[1] / "tests" / "golden" / "corpus.tsv"
RowT = TypeVar("RowT", ActionRow, FetchRow, ConverterRow)
AnyRow = Row | ActionRow | FetchRow | ConverterRow

INTRODUCTION = """\
# Compatibility

<!-- Made by `make docs` from the keyword tables; do not edit. -->

What fastlb does with each word of HAProxy's language, up to HAProxy 3.5. The tables below are the ones that the program
reads files with.

| status | what happens |
|---|---|
| supported | it does what HAProxy's manual says |
| accepted without effect | the file is valid; a warning says why the line changes nothing, unless it stands in most files |
| not supported yet | the file is refused; the error names the keyword, its line and its column |
| removed | HAProxy itself has removed it; the file is refused and the error names what to write today |

*manual*: the section of HAProxy's configuration manual. *since*: the version of HAProxy that brought it, empty for
what HAProxy 2.6 has. *where*: the sections that take it, D defaults, F frontend, L listen, B backend.
"""
# The lines of manual section 8.2, and the keywords that choose them.
LOG_LINES = (
    ("default", ("log",)),
    ("TCP", ("option tcplog",)),
    ("HTTP", ("option httplog",)),
    ("HTTPS", ("option httpslog",)),
    ("of one's own", ("log-format", "log-format-sd", "error-log-format")),
)
ARGUMENTS = (
    "`int`, `str`, `ipv4`, `ipv6`, `mask4`, `mask6`, `time`, `size`, names of a `frontend`, `backend`, `server`, stick `table`, "
    "`userlist` or `var`iable; `any` is a word of a form of its own."
)
LOG_TARGETS = """\
Lines go to UDP, unix datagram sockets, `stdout`, `stderr` and inherited descriptors (`fd@`).
TCP, unix stream sockets and `ring@` are refused as not supported yet."""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def code(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def remark(row: Row) -> str:
    """The last column: a removed keyword's replacement, why ignoring is harmless, or the default."""
    if row.status == REMOVED:
        return f"write {code(row.hint.format('...'))}" if _is_a_line(row.hint) else cell(row.hint)
    if row.status == IGNORED:
        return cell(row.note)
    return f"default: {cell(row.default)}" if row.default else ""


def _is_a_line(hint: str) -> bool:
    """Whether a hint is configuration text, not advice in words."""
    return bool(hint) and not hint.startswith(("remove ", "start ")) and " and " not in hint and " in global" not in hint


def keyword_table(rows: Iterable[Row], has_sections: bool) -> str:
    """One table: the supported first, each status in alphabetical order."""
    order = list(STATUS)
    head = ["keyword", "where", "status", "manual", "since", "remarks"]
    lines = []
    for row in sorted(rows, key=lambda row: (order.index(row.status), row.name)):
        usage = f"{row.name} {row.grammar}".strip() if row.status == SUPPORTED else row.name
        lines.append([code(usage), " ".join(row.sections), STATUS[row.status], row.manual, row.since, remark(row)])
    if has_sections:
        return table(head, lines)
    return table([head[0], *head[2:]], ([line[0], *line[2:]] for line in lines))


def families(title: Callable[[str], str], rows: Iterable[Row], has_sections: bool) -> Iterable[str]:
    """A table for each family, the large ones with a title of their own; families of a few rows share the last one."""
    by_family = sorted(rows, key=lambda row: row.family)
    groups = [(family, list(group)) for family, group in groupby(by_family, key=lambda row: row.family)]
    small = [row for _, group in groups if _is_small(group) for row in group]
    for family, group in groups:
        if not _is_small(group):
            yield f"### {title(family)}\n\n{keyword_table(group, has_sections)}"
    if small:
        yield f"### {title('others')}\n\n{keyword_table(small, has_sections)}"


def _is_small(group: Sequence[Row]) -> bool:
    return len(group) < 5 and all(row.status == UNSUPPORTED for row in group)


def overview() -> str:
    kinds: tuple[tuple[str, Sequence[AnyRow]], ...] = (
        ("sections", _sections()),
        ("keywords of `global`", GLOBAL_ROWS),
        ("keywords of `defaults`, `frontend`, `listen`, `backend`", PROXY_ROWS),
        ("options of `bind`", BIND),
        ("options of `server`", SERVER),
        ("actions", ACTIONS),
        ("sample fetches", tuple(FETCHES.values())),
        ("ACL keywords derived from fetches", tuple(ACL_FETCHES.values())),
        ("converters", tuple(CONVERTERS.values())),
    )
    lines = []
    for name, rows in kinds:
        counts = Counter(row.status for row in rows)
        lines.append([name, *(str(counts[status]) for status in STATUS)])
    return "## Overview\n\n" + table(["", *STATUS.values()], lines)


def _sections() -> list[Row]:
    return [row for row in all_rows() if row.family == "section"]


def sections() -> str:
    return "## Sections\n\n" + table(
        ["section", "status", "manual"], ([code(row.name), STATUS[row.status], row.manual] for row in _sections())
    )


def actions() -> str:
    head = ["action", *(letter for letter in RULE_SETS), "status", "manual", "since", "remarks"]
    legend = "; ".join(f"{letter} `{name}`" for letter, (name, _) in RULE_SETS.items())
    lines = []
    for row in _by_status(ACTIONS):
        space = "" if row.grammar.startswith("(") else " "
        usage = f"{row.name}{space}{row.grammar}".strip() if row.status == SUPPORTED else row.name
        marks = ["x" if letter in row.sets else "" for letter in RULE_SETS]
        lines.append([code(usage), *marks, STATUS[row.status], row.manual, row.since, cell(row.note)])
    return f"## Actions\n\nRule sets: {legend}.\n\n{table(head, lines)}"


def _by_status(rows: Iterable[RowT]) -> list[RowT]:
    order = list(STATUS)
    return sorted(rows, key=lambda row: (order.index(row.status), row.name))


def call(name: str, grammar: str) -> str:
    """A fetch or converter with its arguments as the manual writes them: `hdr([<str>[,<int>]])`."""
    text = closing = ""
    words, more = grammar.split(), ""
    if len(words) > 6:
        words, more = words[:2], "[,...]"
    for number, word in enumerate(words):
        comma = "," if number else ""
        if closing or word.endswith("?"):  # a ? makes what is behind it optional too
            text += f"[{comma}<{word.removesuffix('?')}>"
            closing = f"{closing}]"
        else:
            text += f"{comma}<{word}>"
    return f"{name}({text}{more}{closing})" if text else name


def _type(kind: SampleType) -> str:
    return {"SINT": "integer", "BOOL": "boolean", "STR": "string", "BIN": "binary", "METH": "method"}.get(
        kind.name, kind.name.lower()
    )


def _rest(row: FetchRow | ConverterRow) -> list[str]:
    return [STATUS[row.status], row.manual, row.since, cell(row.note)]


def fetches() -> str:
    head = ["fetch", "type", "looks at", "status", "manual", "since", "remarks"]
    lines = [
        [code(call(row.name, row.arguments)), _type(row.output), ", ".join(source.words for source in row.sources), *_rest(row)]
        for row in _by_status(FETCHES.values())
    ]
    acls = [[code(row.name), code(row.core or row.name), code(f"-m {row.match}")] for row in ACL_FETCHES.values()]
    return (
        f"## Sample fetches\n\nArguments: {ARGUMENTS}\n\n{table(head, lines)}\n"
        f"### ACL keywords derived from fetches\n\n{table(['keyword', 'looks at', 'method'], acls)}"
    )


def converters() -> str:
    head = ["converter", "from", "to", "status", "manual", "since", "remarks"]
    lines = [
        [code(call(row.name, row.arguments)), _type(row.input), _type(row.output), *_rest(row)]
        for row in _by_status(CONVERTERS.values())
    ]
    return f"## Converters\n\n{table(head, lines)}"


def real_configurations() -> str:
    with CORPUS.open(newline="") as file:
        _, *rows = csv.reader(file, delimiter="\t")
    accepted = [row for row in rows if row[1] == "accepted"]
    only_absent = [row for row in rows if row[1] != "accepted" and not any(row[2:5])]
    wrong = [row for row in rows if row[2] or row[3]]
    later = [row for row in rows if row[4] and not (row[2] or row[3])]
    names = Counter(name for row in rows for name in row[4].split(", ") if name)
    lines = [
        ["accepted", str(len(accepted))],
        ["refused only for files, hosts, users or variables that the testing machine lacks", str(len(only_absent))],
        ["refused for keywords that HAProxy has removed, or for mistakes", str(len(wrong))],
        ["refused only for what is not supported yet", str(len(later))],
    ]
    missing = ", ".join(f"{code(name)} ({count})" for name, count in sorted(names.items(), key=lambda pair: (-pair[1], pair[0])))
    return (
        f"## Real configurations\n\n{len(rows)} configurations from public repositories, each with its verdict in "
        f"`tests/golden/corpus.tsv`:\n\n{table(['verdict', 'files'], lines)}\n"
        f"What is not supported yet, and in how many of the files it stands: {missing}.\n"
    )


def balance() -> str:
    lines = [[code(name), STATUS[SUPPORTED]] for name in ALGORITHMS]
    lines += [[code(name), STATUS[UNSUPPORTED]] for name in NOT_SUPPORTED]
    return "## Balancing algorithms\n\n" + table(["`balance`", "status"], lines)


def command_line() -> str:
    return f"## Command line\n\nWhat `fastlb -h` prints:\n\n```\n{USAGE}```\n"


def logs() -> str:
    status = {row.name: STATUS[row.status] for row in PROXY_ROWS}
    lines = [[line, ", ".join(code(name) for name in names), status[names[0]]] for line, names in LOG_LINES]
    formats = ", ".join(code(name) for name in FORMATS)
    kinds = table(["line", "chosen by", "status"], lines)
    aliases = ", ".join(
        code(f"%{name}") + (" (HTTP)" if alias.needs_http else "") + (f" (since {alias.since})" if alias.since else "")
        for name, alias in sorted(ALIASES.items())
    )
    return f"## Log lines\n\n{kinds}\nAliases in formats: {aliases}.\n\nThe `format` of a `log` line: {formats}.\n{LOG_TARGETS}\n"


def runtime() -> str:
    lines = [
        [code(f"{' '.join(command.words)} {command.usage}".strip()), command.level.name.lower(), cell(command.help)]
        for command in (*COMMANDS, *ALWAYS)
        if command.help
    ]
    masters = [[code(" ".join(words)), LEVEL_NAMES[level], about] for words, level, about, _ in MASTER_COMMANDS]
    missing = [f"{first} {rest}".strip() for first, listed in MISSING_COMMANDS.items() for rest in listed.split(", ")]
    return (
        "## Runtime commands\n\n"
        + table(["command", "least level", "what it does"], lines)
        + f"\nKnown and answered with \"not supported by fastlb yet\": {', '.join(code(name) for name in missing)}.\n"
        + "\n### On the master's socket (`-S`)\n\n"
        + table(["command", "least level", "what it does"], masters)
    )


def statistics() -> str:
    filled = [code(field.name) for field in FIELDS if field.tags]
    empty = [code(field.name) for field in FIELDS if not field.tags]
    note = f"Present but always empty: {', '.join(empty)}." if empty else "Those of what is not there yet are 0 or empty."
    return (
        "## Statistics\n\n"
        "The page, `;csv` below it, and `show stat` (also `typed` and `json`) have HAProxy's columns in HAProxy's order:\n"
        f"{', '.join(filled)}.\n{note}\n\n"
        "`show info` has these lines at HAProxy's positions:\n\n"
        + table(["line", "what it is"], ([code(line.name), cell(line.help)] for line in LINES))
    )


def page() -> str:
    """The whole page."""
    parts = [
        INTRODUCTION,
        overview(),
        sections(),
        "## Keywords of `global`\n",
        *families(lambda family: f"global: {family}", GLOBAL_ROWS, False),
        "## Keywords of the proxy sections\n",
        *families(lambda family: f"proxies: {family}", PROXY_ROWS, True),
        "## Options of `bind`\n\n" + keyword_table(BIND, False),
        "## Options of `server` and `default-server`\n\n" + keyword_table(SERVER, False),
        actions(),
        fetches(),
        converters(),
        balance(),
        real_configurations(),
        command_line(),
        logs(),
        runtime(),
        statistics(),
    ]
    return "\n".join(parts)


def main(words: list[str]) -> int:
    text = page()
    if "--check" in words:
        if PAGE.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write(f"{PAGE} is not what the keyword tables say; run `make docs`\n")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
