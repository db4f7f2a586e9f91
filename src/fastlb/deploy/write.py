"""Writing the files of parts below a root, and never over an operator's own changes.

Knows what was written before: a ledger of digests beside the configuration. A file that still has the digest it was given
is fastlb's to renew; any other one is the operator's. Must not know what the files mean, and never runs a program.
"""

from __future__ import annotations

import contextlib
import difflib
import enum
import errno
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fastlb.deploy.parts import File, Part

_LEDGER = "/etc/fastlb/.deployed.json"
_SECRET = re.compile(r"\b(auth_pass[ \t]+)\S+")


class Verdict(enum.Enum):
    """What becomes of a file."""

    SAME = "unchanged"
    NEW = "new"
    RENEWED = "renewed"
    KEPT = "kept: it was changed or is not from fastlb"
    REPLACED = "replaced: the old one is beside it, with .bak"


@dataclass(slots=True)
class Host:
    """The file system below `root`. has_force: what an operator changed is replaced too, a copy of it stays."""

    root: Path
    has_force: bool = False
    _digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A ledger that cannot be read knows nothing: then every file is the operator's.
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self.place(_LEDGER).read_text())
            if isinstance(found, dict):
                self._digests = {str(path): str(digest) for path, digest in found.items()}

    def place(self, path: str) -> Path:
        """Where a file of the host is below the root; raises OSError where a symbolic link on the way leads out of it."""
        place = self.root / os.path.normpath(path).lstrip("/")
        if not place.parent.resolve().is_relative_to(self.root.resolve()):
            raise OSError(errno.EXDEV, "a symbolic link on the way leads out of --root", str(place))
        return place

    def judge(self, file: File) -> Verdict:
        """What `write` would do; raises OSError where the present file cannot be read."""
        present = self._present(file)
        if present is None:
            return Verdict.NEW
        if present == file.text.encode():
            same_mode = self.place(file.path).stat().st_mode & 0o7777 == file.mode
            return Verdict.SAME if same_mode or file.is_first else Verdict.RENEWED
        if file.is_first:
            return Verdict.SAME
        if self._digests.get(file.path) == _digest(present):
            return Verdict.RENEWED
        return Verdict.REPLACED if self.has_force else Verdict.KEPT

    def diff(self, file: File) -> str:
        """From the present file to the wanted one, unified, without secrets; "" where nothing would change."""
        verdict = self.judge(file)
        if verdict is Verdict.SAME:
            return ""
        present = (self._present(file) or b"").decode("utf-8", "replace")
        before = "/dev/null" if verdict is Verdict.NEW else str(self.place(file.path))
        lines = difflib.unified_diff(_lines(present), _lines(file.text), before, str(self.place(file.path)))
        return _SECRET.sub(r"\1********", "".join(line if line.endswith("\n") else line + "\n" for line in lines))

    def missing(self, part: Part) -> list[str]:
        """The part's directories that are not there."""
        return [path for path in part.directories if not self.place(path).is_dir()]

    def write(self, part: Part) -> None:
        """Makes the part's directories, writes its files and notes what was written; raises OSError."""
        for path in part.directories:
            self.place(path).mkdir(mode=0o755, parents=True, exist_ok=True)
        has_written = False
        for file in part.files:
            verdict = self.judge(file)
            if verdict in (Verdict.SAME, Verdict.KEPT):
                continue
            target = self.place(file.path)
            if verdict is Verdict.REPLACED:
                _replace(target.with_name(target.name + ".bak"), target.read_bytes(), target.stat().st_mode & 0o7777)
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _replace(target, file.text.encode(), file.mode)
            self._digests[file.path] = _digest(file.text.encode())
            has_written = True
        if has_written:
            ledger = self.place(_LEDGER)
            ledger.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            _replace(ledger, (json.dumps(self._digests, indent=1, sort_keys=True) + "\n").encode(), 0o644)

    def _present(self, file: File) -> bytes | None:
        try:
            return self.place(file.path).read_bytes()
        except FileNotFoundError:
            return None


def _replace(target: Path, content: bytes, mode: int) -> None:
    """Puts a whole file in place at once: no reader sees half of it, and a secret is never readable for a moment."""
    descriptor, name = tempfile.mkstemp(prefix=".fastlb-", suffix=".bak", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").splitlines(keepends=True)
