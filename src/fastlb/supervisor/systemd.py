"""sd_notify(3): telling systemd that the service is ready, reloading or stopping.

Knows the protocol (datagrams to $NOTIFY_SOCKET). Must not know when: master.py does. Only -Ws uses it, for other
programs may inherit the variable.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notifier:
    """Sends state to the socket that systemd named; does nothing where `is_active` is false or there is no socket."""

    def __init__(self, is_active: bool) -> None:
        path = os.environ.get("NOTIFY_SOCKET", "") if is_active else ""
        # "@name" is an abstract socket, "/path" a file; systemd uses no other form.
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def ready(self, status: str = "Ready.") -> None:
        self._send(f"READY=1\nMAINPID={os.getpid()}\nSTATUS={status}\n")

    def reloading(self) -> None:
        # MONOTONIC_USEC is what Type=notify-reload orders the messages by.
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(f"RELOADING=1\nMONOTONIC_USEC={now_us}\nSTATUS=Reloading Configuration.\n")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=Stopping.\n")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}\n")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(text.encode(), self._address)
