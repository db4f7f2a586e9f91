"""`agent-check`: what an agent says takes its server out and back, without a word from the checks."""

from __future__ import annotations

import pytest

from support.origin import named
from support.poll import poll

from .test_checks import site


@pytest.fixture
def agent(origin):
    """An agent that answers with the last of its lines."""
    lines = ["up"]

    def script(conn):
        conn.send(f"{lines[-1]}\n".encode())
        conn.read_to_end()

    return lines, origin(script)


def test_agent_takes_the_server_out_and_back(start, origin, syslog, agent):
    lines, server = agent
    options = f"check inter 100ms agent-check agent-port {server.port} agent-inter 50ms"
    proxy = start(site(syslog, f"{origin(named('a'))} {options}"))
    poll(lambda: proxy.stat()["be", "s1"]["agent_status"].endswith("L7OK"), "the agent's answer")
    lines.append("down # upgrade")
    proxy.wait_state("be", "s1", "DOWN (agent)")
    assert 'info: "via agent : down (upgrade)"' in syslog.line("be/s1 is DOWN")
    assert proxy.fetch().status == 503
    seen = len(server.connections)
    lines.append("50%")
    poll(lambda: len(server.connections) > seen + 2, "another answer")
    # Only "up" takes back what "down" has done, however well the server's checks go.
    assert proxy.stat()["be", "s1"]["status"] == "DOWN (agent)"
    lines.append("up 100%")
    proxy.wait_state("be", "s1", "UP")
    assert proxy.fetch().body == b"a"


def test_agent_changes_weight_limit_and_mode(start, origin, syslog, agent):
    lines, server = agent
    options = f"weight 10 maxconn 4 agent-check agent-port {server.port} agent-inter 50ms"
    proxy = start(site(syslog, f"{origin(named('a'))} {options}"))
    lines.append("50% maxconn:7")
    poll(lambda: [proxy.stat()["be", "s1"][name] for name in ("weight", "slim")] == ["5", "7"], "weight and limit")
    lines.append("drain")
    proxy.wait_state("be", "s1", "DRAIN (agent)")
    lines.append("maint")
    proxy.wait_state("be", "s1", "MAINT")
    lines.append("ready up")
    proxy.wait_state("be", "s1", "no check")
    assert proxy.fetch().body == b"a"
