"""What an `expect` step finds in what a server answered (manual, "tcp-check expect", "http-check expect").

Knows the kinds of matches and HAProxy's words for their failures. Must not know connections or when more will come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastlb.config.check_rules import Expect, HeaderMatch
from fastlb.config.logformat import LogFormat
from fastlb.config.samples.values import RegexValue
from fastlb.control.checks.answer import Answer
from fastlb.control.ports import CheckRegex

_KINDS = {
    "rstring": "(regex)",
    "binary": "(binary)",
    "rbinary": "(binary regex)",
    "string-lf": "(log-format string)",
    "binary-lf": "(log-format binary)",
}


@dataclass(frozen=True, slots=True)
class Tools:
    """What patterns need: regular expressions made before, by id() of their value, and formats' texts of now."""

    regexes: dict[int, CheckRegex]
    text: Callable[[object], bytes]


def pattern_bytes(step: Expect, tools: Tools) -> bytes | None:
    """The bytes that must stand in the answer; None for what is no plain string. Raises ValueError for bad digits of a format."""
    pattern = step.pattern
    if isinstance(pattern, bytes):
        return pattern
    if isinstance(pattern, LogFormat):
        text = tools.text(pattern)
        return bytes.fromhex(text.decode("latin-1")) if step.match == "binary-lf" else text
    return None


def is_found(step: Expect, data: bytes, tools: Tools) -> bool:
    """Whether the pattern stands in the bytes, whatever `!` says."""
    if isinstance(step.pattern, RegexValue):
        subject = data.hex().upper().encode() if step.match == "rbinary" else data
        return tools.regexes[id(step.pattern)].matches(subject)
    pattern = pattern_bytes(step, tools)
    return pattern is not None and pattern in data


def described(step: Expect) -> str:
    """The pattern as messages about failures show it."""
    if step.match == "string" and isinstance(step.pattern, bytes):
        return f"'{step.pattern.decode('utf-8', 'surrogateescape')}'"
    return _KINDS[step.match]


def has_status(step: Expect, answer: Answer, tools: Tools) -> bool:
    """`status` and `rstatus`."""
    if isinstance(step.pattern, RegexValue):
        return tools.regexes[id(step.pattern)].matches(str(answer.status).encode())
    assert isinstance(step.pattern, tuple)
    return any(low <= answer.status <= high for low, high in step.pattern)


def has_header(step: Expect, answer: Answer, tools: Tools) -> bool:
    """`hdr` and `fhdr`."""
    wanted = step.pattern
    assert isinstance(wanted, HeaderMatch)
    for name, value in answer.headers:
        if not _fits(wanted.name, wanted.name_method, name, tools, is_name=True):
            continue
        if wanted.value is None:
            return True
        values = [value] if wanted.is_full else [part.strip(b" \t") for part in value.split(b",")]
        if any(_fits(wanted.value, wanted.value_method, one, tools) for one in values):
            return True
    return False


def _fits(pattern: str | RegexValue | LogFormat, method: str, text: bytes, tools: Tools, is_name: bool = False) -> bool:
    if isinstance(pattern, RegexValue):
        return tools.regexes[id(pattern)].matches(text)
    wanted = tools.text(pattern) if isinstance(pattern, LogFormat) else pattern.encode("utf-8", "surrogateescape")
    if is_name:
        wanted = wanted.lower()
    if method == "beg":
        return text.startswith(wanted)
    if method == "end":
        return text.endswith(wanted)
    return wanted in text if method == "sub" else wanted == text
