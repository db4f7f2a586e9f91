"""`agent-check` in both programs: every word, combinations of them, and agents that say nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection, Script, silent
from support.poll import TimedOut, poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.sockets import HeldPort, is_read
from support.syslog import Syslog

_COLUMNS = (
    *("status", "weight", "uweight", "slim", "agent_status", "agent_code", "agent_desc", "last_agt"),
    *("agent_rise", "agent_fall", "agent_health", "check_status"),
)
LINES = (
    *("up", "down", "fail", "stopped", "drain", "maint", "ready", "UP", "50%", "0%", "200%", "33%", "maxconn:30"),
    *("up 75%", "down#my reason", "stopped # why", "fail,25%", "drain 30% maxconn:5", "down\tup", "100% ready up"),
    *("bogus", "", "50% bogus", "maxconn:x", "abc%", "ready down", "maint up"),
)


def says(line: str) -> Script:
    def script(conn: OriginConnection) -> None:
        conn.send(f"{line}\n".encode())
        conn.read_to_end()

    return script


def without_end(conn: OriginConnection) -> None:
    conn.fill()
    conn.send(b"down")
    # haproxy: takes the end and what came with it in one read for a whole line.
    poll(lambda: is_read(conn.sock), "what was sent to be read")


def closes(conn: OriginConnection) -> None:
    conn.fill()


def resets(conn: OriginConnection) -> None:
    conn.fill()
    conn.reset()


AGENTS: dict[str, Script | None] = {
    **{f"line {line!r}": says(line) for line in LINES},
    "mute": silent,
    "no line end": without_end,
    "closes": closes,
    "resets": resets,
    "refused": None,
}


class Site:
    """One program with a backend for each agent, whose servers are checked as well."""

    def __init__(self, program: str) -> None:
        self.syslog, self.server, self.refusing = Syslog(), Origin(silent), HeldPort()
        self.agents = [Origin(script) if script is not None else None for script in AGENTS.values()]
        text = f"global\n    log {self.syslog} local0\n{HTTP}    log global\n    option log-health-checks\n    timeout check 2s\n"
        for number, agent in enumerate(self.agents):
            port = (agent or self.refusing).port
            text += f"backend a{number}\n    server s {self.server} check inter 300ms weight 10 maxconn 9 agent-check"
            text += f" agent-port {port} agent-inter 500ms agent-send a{number}\\n\n    server t {self.server} check\n"
        self.proxy = Proxy(program, text)

    def outcome(self, number: int) -> tuple[object, ...]:
        """The statistics once the agent was heard and the server was checked, and the lines about the agent."""

        def row() -> dict[str, str]:
            found = self.proxy.stat()[f"a{number}", "s"]
            # While a question is under way haproxy shows a part of the last answer.
            is_known = found["agent_status"] and found["agent_status"][0] != "*" and found["agent_status"] != "INI"
            return found if is_known and "INI" not in found["check_status"] else {}

        found = poll(row, f"an answer of agent {number}", 60.0)
        lines = [text for text in self.syslog.lines if f"Agent check for server a{number}/s" in text]
        shown = re.sub(r"\d+ms", "Nms", lines[0].partition("Agent")[2]) if lines else ""
        return [found[column].lstrip("* ") for column in _COLUMNS], shown

    def close(self) -> None:
        self.proxy.finish()
        for origin in (self.server, *self.agents):
            if origin is not None:
                origin.close()
        self.refusing.close()
        self.syslog.close()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("name", AGENTS)
def test_agent_is_understood_as_by_haproxy(both: tuple[Site, Site], name: str) -> None:
    theirs, ours = both
    number = list(AGENTS).index(name)
    # The statistics may be read while an answer is being taken; the agent says the same again and again.
    with contextlib.suppress(TimedOut):
        poll(lambda: ours.outcome(number) == theirs.outcome(number), "the same outcome")
    assert ours.outcome(number) == theirs.outcome(number)


def test_agent_gets_what_agent_send_says(both: tuple[Site, Site]) -> None:
    number = list(AGENTS).index("mute")
    for site in both:
        agent = site.agents[number]
        assert agent is not None
        poll(lambda agent=agent: bytes(agent.connections[0].received) == f"a{number}\n".encode(), "the text of agent-send")
