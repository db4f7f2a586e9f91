"""The text of `http-check send-state`: how this program sees the server (manual, "http-check send-state").

Knows the fields and their order.
"""

from __future__ import annotations

import socket

from fastlb.control import ports
from fastlb.control.directory import LiveServer
from fastlb.control.servers import Servers, weight_of
from fastlb.control.sockaddr import unpack


def server_state(servers: Servers, server: LiveServer) -> bytes:
    """The header's value, of now."""
    snapshot = servers.snapshot
    state = snapshot.server_state(server.index)
    all_states = [snapshot.server_state(one.index) for one in server.proxy.servers]
    total = sum(weight_of(one) for one, of in zip(all_states, server.proxy.servers, strict=True) if _counts(one, of))
    node = servers.directory.configuration.global_.node or socket.gethostname()
    _, address = unpack(state.address)
    host, port = ("unix", "unix") if isinstance(address, str) else (address[0], str(address[1]))
    fields = (
        _word(state),
        f"address={host}",
        f"port={port}",
        f"name={server.path}",
        f"node={node}",
        f"weight={weight_of(state)}/{total}",
        f"scur={state.served}/{sum(one.served for one in all_states)}",
        f"qcur={state.queued}",
    )
    return "; ".join(fields).encode("utf-8", "surrogateescape")


def _counts(state: ports.ServerState, server: LiveServer) -> bool:
    is_up = state.state in (ports.STATE_RUNNING, ports.STATE_STARTING)
    return is_up and not state.admin & (ports.ADMIN_MAINT | ports.ADMIN_DRAIN) and not server.config.backup


def _word(state: ports.ServerState) -> str:
    """haproxy: how many checks are missing to the other state, where it is not at the end of its scale."""
    if state.state == ports.STATE_STOPPED:
        return f"DOWN {state.health}/{state.rise}" if state.health else "DOWN"
    word = "NOLB" if state.state == ports.STATE_STOPPING else "UP"
    is_full = state.health >= state.rise + state.fall - 1
    return word if is_full else f"{word} {state.health - state.rise + 1}/{state.fall}"
