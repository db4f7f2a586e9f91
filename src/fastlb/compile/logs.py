"""Log targets: `log global` expanded, levels and facilities as numbers, equal sinks shared (manual, section 4.2 "log").

Knows syslog's tables. Must not know how lines are formatted or sent (fastlb_core.proxy.log).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import LOG_FORMATS, LOG_KINDS, LOG_SINKS, LOG_STEPS

from fastlb.config.log_formats import option_format
from fastlb.config.log_model import LogProfile, LogTarget
from fastlb.config.model import FormatText, Global, Proxy

from .addresses import sockaddr
from .failure import CompileError
from .rules import RuleCompiler
from .text import file_bytes

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp"),
    *("ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
MAX_RANGES = 8
FORMAT_KIND: int = LOG_KINDS["format"]


def targets_of(px: Proxy, glob: Global) -> list[LogTarget]:
    """The targets in force: those of `global` first where the proxy says `log global`."""
    return [*(glob.logs if px.log_global else ()), *px.logs]


def log_kind(px: Proxy, glob: Global) -> int:
    """LOG_K_*: which line a finished stream gets."""
    name = px.log_format if targets_of(px, glob) else "none"
    if name == "format" or (name != "none" and option_format(px) is not None):
        return FORMAT_KIND
    # haproxy: without HTTP there is nothing to fill httplog's fields with
    kind: int = LOG_KINDS["tcplog" if name == "httplog" and px.mode != "http" else name]
    return kind


def add_formats(builder: ProgramBuilder, index: int, px: Proxy, rules: RuleCompiler, glob: Global) -> None:
    """The formats and captures of the frontend at `index`; without a log target nothing is kept for its lines."""
    builder.set_log_steps(index, log_steps(px))
    formats, has_target = px.formats, bool(targets_of(px, glob))
    given = {"unique_id": formats.unique_id}
    if has_target:
        given |= {"log": formats.log, "sd": formats.sd, "error": formats.error}
    compiled = {name: _compiled(text, rules) for name, text in given.items()}
    if has_target and px.log_format != "format":
        form = option_format(px)
        compiled["log"] = rules.format(form, 0) if form is not None else None
    builder.set_formats(index, unique_id_header=file_bytes(px.unique_id_header), **compiled)
    captures, cookie = px.captures, px.captures.cookie
    builder.set_captures(
        index,
        request=[(file_bytes(name), length) for name, length in captures.request],
        response=[(file_bytes(name), length) for name, length in captures.response],
        cookie=(file_bytes(cookie[0]), cookie[1]) if cookie is not None else None,
    )


def _compiled(text: FormatText | None, rules: RuleCompiler) -> Any:
    return rules.at(text.location).format(text.parsed, 0) if text is not None and text.parsed is not None else None


def add_profiles(builder: ProgramBuilder, profiles: Iterable[LogProfile]) -> None:
    """The profiles by name, before the log targets that refer to them."""
    for profile in profiles:
        builder.add_log_profile(file_bytes(profile.tag))


def add_profile_steps(builder: ProgramBuilder, profiles: Iterable[LogProfile], rules: RuleCompiler) -> None:
    """What they say; `quic-init` is of no listener here."""
    for index, profile in enumerate(profiles):
        for name, step in profile.steps.items():
            if name in LOG_STEPS:
                given = {"format": step.format, "sd": step.sd}
                formats = {which: rules.at(profile.location).format(form, 0) for which, form in given.items() if form is not None}
                builder.set_log_step(index, LOG_STEPS[name], is_dropped=step.is_dropped, **formats)


def log_steps(px: Proxy) -> int:
    """Bits of the steps at which the proxy writes lines by itself; errors have theirs always."""
    return sum(1 << LOG_STEPS[name] for name in (*(px.log_steps or ("close",)), "error"))


def add_targets(
    builder: ProgramBuilder,
    index: int | None,
    targets: Iterable[LogTarget],
    glob: Global,
    profiles: Sequence[str] = (),
    ring_fds: Mapping[str, int] = MappingProxyType({}),
    fcgi_app: int | None = None,
) -> None:
    """Adds the targets of the proxy at `index`, of an application, or of the program, and sinks that are new.

    profiles: the names of those that the builder has. ring_fds: the sockets to control by ring. Raises CompileError.
    """
    for target in targets:
        if len(target.sample_ranges) > MAX_RANGES:
            raise CompileError(target.location, f"log : more than {MAX_RANGES} sampling ranges are not supported")
        builder.add_log_target(
            index,
            _add_sink(builder, target, ring_fds),
            format=_format(target, glob),
            facility=FACILITIES.index(target.facility),
            level=LEVELS.index(target.level),
            min_level=LEVELS.index(target.min_level),
            max_length=target.max_length,
            sample_size=target.sample_size,
            sample_ranges=target.sample_ranges,
            profile=profiles.index(target.profile) if target.profile else -1,
            fcgi_app=fcgi_app,
        )


def _add_sink(builder: ProgramBuilder, target: LogTarget, ring_fds: Mapping[str, int]) -> int:
    address = target.address
    if target.ring:
        kind, packed, fd = "ring", b"", ring_fds[target.ring]
    elif address is None or address.family == "fd":
        kind, packed, fd = "fd", b"", target.fd if address is None else address.fd
    else:
        kind, fd = "udp" if address.family in ("ipv4", "ipv6") else "unix", -1
        try:
            packed = sockaddr(address)
        except ValueError as error:
            raise CompileError(target.location, f"log : {error}") from None
    sink: int = builder.add_log_sink(kind=LOG_SINKS[kind], address=packed, fd=fd)
    return sink


def _format(target: LogTarget, glob: Global) -> int:
    # haproxy: the default is `local`, unless log-send-hostname is set or rfc3164 is asked for by name.
    is_local = target.format == "rfc3164" and not target.with_hostname and glob.log_send_hostname is None
    number: int = LOG_FORMATS["local" if is_local else target.format]
    return number
