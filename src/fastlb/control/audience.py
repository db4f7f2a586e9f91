"""Who is told what workers say of themselves: the shared contents and the certificates.

Knows which parts there are. Must not know what they do with it.
"""

from __future__ import annotations

from typing import Any

from fastlb.control.contents import SharedContents
from fastlb.control.tls.certificates import Certificates


class Audience:
    def __init__(self, contents: SharedContents | None, certificates: Certificates) -> None:
        self._contents = contents
        self._certificates = certificates

    async def greet(self, worker: int, touched: dict[str, Any]) -> None:
        if self._contents is not None:
            await self._contents.greet(worker, bool(touched.get("contents")))
        await self._certificates.greet(worker, bool(touched.get("certificates")))

    def hear(self, worker: int, changes: list[Any]) -> None:
        if self._contents is not None:
            self._contents.hear(worker, changes)
