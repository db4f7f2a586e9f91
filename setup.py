"""Builds the Cython core: one extension module per .pyx file below ext/fastlb_core.

Environment: FASTLB_DEBUG=1 builds with ASan, UBSan and the core's own counters (`make debug`);
FASTLB_ONLY=PREFIX,PREFIX builds only the modules whose names start so (for development).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).parent
CORE = ROOT / "ext" / "fastlb_core"
DEBUG = os.environ.get("FASTLB_DEBUG") == "1"
ONLY = tuple(os.environ.get("FASTLB_ONLY", "fastlb_core").split(","))

# pkg-config name -> (Debian package, Fedora package) that brings its headers
LIBRARIES = {
    "libssl": ("libssl-dev", "openssl-devel"),
    "libcrypto": ("libssl-dev", "openssl-devel"),
    "libpcre2-8": ("libpcre2-dev", "pcre2-devel"),
    "libnghttp2": ("libnghttp2-dev", "libnghttp2-devel"),
    "libcrypt": ("libcrypt-dev", "libxcrypt-devel"),
    "zlib": ("zlib1g-dev", "zlib-devel"),
}


def pkg_config(flag: str, names: list[str]) -> list[str]:
    """The words that `pkg-config FLAG NAMES` prints; ends the build with advice where a library is missing."""
    missing = []
    for name in names:
        try:
            found = subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0
        except FileNotFoundError:
            sys.exit("fastlb: pkg-config is missing: apt-get install pkg-config, or dnf install pkgconf-pkg-config")
        if not found:
            missing.append(name)
    if missing:
        apt = sorted({LIBRARIES[name][0] for name in missing})
        dnf = sorted({LIBRARIES[name][1] for name in missing})
        sys.exit(
            f"fastlb: headers of {', '.join(missing)} are missing:"
            f" apt-get install {' '.join(apt)}, or dnf install {' '.join(dnf)}"
        )
    return subprocess.run(["pkg-config", flag, *names], check=True, capture_output=True, text=True).stdout.split()


def extensions() -> list[Extension]:
    """One Extension per module of the core, named by its place in the tree."""
    names = list(LIBRARIES)
    compile_args = [*pkg_config("--cflags", names), "-std=gnu11", "-Wno-unused-function", "-fno-strict-aliasing"]
    library_args = pkg_config("--libs", names)
    link_args: list[str] = []
    macros = [("FLB_DEBUG", "1" if DEBUG else "0")]
    if DEBUG:
        sanitizers = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"]
        compile_args += ["-O1", "-g", *sanitizers]
        link_args += sanitizers
    else:
        compile_args += ["-O2", "-g1"]
    found = []
    for source in sorted(CORE.rglob("*.pyx")):
        module = ".".join(("fastlb_core", *source.relative_to(CORE).with_suffix("").parts))
        if not module.startswith(ONLY):
            continue
        links_libraries = b"# fastlb: links the C libraries" in source.read_bytes()[:2000]
        found.append(
            Extension(
                module,
                [str(source.relative_to(ROOT))],
                include_dirs=["ext/fastlb_core/sys"],
                extra_compile_args=compile_args,
                extra_link_args=[*link_args, *library_args] if links_libraries else link_args,
                define_macros=macros,
            )
        )
    return found


def cythonized() -> list[Extension]:
    from Cython.Build import cythonize

    return cythonize(  # type: ignore[no-any-return]
        extensions(),
        include_path=["ext"],
        nthreads=os.cpu_count() or 1,
        build_dir="build/debug-c" if DEBUG else "build/c",
        compiler_directives={
            "language_level": "3",
            "cdivision": True,
            "boundscheck": False,
            "wraparound": False,
            "initializedcheck": False,
            "binding": False,
        },
    )


setup(
    package_dir={"": "src", "fastlb_core": "ext/fastlb_core"},
    packages=[
        *(str(p.parent.relative_to("src")).replace("/", ".") for p in sorted(Path("src").rglob("__init__.py"))),
        *(str(p.parent.relative_to("ext")).replace("/", ".") for p in sorted(Path("ext").rglob("__init__.py"))),
    ],
    package_data={"fastlb": ["py.typed", "control/stats/templates/*", "deploy/templates/*.j2"]},
    include_package_data=True,
    ext_modules=[] if {"clean", "egg_info", "sdist"} & set(sys.argv) else cythonized(),
)
