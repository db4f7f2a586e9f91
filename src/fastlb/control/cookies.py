"""Dynamic cookies of servers (`cookie ... dynamic`): when they are made anew.

Knows which backend has them and with which key; both live as long as this process, the cookies themselves stand in the arena.
Must not know how a cookie is made (ext/fastlb_core/program/persist.pxd).
"""

from __future__ import annotations

from fastlb.control.directory import LiveProxy, LiveServer
from fastlb.control.ports import Snapshot


class DynamicCookies:
    """What `cookie` and `dynamic-cookie-key` say of each backend, until a command says something else."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._keys: dict[int, str] = {}
        self._enabled: dict[int, bool] = {}

    def set_key(self, proxy: LiveProxy, key: str) -> None:
        self._keys[proxy.index] = key
        self._renew_all(proxy)

    def set_enabled(self, proxy: LiveProxy, enabled: bool) -> None:
        self._enabled[proxy.index] = enabled
        self._renew_all(proxy)

    def renew(self, server: LiveServer) -> None:
        """The server's address, or what its backend says, has changed. A cookie of the configuration stays."""
        if server.config.cookie:
            return
        config = server.proxy.config
        key = self._keys.get(server.proxy.index, config.dynamic_cookie_key)
        if not self._enabled.get(server.proxy.index, config.cookie is not None and "dynamic" in config.cookie.flags):
            key = ""
        self._snapshot.set_dynamic_cookie(server.index, key.encode("utf-8", "surrogateescape") or None)

    def _renew_all(self, proxy: LiveProxy) -> None:
        for server in proxy.servers:
            self.renew(server)
