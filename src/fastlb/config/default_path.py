"""`default-path`: where the relative names of files begin (manual, section 3.1).

Knows the four ways to say it. Must not know which keyword opens a file.
"""

from __future__ import annotations

import os


class DefaultPath:
    """The directory that relative names of files begin in. It is the process's own while a file is read.

    # haproxy: so it is done there; nothing else runs in the process that reads a configuration.
    """

    def __init__(self) -> None:
        self._mode, self._origin, self._start = "current", "", ""

    def set_mode(self, mode: str, origin: str) -> None:
        self._mode, self._origin = mode, origin

    def enter(self, file: str) -> None:
        """Goes where names in the configuration file `file` begin. Raises OSError."""
        if self._mode == "current" and not self._start:
            return
        self._start = self._start or os.getcwd()
        os.chdir(self._start)
        os.chdir(self.of(file) or ".")

    def leave(self) -> None:
        """Goes back where the process was started."""
        if self._start:
            os.chdir(self._start)

    def of(self, file: str) -> str:
        """The directory of a configuration file's relative names, seen from the start; "" for the start itself."""
        if self._mode == "origin":
            return self._origin
        if self._mode == "current":
            return ""
        # haproxy: up to the last slash, without a look at what is there.
        beside = file.rpartition("/")[0] + "/" if "/" in file else ""
        return f"{beside}.." if self._mode == "parent" else beside
