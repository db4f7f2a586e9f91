"""`option external-check` in both programs: what becomes of each way a program can end, and what it is started with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

_COLUMNS = ("status", "check_status", "check_code", "last_chk", "check_desc")
_LINE = re.compile(r"Health check for server (\S+)/s (.*)")
# What the program does, by the name of its backend.
_SCRIPT = """#!/bin/sh
echo "$@" > OUT/$HAPROXY_PROXY_NAME.arguments
env | sort | grep -v ^PWD= > OUT/$HAPROXY_PROXY_NAME.environment
case $HAPROXY_PROXY_NAME in
    three) exit 3 ;;
    slow) exec sleep 100 ;;
    signal) kill -9 $$ ;;
esac
"""
COMMANDS = {
    "good": "OUT/check.sh",
    "three": "OUT/check.sh",
    "slow": "OUT/check.sh",
    "signal": "OUT/check.sh",
    "in_path": "check.sh",
    "missing": "/nonexistent/program",
    "no_program": "/etc/passwd",
}


class Site:
    """One program with a backend for each command; `out` holds what the commands were given."""

    def __init__(self, program: str, out: Path) -> None:
        self.out = out
        self.syslog = Syslog()
        script = out / "check.sh"
        script.write_text(_SCRIPT.replace("OUT", str(out)))
        script.chmod(0o755)
        text = f"global\n    external-check\n    insecure-fork-wanted\n    log {self.syslog} local0\n{HTTP}    log global\n"
        text += f"    option log-health-checks\n    option external-check\n    external-check path {out}:/usr/bin:/bin\n"
        for name, command in COMMANDS.items():
            text += f"backend {name}\n    external-check command {command.replace('OUT', str(out))}\n"
            text += "    server s 127.0.0.9:99 check inter 2s downinter 100s maxconn 7 id 5\n"
        self.proxy = Proxy(program, text)

    def outcome(self, name: str) -> tuple[object, ...]:
        def line() -> str:
            found = [match[2] for text in self.syslog.lines if (match := _LINE.search(text)) and match[1] == name]
            return re.sub(r"\d+ms", "Nms", found[0]) if found else ""

        shown = poll(line, f"the check of {name}", 60.0)
        row = self.proxy.stat()[name, "s"]
        return shown, [row[column].lstrip("* ") for column in _COLUMNS]

    def given(self, name: str) -> str:
        self.outcome(name)
        words = (self.out / f"{name}.arguments").read_text() + (self.out / f"{name}.environment").read_text()
        return words.replace(str(self.out), "OUT")

    def close(self) -> None:
        self.proxy.finish()
        self.syslog.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    with both_programs(lambda program: Site(program, tmp_path_factory.mktemp(program.split("/")[-1]))) as made:
        yield made


@pytest.mark.parametrize("name", COMMANDS)
def test_end_of_the_program_is_seen_as_in_haproxy(both: tuple[Site, Site], name: str) -> None:
    theirs, ours = both
    assert ours.outcome(name) == theirs.outcome(name)


@pytest.mark.parametrize("name", ("good", "in_path"))
def test_program_gets_what_haproxy_gives_it(both: tuple[Site, Site], name: str) -> None:
    theirs, ours = both
    assert ours.given(name) == theirs.given(name)
