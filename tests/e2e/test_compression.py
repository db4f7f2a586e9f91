"""Compressed answers: every framing and size, slow clients, streams that pause, cuts, counters and limits."""

from __future__ import annotations

import random
import threading
import zlib

import pytest

from support.origin import answers, by_request, reply
from support.poll import poll
from support.proxy import HTTP
from support.wire import Cut

TEXT = b"".join(b"%d: a line that repeats itself\n" % i for i in range(2000))
NOISE = random.Random(7).randbytes(3_000_000)
GZIP = "Accept-Encoding: gzip\r\n"
KINDS = {"gzip": 31, "deflate": 15, "raw-deflate": -15}
BODIES = {"none": b"", "byte": b"x", "text": TEXT, "texts": TEXT * 100, "noise": NOISE, "zeros": bytes(5_000_000)}
CHUNKED_HEAD = reply(b"", headers=["Transfer-Encoding: chunked"], length=False)


def site(server, *lines):
    settings = "".join(f"    {line}\n" for line in lines or ("compression algo gzip",))
    return f"{HTTP}listen fe\n    bind fd@fe\n{settings}    server s1 {server}\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(body, size=7000):
    return CHUNKED_HEAD + b"".join(chunk(body[i : i + size]) for i in range(0, len(body), size)) + b"0\r\n\r\n"


def unpacked(answer, kind="gzip"):
    assert answer.framing == "chunked"
    assert answer.get("content-encoding") == kind.removeprefix("raw-")
    reader = zlib.decompressobj(KINDS[kind])
    body = reader.decompress(answer.body)
    assert reader.eof and not reader.unused_data
    return body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_every_body_arrives_whole_on_one_connection(start, origin, kind, framing):
    frame = chunked if framing == "chunked" else reply
    server = origin(by_request(lambda request: frame(BODIES[request.target[1:]])))
    proxy = start(site(server, f"compression algo {kind}"))
    client = proxy.client()
    for name, body in BODIES.items():
        answer = client.request("/" + name, headers=f"Accept-Encoding: {kind.removeprefix('raw-')}\r\n")
        if body:
            assert unpacked(answer, kind) == body, name
            assert name != "texts" or len(answer.body) < len(body) // 3
        assert client.request("/" + name).body == body, name
    assert len(server.connections) == 1
    client.close()


@pytest.mark.fastlb_only  # slz, which Debian's haproxy uses, makes no valid zlib stream of nothing
@pytest.mark.parametrize("kind", KINDS)
def test_empty_chunked_body_becomes_an_empty_stream(start, origin, kind):
    proxy = start(site(origin(answers(chunked(b""))), f"compression algo {kind}"))
    assert unpacked(proxy.fetch(headers="Accept-Encoding: gzip, deflate\r\n"), kind) == b""


@pytest.mark.parametrize("size", [1, 2, 15, 16, 4095])
def test_tiny_chunks_of_the_origin_become_one_stream(start, origin, size):
    proxy = start(site(origin(answers(chunked(TEXT[:9000], size)))))
    assert unpacked(proxy.fetch(headers=GZIP)) == TEXT[:9000]


def test_pipelined_requests_are_answered_in_order(start, origin):
    proxy = start(site(origin(by_request(lambda request: reply(request.target.encode() * 900)))))
    client = proxy.client()
    for i in range(5):
        client.send(f"GET /{i} HTTP/1.1\r\nHost: a.test\r\n{GZIP if i % 2 else ''}\r\n".encode())
    for i in range(5):
        answer = client.read_response()
        assert (unpacked(answer) if i % 2 else answer.body) == f"/{i}".encode() * 900
    client.close()


@pytest.mark.fastlb_only  # haproxy with slz keeps bytes back
def test_answer_that_pauses_reaches_the_client_as_far_as_it_came(start, origin):
    go_on = threading.Event()

    def script(conn):
        conn.read_request()
        conn.send(CHUNKED_HEAD + chunk(b"first"))
        go_on.wait(10)
        conn.send(chunk(b"second") + b"0\r\n\r\n")
        conn.read_request()

    proxy = start(site(origin(script)))
    client = proxy.client()
    client.send(f"GET / HTTP/1.1\r\nHost: a.test\r\n{GZIP}\r\n".encode())
    head = client.read_response(body=False)
    assert head.get("content-encoding") == "gzip"
    reader = zlib.decompressobj(31)
    seen = b""
    while seen != b"first":
        seen += reader.decompress(client.read_exact(int(client.read_line(), 16)))
        client.read_exact(2)
    go_on.set()
    rest, _ = client.read_chunked()
    assert reader.decompress(rest) == b"second" and reader.eof
    client.close()


def test_client_that_does_not_read_stops_the_server(start, origin):
    sent = [0]
    total = 30_000_000

    def script(conn):
        conn.read_request()
        conn.send(reply(b"", headers=[f"Content-Length: {total}"], length=False))
        while sent[0] < total and conn.send(NOISE[:100_000]):
            sent[0] += 100_000
        conn.read_request()

    proxy = start(site(origin(script)))
    client = proxy.client()
    client.send(f"GET / HTTP/1.1\r\nHost: a.test\r\n{GZIP}\r\n".encode())
    before = [-1]

    def has_stopped():
        seen, before[0] = before[0], sent[0]
        return seen == sent[0] > 0

    poll(has_stopped, "the server to be stopped")
    assert sent[0] < total
    answer = client.read_response()
    assert unpacked(answer) == NOISE[:100_000] * (total // 100_000)
    client.close()


def test_client_that_leaves_frees_the_server(start, origin):
    server = origin(answers(reply(NOISE * 20)))
    proxy = start(site(server))
    client = proxy.client()
    client.send(f"GET / HTTP/1.1\r\nHost: a.test\r\n{GZIP}\r\n".encode())
    client.read_exact(1000)
    client.reset()
    server.wait_closed()
    assert unpacked(proxy.fetch(headers=GZIP)) == NOISE * 20


@pytest.mark.parametrize(
    "raw",
    [
        reply(b"", headers=["Content-Length: 90000"], length=False) + TEXT[:50000],
        CHUNKED_HEAD + chunk(TEXT),
        CHUNKED_HEAD + chunk(TEXT) + b"0\r\nX-T: ",
        CHUNKED_HEAD + chunk(TEXT) + b"zz\r\n",
    ],
    ids=["length", "chunked", "trailers", "malformed"],
)
def test_answer_that_is_cut_or_malformed_is_cut_for_the_client(start, origin, raw):
    def script(conn):
        conn.read_request()
        conn.send(raw)

    proxy = start(site(origin(script)))
    client = proxy.client()
    with pytest.raises(Cut):
        client.request(headers=GZIP)
    client.close()


def test_server_that_falls_silent_is_cut_by_its_timeout(start, origin, syslog):
    def script(conn):
        conn.read_request()
        conn.send(reply(b"", headers=["Content-Length: 90000"], length=False) + TEXT[:5000])
        conn.read_request()

    lines = ("compression algo gzip", "timeout server 200ms", f"log {syslog} local0", "option httplog")
    proxy = start(site(origin(script), *lines))
    client = proxy.client()
    with pytest.raises(Cut):
        client.request(headers=GZIP)
    assert " sD" in syslog.line("sD")
    client.close()


def test_server_that_is_slow_but_steady_is_not_cut(start, origin):
    def script(conn):
        conn.read_request()
        conn.send(reply(b"", headers=["Content-Length: 8"], length=False))
        for _ in range(8):
            threading.Event().wait(0.1)
            conn.send(b"x")
        conn.read_request()

    proxy = start(site(origin(script), "compression algo gzip", "timeout server 400ms"))
    assert unpacked(proxy.fetch(headers=GZIP)) == b"x" * 8


def test_counters_tell_what_went_in_and_out(start, origin):
    proxy = start(site(origin(answers(reply(TEXT)))))
    size = len(proxy.fetch(headers=GZIP).body)
    proxy.fetch()
    for part in ("FRONTEND", "BACKEND"):
        row = poll(lambda part=part: _finished(proxy.stat()["fe", part]), "two requests to be counted")
        assert (row["comp_rsp"], row["comp_in"], row["comp_out"]) == ("1", str(len(TEXT)), str(size))
        assert int(row["bout"]) > 2 * len(TEXT)


def _finished(row):
    return row if row["hrsp_2xx"] == "2" else None


@pytest.mark.fastlb_only  # slz has one level
def test_level_nine_makes_less_than_level_one(start, origin):
    server = origin(answers(reply(TEXT)))
    sizes = [len(start(f"global\n    tune.comp.maxlevel {level}\n{site(server)}").fetch(headers=GZIP).body) for level in (1, 9)]
    assert sizes[1] < sizes[0]


@pytest.mark.fastlb_only  # Debian's haproxy is built with slz, which takes no memory
def test_answers_beyond_maxzlibmem_are_not_compressed(start, origin):
    enough = threading.Event()

    def script(conn):
        conn.read_request()
        conn.send(CHUNKED_HEAD + chunk(b"part"))
        enough.wait(10)
        conn.send(b"0\r\n\r\n")
        conn.read_request()

    proxy = start(f"global\n    maxzlibmem 1\n{site(origin(script))}")
    clients = [proxy.client() for _ in range(6)]
    codings = []
    for client in clients:
        client.send(f"GET / HTTP/1.1\r\nHost: a.test\r\n{GZIP}\r\n".encode())
        codings.append(client.read_response(body=False).get("content-encoding"))
    enough.set()
    assert codings == ["gzip"] * 3 + [None] * 3
    for client in clients:
        client.read_chunked()
        client.close()


@pytest.mark.fastlb_only  # newer than Debian's haproxy
def test_minsize_leaves_short_answers_alone(start, origin):
    lines = ("compression algo-res gzip", "compression minsize-res 1k", "compression direction response", "filter comp-res")
    proxy = start(site(origin(by_request(lambda request: reply(b"x" * int(request.target[1:])))), *lines))
    assert [proxy.fetch(f"/{n}", headers=GZIP).get("content-encoding") for n in (1023, 1024)] == [None, "gzip"]


@pytest.mark.parametrize("kind", [*KINDS, "identity"])
def test_small_buffers_change_nothing(start, origin, kind):
    server = origin(by_request(lambda request: (chunked if request.target == "/c" else reply)(NOISE[:300_000] + TEXT)))
    proxy = start(f"global\n    tune.bufsize 1500\n    tune.maxrewrite 500\n{site(server, f'compression algo {kind}')}")
    for target in ("/l", "/c"):
        answer = proxy.fetch(target, headers=f"Accept-Encoding: {kind.removeprefix('raw-')}\r\n")
        assert (answer.body if kind == "identity" else unpacked(answer, kind)) == NOISE[:300_000] + TEXT


def test_settings_of_defaults_are_added_to(start, origin):
    server = origin(answers(reply(TEXT, headers=["Content-Type: text/x"])))
    defaults = f"{HTTP}    compression algo gzip\n    compression type text/x\n"
    proxy = start(f"{defaults}listen fe\n    bind fd@fe\n    compression algo deflate\n    server s1 {server}\n")
    assert unpacked(proxy.fetch(headers="Accept-Encoding: *\r\n"), "deflate") == TEXT
    assert unpacked(proxy.fetch(headers=GZIP)) == TEXT


@pytest.mark.parametrize("set_at", ["start", "run time"])
def test_what_comes_too_fast_is_not_compressed(start, origin, set_at):
    """`maxcomprate`: answers pass as they are while the last second had more than that, and are compressed again later."""
    glob = "global\n    maxcomprate 1\n" if set_at == "start" else ""
    proxy = start(glob + site(origin(answers(reply(TEXT)))), threads=2)
    if not glob:
        assert unpacked(proxy.fetch(headers=GZIP)) == TEXT
        assert unpacked(proxy.fetch(headers=GZIP)) == TEXT
        proxy.command("set rate-limit http-compression global 1")
    assert proxy.info()["CompressBpsRateLim"] == "1024"

    def is_packed():
        answer = proxy.fetch(headers=GZIP)
        assert (unpacked(answer) if answer.get("content-encoding") else answer.body) == TEXT
        return answer.get("content-encoding") == "gzip"

    poll(is_packed, "an answer that is compressed")
    assert int(proxy.info()["CompressBpsIn"]) > 1024
    poll(lambda: not is_packed(), "one that is not")
    poll(is_packed, "one that is again")
    proxy.command("set rate-limit http-compression global 0")
    assert is_packed() and is_packed()


@pytest.mark.fastlb_only  # slz knows no levels
def test_an_answer_that_comes_too_fast_is_compressed_less_and_less(start, origin):
    body = BODIES["texts"]
    proxy = start(f"global\n    tune.comp.maxlevel 9\n    maxcomprate 1\n{site(origin(answers(reply(body))))}")
    slow = proxy.fetch(headers=GZIP)
    assert unpacked(slow) == body
    proxy.command("set rate-limit http-compression global 0")
    full = proxy.fetch(headers=GZIP)
    assert unpacked(full) == body
    assert len(slow.body) > len(full.body) * 2
