"""What is logged of connections whose PROXY header, NetScaler's header or TLS handshake never came, or came wrong."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.certificates import self_signed
from support.logline import normal
from support.netscaler import MAGIC
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.proxy_protocol import SIGNATURE
from support.sockets import connect
from support.syslog import Syslog

FORMAT = '"E %ci:%cp %ft %b/%s %ts %tsc %ST %B %fc/%bc {%r} %[fc_err] %[fc_err_str] %[src] %[fe_name] %[be_name]."'
TLS_FORMAT = '"E %ci:%cp %ft %b/%s %ts %ST {%r} %[fc_err] %[fc_err_str] %[ssl_fc_err] %[ssl_fc]."'
SETTINGS = {
    "a line of its own": "option httplog",
    "error-log-format": f"error-log-format {FORMAT}",
    "both": f"option httplog\n    error-log-format {FORMAT}",
    "nothing": "option dontlog-normal",
    "dontlognull": f"error-log-format {FORMAT}\n    option dontlognull",
    "separate errors": "option httplog\n    option log-separate-errors",
    "separate errors with a format": f"error-log-format {FORMAT}\n    option log-separate-errors",
}


@dataclass(frozen=True)
class Failure:
    """Bytes to a frontend, and whether the client closes behind them, or waits."""

    name: str
    to: str
    sent: bytes
    closes: bool = False


PROXY = "PROXY {} 192.0.2.1 192.0.2.2 1111 80\r\n"
FAILURES = [
    Failure("nothing for a PROXY header", "pp", b"", closes=True),
    Failure("no PROXY header in time", "pp", b""),
    Failure("another protocol", "pp", b"GET / HTTP/1.1\r\n\r\n"),
    Failure("an address that is missing", "pp", b"PROXY TCP4 192.0.2.1\r\n\r\n"),
    Failure("an address of the other family", "pp", PROXY.format("TCP6").encode()),
    Failure("an unknown family", "pp", PROXY.format("SCTP").encode()),
    Failure("half a header", "pp", PROXY.format("TCP4")[:20].encode(), closes=True),
    Failure("half a header of version 2", "pp", SIGNATURE + b"\x21\x11\0\x0c\1", closes=True),
    Failure("version 3", "pp", SIGNATURE + b"\x31\x11\0\0"),
    Failure("version 2 without addresses", "pp", SIGNATURE + b"\x21\x11\0\0"),
    Failure("version 2, unknown command", "pp", SIGNATURE + b"\x22\x11\0\0"),
    Failure("nothing for NetScaler's header", "cip", b"", closes=True),
    Failure("no header of NetScaler's in time", "cip", b""),
    Failure("a wrong magic number", "cip", b"GET / HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n"),
    Failure("half a magic number", "cip", MAGIC.to_bytes(4, "big")[:2], closes=True),
]
HANDSHAKES = [
    Failure("plain HTTP", "tls", b"GET / HTTP/1.1\r\n\r\n"),
    Failure("nothing", "tls", b"", closes=True),
    Failure("half a record", "tls", b"\x16\x03\x01\x02\0\1", closes=True),
    Failure("nothing in time", "tls", b""),
    Failure("half a record in time", "tls", b"\x16\x03\x01\x02\0\1"),
    Failure("PROXY header, then plain HTTP", "both", PROXY.format("TCP4").encode() + b"GET / HTTP/1.1\r\n\r\n"),
]


class Site:
    """A program with one frontend for each kind of greeting, and the lines that it has logged."""

    def __init__(self, program: str, setting: str, pem: Path) -> None:
        self.syslog = Syslog()
        binds = {"pp": "accept-proxy", "cip": f"accept-netscaler-cip {MAGIC}", "tls": f"ssl crt {pem}"}
        binds |= {"both": f"accept-proxy ssl crt {pem}", "end": ""}
        text = HTTP.replace("client 10s", "client 200ms")
        for name, words in binds.items():
            text += f"frontend {name}\n    bind fd@{name} {words}\n    log {self.syslog} local0\n"
            text += "    option httplog\n    http-request return status 200\n" if name == "end" else f"    {setting}\n"
        self.proxy = Proxy(program, text)

    def lines_of(self, failure: Failure) -> list[str]:
        """What is logged of it, up to the line of a request that comes behind it."""
        before = len(self.syslog.lines)
        with connect(self.proxy.addresses[failure.to]) as sock:
            sock.sendall(failure.sent)
            if failure.closes:
                with contextlib.suppress(OSError):  # haproxy may have closed at the first half
                    sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(1000):
                    pass
        self.proxy.fetch(f"/{before}", name="end")
        self.syslog.line(f"GET /{before} ")
        found = [normal(line) for line in self.syslog.lines[before:] if "GET /" not in line]
        return [re.sub(r":\d+ (?=pp|cip|tls|both)", ":N ", line) for line in found]

    def close(self) -> None:
        self.proxy.finish()
        self.syslog.close()


def different(sites: tuple[Site, Site], failures: list[Failure]) -> list[str]:
    found = {failure.name: (sites[0].lines_of(failure), sites[1].lines_of(failure)) for failure in failures}
    return [f"{name}: haproxy {haproxy}, fastlb {own}" for name, (haproxy, own) in found.items() if haproxy != own]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed("a.test").write(tmp_path_factory.mktemp("tls") / "a.pem")


@pytest.fixture
def sites(request, pem) -> Iterator[tuple[Site, Site]]:
    with both_programs(lambda program: Site(program, request.param, pem)) as made:
        yield made


@pytest.mark.parametrize("sites", SETTINGS.values(), ids=SETTINGS, indirect=True)
def test_failed_greetings_are_logged_as_haproxy_logs_them(sites):
    assert different(sites, FAILURES) == []


@pytest.mark.parametrize("sites", [text.replace(FORMAT, TLS_FORMAT) for text in SETTINGS.values()], ids=SETTINGS, indirect=True)
def test_failed_handshakes_are_logged_as_haproxy_logs_them(sites):
    assert different(sites, HANDSHAKES) == []
