"""The source tree as data: which module imports which, for Python and for Cython.

Reads files only; imports neither the product nor anything built.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "src" / "fastlb"
CORE = ROOT / "ext" / "fastlb_core"

# DESIGN.md, section 6: each layer may import itself and what stands to its left.
CORE_LAYERS = ("base", "sys", "net", "http", "lb", "program", "proxy", "bridge")
PYTHON_LAYERS = ("config", "compile", "control", "supervisor", "cli")

CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.MULTILINE)


def python_files() -> list[Path]:
    return sorted(PYTHON.rglob("*.py"))


def core_files() -> list[Path]:
    return sorted(path for path in CORE.rglob("*") if path.suffix in (".pyx", ".pxd", ".pxi"))


def core_imports(path: Path) -> list[str]:
    """The dotted names that a Cython file imports or cimports, relative ones made absolute."""
    text = re.sub(r'"""(?:.|\n)*?"""', "", path.read_text())
    package = ["fastlb_core", *path.relative_to(CORE).parent.parts]
    names = []
    for match in CIMPORT.finditer(text):
        name = match[1] or match[2]
        if name.startswith("."):
            dots = len(name) - len(name.lstrip("."))
            name = ".".join([*package[: len(package) - dots + 1], name.lstrip(".")]).rstrip(".")
        names.append(name)
    return names


def python_imports(path: Path) -> list[str]:
    """The dotted names that a Python file imports, relative ones made absolute."""
    package = ["fastlb", *path.relative_to(PYTHON).parent.parts]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


def layer_of(name: str, package: str) -> str:
    """The layer in a dotted name of that package: "net" of "fastlb_core.net.conn"; "" outside the package or at its root."""
    parts = name.split(".")
    return parts[1] if parts[0] == package and len(parts) > 1 else ""
