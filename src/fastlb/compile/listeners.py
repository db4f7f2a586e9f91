"""The bound sockets of a frontend as listeners of the program.

Knows what the supervisor hands over for each address of a bind line. Must not bind or close anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import LISTENER_FLAGS

from fastlb.config.ids import assign_ids
from fastlb.config.model import Address, Bind, Global, Proxy

from .tls import bind_values


class BoundListener(Protocol):
    """The sockets of one address of a bind line (fastlb.supervisor.listeners.Listener).

    address: with one port. is_shared: all workers accept from the same descriptor.
    """

    @property
    def proxy(self) -> Proxy: ...
    @property
    def bind(self) -> Bind: ...
    @property
    def address(self) -> Address: ...
    @property
    def is_shared(self) -> bool: ...
    def fds(self, n_workers: int) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class GivenListener:
    """A BoundListener made of plain descriptors, `descriptors[w]` for worker w."""

    proxy: Proxy
    bind: Bind
    address: Address
    descriptors: tuple[int, ...]
    is_shared: bool = False

    def fds(self, n_workers: int) -> list[int]:
        return list(self.descriptors[:n_workers])


def add_listeners(builder: ProgramBuilder, index: int, own: Sequence[BoundListener], n_workers: int, glob: Global) -> None:
    """Adds the listeners of the proxy at `index`, in their order."""
    tls = {id(listener.bind): bind_values(listener.bind, glob) for listener in own}
    places = {id(bind): place for listener in own for place, bind in enumerate(listener.proxy.binds)}
    seen: set[int] = set()
    explicit = []
    for listener in own:
        # An explicit id belongs to the first port of a range; the others are numbered as if it were not there.
        number = listener.bind.id if listener.bind.id not in seen else None
        explicit.append(number)
        seen |= {number} if number is not None else set()
    for listener, number in zip(own, assign_ids(explicit), strict=True):
        builder.add_listener(
            index,
            listener.bind.name or f"sock-{number}",
            id=number,
            fds=listener.fds(n_workers),
            flags=_flags(listener),
            maxconn=listener.bind.maxconn or 0,
            cip_magic=listener.bind.netscaler_magic,
            tls=tls[id(listener.bind)],
            bind=places.get(id(listener.bind), 0),
        )


def _flags(listener: BoundListener) -> int:
    flags = LISTENER_FLAGS["accept-proxy"] if listener.bind.accept_proxy else 0
    flags |= LISTENER_FLAGS["accept-netscaler-cip"] if listener.bind.netscaler_magic else 0
    flags |= LISTENER_FLAGS["named"] if listener.bind.name else 0
    flags |= LISTENER_FLAGS["shared"] if listener.is_shared else 0
    return flags | (LISTENER_FLAGS["unix"] if listener.address.family in ("unix", "abns") else 0)
