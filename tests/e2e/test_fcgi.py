"""FastCGI servers: connections that are kept and closed, TLS and PROXY headers under the records, applications at fault."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from support.certificates import Authority
from support.fcgi import (
    GET_VALUES,
    STDERR,
    STDIN,
    STDOUT,
    Application,
    Request,
    end,
    output,
    read_body,
    read_head,
    read_record,
    record,
    whole,
)  # fmt: skip
from support.origin import Origin, OriginConnection, named
from support.poll import poll
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

APP = "fcgi-app app\n    docroot /srv\n    index index.php\n"
TEXT = b"Content-Type: text/plain\r\n\r\n"


@pytest.fixture
def start() -> Iterator[Callable[..., Proxy]]:
    running: list[Proxy] = []

    def make(server: object, options: str = "", more: str = "", app: str = APP, backend: str = "", **arguments: object) -> Proxy:
        text = HTTP + f"listen fe\n    bind fd@fe\n    use-fcgi-app app\n    http-reuse always\n{backend}"
        text += f"    server s1 {server} proto fcgi {options}\n{more}{app}"
        running.append(Proxy("fastlb", text, **arguments))  # type: ignore[arg-type]
        return running[-1]

    yield make
    for proxy in running:
        proxy.finish()


def echo(request: Request) -> bytes:
    return whole(TEXT + (request.get("REQUEST_URI") or "").encode() + b" " + request.body, request.id)


def test_connection_is_kept_for_the_next_client(start):
    application = Application(echo)
    origin = Origin(application)
    proxy = start(origin)
    for number in range(5):
        assert proxy.fetch(f"/{number}").body == b"/%d " % number
    assert len(origin.connections) == 1
    assert proxy.fetch("/post", "POST", body=b"abc").body == b"/post abc"
    assert proxy.stat()["fe", "s1"]["reuse"] == "5"
    origin.close()


def test_connection_is_closed_where_the_application_was_told_so(start):
    origin = Origin(Application(echo))
    proxy = start(origin, app=APP + "    no option keep-conn\n")
    for number in range(3):
        assert proxy.fetch(f"/{number}").body == b"/%d " % number
    assert len(origin.connections) == 3
    origin.close()


def test_connection_is_not_taken_before_the_request_has_ended(start):
    """END_REQUEST of the first answer comes late: the second request goes over another connection."""
    may_end = threading.Event()

    def script(conn: OriginConnection) -> None:
        while (request := read_head(conn)) is not None:
            read_body(conn, request)
            conn.send(output(b"Content-Length: 2\r\n\r\nok"))
            if request.get("REQUEST_URI") == "/late":
                may_end.wait(15)
            conn.send(record(STDOUT) + end())

    origin = Origin(script)
    proxy = start(origin)
    assert proxy.fetch("/late").body == b"ok"
    assert proxy.fetch("/next").body == b"ok"
    assert len(origin.connections) == 2
    may_end.set()
    poll(lambda: len(origin.connections) == 2 and proxy.fetch("/again").body == b"ok", "an answer")
    origin.close()


def test_values_are_asked_for_once_a_connection(start):
    asked: list[int] = []
    application = Application(echo, {"FCGI_MAX_REQS": "5", "FCGI_MPXS_CONNS": "1"})

    def script(conn: OriginConnection) -> None:
        kind, number, _ = read_record(conn)
        asked.append(kind)
        assert number == 0
        application(conn)

    origin = Origin(script)
    proxy = start(origin, app=APP + "    option get-values\n    option mpxs-conns\n    option max-reqs 5\n")
    assert [proxy.fetch("/a").body, proxy.fetch("/b").body] == [b"/a ", b"/b "]
    assert asked == [GET_VALUES]
    origin.close()


def test_unix_socket(start, tmp_path):
    origin = Origin(Application(echo), path=str(tmp_path / "app.sock"))
    proxy = start(origin)
    assert proxy.fetch("/a", "POST", body=b"x" * 100_000).body == b"/a " + b"x" * 100_000
    origin.close()


def test_proxy_header_stands_before_the_records(start):
    application = Application(echo)
    lines: list[bytes] = []

    def script(conn: OriginConnection) -> None:
        lines.append(conn.read_line())
        application(conn)

    origin = Origin(script)
    proxy = start(origin, "send-proxy")
    assert proxy.fetch("/a").body == b"/a "
    assert lines[0].startswith(b"PROXY TCP4 127.0.0.1 ")
    # One that cannot be sent leaves no connection without its header behind.
    client = proxy.client()
    assert client.request("/%").status == 500
    assert client.request("/b").body == b"/b "
    assert all(line.startswith(b"PROXY TCP4 ") for line in lines)
    client.close()
    origin.close()


def test_tls_under_the_records(start, tmp_path):
    authority = Authority()
    made = authority.issue("app.test")
    (tmp_path / "app.pem").write_bytes(made.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "app.pem")
    application = Application(echo)

    def script(conn: OriginConnection) -> None:
        conn.sock = context.wrap_socket(conn.sock, server_side=True)
        application(conn)

    origin = Origin(script)
    proxy = start(origin, "ssl verify none")
    body = b"0123456789" * 30_000
    assert proxy.fetch("/a", "POST", body=body).body == b"/a " + body
    assert proxy.fetch("/b").body == b"/b "
    assert len(origin.connections) == 1
    origin.close()


def test_upload_waits_for_a_slow_application(start):
    """More than all buffers hold, and the application reads late."""
    go = threading.Event()

    def script(conn: OriginConnection) -> None:
        while (request := read_head(conn)) is not None:
            go.wait(15)
            read_body(conn, request)
            conn.send(whole(TEXT + b"%d" % len(request.body)))

    origin = Origin(script)
    proxy = start(origin)
    client = proxy.client()
    size = 8_000_000
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    sender = threading.Thread(target=client.send, args=(b"x" * size,))
    sender.start()
    origin.wait_connections(1)
    go.set()
    assert client.read_response().body == b"%d" % size
    sender.join()
    client.close()
    origin.close()


def test_answer_waits_for_a_slow_client(start):
    """The client reads nothing until the application can send no more."""
    body = b"0123456789abcdef" * 2_000_000
    stalled = threading.Event()

    def script(conn: OriginConnection) -> None:
        read_body(conn, read_head(conn))
        answer = memoryview(whole(TEXT + body, size=60_000))
        conn.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while answer:
                answer = answer[conn.sock.send(answer) :]
        stalled.set()
        conn.sock.settimeout(None)
        conn.send(answer)
        conn.has_more()

    origin = Origin(script)
    proxy = start(origin)
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    poll(stalled.is_set, "the application to stall")
    assert client.read_response().body == body
    client.close()
    origin.close()


def test_answer_before_the_request_is_complete(start):
    def script(conn: OriginConnection) -> None:
        read_head(conn)
        conn.send(whole(TEXT + b"early"))
        while conn.fill():
            pass

    origin = Origin(script)
    proxy = start(origin)
    client = proxy.client()
    # Larger than the buffer, so that it is sent before it is complete.
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 40000)
    assert client.read_response().body == b"early"
    client.close()
    origin.close()


def test_server_of_another_kind_beside_it(start):
    """Headers that applications do not see are hidden from it as well (manual, section 10.3)."""
    web = Origin(named("web"))
    application = Origin(Application(echo))
    more = f"    server web {web} backup\n"
    proxy = start(application, more=more, app=APP + "    pass-header Keep-Alive\n")
    assert proxy.fetch("/a").body == b"/a "
    proxy.command("disable server fe/s1")
    headers = "Authorization: Basic eDp5\r\nKeep-Alive: 5\r\nProxy: p\r\nX-Other: o\r\n"
    assert proxy.fetch("/b", headers=headers).body == b"web"
    seen = web.requests[0]
    assert seen.target == "/b"
    assert [seen.get(name) for name in ("authorization", "keep-alive", "proxy", "x-other")] == [None, "5", None, "o"]
    web.close()
    application.close()


def test_rules_and_compression_see_an_ordinary_answer(start):
    text = b"a line that repeats itself\n" * 200
    origin = Origin(Application(lambda request: whole(TEXT + text)))
    backend = "    compression algo gzip\n    cookie SRV insert\n"
    backend += "    http-response set-header X-Seen %[status],%[res.hdr(content-type)]\n"
    proxy = start(origin, "cookie one", backend=backend)
    answer = proxy.fetch("/", headers="Accept-Encoding: gzip\r\n")
    assert answer.get("x-seen") == "200,text/plain"
    assert answer.get("content-encoding") == "gzip"
    assert (answer.get("set-cookie") or "").startswith("SRV=one")
    assert len(answer.body) < len(text)
    origin.close()


@pytest.mark.parametrize("size", [100, 3800, 7650])
def test_answer_that_a_rule_waits_for_is_whole(start, size):
    """What was left of the buffer was too small for a chunk: nothing received was taken for the end, and the answer was cut."""
    body = bytes(range(256)) * 400
    origin = Origin(Application(lambda request: whole(TEXT + body, request.id, size)))
    proxy = start(origin, backend="    http-response wait-for-body time 60s\n")
    assert proxy.fetch("/a").body == body
    origin.close()


COMPRESSION = (
    "filter compression\n    compression direction request\n    compression algo-req gzip\n    compression type-req text/plain"
)


@pytest.mark.parametrize("option", ["option http-drop-request-trailers", COMPRESSION])
@pytest.mark.parametrize(
    "message", ["transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n", "content-length: 3\r\n\r\nabc"]
)
def test_request_keeps_its_length(start, option, message):
    """A body that was to lose its trailers was refused with 400, one that was to be compressed waited for its length for ever."""
    application = Application(echo)
    origin = Origin(application)
    proxy = start(origin, backend=f"    {option}\n")
    client = proxy.client()
    client.send(f"POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n{message}".encode())
    assert client.read_response().body == b"/a abc"
    assert application.requests[0].get("CONTENT_LENGTH") == "3"
    assert application.requests[0].get("HTTP_CONTENT_ENCODING") is None
    client.close()
    origin.close()


def test_chunks_that_find_no_room_as_records_are_refused(start):
    """They were cut, and the application waited for the rest until the timeout."""
    origin = Origin(Application(echo))
    value = "%[req.hdr(x)]" * 4
    proxy = start(origin, app=APP + "".join(f"    set-param LONG{i} {value}\n" for i in range(7)))
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 520 + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    for n, status in ((1000, 200), (2430, 400)):
        client = proxy.client()
        client.send(head + b"1\r\na\r\n" * n + b"0\r\n\r\n")
        assert client.read_response().status == status
        client.close()
    origin.close()


def test_junk_is_sent_again_where_retry_on_says_so(start):
    answers = [b"junk that is no record", whole(TEXT + b"second")]

    def script(conn: OriginConnection) -> None:
        while (request := read_head(conn)) is not None:
            read_body(conn, request)
            conn.send(answers.pop(0))

    origin = Origin(script)
    proxy = start(origin, backend="    retry-on junk-response\n")
    assert proxy.fetch("/", "POST", body=b"abc").body == b"second"
    assert len(origin.connections) == 2
    origin.close()


def test_kept_connection_that_the_application_closes(start):
    """The request goes again over a new one, as to any server."""

    def script(conn: OriginConnection) -> None:
        request = read_head(conn)
        assert request is not None
        read_body(conn, request)
        conn.send(whole(TEXT + b"ok"))
        if len(origin.connections) == 1:
            while conn.has_more():
                kind, _, content = read_record(conn)
                if kind == STDIN and not content:
                    return

    origin = Origin(script)
    proxy = start(origin)
    assert [proxy.fetch("/").body for _ in range(3)] == [b"ok"] * 3
    origin.close()


def test_silence_ends_with_timeout_server(start):
    def script(conn: OriginConnection) -> None:
        while conn.fill():
            pass

    origin = Origin(script)
    proxy = start(origin, backend="    timeout server 200ms\n")
    assert proxy.fetch("/").status == 504
    origin.close()


def test_errors_without_end_stop_nobody(start):
    """STDERR floods the proxy while other clients are served; the log has what could be sent."""
    syslog = Syslog()
    stop = threading.Event()
    flood = output(b"e" * 60_000, kind=STDERR) * 8

    def script(conn: OriginConnection) -> None:
        while (request := read_head(conn)) is not None:
            read_body(conn, request)
            while request.get("REQUEST_URI") == "/flood" and not stop.is_set():
                if not conn.send(flood):
                    return
            conn.send(whole(TEXT + b"ok"))

    origin = Origin(script)
    proxy = start(origin, app=APP + f"    log-stderr {syslog} len 2000 local3\n")
    client = proxy.client()
    client.send(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
    line = syslog.line("app[")
    assert line.startswith("<155>")
    for _ in range(20):
        assert proxy.fetch("/other").body == b"ok"
    stop.set()
    assert client.read_response().body == b"ok"
    client.close()
    origin.close()
    syslog.close()


def test_check_is_a_connection_alone(start):
    origin = Origin(Application(echo))
    proxy = start(origin, "check inter 50ms check-proto none")
    poll(lambda: proxy.stat()["fe", "s1"]["check_status"] == "L4OK", "a check")
    assert proxy.fetch("/a").body == b"/a "
    proxy.command("disable health fe/s1")
    origin.close()
