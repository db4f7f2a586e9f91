"""A server picked and its slot given back, by algorithm and number of servers: cost must stay flat, log n at most."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from fastlb_core.bridge.builder import Program, ProgramBuilder
from fastlb_core.bridge.constants import CAPS, MODES

ALGORITHMS = ["roundrobin", "static-rr", "leastconn", "first", "source"]


def _sockaddr(host: str, port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def _backend(algorithm: str, n_servers: int) -> tuple[Program, int]:
    builder = ProgramBuilder(n_workers=1)
    proxy = builder.add_proxy("pool", id=2, caps=CAPS["backend"], mode=MODES["http"], balance=algorithm)
    for s in range(n_servers):
        builder.add_server(proxy, f"s{s}", id=s + 1, address=_sockaddr("192.0.2.1", 80), weight=1 + s % 7)
    return builder.finish(), proxy


@pytest.mark.parametrize("n_servers", [1, 10, 100, 1000])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pick_and_release(kernel: Callable[[str], Any], measure: Any, algorithm: str, n_servers: int) -> None:
    program, proxy = _backend(algorithm, n_servers)
    found = measure(kernel("balance_loop").pick_and_release, program, proxy, os.getpid())
    assert found == measure.rounds
