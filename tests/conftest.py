"""Fixtures of the tests that run a whole program.

FASTLB_TEST_PROGRAM names the program: "fastlb" (default), or "haproxy" to see that a test says what HAProxy does.
Tests marked `fastlb_only` rest on fastlb's processes or on one of its deliberate differences.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from support.origin import Origin, Script
from support.proxy import Proxy
from support.sockets import HeldPort
from support.syslog import Syslog

PROGRAM = os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fastlb_only: not true of Debian's haproxy, with the reason")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if PROGRAM != "haproxy":
        return
    dropped = [item for item in items if item.get_closest_marker("fastlb_only")]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]


@pytest.fixture
def program() -> str:
    return PROGRAM


@pytest.fixture
def origin() -> Iterator[Callable[..., Origin]]:
    """Makes origin servers: `origin(script)`; at the end no origin may have seen a malformed request."""
    made: list[Origin] = []

    def make(script: Script, **options: object) -> Origin:
        made.append(Origin(script, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
    for one in made:
        assert not one.errors, one.errors


@pytest.fixture
def start(program: str, origin: object) -> Iterator[Callable[..., Proxy]]:
    """Starts programs: `start(config)`; at the end each must stop by itself, cleanly. Stopped before the origins close."""
    started: list[Proxy] = []

    def run(config: str, **options: object) -> Proxy:
        started.append(Proxy(program, config, **options))  # type: ignore[arg-type]
        return started[-1]

    yield run
    for one in started:
        print(one.output)
    for one in started:
        one.finish()


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    sink = Syslog()
    yield sink
    sink.close()


@pytest.fixture
def dead() -> Iterator[Callable[[], str]]:
    """Makes addresses that refuse connections; nobody else can listen there while the test runs."""
    held: list[HeldPort] = []

    def make() -> str:
        held.append(HeldPort())
        return str(held[-1])

    yield make
    for port in held:
        port.close()
