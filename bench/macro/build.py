"""The benchmark's C programs, compiled when they are first needed and when their source is newer.

Knows the compiler and the files; nothing of what the programs do.
"""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from bench.macro.model import BenchError

HERE = Path(__file__).resolve().parent
LIBRARIES = {"load": ("-lssl", "-lcrypto")}
OUT = HERE.parents[1] / "build" / "bench"


@functools.cache
def program(name: str) -> Path:
    """The path of the executable made from NAME.c. Raises BenchError with the compiler's words."""
    source, target = HERE / f"{name}.c", OUT / name
    newest = max(source.stat().st_mtime, (HERE / "common.h").stat().st_mtime)
    if target.exists() and target.stat().st_mtime > newest:
        return target
    OUT.mkdir(parents=True, exist_ok=True)
    try:
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(target), str(source), *LIBRARIES.get(name, ())]
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BenchError("gcc is needed for the load generator and the origin (apt-get install gcc)") from error
    if done.returncode:
        raise BenchError(f"gcc failed on {source.name}:\n{done.stderr}")
    return target
