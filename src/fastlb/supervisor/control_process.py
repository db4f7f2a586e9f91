"""The control process from the fork to the hand-over to fastlb.control.

Knows what it must close and give up first. Must not know what control does.
"""

from __future__ import annotations

import os
import socket

from fastlb.supervisor.generation import Generation
from fastlb.supervisor.worker import settle


def run_control(generation: Generation) -> int:
    """The life of the control process; returns its exit status."""
    master_pid = os.getppid()
    exposed = exposed_listeners(generation)
    if not exposed:
        for listener in generation.listeners.listeners:
            for sock in listener.sockets:
                sock.close()
    generation.rings.close_worker_ends()
    # Everything is imported before the rights are given up: after a chroot there is nothing to import from.
    from fastlb_core.bridge.contents import Contents
    from fastlb_core.bridge.tables import Tables

    from fastlb.control.app import ControlContext, run

    proxies = generation.configuration.proxies
    if any(bind.tls.enabled for px in proxies for bind in px.binds) or any(
        srv.tls.enabled for px in proxies for srv in px.servers
    ):
        # What only certificates need is not loaded for those who have none.
        import fastlb.control.tls.describe  # noqa: F401
    if not settle(generation, master_pid):
        return 1
    assert generation.channel is not None
    return run(
        ControlContext(
            configuration=generation.configuration,
            program=generation.program,
            snapshot=generation.snapshot,
            message_listener=generation.message_listener,
            service_listener=generation.service_listener,
            runtime_listeners=generation.listeners.runtime,
            master_channel=generation.channel.theirs,
            is_quiet=generation.is_quiet,
            ring_sockets=generation.rings.control_ends(),
            observed_fd=generation.observed_fd,
            tables=Tables(generation.program),
            contents=Contents(generation.program),
            exposed=exposed,
            console_listener=generation.console_listener,
            roster=generation.roster,
            startup_logs=generation.startup_logs,
        )
    )


def exposed_listeners(generation: Generation) -> list[tuple[socket.socket, str]]:
    """All listening sockets with their interfaces, where a runtime socket hands them out (`expose-fd listeners`)."""
    listeners = generation.listeners
    if not any(stats.expose_fd_listeners for stats, _ in listeners.runtime):
        return []
    found = [(sock, listener.bind.interface) for listener in listeners.listeners for sock in listener.sockets]
    return found + [(sock, "") for _, sock in listeners.runtime]
