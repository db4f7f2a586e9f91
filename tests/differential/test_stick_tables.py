"""Stick tables: the same traffic and the same commands give the same values as with haproxy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection, reply
from support.poll import poll
from support.proxy import Proxy

STORE = (
    "store gpc0,gpc1,gpt0,conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,http_fail_cnt,bytes_in_cnt,bytes_out_cnt,"
    "http_req_rate(10m),conn_rate(10m)"
)
SHOWN = "conn_cnt conn_cur sess_cnt http_req_cnt http_err_cnt http_fail_cnt get_gpc0 get_gpt0 kbytes_in http_req_rate trackers"


OF_KEYS = (
    "%[src_conn_cnt] %[src_http_req_cnt(fe)] %[src,table_gpc1(fe)] %[path,table_gpc0(paths)] %[table_cnt(paths)]"
    " %[str(/deny),in_table(paths)]"
)
TEXT = "http-request return status 200 content-type text/plain lf-string"


def shown(counter: int) -> str:
    return " ".join(f"{name}=%[sc_{name}({counter})]" for name in SHOWN.split())


CONFIG = f"""
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    timeout http-request 2s
    retries 0
frontend fe
    bind fd@fe
    stick-table type ip size 1k {STORE}
    tcp-request connection track-sc0 src
    http-request track-sc0 path table paths
    http-request track-sc1 path table paths
    http-request track-sc2 hdr(user) table users
    http-request sc-inc-gpc0(1) if {{ path_beg /gpc }}
    http-request sc-inc-gpc(0,2) if {{ path_beg /gpc }}
    http-request sc-inc-gpc1(0)
    http-request sc-set-gpt0(1) 42 if {{ path /gpt }}
    http-request sc-set-gpt0(1) req.hdr_cnt(user) if {{ path /gpt2 }}
    http-request sc-set-gpt(2,2) 7 if {{ path /gpt }}
    http-request deny if {{ path_beg /deny }}
    http-request return status 404 if {{ path /404 }}
    http-request return status 500 if {{ path /500 }}
    {TEXT} "{shown(0)}|{shown(1)}|{shown(2)}" if {{ path_beg /show }}
    {TEXT} "{OF_KEYS}" if {{ path_beg /src }}
    http-response sc-inc-gpc1(0)
    default_backend be
backend be
    server s1 {{origin}}
backend paths
    stick-table type string len 20 size 1k expire 1h {STORE}
backend users
    stick-table type string size 1k store gpc(3),gpt(3),gpc_rate(2,10m),http_req_cnt,http_fail_cnt,http_err_cnt
"""

# (what the client sends, statuses that come)
STEPS = [
    "GET /show HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /show HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /s404 HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /s503 HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /s501 HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /cut HTTP/1.1\r\nHost: a\r\nUser: x\r\nConnection: close\r\n\r\n",
    "GET /404 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /500 HTTP/1.1\r\nHost: a\r\nUser: y\r\n\r\n",
    "GET /deny HTTP/1.1\r\nHost: a\r\nUser: y\r\n\r\n",
    "BAD\r\n\r\n",
    "",
    "GET /show HTTP/1.1\r\nHost: a\r\nUser: x\r\n\r\n",
    "GET /gpc HTTP/1.1\r\nHost: a\r\nUser: z\r\n\r\n",
    "GET /gpc HTTP/1.1\r\nHost: a\r\nUser: z\r\n\r\n",
    "GET /gpt HTTP/1.1\r\nHost: a\r\nUser: z\r\n\r\n",
    "GET /gpt2 HTTP/1.1\r\nHost: a\r\nUser: z\r\n\r\n",
    "POST /post HTTP/1.1\r\nHost: a\r\nUser: p\r\nContent-Length: 5\r\n\r\nhello",
    "GET /src HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /src/very/long/path/that/is/cut HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /show HTTP/1.1\r\nHost: a\r\nUser: z\r\n\r\n",
]

COMMANDS = [
    "show table",
    "show table fe",
    "show table paths",
    "show table users",
    "show table nope",
    "show table paths data.gpc0 gt 0",
    "show table paths data.gpc0 gt 0 data.gpt0 eq 42",
    "show table paths data.conn_cnt ge 1 data.gpt0 ne 42 data.http_req_cnt lt 5",
    "show table paths key /gpc",
    "show table paths key",
    "show table paths key /nix",
    "show table paths data.foo gt 1",
    "show table paths data.gpc0 xx 1",
    "show table paths data.gpc0 gt",
    "show table paths data.gpc0 gt abc",
    "show table paths data.bytes_in_rate gt 1",
    "show table paths foo",
    "show table users data.gpc gt 1",
    "show table users data.gpc[0] gt 1",
    "show table paths data.gpc0 gt 0 data.gpc0 lt 8 data.gpc0 lt 8 data.gpc0 lt 8 data.gpc0 lt 8",
    "set table paths key /new data.gpc0 5 data.http_req_rate 7",
    "show table paths key /new",
    "set table paths key /new data.conn_cur 3",
    "show table paths key /new",
    "set table",
    "set table paths key",
    "set table paths key /a data.x 1",
    "set table paths key /a data.gpc0",
    "set table paths key /a data.gpc0 abc",
    "set table paths key /a foo 1",
    "set table paths key /a data.bytes_in_rate 1",
    "set table fe key 1.2.3 data.gpc0 1",
    "set table fe key abc data.gpc0 1",
    "set table fe key 10.0.0.1 data.gpc0 -1",
    "show table fe data.conn_cnt eq 0",
    r"set table paths key a\ b=c,\\d data.gpc0 3",
    r"show table paths key a\ b=c,\\d",
    "show table paths data.gpc0 eq 3",
    "clear table",
    "clear table nope",
    "clear table paths foo",
    "clear table paths data.gpc0",
    "clear table paths data.gpc0 gt",
    "clear table paths key /new",
    "clear table paths key /new",
    "show table paths key /new",
    "clear table users data.gpc ge 1",
    "show table users",
    "clear table paths",
    "show table paths",
    # Last, because haproxy empties the table of some commands that it refuses.
    "set table paths",
    "set table paths foo",
    "set table paths data.gpc0 eq 5",
]


def serve(conn: OriginConnection) -> None:
    while (request := conn.read_request()) is not None:
        if request.target == "/cut":
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            return
        found = re.fullmatch(r"/s(\d+)", request.target)
        conn.send(reply(b"ok", f"{found[1]} X") if found else reply(b"ok"))


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, tuple[list[str], dict[str, str]]]]:
    yield {program: told(program) for program in ("haproxy", "fastlb")}


def told(program: str) -> tuple[list[str], dict[str, str]]:
    """What the clients and the operator are told by one program."""
    origin = Origin(serve)
    proxy = Proxy(program, CONFIG.replace("{origin}", str(origin)), runtime_socket=True)
    try:
        # The empty connection that tells whether the program is ready is not counted everywhere.
        proxy.command("clear table fe")
        clients = [exchange(proxy, text) for text in STEPS]
        poll(lambda: "conn_cur=0" in proxy.command("show table fe"), "all connections to end")
        return clients, {f"{number} {text}": normal(proxy.command(text)) for number, text in enumerate(COMMANDS)}
    finally:
        proxy.finish()
        origin.close()


def exchange(proxy: Proxy, text: str) -> str:
    """The status and body that come for it; the connection has left the table when it returns."""
    client = proxy.client()
    client.send(text.encode())
    if "Connection: close" not in text:
        client.half_close()
    data = client.read_to_end()
    client.close()
    poll(lambda: re.search(r"conn_cur=[1-9]", proxy.command("show table fe")) is None, "the connection to end")
    head, _, body = data.partition(b"\r\n\r\n")
    return f"{head[9:12].decode()} {body.decode()}" if b"text/plain" in head else head[9:12].decode()


def normal(text: str) -> str:
    """Without addresses and times."""
    return re.sub(r"^0x[0-9a-f]+", "0x", re.sub(r"exp=[1-9]\d*", "exp=N", text), flags=re.M)


@pytest.mark.parametrize("step", range(len(STEPS)), ids=[text.split(" HTTP")[0] or "nothing" for text in STEPS])
def test_client_is_shown_the_same_values(answers, step):
    expected, seen = answers["haproxy"][0], answers["fastlb"][0]
    assert seen[step] == expected[step]


@pytest.mark.parametrize("command", [f"{number} {text}" for number, text in enumerate(COMMANDS)])
def test_command_has_the_same_answer(answers, command):
    expected, seen = answers["haproxy"][1], answers["fastlb"][1]
    assert seen[command] == expected[command]
