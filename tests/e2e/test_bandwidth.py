"""`filter bwlim-in` and `bwlim-out`: what a period gives, that the rest follows, shared limits, rules that enable them.

A period of an hour makes a limit exact: what it gives at once comes, and nothing more.
"""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from support.origin import answers, by_request, echo, reply
from support.poll import poll
from support.proxy import HTTP, TCP

pytestmark = pytest.mark.fastlb_only("haproxy has it since 2.7")

BODY = os.urandom(60_000)
SITE = HTTP + "frontend fe\n    bind fd@fe\n{rules}\n    default_backend be\nbackend be\n{backend}\n    server s1 {server}\n"


def site(server: object, rules: str = "", backend: str = "", base: str = SITE) -> str:
    return base.format(server=server, rules=rules, backend=backend)


def ask(proxy, target: str = "/", headers: str = ""):
    """A client that has asked, and read the head of its answer."""
    client = proxy.client()
    client.send(f"GET {target} HTTP/1.1\r\nHost: a.test\r\n{headers}\r\n".encode())
    assert b" 200 " in client.read_line()
    while client.read_line():
        pass
    return client


def is_silent(client, seconds: float = 0.2) -> bool:
    """Whether nothing comes for a while, nor an end."""
    return not select.select([client.sock], [], [], seconds)[0]


def held_at(client, size: int) -> bool:
    """Whether exactly `size` bytes of the body come, and then nothing."""
    client.read_exact(size)
    return len(client.received) == client.position and is_silent(client)


@pytest.mark.parametrize("size", [1, 3000, 20_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_answer_stops_at_the_limit_of_its_period(start, origin, size, chunked):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    rules = f"    filter bwlim-out slow default-limit {size} default-period 1h\n    http-request set-bandwidth-limit slow"
    proxy = start(site(origin(answers(raw if chunked else reply(BODY))), rules))
    assert held_at(ask(proxy), size)


def test_answer_comes_whole_over_many_periods(start, origin):
    rules = "    filter bwlim-out slow default-limit 4k default-period 20ms\n    http-response set-bandwidth-limit slow"
    proxy = start(site(origin(answers(reply(BODY))), rules))
    client = proxy.client()
    for _ in range(2):
        assert client.request().body == BODY


def test_request_stops_at_its_limit_and_the_answer_still_passes(start, origin):
    def script(conn):
        conn.read_request_head()
        conn.send(reply(b"seen %d" % len(conn.read_exact(5000))))
        conn.fill()

    rules = "    filter bwlim-in slow default-limit 5000 default-period 1h\n    http-request set-bandwidth-limit slow"
    server = origin(script)
    proxy = start(site(server, rules))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60000\r\n\r\n" + BODY)
    assert client.read_response("POST").body == b"seen 5000"
    assert len(server.connections[0].received) - server.connections[0].position == 0


def test_request_comes_whole_over_many_periods(start, origin):
    rules = "    filter bwlim-in slow default-limit 4k default-period 20ms\n    http-request set-bandwidth-limit slow"
    proxy = start(site(origin(by_request(lambda request: reply(request.body))), rules))
    assert proxy.fetch("/", "POST", body=BODY).body == BODY


def test_slow_transfer_outlives_the_timeouts_of_both_sides(start, origin):
    """A flow that a filter holds waits for neither side, so neither may be told that it is late."""
    short = "    timeout client 150ms\n    timeout server 150ms\n"
    rules = short + "    filter bwlim-out slow default-limit 20k default-period 400ms\n    http-request set-bandwidth-limit slow"
    proxy = start(site(origin(answers(reply(BODY))), rules, short))
    assert proxy.fetch().body == BODY


@pytest.mark.parametrize("way", ["in", "out"])
def test_tcp_in_both_directions(start, origin, way):
    rules = f"    filter bwlim-{way} slow default-limit 7000 default-period 1h\n    tcp-request content set-bandwidth-limit slow"
    proxy = start(site(origin(echo), rules, base=SITE.replace(HTTP, TCP)))
    client = proxy.client()
    client.send(BODY)
    assert held_at(client, 7000)


def test_tcp_comes_whole_and_ends_as_it_should(start, origin):
    rules = (
        "    filter bwlim-in up default-limit 6k default-period 20ms\n"
        "    filter bwlim-out down default-limit 5k default-period 20ms\n"
        "    tcp-request content set-bandwidth-limit up\n    tcp-request content set-bandwidth-limit down"
    )
    proxy = start(site(origin(echo), rules, base=SITE.replace(HTTP, TCP)))
    client = proxy.client()
    client.send(BODY)
    client.half_close()
    assert client.read_to_end() == BODY


def test_rule_of_the_answer_in_tcp_mode(start, origin):
    backend = "    filter bwlim-out slow default-limit 900 default-period 1h\n    tcp-response content set-bandwidth-limit slow"
    proxy = start(site(origin(echo), "", backend, SITE.replace(HTTP, TCP)))
    client = proxy.client()
    client.send(BODY)
    assert held_at(client, 900)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("limit 2000", 2000),
        ("limit int(3000)", 3000),
        ("limit req.hdr(x-limit) period int(3600000)", 1500),
        ("limit req.hdr(x-none)", 10_000),
        ("period 2h", 10_000),
        ("limit 1k if { path /other }", 60_000),
    ],
)
def test_rule_sets_limit_and_period(start, origin, words, size):
    rules = f"    filter bwlim-out slow default-limit 10000 default-period 1h\n    http-request set-bandwidth-limit slow {words}"
    proxy = start(site(origin(answers(reply(BODY))), rules))
    assert held_at(ask(proxy, headers="X-Limit: 1500\r\n"), size)


def test_last_rule_of_a_filter_counts(start, origin):
    """haproxy: each rule begins with the filter's own settings again."""
    rules = (
        "    filter bwlim-out slow default-limit 4000 default-period 1h\n"
        "    http-request set-bandwidth-limit slow limit 1k\n    http-request set-bandwidth-limit slow"
    )
    proxy = start(site(origin(answers(reply(BODY))), rules))
    assert held_at(ask(proxy), 4000)


def test_least_of_several_filters_counts_and_unused_ones_do_not(start, origin):
    rules = (
        "    filter bwlim-out unused default-limit 10 default-period 1h\n"
        "    filter bwlim-out wide default-limit 9000 default-period 1h\n    http-request set-bandwidth-limit wide"
    )
    backend = "    filter bwlim-out narrow default-limit 8000 default-period 1h\n    http-request set-bandwidth-limit narrow"
    proxy = start(site(origin(answers(reply(BODY))), rules, backend))
    assert held_at(ask(proxy), 8000)


SHARED = (
    "    filter bwlim-out all limit 9000 key req.hdr(x-key) {table}\n"
    "    http-request set-bandwidth-limit all if {{ req.hdr(x-key) -m found }}"
)
TABLE = "    stick-table type string size 10 expire 1h store bytes_out_rate(1h)\n"


@pytest.mark.parametrize("table", ["", "table rates"])
def test_streams_of_one_key_share_a_limit(start, origin, table):
    text = site(origin(answers(reply(BODY))), ("" if table else TABLE) + SHARED.format(table=table))
    proxy = start(text + (f"backend rates\n{TABLE}" if table else ""))
    first = ask(proxy, headers="X-Key: a\r\n")
    assert held_at(first, 9000)
    assert held_at(ask(proxy, headers="X-Key: a\r\n"), 0)
    assert held_at(ask(proxy, headers="X-Key: b\r\n"), 9000)
    assert len(ask(proxy).read_exact(len(BODY))) == len(BODY)
    assert "key=a" in proxy.command(f"show table {'rates' if table else 'fe'}")


def test_shared_limit_lets_all_streams_end(start, origin):
    rules = (
        "    stick-table type string size 10 store bytes_out_rate(50ms)\n"
        "    filter bwlim-out all limit 20k key str(x) min-size 2k\n    http-request set-bandwidth-limit all"
    )
    proxy = start(site(origin(answers(reply(BODY))), rules), threads=2)
    clients = [ask(proxy) for _ in range(4)]
    for client in clients:
        assert client.read_exact(len(BODY)) == BODY
    poll(lambda: "use=0" in proxy.command("show table fe"), "entry let go")


@pytest.mark.parametrize("behind", [False, True])
def test_compressed_answer(start, origin, behind):
    """Behind the compression a limit is one of compressed bytes, before it one of the answer's own."""
    lines = ["    filter compression", "    filter bwlim-out slow default-limit 5000 default-period 1h"]
    rules = (
        "\n".join(lines if behind else reversed(lines)) + "\n    compression algo gzip\n    http-request set-bandwidth-limit slow"
    )
    body = b"a" * 300_000
    client = ask(start(site(origin(answers(reply(body))), rules)), headers="Accept-Encoding: gzip\r\n")
    if behind:
        # 300 KB of one letter are some hundred bytes.
        raw = b""
        while not raw.endswith(b"\r\n0\r\n\r\n"):
            raw += client.read_exact(1)
    else:
        while not is_silent(client) and client.fill():
            pass
        assert not client.at_end and not client.received.endswith(b"\r\n0\r\n\r\n")


def test_held_flow_costs_no_turns_of_the_loop(start, origin):
    """The timer wheel wakes a held stream; nothing spins meanwhile."""
    rules = "    filter bwlim-out slow default-limit 1000 default-period 1h\n    http-request set-bandwidth-limit slow"
    proxy = start(site(origin(answers(reply(BODY))), rules))
    clients = [ask(proxy) for _ in range(3)]
    assert all(held_at(client, 1000) for client in clients)

    def ticks() -> int:
        """CPU time of all processes of the program, in the kernel's ticks."""
        pids = [proxy.process.pid, *proxy.children()]
        return sum(int(n) for pid in pids for n in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])

    before, began = ticks(), time.monotonic()
    assert held_at(clients[0], 0) and held_at(clients[1], 0)
    assert ticks() - before < (time.monotonic() - began) * os.sysconf("SC_CLK_TCK") / 2


def test_client_that_leaves_ends_its_held_stream(start, origin, syslog):
    rules = (
        f"    log {syslog.text} local0\n    option httplog\n    filter bwlim-out slow default-limit 1000 default-period 1h\n"
        "    http-request set-bandwidth-limit slow"
    )
    proxy = start(site(origin(answers(reply(BODY))), rules))
    client = ask(proxy)
    assert held_at(client, 1000)
    client.reset()
    poll(lambda: any(" CD-- " in line for line in syslog.lines), "log line of the cut answer")
