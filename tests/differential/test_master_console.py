"""The master's runtime socket beside haproxy's: prefixes, levels, the prompt, the table of processes."""

from __future__ import annotations

import re
import socket

import pytest

from support.poll import poll
from support.proxy import HTTP, Proxy
from support.sockets import connect
from support.wire import Wire

SITE = f"{HTTP}frontend fe\n    bind fd@fe\n    http-request return status 200\n"
COMMANDS = [
    "@9 show info",
    "@!0 show info",
    "@!99999999 show info",
    "show cli level",
    "user\nshow cli level",
    "operator\nshow cli level",
    "user\noperator",
    "user\nreload",
    "@1 show cli level",
    "user\n@1 show cli level",
    "user\n@1 set server be/s maint",
    "@master show cli level",
    "@ show cli level",
    "prompt\nquit",
    "prompt\n@1\n@master\nquit",
    "prompt\nshow cli level\n@1\nshow cli level\n@\nquit",
    "show proc",
]


def normal(text: str) -> str:
    """Pids, times and versions are each program's own, and so is how many processes there are."""
    text = re.sub(r"^\d+ +(worker|control) .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\d+d\d\dh\d\dm\d\ds +\S+", "TIME VERSION", text)
    text = re.sub(r"^(\d+)( +master)", r"PID\2", text, flags=re.MULTILINE)
    text = re.sub(r"PID +master", "PID master", text)
    return re.sub(r"\b\d+> ", "PID> ", re.sub(r"(<version>) *", r"\1", text))


def ask(proxy: Proxy, text: str) -> str:
    """All that comes back. haproxy's master waits for the client's end."""
    wire = Wire(connect(str(proxy.directory / "master.sock")))
    try:
        wire.send(text.encode() + b"\n")
        wire.sock.shutdown(socket.SHUT_WR)
        return wire.read_to_end().decode()
    finally:
        wire.close()


@pytest.fixture(scope="module")
def masters():
    made = [Proxy(program, SITE, mode=("-W",), args=("-S", "unix@master.sock")) for program in ("haproxy", "fastlb")]
    try:
        for one in made:
            poll(lambda one=one: (one.directory / "master.sock").exists(), "the master's socket")
        yield made
    finally:
        for one in made:
            one.kill()
            one.discard()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_answers_are_the_same(masters, command):
    seen = [normal(ask(one, command)) for one in masters]
    assert seen[0] == seen[1]
