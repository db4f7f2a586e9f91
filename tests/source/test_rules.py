"""STYLE.md where a machine can read it: sizes, headers, `noexcept nogil`, what the core must not contain, lint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .tree import CORE, ROOT, core_files, python_files

TREES = ("src", "ext", "tests", "bench")
SOURCES = sorted(
    path
    for tree in TREES
    for path in (ROOT / tree).rglob("*")
    if path.suffix in (".py", ".pyx", ".pxd") and path.stat().st_size > 0
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def offenders(paths: list[Path], says: Callable[[Path], str]) -> list[str]:
    """What `says` finds wrong in each file, with the file's name; nothing where it returns ""."""
    return [f"{relative(path)}: {complaint}" for path in paths if (complaint := says(path))]


def test_files_are_of_a_readable_size():
    def too_long(path: Path) -> str:
        lines = len(path.read_text().splitlines())
        return f"{lines} lines" if lines > 600 else ""

    assert offenders(SOURCES, too_long) == []


def test_files_open_with_what_they_are():
    def without_header(path: Path) -> str:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith(("# cython:", "# distutils:", "#!"))]
        return "" if lines and lines[0].startswith(('"""', "#", 'r"""')) else "no header"

    assert offenders(SOURCES, without_header) == []


def test_nothing_is_left_for_later():
    def unfinished(path: Path) -> str:
        found = re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())
        return found[0] if found and path != Path(__file__) else ""

    assert offenders(SOURCES, unfinished) == []


def without_comments(text: str) -> str:
    return re.sub(r"#.*", "", re.sub(r'"""(?:.|\n)*?"""', "", text))


def declarations(text: str) -> list[str]:
    """Every `cdef` or `cpdef` function's head, joined to one line."""
    heads = []
    pattern = re.compile(
        r"^[ \t]*(?:cdef|cpdef)[ \t]+(?!class|struct|enum|union|extern|packed|public|readonly)[^\n=]*?\w+\(", re.MULTILINE
    )
    for match in pattern.finditer(text):
        depth, end = 0, match.end() - 1
        while end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
        tail = text[end:].split("\n", 1)[0]
        heads.append(re.sub(r"\s+", " ", text[match.start() : end] + tail).strip())
    return heads


INNER = [path for path in core_files() if "bridge" not in path.parts]


def test_core_functions_neither_raise_nor_take_the_gil():
    def fallible(path: Path) -> str:
        text = without_comments(path.read_text())
        text = re.sub(r"^(\s*)cdef extern from.*?(?=^\S|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
        functions = [head for head in declarations(text) if not re.search(r"\(\s*\*", head)]
        return "; ".join(head for head in functions if "noexcept" not in head or "nogil" not in head)

    assert offenders(INNER, fallible) == []


def test_core_has_no_python_statements():
    def pythonic(path: Path) -> str:
        text = without_comments(path.read_text())
        words = (r"\bassert\b", r"\braise\b", r"\bwith gil\b", r"^\s*try:", r"\bprint\(")
        return ", ".join(found[0] for word in words if (found := re.search(word, text, re.MULTILINE)))

    assert offenders([path for path in INNER if path.suffix == ".pyx"], pythonic) == []


def test_changelog_and_licence_exist():
    for name in ("CHANGELOG.md", "LICENSE", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", ".ci/run"):
        assert (ROOT / name).is_file(), name


def test_architecture_page_is_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 150


def run(*command: str) -> None:
    # cython-lint runs pycodestyle by name: the environment's own.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr


def beside_python(name: str) -> str:
    """The tool of the environment that runs the tests, else the one in PATH."""
    own = Path(sys.executable).with_name(name)
    found = str(own) if own.exists() else shutil.which(name)
    assert found, f"{name} is not installed: pip install -e .[dev]"
    return found


@pytest.mark.parametrize("tree", [tree for tree in TREES if (ROOT / tree).exists()])
def test_ruff_is_content(tree):
    run(beside_python("ruff"), "check", "-q", tree)


def test_cython_lint_is_content():
    assert CORE.exists()
    run(beside_python("cython-lint"), "ext")


def test_python_files_compile_without_warnings():
    run(sys.executable, "-W", "error", "-c", COMPILE, *(str(path) for path in python_files()))


COMPILE = "import sys\nfor name in sys.argv[1:]:\n    compile(open(name).read(), name, 'exec')\n"
