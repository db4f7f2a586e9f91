"""Addresses of names that rules ask for (`do-resolve`): a question of a worker, an answer some time later.

Knows what may be asked for, how long an answer is good (`hold valid`), and that the same name is asked for once at a time.
Must not know the DNS (question.py) nor workers' sockets.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address

from fastlb.control.changes import text
from fastlb.control.messages import Question
from fastlb.control.resolvers.question import Asker, Status

# haproxy: what a host's name may be made of; clients send the names.
_NAME = re.compile(r"(?=.{1,255}$)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
# Clients choose the names: neither descriptors nor memory may run out over them.
_MAX_ASKED = 128
_MAX_KEPT = 10_000

_Key = tuple[str, str, int]  # section, name in lower case, family that comes first


class Lookups:
    """sections: those of the configuration. clock_ms: monotonic."""

    def __init__(self, sections: Mapping[str, Asker], clock_ms: Callable[[], int]) -> None:
        self._sections = sections
        self._clock_ms = clock_ms
        self._room = asyncio.Semaphore(_MAX_ASKED)
        self._kept: OrderedDict[_Key, tuple[int, bytes]] = OrderedDict()  # until when it is good, and the address
        self._asked: dict[_Key, asyncio.Task[bytes]] = {}

    def ask(self, questions: list[Question], answer: Callable[[int, str], None]) -> None:
        """Each question is [number, section, family, name]; answer gets the number and the address's bytes as latin-1."""
        for number, section, family, name in questions:
            self._ask_one((str(section), str(name).lower(), int(family)), partial(answer, int(number)))

    def _ask_one(self, key: _Key, answer: Callable[[str], None]) -> None:
        until, address = self._kept.get(key, (0, b""))
        if self._clock_ms() < until:
            answer(text(address))
        elif key[0] not in self._sections or not _NAME.fullmatch(key[1]):
            answer("")
        else:
            if key not in self._asked:
                self._asked[key] = asyncio.get_running_loop().create_task(self._resolve(key))
            self._asked[key].add_done_callback(lambda task: answer("" if task.cancelled() else text(task.result())))

    async def stop(self) -> None:
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _resolve(self, key: _Key) -> bytes:
        """The address, b"" for none; never raises but for the end of the process."""
        section, name, family = key
        asker = self._sections[section]
        try:
            async with self._room:
                found = await asker.resolve(name, ("A", "AAAA") if family == 4 else ("AAAA", "A"))
            if found.status is not Status.VALID or not found.addresses:
                return b""
            address = ip_address(found.addresses[0]).packed
            self._keep(key, address, asker.section.hold_ms["valid"])
            return address
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler({"message": f"lookup of '{name}'", "exception": error})
            return b""
        finally:
            del self._asked[key]

    def _keep(self, key: _Key, address: bytes, hold_ms: int) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (self._clock_ms() + hold_ms, address)
        while len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
