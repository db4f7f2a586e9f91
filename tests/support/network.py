"""Hosts as network namespaces on one switch, for tests that move an address between them. Needs root.

Knows `ip` only. Everything it makes has the test's pid in its name and goes with `close`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence


def ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout


class Network:
    """hosts: their names and addresses ("10.77.0.11/24"), each with an eth0 on the switch."""

    def __init__(self, hosts: dict[str, str]) -> None:
        self._made: list[str] = []
        self.hosts_by_address = {address.partition("/")[0]: name for name, address in hosts.items()}
        try:
            switch = self._add("switch")
            ip("-n", switch, "link", "add", "br0", "type", "bridge")
            ip("-n", switch, "link", "set", "br0", "up")
            for name, address in hosts.items():
                host = self._add(name)
                ip("-n", switch, "link", "add", f"to-{name}", "type", "veth", "peer", "eth0", "netns", host)
                ip("-n", switch, "link", "set", f"to-{name}", "master", "br0", "up")
                ip("-n", host, "addr", "add", address, "dev", "eth0")
                for link in ("lo", "eth0"):
                    ip("-n", host, "link", "set", link, "up")
        except BaseException:
            self.close()
            raise

    def _add(self, name: str) -> str:
        ip("netns", "add", self.namespace(name))
        self._made.append(self.namespace(name))
        return self.namespace(name)

    def namespace(self, name: str) -> str:
        return f"flb{os.getpid()}-{name}"

    def on(self, name: str, *command: str) -> Sequence[str]:
        """The command that runs `command` on a host; the process it starts becomes the command itself."""
        return ["ip", "netns", "exec", self.namespace(name), *command]

    def has_address(self, name: str, address: str) -> bool:
        links = json.loads(ip("-n", self.namespace(name), "-j", "addr", "show", "dev", "eth0") or "[]")
        return any(entry.get("local") == address for link in links for entry in link.get("addr_info", ()))

    def plug(self, name: str, *, is_in: bool) -> None:
        """Puts a host's cable into the switch, or pulls it: the host sees that at once, its addresses stay."""
        ip("-n", self.namespace("switch"), "link", "set", f"to-{name}", "up" if is_in else "down")

    def close(self) -> None:
        for namespace in self._made:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, timeout=30)
