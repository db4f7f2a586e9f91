"""`option external-check`: a program takes its server out and back, and a time limit ends the program with its children."""

from __future__ import annotations

import os
from pathlib import Path

from support.origin import named
from support.poll import poll

from .test_checks import site


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def external(syslog, server, script: Path, text: str, options: str = "inter 1s fastinter 50ms downinter 50ms") -> str:
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    lines = ("option external-check", f"external-check command {script}", "external-check path /usr/bin:/bin")
    return "global\n    external-check\n    insecure-fork-wanted\n" + site(syslog, f"{server} check {options}", *lines)


def test_exit_status_decides(start, origin, syslog, tmp_path):
    verdict = tmp_path / "verdict"
    verdict.write_text("0")
    proxy = start(external(syslog, origin(named("a")), tmp_path / "check.sh", f"exit $(cat {verdict})"))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("PROCOK"), "a good check")
    verdict.write_text("7")
    proxy.wait_state("be", "s1", "DOWN")
    assert "External check error, code: 7" in syslog.line("be/s1 is DOWN")
    verdict.write_text("0")
    proxy.wait_state("be", "s1", "UP")
    assert proxy.fetch().body == b"a"


def test_time_limit_ends_the_program_and_what_it_started(start, origin, syslog, tmp_path):
    pids = tmp_path / "pids"
    text = f"sleep 1000 &\necho $! >> {pids}\nwait"
    proxy = start(external(syslog, origin(named("a")), tmp_path / "check.sh", text, "inter 300ms"))
    proxy.wait_state("be", "s1", "DOWN")
    assert proxy.stat()["be", "s1"]["check_status"].endswith("PROCTOUT")
    first = int(poll(lambda: pids.exists() and pids.read_text().split(), "a program's child")[0])
    poll(lambda: not is_alive(first), "end of the program's child")
