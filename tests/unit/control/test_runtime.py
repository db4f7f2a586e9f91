"""The runtime socket end to end over the in-memory arena: HAProxy's answers, byte for byte where they were seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fastlb.config import model
from fastlb.control import ports, sockaddr
from fastlb.control.runtime import table
from fastlb.control.runtime.line import split_commands, split_words, wants_payload

from .conftest import Rig, backend, frontend, runtime, server


def rig_of(level: str = "admin") -> Rig:
    return Rig(
        frontend("fe"),
        backend("be", server("s1", 81, check=True, weight=5), server("s2", 82, backup=True)),
        backend("fixed", server("a", 83), mode="tcp"),
        level=level,
        maxconn=2000,
    )


def ask(path: Path, *commands: str, rig: Rig | None = None) -> list[str]:
    """The answers of one runtime socket, each command on a connection of its own."""

    async def run() -> list[str]:
        async with runtime(rig or rig_of(), path) as one:
            return [await one(command) for command in commands]

    return asyncio.run(run())


# Command -> HAProxy 2.6's whole answer.
ANSWERS = [
    ("disable server be/s1", "\n"),
    ("disable server", "Require 'backend/server'.\n\n"),
    ("enable server be", "Require 'backend/server'.\n\n"),
    ("disable server be/nope", "No such server.\n\n"),
    ("set server nope/s1 state maint", "No such backend.\n\n"),
    ("set server be/s1 state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"),
    ("set server be/s1 health foo", "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n"),
    ("set server be/s1 fqdn a.test", "set server <b>/<s> fqdn failed because no resolution is configured.\n\n"),
    ("set server be/s1 addr", "set server <b>/<s> addr requires an address and optionally a port.\n\n"),
    ("set server be/s1 addr x", "Invalid addr 'x' by 'stats socket command'\n\n"),
    ("set server be/s1 addr 127.0.0.1", "no need to change the addr by 'stats socket command'\n\n"),
    (
        "set server be/s1 addr 127.0.0.1 port 81",
        "no need to change the addr, no need to change the port by 'stats socket command'\n\n",
    ),
    (
        "set server be/s1 addr 127.0.0.2 port 99",
        "IP changed from '127.0.0.1' to '127.0.0.2', port changed from '81' to '99' by 'stats socket command'\n\n",
    ),
    ("set server be/s1 weight abc", "Empty weight string empty or preceded by garbage\n"),
    ("set server be/s1 weight 5x", "Trailing garbage in weight string\n"),
    ("set server be/s1 weight 300", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
    ("set weight be/s1", "Require <weight> or <weight%>.\n\n"),
    ("set weight be/s1 40%;get weight be/s1", "\n2 (initial 5)\n\n"),
    ("get weight be/s1", "5 (initial 5)\n\n"),
    ("get weight #3/#1", "5 (initial 5)\n\n"),
    ("set maxconn server be/s1 x", "maxconn string empty or preceded by garbage\n"),
    ("set maxconn server be/s1", "Require <maxconn>.\n\n"),
    ("set maxconn server be/s1 7", "\n"),
    ("set maxconn global", "Expects an integer value.\n\n"),
    ("set maxconn global 99999", "Value out of range.\n\n"),
    ("set maxconn global 0", "\n"),
    ("set maxconn frontend", "A frontend name is expected.\n\n"),
    ("set maxconn frontend nope 1", "No such frontend.\n\n"),
    ("set maxconn frontend fe", "Integer value expected.\n\n"),
    ("disable frontend be", "No such frontend.\n\n"),
    ("enable frontend fe", "All sockets are already enabled.\n\n"),
    ("disable frontend fe;disable frontend fe", "\nAll sockets are already disabled.\n\n"),
    ("set timeout", "'set timeout' only supports 'cli'.\n\n"),
    ("set timeout cli", "Expects an integer value.\n\n"),
    ("set timeout cli abc", "Invalid timeout value.\n\n"),
    ("set timeout cli 1h", "\n"),
    ("clear counters", "\n"),
    ("show env NOT_THERE_AT_ALL", "Variable not found\n\n"),
    ("show backend", "# name\nbe\nfixed\n\n"),
    ("show servers state nope", "Can't find backend.\n\n"),
    ("show stat nope 7 1", "No such proxy.\n\n"),
    ("show cli level", "admin\n\n"),
    ("operator;show cli level", "\noperator\n\n"),
    ("user;operator", "\nPermission denied\n\n"),
    ("   show   backend  ", "# name\nbe\nfixed\n\n"),
    ("show backend \\; x", "# name\nbe\nfixed\n\n"),
    ("quit", ""),
    ("quit;show backend", ""),
    ("prompt", "\n> "),
    ("show cli level;prompt;show cli level", "admin\n\n\n> admin\n\n> "),
    ("prompt\nshow cli level\nquit", "\n> admin\n\n> "),
    ("prompt\nshow cli level <<\nabc\n", "\n> + + admin\n\n> "),
    ("show cli level\nshow cli level", "admin\n\nadmin\n\n"),
    ("show table x", "No such table\n\n"),
]


@pytest.mark.parametrize(("command", "answer"), ANSWERS)
def test_answer(socket_path: Path, command: str, answer: str) -> None:
    assert ask(socket_path, command) == [answer]


@pytest.mark.parametrize(("level", "allowed"), [("user", False), ("operator", False), ("admin", True)])
def test_only_admin_changes_servers(socket_path: Path, level: str, allowed: bool) -> None:
    rig = rig_of(level)
    answers = ask(socket_path, "disable server be/s1", "set weight be/s1 1", "clear counters all", rig=rig)
    expected = "\n" if allowed else "Permission denied\n\n"
    assert answers == [expected] * 3
    assert bool(rig.arena.servers[0].admin) is allowed


def test_operator_clears_maxima_and_sees_the_environment(socket_path: Path) -> None:
    operator = rig_of("operator")
    assert ask(socket_path, "clear counters", rig=operator) == ["\n"]
    assert operator.arena.cleared == [False]
    assert ask(socket_path, "clear counters", "show env", rig=rig_of("user")) == ["Permission denied\n\n"] * 2


def test_address_of_a_server_moves_in_the_arena(socket_path: Path) -> None:
    rig = rig_of()
    ask(socket_path, "set server be/s1 addr 127.0.0.9 port 99", rig=rig)
    assert rig.arena.servers[0].address == sockaddr.pack("127.0.0.9", 99)
    (refused,) = ask(socket_path, "set server be/s1 addr ::1", rig=rig)
    assert "family" in refused
    assert rig.arena.servers[0].address == sockaddr.pack("127.0.0.9", 99)


def test_health_commands_set_health_and_state(socket_path: Path) -> None:
    rig = rig_of()
    ask(socket_path, "set server be/s1 health down", rig=rig)
    assert (rig.arena.servers[0].health, rig.arena.servers[0].state) == (0, ports.STATE_STOPPED)
    ask(socket_path, "set server be/s1 health up", rig=rig)
    assert (rig.arena.servers[0].health, rig.arena.servers[0].state) == (4, ports.STATE_RUNNING)


def test_static_algorithm_takes_only_all_or_nothing(socket_path: Path) -> None:
    rig = rig_of()
    rig.configuration.proxies[1].balance = model.Balance("static-rr")
    (refused,) = ask(socket_path, "set weight be/s1 3", rig=rig)
    assert refused == "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n\n"
    assert ask(socket_path, "set weight be/s1 0%", "set weight be/s1 100%", rig=rig) == ["\n", "\n"]


def test_servers_state_of_a_disabled_server_shows_both_reasons(socket_path: Path) -> None:
    rig = Rig(backend("be", server("s", 81, check=True, disabled=True)))
    (before,) = ask(socket_path, "show servers state", rig=rig)
    assert before.splitlines()[2].split()[:9] == ["2", "be", "1", "s", "127.0.0.1", "0", "5", "1", "1"]
    _, after = ask(socket_path, "set server be/s state ready", "show servers state be", rig=rig)
    assert after.splitlines()[2].split()[5:7] == ["2", "4"]


def test_unknown_commands_get_those_that_match(socket_path: Path) -> None:
    nothing, some, helped = ask(socket_path, "nonsense", "show ser", "help set maxconn")
    assert nothing.startswith("Unknown command. Please enter one of the following commands only:\n")
    assert all(command.line in nothing for command in table.COMMANDS)
    assert some.startswith("Unknown command, but maybe one of the following ones is a better match:\n  show servers conn")
    assert [line.split(":")[0].strip() for line in helped.splitlines()[1:4]] == [
        "set maxconn frontend <frontend> <n>",
        "set maxconn global <n>",
        "set maxconn server <bk>/<srv> <n>",
    ]


def test_show_info_has_haproxys_names(socket_path: Path) -> None:
    plain, typed, as_json = ask(socket_path, "show info", "show info typed", "show info json")
    values = dict(line.split(": ", 1) for line in plain.strip().splitlines())
    assert (values["Pid"], values["Maxconn"], values["Hard_maxconn"], values["Idle_pct"]) == ("4242", "2000", "2000", "90")
    assert "6.Pid.1:SGP:u32:4242\n" in typed
    assert as_json.startswith('[{"field":{"pos":0,"name":"Name"},"processNum":1,"tags":{"origin":"Product","nature":"Output"')


def test_client_that_says_nothing_is_closed_after_the_timeout(socket_path: Path) -> None:
    async def run() -> None:
        rig = rig_of()
        rig.configuration.global_.stats_timeout_ms = 30
        async with runtime(rig, socket_path):
            reader, writer = await asyncio.open_unix_connection(str(socket_path))
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()

    asyncio.run(run())


def test_line_beyond_the_limit_closes_without_an_answer(socket_path: Path) -> None:
    async def run() -> None:
        async with runtime(rig_of(), socket_path):
            reader, writer = await asyncio.open_unix_connection(str(socket_path))
            writer.write(b"x" * 20000 + b"\n")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await writer.drain()
                if not await asyncio.wait_for(reader.read(), 10):
                    raise ConnectionResetError
            writer.close()

    asyncio.run(run())


def test_clients_beyond_maxconn_wait_for_their_turn(socket_path: Path) -> None:
    async def run() -> None:
        rig = rig_of()
        rig.configuration.global_.stats_maxconn = 1
        async with runtime(rig, socket_path) as one:
            _reader, first = await asyncio.open_unix_connection(str(socket_path))
            first.write(b"prompt\n")
            assert await _reader.readexactly(3) == b"\n> "
            waiting = asyncio.ensure_future(one("show cli level"))
            done, _ = await asyncio.wait([waiting], timeout=0.05)
            assert not done
            first.close()
            assert await waiting == "admin\n\n"

    asyncio.run(run())


def test_splitting_of_lines() -> None:
    assert split_commands("a b;c\\;d;;") == ["a b", "c\\;d", "", ""]
    assert split_words("set map  a\\ b  c\\\\d \\;") == ["set", "map", "a b", "c\\d", ";"]
    assert [wants_payload(text) for text in ("add map x <<", "add map x<<", "show <<a", "a <<  ")] == [True, False, False, True]


def test_server_without_an_address_is_shown_with_a_dash_and_gets_one(socket_path: Path) -> None:
    nowhere = model.Address("ipv4", "", 80, 80, name="nosuch.test")
    rig = Rig(backend("be", server("s", address=nowhere, disabled=True)))
    (before,) = ask(socket_path, "show servers state", rig=rig)
    assert before.splitlines()[2].split()[4:7] == ["-", str(ports.STATE_STOPPED), str(ports.ADMIN_RMAINT)]
    commands = ("set server be/s addr 127.0.0.9 port 99", "show servers state")
    *_, after = ask(socket_path, *commands, rig=rig)
    assert after.splitlines()[2].split()[4:7] == ["127.0.0.9", str(ports.STATE_RUNNING), "0"]
