"""What compiling raises. Knows how HAProxy names the place of a mistake; must not know any keyword."""

from __future__ import annotations

from fastlb.config.model import Location


class CompileError(ValueError):
    """The configuration is well formed but cannot be run; the message names file and line."""

    def __init__(self, location: Location, message: str) -> None:
        super().__init__(f"config : [{location}] : {message}")
        self.location = location
