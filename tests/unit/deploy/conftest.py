"""A host in a temporary directory: what `fastlb deploy` and `fastlb ha init` write below it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fastlb.cli import deploy

PAIR = ["--vip", "192.168.1.200/24", "--interface", "flb0", "--peer", "192.168.1.101", "--role", "master", "--node", "lb1"]


class HostFiles:
    """A root directory. `deploy(...)` and `init(...)` return the exit status; `path` is a file below the root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def deploy(self, *words: str) -> int:
        return deploy.run(["--root", str(self.root), *words])

    def init(self, *words: str) -> int:
        return deploy.run_init(["--root", str(self.root), *PAIR, *words])

    def snapshot(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file with its inode, mode and content: a file that was written again has another inode."""
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_ino, path.stat().st_mode, path.read_bytes()) for path in files}


@pytest.fixture
def host(tmp_path: Path) -> HostFiles:
    return HostFiles(tmp_path / "root")


@pytest.fixture
def judged_by() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program that a file is for; skips where this machine has none."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        found = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
        if found is None:
            pytest.skip(f"{command[0]} is not installed (.ci/packages test)")
        return subprocess.run([found, *command[1:]], capture_output=True, text=True, timeout=60)

    return run
