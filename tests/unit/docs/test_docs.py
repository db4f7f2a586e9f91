"""What is written for users is true: the compatibility page, the examples, the README's configuration and links.

Must not know what the texts say. A page that is behind the keyword tables is made again by `make docs`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.proxy import command_of

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "bench").glob("*.md"), *(ROOT / "docs").rglob("*.md")]
INTERNALS = [ROOT / "ARCHITECTURE.md", *(ROOT / "docs/internals").glob("*.md")]


def checked(path: Path, directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    """`fastlb -c` on the file, zero warnings allowed."""
    command = [*command_of(program), "-dW", "-c", "-f", str(path)]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60)


def test_the_compatibility_page_is_what_the_keyword_tables_say():
    done = subprocess.run([sys.executable, ROOT / "docs/generate.py", "--check"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.cfg")), ids=lambda path: path.name)
def test_examples_are_valid(path, program):
    done = checked(path, EXAMPLES, program)
    assert done.returncode == 0, done.stderr


def test_the_configuration_in_the_readme_is_valid(program, tmp_path):
    path = tmp_path / "readme.cfg"
    path.write_text(re.findall(r"```haproxy\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0])
    done = checked(path, tmp_path, program)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("errors/*.http")), ids=lambda path: path.name)
def test_error_pages_are_whole_answers(path):
    head, body = path.read_bytes().split(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 " + path.stem.encode() + b" ")
    assert b"Content-Length: %d" % len(body) in lines
    assert b"\n" not in head.replace(b"\r\n", b"")


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted(INTERNALS), ids=lambda page: page.name)
def test_files_that_the_internals_name_exist(page):
    """`proxy/front.pyx` is below ext/fastlb_core or src/fastlb; a name alone is anywhere in the tree."""
    named = set(re.findall(r"`((?:[\w.]+/)*\w+\.(?:pyx|pxd|py))`", page.read_text()))
    roots = [ROOT, ROOT / "ext/fastlb_core", ROOT / "src/fastlb", ROOT / "src/fastlb/control"]
    known = {path.name for root in (ROOT / "ext", ROOT / "src") for path in root.rglob("*.p*")}
    assert [name for name in named if not any((root / name).exists() for root in roots) and name not in known] == []
