"""A client of the runtime socket: one command, the whole answer."""

from __future__ import annotations

import csv
import io

from .sockets import connect
from .wire import Wire


def command(path: str, text: str) -> str:
    """Send one line (several commands with `;`) and read to the end of the stream."""
    wire = Wire(connect(path))
    try:
        wire.send(text.encode() + b"\n")
        return wire.read_to_end().decode()
    finally:
        wire.close()


def info(path: str) -> dict[str, str]:
    """`show info` as a dictionary."""
    lines = command(path, "show info").strip().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def parse_csv(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of a statistics CSV by (pxname, svname)."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ").strip()))
    return {(row["pxname"], row["svname"]): row for row in rows}


def stat(path: str) -> dict[tuple[str, str], dict[str, str]]:
    """`show stat` by (pxname, svname)."""
    return parse_csv(command(path, "show stat"))
