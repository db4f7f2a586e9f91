"""What each kind of exchange counts in tracked entries, and what stick rules store: the tables are haproxy's after every step."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection, reply
from support.poll import poll
from support.proxy import Proxy

STORE = (
    "store gpc0,gpc1,gpt0,conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,http_fail_cnt,bytes_in_cnt,bytes_out_cnt,"
    "http_req_rate(10m),conn_rate(10m),sess_rate(10m)"
)
TABLES = ("fe", "tl", "t1", "t2", "t3", "t4", "t5")
CONFIG = f"""
defaults
    mode http
    timeout connect 2s
    timeout client 1s
    timeout server 300ms
    timeout http-request 300ms
    timeout tarpit 10ms
    retries 0
frontend fe
    bind fd@fe
    bind fd@fp accept-proxy
    stick-table type ip size 1k {STORE}
    tcp-request connection track-sc1 src table t3
    tcp-request session track-sc0 src
    tcp-request session reject if {{ src 1.2.3.9 }}
    tcp-request content track-sc2 path table t1
    http-request track-sc2 path table t2
    http-request tarpit if {{ path /tarpit }}
    http-request auth if {{ path /auth }}
    http-request redirect location /x if {{ path /redir }}
    http-request reject if {{ path /reject }}
    http-response track-sc2 res.hdr(x) table t3
    http-response sc-inc-gpc0
    http-response deny if {{ status 418 }}
    use_backend nosrv if {{ path /nosrv }}
    use_backend dead if {{ path /dead }}
    use_backend bt if {{ path_beg /bt }}
    default_backend be
backend be
    server s1 {{origin}}
backend bt
    tcp-request content track-sc1 str(bt) table t4
    http-request track-sc2 str(bth) table t4
    stick on path table t5
    stick store-response res.hdr(x) table t5
    server s1 {{origin}} id 7
backend nosrv
backend dead
    stick on path table t5
    server s1 127.0.0.1:1
listen tl
    mode tcp
    bind fd@tcp
    stick-table type ip size 1k {STORE}
    tcp-request inspect-delay 100ms
    tcp-request content track-sc0 req.payload(0,4) table t1 if {{ req.len ge 4 }}
    tcp-request content track-sc1 src
    tcp-request content sc-inc-gpc0(1)
    tcp-response content sc-inc-gpc1(1)
    tcp-request content reject if {{ req.payload(0,3) -m str BAD }}
    server s1 {{greeter}}
""" + "".join(f"backend t{i}\n    stick-table type string size 1k {STORE if i != 5 else ''}\n" for i in range(1, 6))


BROKEN = {
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Le",
    "/bodycut": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    "/garbage": b"garbage\r\n\r\n",
}


def get(target: str) -> str:
    """Where the server breaks off, a client that has half-closed could be blamed for it."""
    end = "Connection: close\r\n" if target in BROKEN else ""
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n{end}\r\n"


TARGETS = (
    *("/a", "/tarpit", "/auth", "/redir", "/reject", "/nosrv", "/dead", "/bt1", "/bt2"),
    *("/s404", "/s418", "/s500", "/slow", "/cut", "/bodycut", "/garbage"),
)
# name: (listener, what the client sends)
STEPS = {
    **{
        target: ("fe", get(target))
        for target in TARGETS
    },
    "three requests": ("fe", get("/k1") + get("/k2") + get("/s404")),
    "late": ("fe", "GET /part HTTP/1.1\r\nHo"),
    "chunked": ("fe", "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    "bad header": ("fe", "GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n"),
    "two hosts": ("fe", "GET /two HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "PROXY header": ("fp", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get("/pp")),
    "refused session": ("fp", "PROXY TCP4 1.2.3.9 5.6.7.8 1 2\r\n" + get("/pp")),
    "tcp": ("tcp", "hello"),
    "tcp, short": ("tcp", "hi"),
    "tcp, refused": ("tcp", "BADxxx"),
}


def serve(conn: OriginConnection) -> None:
    while (request := conn.read_request()) is not None:
        if request.target == "/slow":
            conn.read_to_end()
            return
        if request.target in BROKEN:
            conn.send(BROKEN[request.target])
            return
        status = f"{request.target[2:]} X" if request.target.startswith("/s") else "200 OK"
        conn.send(reply(b"ok", status, [f"X: v{request.target}"]))


def greet(conn: OriginConnection) -> None:
    conn.send(b"hi")
    conn.read_to_end()


@pytest.fixture(scope="module")
def tables() -> Iterator[dict[str, dict[str, str]]]:
    yield {program: counted(program) for program in ("haproxy", "fastlb")}


def counted(program: str) -> dict[str, str]:
    """All tables after each step."""
    origin, greeter = Origin(serve), Origin(greet)
    proxy = Proxy(program, CONFIG.replace("{origin}", str(origin)).replace("{greeter}", str(greeter)))
    try:
        emptied(proxy)
        return {name: step(proxy, *words) for name, words in STEPS.items()}
    finally:
        proxy.finish()
        origin.close()
        greeter.close()


def step(proxy: Proxy, listener: str, text: str) -> str:
    client = proxy.client(listener)
    client.send(text.encode())
    for _ in range(text.count("GET /k")):
        client.read_response()  # of a client that half-closes haproxy may answer the first request only
    if "/part" not in text and "Connection: close" not in text:
        with contextlib.suppress(OSError):  # it may have been closed already
            client.half_close()
    client.read_to_end()
    client.close()
    return emptied(proxy)


def emptied(proxy: Proxy) -> str:
    """What all tables hold once nothing is tracked any more; they are cleared, but for the one that stick rules fill."""
    poll(lambda: not any(re.search(r"use=[1-9]", proxy.command(f"show table {name}")) for name in TABLES), "everything to end")
    shown = ""
    for name in TABLES:
        lines = proxy.command(f"show table {name}").split("\n")
        shown += "\n".join(sorted(re.sub(r"^0x[0-9a-f]+", "0x", line) for line in lines)) + "\n"
        if name != "t5":
            proxy.command(f"clear table {name}")
    return shown


@pytest.mark.parametrize("name", STEPS)
def test_tables_hold_what_haproxy_counts(tables, name):
    assert tables["fastlb"][name] == tables["haproxy"][name]
