"""Sample fetches of HTTP messages and of raw bytes: what haproxy shows on an input, the core's fetch must show."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from fastlb_core.bridge import fetchkit

from support.fetch_cases import BYTES, REQUESTS, RESPONSES, USERS, Group
from support.fetch_words import parse
from support.poll import poll
from support.proxy import HTTP, TCP, Proxy
from support.sockets import HeldPort, connect
from support.syslog import Syslog

LIST = "userlist ul\n" + "".join(
    f"    user {name} {'insecure-password' if is_plain else 'password'} {secret}\n" for name, secret, is_plain in USERS
)
# haproxy: log formats of HTTP proxies write control characters as %XX; data that becomes text ends at its first NUL.
_CONTROL = re.compile(rb"[\x01-\x08\x0a-\x1f\x7f]")
_END = b"\x02"


def shown(value: bytes | None, is_http: bool) -> bytes:
    """The value as the configurations below make haproxy show it: `!` behind it, nothing where there is none."""
    if value is None:
        return b""
    text = value.split(b"\0")[0]
    return (_CONTROL.sub(lambda found: b"%%%02X" % found[0][0], text) if is_http else text) + b"!"


def expected(expression: str, message: dict[str, bytes]) -> bytes:
    name, arguments = parse(expression, fetchkit.Users(*USERS))
    return shown(fetchkit.fetch(name, *arguments, as_text=True, **message), "bytes_in" not in message)


def compare(group: Group, kind: str, seen: list[list[bytes]]) -> None:
    differences = []
    for content, values in zip(group.inputs, seen, strict=True):
        assert len(values) == len(group.expressions), (content, values)
        for expression, value in zip(group.expressions, values, strict=True):
            ours = expected(expression, {kind: content})
            if ours != value:
                differences.append((content, expression, value, ours))
    assert not differences, "\n".join(f"{c!r} {e}: haproxy {v!r}, ours {o!r}" for c, e, v, o in differences)


def ask(address: tuple[str, int], request: bytes, count: int) -> list[bytes]:
    with closing(connect(address)) as sock:
        sock.sendall(request)
        answer = b""
        while answer.count(_END) < count and (piece := sock.recv(65536)):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200"), (request, answer)
    return answer.split(b"\r\n\r\n", 1)[1].split(_END)[:-1]


def form(expressions: tuple[str, ...], directory: Path) -> Path:
    file = directory / "form"
    file.write_text("".join(f"%[{expression},concat(!)]\x02" for expression in expressions))
    return file


@contextmanager
def haproxy(config: str) -> Iterator[None]:
    proxy = Proxy("haproxy", "global\n    tune.bufsize 65536\n" + config)
    try:
        yield
    finally:
        proxy.stop()


@pytest.mark.parametrize("group", REQUESTS, ids=("headers", "targets", "cookies", "logins", "bodies"))
def test_fetches_of_requests(group: Group, tmp_path: Path) -> None:
    with closing(HeldPort()) as port:
        answer = f"    http-request return status 200 content-type a/b lf-file {form(group.expressions, tmp_path)}\n"
        with haproxy(f"{LIST}{HTTP}frontend f\n    bind {port}\n    option http-buffer-request\n{answer}"):
            seen = [ask((port.host, port.port), content, len(group.expressions)) for content in group.inputs]
    compare(group, "request", seen)


def test_fetches_of_responses(tmp_path: Path) -> None:
    with closing(HeldPort()) as port, closing(socket.create_server(("127.0.0.1", 0))) as origin:

        def serve() -> None:
            for content in RESPONSES.inputs:
                sock, _ = origin.accept()
                with closing(sock):
                    sock.recv(65536)
                    sock.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        # The answer that `return` makes is what its own log format sees, hence variables.
        kept = "".join(f"    http-response set-var(txn.v{i}) {e},concat(!)\n" for i, e in enumerate(RESPONSES.expressions))
        file = tmp_path / "form"
        file.write_text("".join(f"%[var(txn.v{i})]\x02" for i in range(len(RESPONSES.expressions))))
        rules = f"{kept}    http-response return status 200 content-type a/b lf-file {file}"
        server = f"    server s 127.0.0.1:{origin.getsockname()[1]}"
        with haproxy(f"{HTTP}listen f\n    bind {port}\n    http-reuse never\n{rules}\n{server}\n"):
            count = len(RESPONSES.expressions)
            seen = [ask((port.host, port.port), b"GET / HTTP/1.0\r\n\r\n", count) for _ in RESPONSES.inputs]
    compare(RESPONSES, "response", seen)


def test_fetches_of_raw_bytes() -> None:
    with closing(HeldPort()) as port, closing(Syslog()) as log:
        n = len(BYTES.expressions)
        rules = "".join(
            f"    tcp-request content set-var(txn.v{i}) {e},concat(!)\n" for i, e in enumerate(BYTES.expressions)
        )
        line = "\\ ".join(f"<%[var(txn.v{i})]>" for i in range(n))
        seen = []
        config = f"{TCP}frontend f\n    bind {port}\n    log {log} len 8192 local0\n    log-format {line}\n"
        config += "    tcp-request inspect-delay 5s\n"
        config += "    tcp-request content set-var(txn.end) bool(true) if WAIT_END\n"
        with haproxy(f"{config}{rules}    tcp-request content reject\n"):
            for number, content in enumerate(BYTES.inputs, 1):
                with closing(connect((port.host, port.port))) as sock:
                    sock.sendall(content)
                    sock.shutdown(socket.SHUT_WR)
                    poll(lambda wanted=number: len(log.datagrams) >= wanted, "a log line")
                seen.append(re.findall(rb"<([^>]*)>(?= <|\s*$)", log.datagrams[number - 1].split(b": ", 1)[1]))
    compare(BYTES, "bytes_in", [[b"" if value == b"-" else value for value in values] for values in seen])
