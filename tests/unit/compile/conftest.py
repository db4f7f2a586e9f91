"""Models made in a line, and their programs."""

from __future__ import annotations

from collections.abc import Sequence

from fastlb_core.bridge.builder import Program

from fastlb.compile.program import BoundListener, compile_program
from fastlb.config.model import Address, Configuration, Global, Location, Proxy, Server

HERE = Location("haproxy.cfg", 12)
SERVICE = b"\0fastlb-services-1"


def ipv4(host: str, port: int) -> Address:
    return Address("ipv4", host, port, port)


def server(name: str, **fields: object) -> Server:
    address = fields.pop("address", ipv4("127.0.0.1", 8000))
    return Server(HERE, name, address, **fields)  # type: ignore[arg-type]


def px(kind: str, name: str, **fields: object) -> Proxy:
    return Proxy(HERE, kind, name, **fields)  # type: ignore[arg-type]


def program_of(
    *proxies: Proxy, glob: Global | None = None, listeners: Sequence[BoundListener] = (), n_workers: int = 2
) -> Program:
    return compile_program(
        Configuration(global_=glob or Global(), proxies=list(proxies)),
        n_workers=n_workers,
        listeners=listeners,
        service_address=SERVICE,
        message_address=b"\0fastlb-messages-1",
        log_pid=4242,
        generation=3,
    )
