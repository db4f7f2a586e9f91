"""Reading log lines: httplog and tcplog fields, and the form in which two programs' lines can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass

RFC3164 = re.compile(
    r"<(?P<pri>\d+)>(?P<date>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<tag>[^\s\[]+)\[(?P<pid>\d+)\]: (?P<message>.*)", re.DOTALL
)
COMMON = (
    r"(?P<client>\S+):(?P<port>\d+) \[(?P<accepted>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "
    r"(?P<frontend>\S+) (?P<backend>[^/ ]+)/(?P<server>\S+) "
)
TAIL = (
    r"(?P<actconn>\d+)/(?P<feconn>\d+)/(?P<beconn>\d+)/(?P<srvconn>\d+)/(?P<retries>\+?\d+) "
    r"(?P<srvqueue>\d+)/(?P<bequeue>\d+)"
)
HTTPLOG = re.compile(
    COMMON
    + r"(?P<TR>-?\d+)/(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tr>-?\d+)/(?P<Ta>\+?-?\d+) (?P<status>-?\d+) (?P<bytes>\+?\d+) "
    + r"(?P<reqcook>\S+) (?P<rescook>\S+) (?P<termination>\S{4}) "
    + TAIL
    + r' "(?P<request>.*)"',
    re.DOTALL,
)
TCPLOG = re.compile(COMMON + r"(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tt>\+?-?\d+) (?P<bytes>\+?\d+) (?P<termination>\S{2}) " + TAIL)


@dataclass
class Line:
    """One log message: its syslog part and, for httplog and tcplog, its named fields."""

    level: int
    facility: int
    tag: str
    pid: int
    message: str
    fields: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields[name]


def parse(text: str) -> Line:
    """Take an rfc3164 line apart; `fields` is empty for messages that are neither httplog nor tcplog."""
    match = RFC3164.fullmatch(text)
    assert match, f"not an rfc3164 line: {text!r}"
    priority = int(match["pri"])
    found = HTTPLOG.fullmatch(match["message"]) or TCPLOG.fullmatch(match["message"])
    fields = found.groupdict() if found else {}
    return Line(priority & 7, priority >> 3, match["tag"], int(match["pid"]), match["message"], fields)


def normal(text: str, with_bytes: bool = True) -> str:
    """The line with everything that differs from run to run replaced: dates, tag, pid, client port, timers but -1."""
    line = parse(text)
    fields = dict(line.fields)
    if not fields:
        return f"<{line.facility * 8 + line.level}> " + re.sub(r"127\.0\.0\.1:\d+|\d+ms|\[\d\d/\w+/[\d:.]+\]", "N", line.message)
    for name in ("TR", "Tw", "Tc", "Tr", "Ta", "Tt"):
        if name in fields and fields[name] != "-1":
            fields[name] = "T"
    # How many connections the process has counts also those that are just being closed.
    for name in ("port", "accepted", "actconn"):
        fields[name] = "N"
    if not with_bytes:
        fields["bytes"] = "N"
    return f"<{line.facility * 8 + line.level}> " + " ".join(f"{name}={value}" for name, value in fields.items())
