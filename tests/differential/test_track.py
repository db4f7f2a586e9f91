"""`track` in both programs: after every command the states of all servers of a chain, and what the log says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, named
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

_COLUMNS = ("status", "weight", "act", "bck", "chkfail", "chkdown", "tracked")
_STATE = ("srv_op_state", "srv_admin_state", "srv_uweight")
_SITE = """
backend b
    server n {check} inter 1h
    server d {check} inter 1h disabled
backend o
    server first 127.0.0.1:1 track b/n
    server second 127.0.0.1:1 track first backup
    server off 127.0.0.1:1 track b/n disabled
    server away 127.0.0.1:1 track b/d
"""
_CHAIN = "set server b/n state {}", "set server o/first state {}", "set server o/second state {}"
_HEALTH = "set server b/n health {}"


def of(*words: str) -> tuple[str, ...]:
    """Commands: `n maint`, `first drain`, `n up`."""
    places = dict(zip(("n", "first", "second"), _CHAIN, strict=True))
    healths = ("up", "down", "stopping")
    pairs = [word.split() for word in words]
    return tuple((_HEALTH if what in healths else places[who]).format(what) for who, what in pairs)


STEPS = {
    "health": of("n down", "n up", "n stopping", "n down", "n stopping", "n up"),
    "maintenance": of("n maint", "n ready", "n down", "n maint", "n ready"),
    "drain": of("n drain", "n ready", "n drain", "n down", "n up", "n stopping", "n up", "n ready"),
    "drain and maintenance": of("n drain", "n maint", "n drain", "n ready"),
    "own maintenance first": of("first maint", "n maint", "first ready", "n ready"),
    "own maintenance second": of("n maint", "first maint", "n ready", "first ready"),
    "own maintenance in drain": of("n drain", "first maint", "n ready", "first ready"),
    "own maintenance leaves into drain": of("n drain", "first maint", "first ready", "n ready"),
    "own drain in maintenance": of("first drain", "n maint", "n ready", "first ready"),
    "own drain second": of("n drain", "first drain", "n ready", "first ready"),
    "own drain first": of("first drain", "n drain", "first ready", "n ready"),
    "down meanwhile": of("n down", "first maint", "first ready", "first maint", "first drain", "first ready", "n up"),
    "stopping meanwhile": of("n stopping", "first maint", "first ready", "n up"),
    "end of the chain": of("second maint", "n down", "second ready", "n up"),
    "drain at the end of the chain": of("second drain", "n maint", "n ready", "second ready"),
    "disabled": ("set server o/off state ready", "set server b/n health down", "set server b/n health up"),
    "disabled by the other": ("enable server b/d", "disable server b/d", "enable server o/away", "disable server o/away"),
    "refused": ("set server o/first health down", "enable health o/first", "disable health o/first"),
    "weights": ("set server b/n weight 0", "set server o/first weight 50%", "set server b/n weight 1"),
}


class Site:
    def __init__(self, program: str) -> None:
        self.syslog, self.server = Syslog(), Origin(named("a"))
        text = f"global\n    log {self.syslog} len 4096 local0\n{HTTP}    log global\n"
        # The first servers of all are checked at once; those that matter only after a share of the interval.
        text += f"backend a\n    server a {self.server} check inter 1h\n"
        self.proxy = Proxy(program, text + _SITE.format(check=f"{self.server} check"))
        poll(lambda: self.proxy.stat()["a", "a"]["check_status"] == "L4OK", "the first check")
        self.seen = 0

    def states(self) -> list[object]:
        rows = self.proxy.stat()
        lines = self.proxy.command("show servers state").splitlines()
        names = lines[1].removeprefix("# ").split()
        found: list[object] = [
            (row["be_name"], row["srv_name"], *(row[name] for name in _STATE))
            for row in (dict(zip(names, line.split(), strict=True)) for line in lines[2:] if line)
            if row["be_name"] != "a"
        ]
        return found + [
            # fastlb checks a server at once that leaves maintenance: how far its health is differs.
            (*place, *(re.sub(r" \d+/\d+$", "", row[column]) for column in _COLUMNS))
            for place, row in rows.items()
            if place[0] in ("b", "o")
        ]

    def step(self, command: str) -> tuple[object, ...]:
        """What the command answers, the states that it leads to, and the lines about servers until then."""
        answer = self.proxy.command(command).strip()
        # A line of its own tells that all before it have come.
        self.proxy.command("disable server a/a")
        self.proxy.command("enable server a/a")
        self.syslog.wait("Server a/a is UP/READY", count=self.seen + 1)
        self.seen += 1
        lines = [line.partition("]: ")[2] for line in self.syslog.lines]
        end = [n for n, line in enumerate(lines) if line.startswith("Server a/a is UP/READY")]
        begin = end[-2] + 1 if len(end) > 1 else 0
        told = [line for line in lines[begin : end[-1]] if "erver" in line and "a/a" not in line and "backend a " not in line]
        # haproxy: it says some of them twice.
        return answer, self.states(), [line for n, line in enumerate(told) if line not in told[:n]]

    def close(self) -> None:
        self.proxy.finish()
        self.server.close()
        self.syslog.close()


@pytest.fixture
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("name", STEPS)
def test_servers_follow_as_in_haproxy(both: tuple[Site, Site], name: str) -> None:
    theirs, ours = both
    assert ours.states() == theirs.states()
    for command in STEPS[name]:
        mine, expected = ours.step(command), theirs.step(command)
        assert (command, *mine) == (command, *expected)
