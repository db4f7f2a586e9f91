"""How often the processes of a program call malloc: a library that is preloaded into them, built by the first test that asks."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("allocations.c")
SLOTS = 4096


class Allocations:
    """The counters of one program; `environment` has to be in its environment when it starts."""

    def __init__(self, directory: Path) -> None:
        library = directory / "allocations.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
        self._path = directory / "allocations"
        self._path.write_bytes(bytes(8 * SLOTS))
        self.environment = {"LD_PRELOAD": str(library), "ALLOCATIONS": str(self._path)}

    def of(self, pid: int) -> int:
        """How many blocks the process has asked for since it was forked (or another one before it that had the slot)."""
        at = 8 * (pid % SLOTS)
        return int.from_bytes(self._path.read_bytes()[at : at + 8], "little")
