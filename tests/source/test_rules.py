"""STYLE.md where a machine can read it: sizes, headers, `noexcept nogil`, what the core must not contain, lint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
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


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_is_of_a_readable_size(path):
    assert len(path.read_text().splitlines()) <= 600


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_file_opens_with_what_it_is(path):
    text = path.read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("# cython:", "# distutils:", "#!"))]
    assert lines and lines[0].startswith(('"""', "#", 'r"""')), "no header"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nothing_is_left_for_later(path):
    if path != Path(__file__):
        assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())


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


@pytest.mark.parametrize("path", [p for p in core_files() if "bridge" not in p.parts], ids=relative)
def test_core_functions_neither_raise_nor_take_the_gil(path):
    text = without_comments(path.read_text())
    in_extern = re.sub(r"^(\s*)cdef extern from.*?(?=^\S|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    for head in declarations(in_extern):
        if re.search(r"\(\s*\*", head):
            continue  # a pointer's type, not a function
        assert "noexcept" in head, f"without noexcept: {head}"
        assert "nogil" in head, f"without nogil: {head}"


@pytest.mark.parametrize("path", [p for p in core_files() if "bridge" not in p.parts and p.suffix == ".pyx"], ids=relative)
def test_core_has_no_python_statements(path):
    text = without_comments(path.read_text())
    for word in (r"\bassert\b", r"\braise\b", r"\bwith gil\b", r"^\s*try:", r"\bprint\("):
        found = re.search(word, text, re.MULTILINE)
        assert not found, f"{found[0]!r}"


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
