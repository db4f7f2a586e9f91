"""fastlb's processes as the kernel shows them: who accepts, and who is control."""

from __future__ import annotations

import os
from pathlib import Path

from .proxy import Proxy


def workers(proxy: Proxy, name: str = "fe") -> set[int]:
    """The processes that hold a listening socket of `port@NAME`."""
    port = proxy.addresses[name][1]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    nodes = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"}
    return {pid for pid in proxy.children() if nodes & links(pid)}


def links(pid: int) -> set[str]:
    try:
        return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return set()


def control_of(proxy: Proxy) -> int:
    """The one child that is no worker, once it has closed what is theirs; 0 while there is none."""
    others = set(proxy.children()) - workers(proxy)
    return others.pop() if len(others) == 1 else 0
