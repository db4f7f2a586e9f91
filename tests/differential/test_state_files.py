"""State files in both programs: good and bad lines, files that are none, and a state that one program saved for the other."""

from __future__ import annotations

import re

import pytest

from support.origin import Origin, named
from support.poll import poll
from support.programs import PROGRAMS
from support.proxy import HTTP, Proxy

_NAMES = (
    *("be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight"),
    *("srv_time_since_last_change", "srv_check_status", "srv_check_result", "srv_check_health", "srv_check_state"),
    *("srv_agent_state", "bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord", "srv_use_ssl"),
    *("srv_check_port", "srv_check_addr", "srv_agent_addr", "srv_agent_port"),
)
_GOOD = "3 bk 2 s2 127.0.0.9 2 0 12 12 5000 6 3 4 6 0 0 0 - 8080 - 0 0 - - 0"
_HEAD = f"1\n# {' '.join(_NAMES)}\n"
_COMPARED = ("srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_check_status", "srv_check_health", "srv_port")
_ALSO = ("srv_check_state", "srv_check_port", "srv_check_addr", "srv_agent_state", "srv_agent_port", "srv_agent_addr", "srv_fqdn")

# Servers are checked at once, or spread over the interval: the first one is, and nobody looks at it.
SITE = """
frontend fe
    bind fd@fe
    default_backend bk
backend bk
    server s1 {server} check inter 1h
    server s2 127.0.0.1:22 check addr 127.0.0.1 port {port} inter 1h weight 12 {options}
    server s3 127.0.0.1:22 check addr 127.0.0.1 port {port} inter 1h weight 12 disabled
"""
NAMED = SITE.replace("s2 127.0.0.1:22 check", "s2 localhost:22 check")


def line(**changes: object) -> str:
    values = dict(zip(_NAMES, _GOOD.split(), strict=True)) | {name: str(value) for name, value in changes.items()}
    return " ".join(values.values()) + "\n"


def _fields() -> list[tuple[str, object]]:
    numbers = {
        "srv_op_state": (0, 1, 2, 3, 4, -1, "x", "2x"),
        "srv_admin_state": (1, 2, 4, 5, 8, 9, 10, 33, 64, 127, 128, "x"),
        "srv_uweight": (0, 5, 300, -1, "x"),
        "srv_iweight": (11, 300, "x"),
        "srv_time_since_last_change": ("x", 10**20),
        "srv_check_status": (1, 4, 8, 20, 21, "x"),
        "srv_check_result": (5, "x"),
        "srv_check_health": (0, 9, "x"),
        "srv_check_state": (0, 2, 14, 31, 32, "x"),
        "srv_agent_state": (22, 32, "x"),
        "bk_f_forced_id": (5,),
        "srv_f_forced_id": (5,),
        "srv_fqdn": ("foo.test", "x" * 300),
        "srv_port": (0, "x", 70000),
        "srv_check_port": (70000, "x"),
        "srv_check_addr": ("10.1.1.1", "x", "localhost"),
        "srv_agent_addr": ("x",),
        "srv_agent_port": (5,),
        "srv_addr": ("bogus", "::1"),
        "be_name": ("other",),
        "srv_name": ("other",),
        "srv_id": (9, "x"),
    }
    return [(name, value) for name, values in numbers.items() for value in values]


_WORDS = _GOOD.split()
_AGENT = "agent-check agent-port 9 agent-inter 1h"
# By name: the site, the file's text, options of the second server.
CASES: dict[str, tuple[str, str, str]] = {
    **{f"{name}={str(value)[:20]}": (SITE, _HEAD + line(**{name: value}), "") for name, value in _fields()},
    "checks off": (SITE, _HEAD + line(srv_check_state=2, srv_check_port=9, srv_check_addr="10.1.1.1"), ""),
    "agent on": (SITE, _HEAD + line(srv_agent_state=22, srv_agent_port=9, srv_agent_addr="127.0.0.8"), _AGENT),
    "agent off": (SITE, _HEAD + line(srv_agent_state=18), _AGENT),
    "agent off, moved": (SITE, _HEAD + line(srv_agent_state=18, srv_agent_port=9, srv_agent_addr="127.0.0.8"), _AGENT),
    "two faults": (SITE, _HEAD + line(srv_op_state=9, srv_uweight=300), ""),
    "down in drain": (SITE, _HEAD + line(srv_op_state=0, srv_admin_state=8), ""),
    "down in maintenance": (SITE, _HEAD + line(srv_op_state=0, srv_admin_state=1), ""),
    "disabled since": (SITE, _HEAD + line(srv_name="s3", srv_id=3), ""),
    "enabled by order": (SITE, _HEAD + line(srv_name="s3", srv_id=3, srv_admin_state=4), ""),
    "disabled before": (SITE, _HEAD + line(srv_name="s3", srv_id=3, srv_admin_state=5, srv_op_state=0), ""),
    "no file": (SITE, "", ""),
    "empty": (SITE, "\n", ""),
    "no version": (SITE, line(), ""),
    "version 2": (SITE, "2\n" + line(), ""),
    "version 1x": (SITE, "1x\n" + line(), ""),
    "version 01": (SITE, " 01\n" + line(), ""),
    "no comment": (SITE, "1\n" + line(), ""),
    "19 fields": (SITE, _HEAD + " ".join(_WORDS[:19]) + "\n", ""),
    "20 fields": (SITE, _HEAD + " ".join(_WORDS[:20]) + "\n", ""),
    "27 fields": (SITE, _HEAD + " ".join([*_WORDS, "a", "b"]) + "\n", ""),
    "cut": (SITE, _HEAD + _GOOD, ""),
    "good, then bad": (SITE, _HEAD + line() + "what is this\n" + line(srv_name="s3"), ""),
    "bad, then good": (SITE, _HEAD + "what is this\n" + line(), ""),
    "twice": (SITE, _HEAD + line() + line(srv_port=9), ""),
    "spaces and comments": (SITE, _HEAD + "\n# no\n  " + line().replace(" ", "  "), ""),
    "long line": (SITE, _HEAD + "x " * 3000 + "\n" + line(), ""),
    "not UTF-8": (SITE, _HEAD + "\x01\x02 \x7f\n" + line(), ""),
    "name, last": (NAMED, _HEAD + line(), "init-addr last,libc"),
    "name, libc": (NAMED, _HEAD + line(), "init-addr libc,last"),
    "name that nobody knows": (NAMED.replace("localhost", "nosuch.invalid"), _HEAD + line(), "init-addr last"),
}


class Start:
    """A program that was started with a state file: its warnings, and the states of its servers."""

    def __init__(self, program: str, site: str, state: str, options: str = "", files: dict[str, str] | None = None) -> None:
        server = Origin(named("a"))
        text = site.format(server=server, port=server.port, options=options)
        head = "" if files else "global\n    server-state-file state\n"
        source = "local" if files else "global"
        given = files or ({"state": state} if state else {})
        proxy = Proxy(program, f"{head}{HTTP}    load-server-state-from-file {source}\n{text}", files=given)
        try:
            self.states = states_of(proxy, server.port)
            told = [text.partition(") : ")[2] for text in proxy.stderr.splitlines() if "[WARNING]" in text]
            # haproxy: the checks begin before the states are read out here.
            self.warnings = sorted(text.replace(str(proxy.directory), "") for text in told if "Layer4" not in text)
        finally:
            proxy.finish()
            server.close()


def states_of(proxy: Proxy, port: int) -> list[tuple[str, ...]]:
    lines = [text.split() for text in proxy.command("show servers state").splitlines()[2:] if text]
    found = [dict(zip(_NAMES, words, strict=True)) for words in lines]
    rows = proxy.stat()
    return [
        (
            one["srv_name"],
            str(int(one["srv_time_since_last_change"]) >= 4000),
            *(one[name].replace(str(port), "PORT") for name in (*_COMPARED, *_ALSO)),
            *(rows[one["be_name"], one["srv_name"]][column] for column in ("status", "weight", "check_status")),
        )
        for one in found
        if one["srv_name"] != "s1"
    ]


@pytest.mark.parametrize("name", CASES)
def test_state_file_is_read_as_by_haproxy(name: str) -> None:
    site, state, options = CASES[name]
    theirs, ours = (Start(program, site, state, options) for program in PROGRAMS)
    assert ours.warnings == theirs.warnings
    assert ours.states == theirs.states


@pytest.mark.parametrize(
    "files",
    (
        {"bk": _HEAD + line(be_id=2)},
        {"bk": _HEAD + line(be_id=9)},
        {"bk": _HEAD + line(be_name="ren")},
        {"bk": _HEAD + line(be_id=2, be_name="ren")},
        {"bk": _HEAD + line(srv_name="zz")},
        {"bk": "2\n"},
        {"bk": _HEAD + "x y\n"},
        {"bk": _HEAD + line(be_id=9) + "x y\n"},
        {"none": ""},
    ),
    ids=("good", "other id", "other name", "other name of the id", "no server", "version", "corrupt", "corrupt later", "no file"),
)
def test_local_file_is_read_as_by_haproxy(files: dict[str, str]) -> None:
    theirs, ours = (Start(program, SITE, "", files=files) for program in PROGRAMS)
    assert ours.warnings == theirs.warnings
    assert ours.states == theirs.states


@pytest.mark.parametrize(
    "command",
    [
        "set server bk/s2 check-addr 127.0.0.5",
        "set server bk/s2 check-port 55",
        "set server bk/s2 check-addr 127.0.0.5 port 55",
        "set server bk/s2 check-addr ::1; set server bk/s2 check-addr 127.0.0.5; disable health bk/s2",
        "set server bk/s2 agent-addr 127.0.0.5",
        "set server bk/s2 agent-addr 127.0.0.5 port 55",
        "disable agent bk/s2",
        "disable agent bk/s2; enable agent bk/s2; set server bk/s2 agent-port 55",
    ],
)
@pytest.mark.parametrize("options", ["", _AGENT])
def test_where_commands_send_checks_is_shown_as_by_haproxy(command: str, options: str) -> None:
    found = []
    for program in PROGRAMS:
        server = Origin(named("a"))
        proxy = Proxy(program, HTTP + SITE.format(server=server, port=server.port, options=options))
        told = proxy.command(command)
        found.append((told, states_of(proxy, server.port)[0][len(_COMPARED) + 2 :][: len(_ALSO)]))
        proxy.finish()
        server.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("writer", PROGRAMS)
@pytest.mark.parametrize("reader", PROGRAMS)
def test_a_saved_state_goes_on_in_the_other_program(writer: str, reader: str) -> None:
    server = Origin(named("a"))
    site = SITE.format(server=server, port=server.port, options="")
    saver = Proxy(writer, HTTP + site)
    for command in ("s2 weight 3", "s2 state drain", "s3 state ready", "s1 health down"):
        saver.command(f"set server bk/{command}")
    poll(lambda: saver.stat()["bk", "s1"]["status"].startswith("DOWN"), "the first server to be down")
    state, expected = saver.command("show servers state"), states_of(saver, server.port)
    saver.finish()
    text = f"global\n    server-state-file state\n{HTTP}    load-server-state-from-file global\n{site}"
    heir = Proxy(reader, text, files={"state": state})
    found = states_of(heir, server.port)
    heir.finish()
    server.close()
    # How far a check was that ran while the state was saved is nothing to go on with.
    pick = [[row[0], row[2], row[3], row[4], row[5], re.sub(r" \d/\d", "", row[-3]), row[-2]] for row in expected]
    assert [[row[0], row[2], row[3], row[4], row[5], re.sub(r" \d/\d", "", row[-3]), row[-2]] for row in found] == pick
