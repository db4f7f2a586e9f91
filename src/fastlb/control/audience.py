"""Who is told what workers say of themselves: the servers, the shared contents and the certificates.

Knows which parts there are. Must not know what they do with it.
"""

from __future__ import annotations

from typing import Any

from fastlb.control.contents import SharedContents
from fastlb.control.dynamic_servers import DynamicServers
from fastlb.control.tls.certificates import Certificates


class Audience:
    def __init__(
        self, contents: SharedContents | None, certificates: Certificates, dynamic_servers: DynamicServers | None = None
    ) -> None:
        self._contents = contents
        self._certificates = certificates
        self._dynamic_servers = dynamic_servers

    async def greet(self, worker: int, touched: dict[str, Any]) -> None:
        if self._dynamic_servers is not None:
            # Before their certificates.
            await self._dynamic_servers.greet(worker)
        if self._contents is not None:
            await self._contents.greet(worker, bool(touched.get("contents")))
        await self._certificates.greet(worker, bool(touched.get("certificates")))

    def hear(self, worker: int, changes: list[Any]) -> None:
        if self._contents is not None:
            self._contents.hear(worker, changes)
