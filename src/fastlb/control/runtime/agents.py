"""Commands on servers' agents: `enable|disable agent`, and the words of `set server` about them.

Knows HAProxy's answers (management guide, section 9.3). Must not know how an agent is asked.
"""

from __future__ import annotations

from fastlb.control.directory import LiveServer
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.runtime.words import address_and_port, port_from

_NOT_ENABLED = "agent checks are not enabled on this server"


def _disable(request: Request) -> str:
    request.control.agents.set_enabled(request.server(), False)
    return ""


def _enable(request: Request) -> str:
    if not request.control.agents.set_enabled(request.server(), True):
        raise Refused("Agent was not configured on this server, cannot enable.\n")
    return ""


def set_agent(request: Request, server: LiveServer) -> str:
    if not request.control.agents.is_enabled(server):
        raise Refused(f"{_NOT_ENABLED}.\n")
    if not request.control.agents.force(server, request.argument(2), ", changed from CLI"):
        raise Refused("'set server <srv> agent' expects 'up' or 'down'.\n")
    return ""


def set_agent_address(request: Request, server: LiveServer) -> str:
    """`agent-addr IP [port PORT]`."""
    if not request.argument(2):
        raise Refused("set server <b>/<s> agent-addr requires an address and optionally a port.\n")
    if not request.control.agents.is_enabled(server):
        raise Refused(_NOT_ENABLED)
    host, port = address_and_port(request)
    request.control.snapshot.set_destinations(server.index, agent_host=host, agent_port=port)
    return ""


def set_agent_port(request: Request, server: LiveServer) -> str:
    if not request.argument(2):
        raise Refused("set server <b>/<s> agent-port requires a port.\n")
    if not request.control.agents.is_enabled(server):
        raise Refused(_NOT_ENABLED)
    request.control.snapshot.set_destinations(server.index, agent_port=port_from(request.argument(2)))
    return ""


def set_agent_send(request: Request, server: LiveServer) -> str:
    if not request.control.agents.is_enabled(server):
        raise Refused(f"{_NOT_ENABLED}.\n")
    server.agent_send = request.argument(2)
    return ""


COMMANDS = (
    Command(("disable", "agent"), _disable, "stop asking a server's agent", "<bk>/<srv>", Level.ADMIN),
    Command(("enable", "agent"), _enable, "ask a server's agent again", "<bk>/<srv>", Level.ADMIN),
)
