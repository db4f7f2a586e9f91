"""The lines that a starting or running program writes on stderr, in haproxy's form.

Knows the tags and -q. Must not know what is being reported; the configuration's diagnostics bring their own text.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from typing import TextIO

_MOST_RECORDED = 2000  # lines


class Alerts:
    """Writes tagged lines on stderr; nothing at all where `is_quiet`. stream: instead of stderr, None for that.

    While is_recording all lines are also kept in `recorded`, the last ones.
    """

    def __init__(self, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self.stream: TextIO | None = None
        self.is_recording = True
        self.recorded: deque[str] = deque(maxlen=_MOST_RECORDED)

    def alert(self, text: str) -> None:
        self._line("[ALERT]   ", text)

    def warning(self, text: str) -> None:
        self._line("[WARNING] ", text)

    def notice(self, text: str) -> None:
        self._line("[NOTICE]  ", text)

    def write(self, text: str) -> None:
        """Writes finished lines. One write(2) a call, so that lines of several processes do not mix."""
        if self.is_recording:
            self.recorded.extend(text.splitlines())
        if text and not self.is_quiet:
            # A closed or full stderr must not stop a load balancer.
            with contextlib.suppress(OSError, ValueError):
                stream = self.stream or sys.stderr
                stream.write(text)
                stream.flush()

    def _line(self, tag: str, text: str) -> None:
        self.write(f"{tag} ({os.getpid()}) : {text}\n")
