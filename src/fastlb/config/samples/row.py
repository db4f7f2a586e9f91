"""What a row of the tables of sample fetches and converters is.

Knows how a fetch or converter is described: name, types, arguments, where it may be used. Must not know any of them.

Arguments are a grammar of words: `int str? time?` is one integer, then an optional string and an optional time. The words:
`int`, `str`, `ipv4`, `ipv6`, `mask4`, `mask6`, `time` (ms), `size` (bytes), `frontend`, `backend`, `server` (`[be/]srv`),
`table`, `userlist`, `var` (a variable's name), `any` (a string that the row's `check` reads). A `?` makes the word and all
behind it optional.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..keywords.row import SUPPORTED
from .types import SampleType, Source
from .values import Value

# Looks at the parsed arguments and returns those that the core shall get. Raises values.ArgumentFault.
Check = Callable[[list[Value]], list[Value]]


@dataclass(frozen=True, slots=True)
class FetchRow:
    """One sample fetch.

    core: the name of its function in the core's tables, "" for the row's own (an old alias names another one's).
    match: of an ACL derivative (`path_beg`), its match method, else "". since: "" for what 2.6 has.
    status: `supported`, or `unsupported` with the reason in `note`.
    """

    name: str
    output: SampleType
    sources: tuple[Source, ...] = ()
    arguments: str = ""
    manual: str = ""
    since: str = ""
    core: str = ""
    match: str = ""
    check: Check | None = None
    status: str = SUPPORTED
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConverterRow:
    """One converter; `input` and `output` as HAProxy declares them (SAME: the output has the input's type)."""

    name: str
    input: SampleType
    output: SampleType
    arguments: str = ""
    manual: str = "7.3.1"
    since: str = ""
    core: str = ""
    check: Check | None = None
    status: str = SUPPORTED
    note: str = ""
