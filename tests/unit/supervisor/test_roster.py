"""What control tells the master of servers that commands add and remove: nothing that it sends may end the master."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import pytest

from fastlb.control.roster import Roster, text_of
from fastlb.supervisor.channel import Channel
from fastlb.supervisor.children import WORKER, Child
from fastlb.supervisor.generation import Generation

RECORD = {"serial": 1, "index": 3, "proxy": 0, "place": 0, "words": ["s"], "server": {}, "tls": None, "link": None}


class Core:
    def __init__(self) -> None:
        self.known: list[int] = []

    def learn(self, **values: Any) -> None:
        if values["proxy"] != 0:
            raise ValueError("no backend 1")
        self.known.append(values["index"])

    def forget(self, index: int) -> None:
        if index < 0:
            raise ValueError(f"no server {index}")


@pytest.fixture
def generation() -> Any:
    made: Any = object.__new__(Generation)
    made.channel, made.roster = Channel(), Roster(Core())
    made.workers = [Child(WORKER, 0, pid=10), Child(WORKER, 1), Child(WORKER, 2, pid=12)]
    yield made
    made.channel.close()


def send(channel: Channel, message: dict[str, object], content: bytes | None) -> None:
    """As control does: what is long comes as a file."""
    fds = []
    if content is not None:
        fds.append(os.memfd_create("test"))
        os.write(fds[0], content)
    socket.send_fds(channel.theirs, [json.dumps(message).encode() + b"\n"], fds)
    for fd in fds:
        os.close(fd)


def answer(generation: Any, change: str, content: bytes | None) -> dict[str, Any]:
    send(generation.channel, {"command": "roster", "change": change, "number": 7, "has_file": True}, content)
    (message,) = generation.channel.receive()
    generation.change_roster(message)
    answered: dict[str, Any] = json.loads(generation.channel.theirs.recv(65536))
    return answered


def test_the_workers_that_were_there_before_are_told(generation: Any) -> None:
    expected = {"event": "roster", "number": 7, "fault": "", "workers": [[0, 10], [2, 12]]}
    assert answer(generation, "add", text_of(RECORD).encode()) == expected
    assert generation.roster.records == {3: RECORD}
    assert answer(generation, "add", text_of(RECORD).encode()) == expected
    assert generation.roster.core.known == [3]
    assert answer(generation, "remove", b"3") == expected
    assert (generation.roster.records, generation.roster.removed) == ({}, set())


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ("add", None), ("add", b""), ("add", b"\xff"), ("add", b"junk"), ("add", b"{}"), ("add", b"[" * 10_000), ("add", b"None"),
        ("add", text_of({**RECORD, "proxy": 1}).encode()), ("remove", b"-1"), ("remove", b"x"), ("remove", None), ("", b""),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(generation: Any, change: str, content: bytes | None) -> None:
    answered = answer(generation, change, content)
    assert answered["fault"]
    assert generation.roster.records == {}


def test_a_generation_without_a_roster_says_so(generation: Any) -> None:
    generation.roster = None
    assert answer(generation, "add", text_of(RECORD).encode())["fault"] == "servers cannot be added here"


def test_files_belong_to_their_messages_in_order(generation: Any) -> None:
    channel = generation.channel
    for number in range(3):
        send(channel, {"number": number, "has_file": True}, b"%d" % number * 100_000)
        send(channel, {"number": -1}, None)
    found = []
    while len(found) < 6:
        found += channel.receive()
    assert [(message["number"], message.get("content")) for message in found] == [
        each for number in range(3) for each in ((number, b"%d" % number * 100_000), (-1, None))
    ]
