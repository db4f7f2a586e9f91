"""What a configuration says of sockets: where connections to servers come from, keep-alive probes, unix sockets.

Part of the typed model (model.py). Must not know keywords or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Address
    from .samples.ast import Expression


@dataclass(frozen=True, slots=True)
class Source:
    """`source` of a server or backend (manual, sections 4.2 and 5.2).

    address: to connect from; a port range of a server's line gives each connection one of them. usesrc: "", "client", "clientip",
    "address" (`shown`) or "header" (`header`, an expression that gives an IP address): what the server is to see.
    """

    address: Address
    interface: str = ""
    usesrc: str = ""
    shown: Address | None = None
    header: Expression | None = None


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """`clitcpka-*` or `srvtcpka-*`: of TCP's probes; 0: the system's setting."""

    count: int = 0
    idle_s: int = 0
    interval_s: int = 0


@dataclass(slots=True)
class UnixBind:
    """`unix-bind`: what unix sockets of bind lines have where the line says nothing else."""

    prefix: str = ""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
