"""A worker's certificates while it runs: control says what to make and when to switch (control/tls/lines.py).

Knows the messages. Must not know libssl (fastlb_core.bridge.renewal) nor sockets.
"""

from __future__ import annotations

from typing import Any

from fastlb.control.tls.wire import unpacked


class Renewed:
    """renewal: a fastlb_core.bridge.renewal.Renewal of this process."""

    def __init__(self, renewal: Any) -> None:
        self._renewal = renewal
        # What brought this process to where it is, with private keys in it: for a control process that is started again.
        self._journal: list[Any] = []

    @property
    def has_changed(self) -> bool:
        return bool(self._journal)

    def make(
        self,
        id: int,
        values: dict[str, Any],
        listener: int | None = None,
        server: int | None = None,
        identity: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """A context for a bind line (by a listener) or a server; {"fault"} where libssl refuses it."""
        try:
            if server is not None:
                self._renewal.make_client(server, id, unpacked(values))
            else:
                self._renewal.make_certificate(listener, id, unpacked(identity), unpacked(values))
        except ValueError as refusal:
            return {"fault": str(refusal)}
        return {}

    def switch(self, binds: list[Any], servers: list[Any], keys: list[Any], journal: list[Any]) -> dict[str, Any]:
        lines = [(listener, unpacked(entries)) for listener, entries in binds]
        self._renewal.switch(lines, [tuple(each) for each in servers], [(listener, unpacked(each)) for listener, each in keys])
        self._journal = journal
        return {}

    def forget(self) -> dict[str, Any]:
        self._renewal.forget()
        return {}

    def forget_server(self, server: int) -> None:
        """The server is gone."""
        self._renewal.forget_server(server)

    def journal(self) -> dict[str, Any]:
        return {"journal": self._journal}
