"""The two programs that differential tests compare: Debian's haproxy, and the program under test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

PROGRAMS = ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))


class Closable(Protocol):
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


@contextlib.contextmanager
def both_programs(make: Callable[[str], C]) -> Iterator[tuple[C, C]]:
    """What `make` makes of haproxy and of the other; closed at the end, the first one also where the second does not start."""
    with contextlib.ExitStack() as stack:
        made: list[C] = []
        for program in PROGRAMS:
            made.append(make(program))
            stack.callback(made[-1].close)
        yield made[0], made[1]
