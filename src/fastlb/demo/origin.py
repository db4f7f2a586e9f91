"""A small HTTP/1.1 origin server for the demonstration: says who it is, and that is all.

Knows asyncio and the least of HTTP. Must not be taken for a web server: it trusts the proxy in front of it.
"""

from __future__ import annotations

import asyncio
import os
import socket

MAX_HEAD = 65536


async def serve(sock: socket.socket, name: str) -> None:
    """Answers every request on the listening socket with the name and what the proxy told; never returns."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(reader, writer, name):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the other side went away, or sent what we do not read
        finally:
            writer.close()

    server = await asyncio.start_server(answer, sock=sock, limit=MAX_HEAD)
    await server.serve_forever()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> bool:
    """One request and its answer; false when the connection is not to be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    request_line, *lines = head.split("\r\n")
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines if line)}
    if "transfer-encoding" in headers:
        return False
    await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, version = request_line.split(" ", 2)
    body = f"{name} (pid {os.getpid()}) answers {method} {target} for {headers.get('x-forwarded-for', 'nobody')}\n".encode()
    keeps = "close" not in headers.get("connection", "").lower() and version == "HTTP/1.1"
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nx-origin: %s\r\n%s\r\n"
        % (len(body), name.encode(), b"" if keeps else b"connection: close\r\n")
    )
    if method != "HEAD":
        writer.write(body)
    await writer.drain()
    return keeps
