"""The master's events: the log gets what an operator must know, and the end of the channel ends control."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from fastlb.config import model
from fastlb.control.logs.journal import Journal
from fastlb.control.master import MasterChannel

from .conftest import Lines

DIED = {"event": "worker-died", "worker": 1, "pid": 77, "status": "exited with code 139 (Segmentation fault)", "expected": False}


def tell(*chunks: bytes) -> tuple[str, bool]:
    """What was logged after these chunks and the end of file, and whether the end was noticed."""
    target = model.LogTarget(model.Location("x", 1), None, fd=1, format="raw")
    lines = Lines()
    journal = Journal(model.Configuration(model.Global(logs=[target])), 7, is_quiet=True, sender=lines)
    ours, theirs = socket.socketpair()

    async def read() -> bool:
        over = asyncio.Event()
        MasterChannel(theirs, journal).start(asyncio.get_running_loop(), over.set)
        for chunk in chunks:
            ours.sendall(chunk)
            await asyncio.sleep(0)
        ours.close()
        await asyncio.wait_for(over.wait(), 10)
        return over.is_set()

    try:
        ended = asyncio.run(read())
    finally:
        theirs.close()
    return "\n".join(lines.lines), ended


def line(**event: Any) -> bytes:
    return json.dumps(event).encode() + b"\n"


def test_dead_worker_is_logged() -> None:
    assert "Worker 1 (77) exited with code 139 (Segmentation fault): it is restarted." in tell(line(**DIED))[0]


def test_dead_control_is_logged_by_its_successor() -> None:
    assert "Control (5) exited with code 1 (Exit): it is restarted." in tell(
        line(event="control-restarted", end="Control (5) exited with code 1 (Exit)")
    )[0]


def test_refused_reload_is_logged() -> None:
    assert "Reload refused" in tell(line(event="reload-failed"))[0]


@pytest.mark.parametrize("event", [{**DIED, "expected": True}, {"event": "serving"}, {"event": "paused"}])
def test_ordinary_events_are_not_logged(event: dict[str, Any]) -> None:
    assert tell(line(**event))[0] == ""


def test_event_in_pieces_is_put_together() -> None:
    whole = line(**DIED)
    assert "Worker 1" in tell(whole[:20], whole[20:])[0]


def test_line_that_is_no_json_is_passed_over() -> None:
    assert "Worker 1" in tell(b"nonsense\n" + line(**DIED))[0]


def test_end_of_file_ends_control() -> None:
    assert tell()[1]
