"""The lines that a starting or running program writes on stderr, in haproxy's form.

Knows the tags and -q. Must not know what is being reported; the configuration's diagnostics bring their own text.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


class Alerts:
    """Writes tagged lines on stderr; nothing at all where `is_quiet`. stream: instead of stderr, None for that."""

    def __init__(self, is_quiet: bool = False) -> None:
        self.is_quiet = is_quiet
        self.stream: TextIO | None = None

    def alert(self, text: str) -> None:
        self._line("[ALERT]   ", text)

    def warning(self, text: str) -> None:
        self._line("[WARNING] ", text)

    def notice(self, text: str) -> None:
        self._line("[NOTICE]  ", text)

    def write(self, text: str) -> None:
        """Writes finished lines. One write(2) a call, so that lines of several processes do not mix."""
        if text and not self.is_quiet:
            # A closed or full stderr must not stop a load balancer.
            with contextlib.suppress(OSError, ValueError):
                stream = self.stream or sys.stderr
                stream.write(text)
                stream.flush()

    def _line(self, tag: str, text: str) -> None:
        self.write(f"{tag} ({os.getpid()}) : {text}\n")
