"""Waiting for something to become true, with a deadline; the one place in the tests where time passes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds after which a test gives up waiting. Long on purpose: it is reached only when a test fails, and
# sanitizer builds on a busy machine are slow.
DEADLINE = float(os.environ.get("FASTLB_TEST_DEADLINE", "15"))


class TimedOut(AssertionError):
    """A condition did not become true within its deadline."""


def poll(condition: Callable[[], T], what: str = "", deadline: float = DEADLINE) -> T:
    """The first true value of `condition()`; raises TimedOut, naming `what`, after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"not within {deadline} s: {what or condition}; last value {value!r}")
        time.sleep(0.005)
