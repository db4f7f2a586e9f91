"""The control process from the fork to the hand-over to fastlb.control.

Knows what it must close and give up first. Must not know what control does.
"""

from __future__ import annotations

import os

from fastlb.supervisor.generation import Generation
from fastlb.supervisor.worker import settle


def run_control(generation: Generation) -> int:
    """The life of the control process; returns its exit status."""
    master_pid = os.getppid()
    for listener in generation.listeners.listeners:
        for sock in listener.sockets:
            sock.close()
    # Everything is imported before the rights are given up: after a chroot there is nothing to import from.
    from fastlb_core.bridge.contents import Contents
    from fastlb_core.bridge.tables import Tables

    from fastlb.control.app import ControlContext, run

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
            tables=Tables(generation.program),
            contents=Contents(generation.program),
        )
    )
