"""Runs our own VTest cases with Debian's varnishtest: the harness that HAProxy's users test with starts fastlb as "haproxy".

Each .vtc file beside this one is a test. HARNESS: one program path without arguments, hence a launcher.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from support.proxy import command_of

CASES = sorted(Path(__file__).parent.glob("*.vtc"))


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program under test as one executable file; SIGINT and SIGTERM are blocked until it has handlers for them."""
    program = os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")
    path = tmp_path_factory.mktemp("bin") / program
    command = shlex.join(command_of(program))
    blocked = "" if program == "haproxy" else "env --block-signal=INT --block-signal=TERM "
    path.write_text(f'#!/bin/sh\nexec {blocked}{command} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_vtc(case, launcher):
    varnishtest = shutil.which("varnishtest")
    assert varnishtest, "varnishtest is not installed: apt-get install varnish"
    done = subprocess.run(
        [varnishtest, "-t", "60", str(case)],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, "HAPROXY_PROGRAM": str(launcher), "HAPROXY_ARGS": "-dM -dI -dW"},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_there_are_enough_cases():
    assert len(CASES) >= 12
