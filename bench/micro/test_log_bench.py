"""One httplog line formatted and queued, by the format of its target; the sink is /dev/null, written in batches."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import CAPS, LOG_FORMATS, LOG_KINDS, LOG_SINKS, MODES

CLIENT = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 51234) + socket.inet_aton("192.0.2.33") + bytes(8)


@pytest.fixture
def null_fd() -> Iterator[int]:
    fd = os.open(os.devnull, os.O_WRONLY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("log_format", ["raw", "rfc3164", "rfc5424"])
def test_httplog_line(kernel: Callable[[str], Any], measure: Any, null_fd: int, log_format: str) -> None:
    builder = ProgramBuilder(n_workers=1, log_tag=b"haproxy", log_pid=4711)
    proxy = builder.add_proxy(
        "www", id=2, caps=CAPS["listen"], mode=MODES["http"], log_kind=LOG_KINDS["httplog"], balance="roundrobin"
    )
    builder.add_server(proxy, "s1", id=1, address=CLIENT)
    sink = builder.add_log_sink(kind=LOG_SINKS["fd"], fd=null_fd)
    builder.add_log_target(proxy, sink, format=LOG_FORMATS[log_format], facility=16)
    dropped = measure(kernel("log_loop").log_lines, builder.finish(), proxy, CLIENT)
    assert dropped == 0
