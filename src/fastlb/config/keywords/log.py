"""`log`, `log-tag`, `log-send-hostname` and the log formats, in global and in proxies (manual, sections 3.1, 4.2 and 8).

Knows how a log target is written and where a format stands. Must not know how a line is made or sent (`control/logs`, the
engine).
"""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from itertools import pairwise

from ..log_model import LogTarget
from ..log_profiles import set_steps
from ..model import FormatText, Global, Proxy
from ..values import AddressRules, ValueFault, names, parse_leading_integer
from .row import GlobalKeyword, ProxyKeyword, SetProxy, Statement

FACILITIES = names("""
kern user mail daemon auth syslog lpr news uucp cron auth2 ftp ntp audit alert cron2 local0 local1 local2 local3 local4
local5 local6 local7
""")
LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")
MAX_RANGES = 8  # of `sample`, as many as the core keeps
SYSLOG_PORT = 514
MIN_LENGTH, MAX_LENGTH = 80, 65535

_STREAMS = ("tcp@", "tcp4@", "tcp6@", "uxst@", "stream+")
_ADDRESS = AddressRules(port="optional", stream=False, dgram=True, fd=True)
_STREAM_ADDRESS = AddressRules(port="optional")
_SAMPLE = re.compile(r"([0-9]{1,9}(?:-[0-9]{1,9})?(?:,[0-9]{1,9}(?:-[0-9]{1,9})?)*):([0-9]{1,9})")


def set_global_log(st: Statement, glob: Global) -> None:
    if st.prefix == "no":
        glob.logs.clear()
        return
    glob.logs.append(read_target(st, "log : expects <address> and <facility>  as arguments"))


def set_proxy_log(st: Statement, px: Proxy) -> None:
    if st.prefix == "no":
        if st.arguments:
            raise st.fail("log : 'no log' does not expect arguments", 1, "unexpected-argument")
        px.logs.clear()
        px.log_global = False
        return
    if st.arguments == ["global"]:
        px.log_global = True
        return
    px.logs.append(read_target(st, "log : expects <address> and <facility> or global as arguments"))


def read_target(st: Statement, usage: str) -> LogTarget:
    """One log target from the arguments of `log`; reports and raises BadStatement for a bad one."""
    if not st.argument(0):
        raise st.fail(usage, 0, "missing-argument", "log 127.0.0.1:514 local0")
    target = LogTarget(st.line_location(), None)
    _set_address(st, target)
    index = _set_options(st, target, 1)
    facility = st.argument(index)
    if not facility:
        raise st.fail(usage, st.n_keyword + index, "missing-argument", "name a facility, for instance local0")
    if facility not in FACILITIES:
        raise st.fail(f"log : unknown log facility '{facility}'", st.n_keyword + index, hint=f"one of {' '.join(FACILITIES)}")
    target.facility = facility
    _set_levels(st, target, index + 1)
    return target


def _set_address(st: Statement, target: LogTarget) -> None:
    word = st.argument(0)
    if word in ("stdout", "stderr"):
        target.fd = 1 if word == "stdout" else 2
        return
    if word.startswith("ring@"):
        target.ring = word.removeprefix("ring@")
        if not target.ring:
            raise st.fail("log : 'ring@' expects the name of a ring", st.n_keyword, "missing-argument", "log ring@<name> local0")
        return
    # haproxy: such a target has a ring of its own, of which one server gets the lines (config/rings.py).
    target.is_stream = word.startswith(_STREAMS)
    try:
        address = st.address(word, _STREAM_ADDRESS if target.is_stream else _ADDRESS)
    except ValueFault as fault:
        code = "unsupported-keyword" if fault.code == "unsupported-address" else fault.code
        raise st.fail(f"log : {fault.message}", st.n_keyword, code) from None
    if address.family == "fd":
        target.fd = address.fd
        return
    if address.family in ("ipv4", "ipv6") and not address.port:
        address = replace(address, port_low=SYSLOG_PORT, port_high=SYSLOG_PORT)
    target.address = address


def _set_options(st: Statement, target: LogTarget, index: int) -> int:
    """`len`, `format`, `sample` and `profile`, in any order; returns the index of the argument behind them."""
    while (name := st.argument(index)) in ("len", "format", "sample", "profile"):
        value, at = st.argument(index + 1), st.n_keyword + index + 1
        if name == "len":
            length = parse_leading_integer(value)
            if not MIN_LENGTH <= length <= MAX_LENGTH:
                raise st.fail(f"log : invalid log length '{value}', must be between {MIN_LENGTH} and {MAX_LENGTH}", at)
            target.max_length, target.has_length = length, True
        elif name == "format":
            _set_format(st, target, value, at)
        elif name == "profile":
            if not value:
                raise st.fail("log : 'profile' expects the name of a log-profile section", at, "missing-argument")
            target.profile = value
        else:
            _set_sample(st, target, value, at)
        index += 2
    return index


def _set_format(st: Statement, target: LogTarget, name: str, at: int) -> None:
    if name not in FORMATS:
        raise st.fail(f"log : unknown log format '{name}'", at, hint=f"one of {' '.join(FORMATS)}")
    # haproxy: without a format the host name is left out unless log-send-hostname is set; naming rfc3164 asks for it.
    target.with_hostname = name == "rfc3164"
    target.format = name


def _set_sample(st: Statement, target: LogTarget, word: str, at: int) -> None:
    """`sample <ranges>:<size>`: ranges of positions, from 1, in each run of <size> lines."""
    match = _SAMPLE.fullmatch(word)
    if match is None:
        raise st.fail(f"log : invalid sampling '{word}', expects <ranges>:<sample_size>", at, hint="sample 1,3-5:10")
    size = int(match.group(2))
    ranges = []
    for part in match.group(1).split(","):
        low, _, high = part.partition("-")
        ranges.append((int(low), int(high or low)))
    if size < 1 or any(low < 1 or high < low or high > size for low, high in ranges):
        raise st.fail(f"log : sampling ranges out of 1..{size} in '{word}'", at)
    if len(ranges) > MAX_RANGES:
        raise st.fail(f"log : more than {MAX_RANGES} sampling ranges are not supported by fastlb", at, "unsupported-keyword")
    ranges.sort()
    if any(after[0] <= before[1] for before, after in pairwise(ranges)):
        raise st.fail(f"log : overlapping sampling ranges in '{word}'", at)
    target.sample_ranges, target.sample_size = ranges, size


def _set_levels(st: Statement, target: LogTarget, index: int) -> None:
    for attribute, what in (("level", "log level"), ("min_level", "minimum log level")):
        name = st.argument(index)
        if not name:
            return
        if name not in LEVELS:
            raise st.fail(f"log : unknown optional {what} '{name}'", st.n_keyword + index, hint=f"one of {' '.join(LEVELS)}")
        setattr(target, attribute, name)
        index += 1
    if st.argument(index):
        at = st.n_keyword + index
        raise st.fail(f"log : cannot handle unexpected argument '{st.argument(index)}'.", at, "unexpected-argument")


def set_global_tag(st: Statement, glob: Global) -> None:
    glob.log_tag = _tag(st)


def set_proxy_tag(st: Statement, px: Proxy) -> None:
    px.log_tag = _tag(st)


def _tag(st: Statement) -> str:
    if not st.argument(0):
        raise st.fail("'log-tag' expects a tag for use in syslog.", 0, "missing-argument")
    return st.argument(0)


def set_send_hostname(st: Statement, glob: Global) -> None:
    glob.log_send_hostname = st.argument(0) or socket.gethostname()


# --- formats ---


def set_format(attribute: str) -> SetProxy:
    """A keyword whose argument is a log format; it is read when the proxy's mode is known (log_formats.py)."""

    def apply(st: Statement, px: Proxy) -> None:
        keyword = st.words[0]
        if not st.argument(0):
            raise st.fail(f"{keyword} expects an argument.", 0, "missing-argument", f'{keyword} "<format>"')
        if len(st.words) > 2:
            message = f"{keyword} expects only one argument, don't forget to escape spaces!"
            raise st.fail(message, 2, "unexpected-argument", "put the format into double quotes")
        if px.kind == "backend" and attribute != "unique_id":
            st.warn(f"backend '{px.name}' : '{keyword}' directive is ignored in backends.", 0, "ignored-keyword")
            return
        setattr(px.formats, attribute, FormatText(st.location(1), st.argument(0)))
        if attribute == "log":
            px.log_format = "format"
            if st.draft is not None:
                st.draft.origins["log_format"] = st.line_location()

    return apply


def set_unique_id_header(st: Statement, px: Proxy) -> None:
    if not st.argument(0):
        raise st.fail("unique-id-header expects an argument.", 0, "missing-argument", "unique-id-header X-Unique-ID")
    px.unique_id_header = st.argument(0).lower()


def _format(name: str, attribute: str, sections: str = "DFLB") -> ProxyKeyword:
    return ProxyKeyword(name, "log", sections, "<fmt>", manual="4.2", apply=set_format(attribute))


GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword(
        "log",
        "log",
        "G",
        "<target> [len <length>] [format <format>] [sample <ranges>:<size>] [profile <name>] <facility> [<level> [<minlevel>]]",
        manual="3.1",
        apply=set_global_log,
        accepts_no=True,
    ),
    GlobalKeyword("log-tag", "log", "G", "<string>", "fastlb", "3.1", apply=set_global_tag, arguments=(0, 1)),
    GlobalKeyword("log-send-hostname", "log", "G", "[<string>]", "no", "3.1", apply=set_send_hostname, arguments=(0, 1)),
)
PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "log",
        "log",
        "DFLB",
        "global | <target> [len <length>] [format <format>] [sample <ranges>:<size>] [profile <name>] <facility> [<level> ...]",
        manual="4.2",
        apply=set_proxy_log,
        accepts_no=True,
    ),
    _format("log-format", "log"),
    _format("log-format-sd", "sd"),
    _format("error-log-format", "error"),
    _format("unique-id-format", "unique_id"),
    ProxyKeyword("unique-id-header", "log", "DFL", "<name>", manual="4.2", apply=set_unique_id_header),
    ProxyKeyword(
        "log-steps", "log", "DFL", "all | <step>[,<step>...]", manual="4.2", since="3.1", apply=set_steps, arguments=(0, 1)
    ),
    ProxyKeyword("log-tag", "log", "DFLB", "<string>", manual="4.2", apply=set_proxy_tag, arguments=(0, 1)),
)
