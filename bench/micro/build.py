"""Compiles the measured loops (kernels/*.pyx) against the core's headers, when they are first needed or have changed.

The loops run in C so that a figure is the function's and not that of a call from Python. Knows Cython and the tree; nothing
of what is measured.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "build" / "bench"
DIRECTIVES = {"language_level": "3", "cdivision": True, "boundscheck": False, "wraparound": False, "initializedcheck": False}


def kernel(name: str) -> ModuleType:
    """The extension module made from kernels/NAME.pyx.

    Raises what the compiler raises, and ImportError when the core is not built.
    """
    source = HERE / "kernels" / f"{name}.pyx"
    target = OUT / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    newest = max(path.stat().st_mtime for path in [source, *(ROOT / "ext").rglob("*.pxd")])
    if not target.exists() or target.stat().st_mtime < newest:
        _compile(name, source)
    spec = importlib.util.spec_from_file_location(name, target)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compile(name: str, source: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension  # type: ignore[import-untyped]

    extension = Extension(
        name,
        [str(source)],
        include_dirs=[str(ROOT / "ext" / "fastlb_core" / "sys")],
        extra_compile_args=["-O2", "-std=gnu11", "-Wno-unused-function", "-fno-strict-aliasing"],
        define_macros=[("FLB_DEBUG", "0")],
    )
    modules = cythonize(  # type: ignore[no-untyped-call]
        [extension],
        include_path=[str(ROOT / "ext")],
        build_dir=str(OUT / "c"),
        compiler_directives=DIRECTIVES,
        force=True,
        quiet=True,
    )
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib, command.build_temp, command.force = str(OUT), str(OUT / "o"), True
    command.ensure_finalized()
    command.run()
