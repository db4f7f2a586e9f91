"""The message hub: who may speak, answers to the right request, workers that vanish or are slow."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from fastlb.control.messages import MessageError, MessageHub

Script = Callable[[MessageHub, str], Awaitable[None]]


def frame(message: object) -> bytes:
    raw = json.dumps(message).encode()
    return struct.pack("<I", len(raw)) + raw


async def read_frame(reader: asyncio.StreamReader) -> dict[str, object]:
    (length,) = struct.unpack("<I", await reader.readexactly(4))
    found = json.loads(await reader.readexactly(length))
    assert isinstance(found, dict)
    return found


def with_hub(script: Script, pids: list[int] | None = None) -> None:
    async def run() -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("")
        listener.listen(8)
        hub = MessageHub(listener, lambda: pids or [os.getpid(), os.getpid()])
        await hub.start()
        await asyncio.wait_for(script(hub, listener.getsockname()), 20)
        await hub.stop()

    asyncio.run(run())


async def connected(hub: MessageHub, address: str, worker: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(address)
    writer.write(frame({"hello": worker, "pid": os.getpid()}))
    while worker not in hub.workers:
        await asyncio.sleep(0.005)
    return reader, writer


def test_request_gets_the_answer_with_its_number() -> None:
    async def script(hub: MessageHub, address: str) -> None:
        reader, writer = await connected(hub, address, 0)
        first = asyncio.ensure_future(hub.request(0, "a", x=1))
        second = asyncio.ensure_future(hub.request(0, "b"))
        asked = [await read_frame(reader), await read_frame(reader)]
        assert [(one["command"], one["arguments"]) for one in asked] == [("a", {"x": 1}), ("b", {})]
        writer.write(frame({"id": asked[1]["id"], "result": {"n": 2}}) + frame({"id": asked[0]["id"], "result": {"n": 1}}))
        assert (await first, await second) == ({"n": 1}, {"n": 2})
        writer.close()

    with_hub(script)


def test_refusal_and_silence_are_errors() -> None:
    async def script(hub: MessageHub, address: str) -> None:
        reader, writer = await connected(hub, address, 0)
        asking = asyncio.ensure_future(hub.request(0, "a"))
        asked = await read_frame(reader)
        writer.write(frame({"id": asked["id"], "error": "no such command"}))
        with pytest.raises(MessageError, match="no such command"):
            await asking
        with pytest.raises(MessageError, match=r"did not answer 'b' within 0\.01 s"):
            await hub.request(0, "b", timeout_s=0.01)
        writer.close()

    with_hub(script)


def test_worker_that_vanishes_fails_its_requests() -> None:
    async def script(hub: MessageHub, address: str) -> None:
        reader, writer = await connected(hub, address, 1)
        asking = asyncio.ensure_future(hub.request(1, "a"))
        await read_frame(reader)
        writer.close()
        with pytest.raises(MessageError, match="went away"):
            await asking
        with pytest.raises(MessageError, match="not connected"):
            await hub.request(1, "a")

    with_hub(script)


def test_broadcast_leaves_out_who_does_not_answer() -> None:
    async def script(hub: MessageHub, address: str) -> None:
        first_reader, first = await connected(hub, address, 0)
        _reader, second = await connected(hub, address, 1)
        asking = asyncio.ensure_future(hub.broadcast("stats", timeout_s=0.05))
        asked = await read_frame(first_reader)
        first.write(frame({"id": asked["id"], "result": {"streams": 3}}))
        assert await asking == {0: {"streams": 3}}
        first.close()
        second.close()

    with_hub(script)


@pytest.mark.parametrize(
    "hello",
    [
        frame({"hello": 0, "pid": 1}),
        frame({"hello": 7, "pid": 1}),
        frame({"hello": "0"}),
        frame([]),
        b"\xff\xff\xff\xff",
        struct.pack("<I", 3) + b"{]}",
    ],
    ids=["other pid", "no such worker", "text", "no object", "too long", "no JSON"],
)
def test_who_is_no_worker_is_not_heard(hello: bytes) -> None:
    async def script(hub: MessageHub, address: str) -> None:
        reader, writer = await asyncio.open_unix_connection(address)
        writer.write(hello)
        assert await reader.read() == b""
        assert hub.workers == []
        writer.close()

    with_hub(script, pids=[1, os.getpid()])


def test_a_stranger_says_nothing_first() -> None:
    """What any process of the machine announced, 64 MiB a connection, was waited for before its pid was looked at."""

    async def script(hub: MessageHub, address: str) -> None:
        reader, writer = await asyncio.open_unix_connection(address)
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()

    with_hub(script, pids=[1, 2])


def test_worker_that_was_started_again_replaces_its_predecessor() -> None:
    async def script(hub: MessageHub, address: str) -> None:
        old_reader, old = await connected(hub, address, 0)
        asking = asyncio.ensure_future(hub.request(0, "a"))
        await read_frame(old_reader)
        reader, writer = await asyncio.open_unix_connection(address)
        writer.write(frame({"hello": 0, "pid": os.getpid()}))
        with pytest.raises(MessageError, match="replaced"):
            await asking
        again = asyncio.ensure_future(hub.request(0, "b"))
        asked = await read_frame(reader)
        writer.write(frame({"id": asked["id"], "result": {}}))
        assert await again == {}
        old.close()
        writer.close()

    with_hub(script)
