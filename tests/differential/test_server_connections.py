"""Which connection to which server each request of a client takes, and what is told about them: as haproxy does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from support.certificates import Authority
from support.origin import Origin, OriginConnection, Script, named, reply
from support.programs import PROGRAMS
from support.proxy import HTTP, TCP, Proxy
from support.proxy_protocol import SIGNATURE
from support.secure import SecureClient, client_context
from support.syslog import Syslog

Pair = Callable[[Callable[[str], object]], None]


@pytest.fixture
def same() -> Pair:
    """Asserts that both programs make the same of something."""

    def check(observe: Callable[[str], object]) -> None:
        reference, tested = [observe(program) for program in PROGRAMS]
        assert tested == reference

    return check


def numbered(name: str, numbers: Iterator[int]) -> Script:
    """Answers with its name and the number of the connection; 401 where the path asks for it."""

    def script(conn: OriginConnection) -> None:
        body = f"{name}{next(numbers)}".encode()
        while (request := conn.read_request()) is not None:
            kind = request.start.split()[1].partition("/401/")[2]
            headers = [f"WWW-Authenticate: {kind}"] if kind else []
            conn.send(reply(body, "401 no" if kind else "200 OK", headers))

    return script


PREFERENCES = {
    "plain": "",
    "never": "http-reuse never",
    "prefer": "option prefer-last-server",
    "never-prefer": "http-reuse never\n    option prefer-last-server",
    "always-prefer": "http-reuse always\n    option prefer-last-server",
    "never-1": "http-reuse never\n    max-session-srv-conns 1",
    "never-0": "http-reuse never\n    max-session-srv-conns 0",
    "never-3": "http-reuse never\n    max-session-srv-conns 3",
    "static": "http-reuse never\n    option prefer-last-server\n    balance static-rr",
    "uri": "http-reuse never\n    option prefer-last-server\n    balance uri",
    "leastconn": "http-reuse never\n    option prefer-last-server\n    balance leastconn",
    "no-queue": "http-reuse never\n    option prefer-last-server\n    max-keep-alive-queue 0",
}
PATHS = (
    ["/"] * 12,
    ["/1", "/2", "/401/NTLM", "/4", "/5", "/401/Negotiate", "/7", "/8"],
    ["/1", "/2", "/401/Basic", "/4", "/5", "/6", "/7", "/8"],
)


@pytest.mark.parametrize("paths", PATHS, ids=["plain", "ntlm", "basic"])
def test_connections_of_one_client(same, paths):
    def observe(program: str) -> object:
        origins = [Origin(numbered(name, itertools.count())) for name in "abcd"]
        text = HTTP
        for name, lines in PREFERENCES.items():
            servers = "".join(f"    server {one} {origin}\n" for one, origin in zip("abcd", origins, strict=True))
            text += f"listen {name}\n    bind fd@{name.replace('-', '_')}\n    {lines}\n{servers}"
        proxy = Proxy(program, text)
        try:
            found: dict[str, object] = {}
            for name in PREFERENCES:
                client = proxy.client(name.replace("-", "_"))
                found[name] = [client.request(path).body.decode() for path in paths]
                client.close()
            stat = proxy.stat()
            columns = ("stot", "lbtot", "connect", "reuse")
            return found, {key: [row[column] for column in columns] for key, row in stat.items() if row["type"] == "2"}
        finally:
            proxy.finish()
            for origin in origins:
                origin.close()

    same(observe)


def test_a_server_with_redir_is_what_clients_are_sent_to(same):
    def observe(program: str) -> object:
        origin, log = Origin(named("a")), Syslog()
        proxy = Proxy(
            program,
            f"global\n    log {log} local0\n{HTTP}    log global\n    log-format '%HM %HU %b/%s %ST %B %ts'\n"
            f"listen fe\n    bind fd@fe\n    cookie S insert indirect\n    server a {origin} redir http://x.test cookie c\n"
            f"listen queue\n    bind fd@queue\n    server a {origin} redir http://x.test/pre maxconn 1\n",
        )
        found: list[object] = []
        try:
            for name in ("fe", "queue"):
                for method, target in (
                    ("GET", "/a?b"),
                    ("HEAD", "/x"),
                    ("POST", "/y"),
                    ("GET", "http://h.test/z?q"),
                    ("OPTIONS", "*"),
                    ("GET", "*"),
                ):
                    client = proxy.client(name)
                    client.send(f"{method} {target} HTTP/1.1\r\nHost: h.test\r\nContent-Length: 0\r\n\r\n".encode())
                    answer = client.read_response(method)
                    found.append((answer.start, answer.headers, answer.body, answer.status != 302 or client.is_closed()))
                    client.close()
                    line = log.line(f"{method} {target} {name}/")
                    found.append(line[line.index(f"{method} {target} ") :])
            columns = ("stot", "lbtot", "econ", "hrsp_3xx", "hrsp_2xx", "connect")
            found.append({key: [row[column] for column in columns] for key, row in proxy.stat().items()})
            return found
        finally:
            proxy.finish()
            origin.close()
            log.close()

    same(observe)


def token(host: str, port: int) -> bytes:
    """An RDP cookie that leads to that server."""
    address = int.from_bytes(bytes(map(int, host.split("."))), "little")
    return f"{address}.{int.from_bytes(port.to_bytes(2, 'big'), 'little')}.0000".encode()


def rdp(cookie: bytes) -> bytes:
    line = b"Cookie: " + cookie + b"\r\n"
    x224 = bytes((len(line) + 6, 0xE0)) + b"\0\0\0\0\0" + line
    return b"\x03\x00" + (len(x224) + 4).to_bytes(2, "big") + x224


def test_an_rdp_cookie_leads_to_its_server(same):
    def greets(name: bytes) -> Script:
        def script(conn: OriginConnection) -> None:
            conn.send(name)
            conn.has_more()

        return script

    origins = [Origin(greets(name)) for name in (b"a", b"b", b"c")]
    ports = [origin.port for origin in origins]
    wait = "    tcp-request inspect-delay 5s\n    tcp-request content accept if { req.rdp_cookie_cnt ge 0 } { req.len ge 12 }\n"
    servers = "".join(f"    server {name} {origin}\n" for name, origin in zip("abc", origins, strict=True))
    text = TCP + f"listen fe\n    bind fd@fe\n{wait}    persist rdp-cookie\n    balance source\n{servers}"
    text += f"listen named\n    bind fd@named\n{wait}    persist rdp-cookie(Other)\n    balance source\n{servers}"
    text += f"listen down\n    bind fd@down\n{wait}    persist rdp-cookie\n    balance first\n"
    text += servers.replace(f"server b {origins[1]}", f"server b {origins[1]} disabled")
    cookies = [
        *(b"msts=" + token("127.0.0.1", port) for port in ports),
        *(b"other=" + token("127.0.0.1", port) for port in ports),
        b"msts=" + token("127.0.0.2", ports[0]),
        b"msts=" + token("127.0.0.1", 1),
        *(b"msts=" + value for value in (b"", b"x", b"1", b"1.2", b".", b"..", b"99999999999.1.0000", b"1.99999999999.0000")),
        b"msts=" + token("127.0.0.1", ports[2])[:-5],
        b"msts=" + token("127.0.0.1", ports[2]) + b"x",
        b"mstshash=user",
    ]

    def observe(program: str) -> object:
        proxy = Proxy(program, text)
        found = []
        try:
            for name in ("fe", "named", "down"):
                for cookie in cookies:
                    client = proxy.client(name)
                    client.send(rdp(cookie))
                    found.append((name, cookie, client.read_exact(1)))
                    client.close()
            return found
        finally:
            proxy.finish()

    try:
        same(observe)
    finally:
        for origin in origins:
            origin.close()


OPTIONS = (
    "send-proxy-v2",
    "send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn",
    "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id",
    "send-proxy-v2 proxy-v2-options authority",
    "send-proxy-v2 proxy-v2-options crc32c",
    "send-proxy-v2 proxy-v2-options cert-key",
    "send-proxy-v2 proxy-v2-options unique-id,ssl-cipher",
    "send-proxy proxy-v2-options crc32c,ssl",
)


def keeps_header(headers: list[bytes]) -> Script:
    """Reads the PROXY header that begins a connection, then answers requests."""

    def script(conn: OriginConnection) -> None:
        head = conn.read_exact(16)
        if head.startswith(SIGNATURE):
            headers.append(head + conn.read_exact(int.from_bytes(head[14:16], "big")))
        else:
            while not head.endswith(b"\r\n"):
                head += conn.read_exact(1)
            headers.append(head)
        while conn.read_request() is not None:
            conn.send(reply(b"x"))

    return script


def without_places(header: bytes) -> bytes:
    """Without the client's and our own port, and the checksum that covers them."""
    if not header.startswith(SIGNATURE):
        return header.rstrip(b"\r\n").rstrip(b"0123456789").rstrip().rstrip(b"0123456789")
    at, found = 28, header[:24]
    while at < len(header):
        size = int.from_bytes(header[at + 1 : at + 3], "big")
        found += header[at : at + 3] + (b"crc" if header[at] == 3 else header[at + 3 : at + 3 + size])
        at += 3 + size
    return found


@pytest.mark.parametrize("kind", ["plain", "tls", "client certificate"])
def test_proxy_headers_tell_the_same(same, tmp_path, kind):
    authority = Authority()
    site = authority.issue("site.test", key="rsa").write(tmp_path / "site.pem")
    own = authority.issue("someone", client=True).write(tmp_path / "client.pem")
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    bind = "" if kind == "plain" else f" ssl crt {site} ca-file {tmp_path / 'ca.pem'} verify optional ssl-max-ver TLSv1.2"

    def observe(program: str) -> object:
        headers: list[bytes] = []
        origin = Origin(keeps_header(headers))
        text = HTTP + "    unique-id-format id-%[src]\n"
        for number, options in enumerate(OPTIONS):
            text += f"listen l{number}\n    bind fd@l{number}{bind}\n    server s {origin} {options}\n"
        proxy = Proxy(program, text)
        try:
            for number in range(len(OPTIONS)):
                if kind == "plain":
                    client = proxy.client(f"l{number}")
                else:
                    context = client_context()
                    if kind == "client certificate":
                        context.load_cert_chain(own)
                    client = SecureClient(proxy.addresses[f"l{number}"], "site.test", context)
                assert client.request().status == 200
                client.close()
            assert len(headers) == len(OPTIONS)
            return [(options, without_places(header)) for options, header in zip(OPTIONS, headers, strict=True)]
        finally:
            proxy.finish()
            origin.close()

    same(observe)


def test_a_source_range_and_a_shown_address(same):
    def observe(program: str) -> object:
        origin = Origin(named("a"))
        low = 20000 + origin.port % 20000
        text = HTTP + f"    http-reuse never\nlisten fe\n    bind fd@fe\n    server s {origin} source 127.0.0.2:{low}-{low + 9}\n"
        text += f"listen backend\n    bind fd@backend\n    source 127.0.0.3 interface lo\n    server s {origin}\n"
        text += f"listen client\n    bind fd@client\n    server s {origin} source 127.0.0.4 usesrc 127.0.0.5\n"
        text += f"listen header\n    bind fd@header\n    server s {origin} source 127.0.0.4 usesrc hdr_ip(x-from)\n"
        text += f"listen first\n    bind fd@first\n    server s {origin} source 127.0.0.4 usesrc hdr_ip(x-from,1)\n"
        text += f"listen ip\n    bind fd@ip\n    server s {origin} source 127.0.0.4 usesrc clientip\n"
        proxy = Proxy(program, text)
        try:
            clients = [proxy.client() for _ in range(3)]
            for client in clients:
                assert client.request().status == 200
            ports = [conn.peer[1] for conn in origin.connections]
            origin.forget()
            found: list[object] = [len(set(ports)), [low <= port <= low + 9 for port in ports]]
            for name, headers, source in (
                ("backend", "", ""),
                ("client", "", ""),
                ("header", "X-From: 127.0.0.6\r\n", ""),
                ("header", "X-From: 127.0.0.6, 127.0.0.7\r\n", ""),
                ("header", "X-From: nobody\r\n", ""),
                ("first", "X-From: 127.0.0.6, 127.0.0.7\r\n", ""),
                ("ip", "", "127.0.0.8"),
            ):
                client = proxy.client(name, source)
                status = client.request(headers=headers).status
                found.append((name, headers, status, [conn.peer[0] for conn in origin.connections]))
                client.close()
                origin.forget()
            return found
        finally:
            proxy.finish()
            origin.close()

    same(observe)
