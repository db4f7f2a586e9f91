"""Which log target takes which line: a proxy's own targets and those of `global` where the proxy says `log global`.

Knows levels and HAProxy's second copy of server events on standard error. Must not know why a line is written.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from fastlb.config.log_model import LogTarget
from fastlb.config.model import Configuration, Proxy
from fastlb.control.logs import format as fmt
from fastlb.control.logs.sender import Sender

# haproxy: "[NOTICE]   (pid) : text", the label padded so that the columns stand below each other.
_LABELS = {"alert": "[ALERT]    ", "warning": "[WARNING]  ", "notice": "[NOTICE]   "}


class Journal:
    """Writes log lines for the control process.

    pid: the program's, shown in every line (HARNESS.md, section 8). is_quiet: nothing on standard error (-q, daemon).
    sender, clock: for tests.
    """

    def __init__(
        self,
        configuration: Configuration,
        pid: int,
        *,
        is_quiet: bool = False,
        sender: Sender | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._global = configuration.global_
        self._profiles = configuration.log_profiles
        self._pid = pid
        self._is_quiet = is_quiet
        self._clock = clock
        self._is_silent = False
        self.sender = sender or Sender()

    def silence(self) -> None:
        """Another generation tells what happens to proxies and servers from here on."""
        self._is_silent = True

    def proxy(self, proxy: Proxy, level: int, message: str) -> None:
        """Sends `message` (one line, no newline) to the proxy's targets at a syslog level (0 emerg .. 7 debug)."""
        origin = self._origin(proxy.log_tag)
        if not self._is_silent:
            self._send(self._targets_of(proxy), level, message, origin)

    def program(self, level: int, message: str) -> None:
        """Sends `message` to the targets of the global section."""
        self._send(self._global.logs, level, message, self._origin(None))

    def terminal(self, label: str, message: str) -> None:
        """Prints `[LABEL] (pid) : message` on standard error; label is "alert", "warning" or "notice"."""
        if self._is_quiet or self._is_silent:
            return
        with contextlib.suppress(OSError):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{_LABELS[label]}({self._pid}) : {message}\n".encode())

    def _origin(self, tag: str | None) -> fmt.Origin:
        return fmt.Origin(tag or self._global.log_tag or "fastlb", self._global.log_send_hostname or "", self._pid)

    def _targets_of(self, proxy: Proxy) -> list[LogTarget]:
        targets = list(proxy.logs)
        if proxy.log_global:
            targets += [target for target in self._global.logs if not any(target is other for other in targets)]
        return targets

    def _send(self, targets: Iterable[LogTarget], level: int, message: str, origin: fmt.Origin) -> None:
        now = self._clock()
        for target in targets:
            if level > fmt.level_of(target.level):
                continue
            shown = max(level, fmt.level_of(target.min_level))
            speaker = origin
            if target.profile and self._profiles[target.profile].tag:
                speaker = replace(origin, tag=self._profiles[target.profile].tag)
            head = fmt.header(_style(target, origin), target.facility, shown, speaker, now)
            # haproxy: into a ring `len` is that of the text.
            text = message.encode("utf-8", "surrogateescape")[: target.max_length if target.ring else None]
            self.sender.send(target, head.encode("utf-8", "surrogateescape") + text + b"\n")


def _style(target: LogTarget, origin: fmt.Origin) -> str:
    """haproxy: the default format has no host name, unless log-send-hostname is set or rfc3164 is asked for by name."""
    is_local = target.format == "rfc3164" and not target.with_hostname and not origin.hostname
    return "local" if is_local else target.format


def printable(text: str) -> str:
    """`text` as it may stand inside quotes in a log line: HAProxy's <XX> for control bytes, quotes and non-ASCII bytes."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"' else f"<{byte:02X}>" for byte in raw)
