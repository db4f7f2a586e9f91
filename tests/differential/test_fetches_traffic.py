"""Fetches that tell what traffic has done: queues, PROXY headers, reused connections, a stop, in haproxy and in fastlb."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from support import proxy_protocol
from support.client import Client
from support.origin import Origin, OriginConnection, reply
from support.poll import poll
from support.proxy import HTTP, Proxy

PROGRAMS = ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))
Start = Callable[[str, str], Proxy]


class Gate:
    """An origin that answers `/held...` only once `release` was called; what it got comes back in X-Value."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = 0
        self.origin = Origin(self._serve)

    def _serve(self, conn: OriginConnection) -> None:
        while (request := conn.read_request()) is not None:
            if request.target.startswith("/held"):
                self.waiting += 1
                self.opened.wait(10)
            if not conn.send(reply(headers=[f"X-Value: {value}" for value in request.all("x-value")])):
                return

    def close(self) -> None:
        self.opened.set()
        self.origin.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.close()


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Proxy] = []

    def begin(program: str, config: str) -> Proxy:
        running.append(Proxy(program, HTTP + config))
        return running[-1]

    yield begin
    for proxy in running:
        proxy.finish()


def test_numbers_of_a_queue(gate: Gate, start: Start) -> None:
    shown = (
        "%[queue(b)] %[avg_queue(b)] %[srv_queue(b/s)] %[srv_conn(b/s)] %[srv_conn_free(b/s)] %[be_conn(b)] %[be_conn_free(b)]"
    )
    config = f"""
frontend fe
    bind fd@fe
    default_backend b
frontend watch
    bind fd@watch
    default_backend open
backend b
    server s {gate.origin} maxconn 1 maxqueue 3
    server t {gate.origin} disabled
backend open
    http-request set-header x-value "{shown} %[connslots(b)] %[fe_conn(fe)]"
    server s {gate.origin}
"""
    values = []
    for program in PROGRAMS:
        proxy = start(program, config)
        gate.opened.clear()
        gate.waiting = 0
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(contextlib.closing(proxy.client())) for _ in range(3)]
            for client in clients:
                client.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
            poll(lambda: gate.waiting == 1, "the first request")
            poll(lambda proxy=proxy: proxy.stat()["b", "BACKEND"]["qcur"] == "2", "two in the queue")
            values.append(proxy.fetch("/", name="watch").get("x-value"))
            gate.opened.set()
            assert [client.read_response("GET").status for client in clients] == [200, 200, 200]
    assert values == ["2 2 0 1 0 3 0 3 3", "2 2 0 1 0 3 0 3 3"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_addresses_of_a_proxy_header(program: str, gate: Gate, start: Start) -> None:
    shown = "%[src] %[src_port] %[dst] %[dst_port] %[fc_src] %[fc_dst_port] %[fc_rcvd_proxy] %[src_is_local] %[dst_is_local]"
    config = f"""
listen fe
    bind fd@fe accept-proxy
    http-request set-header x-value "{shown}"
    server s {gate.origin}
"""
    proxy = start(program, config)
    with contextlib.closing(proxy.client()) as client:
        client.send(b"PROXY TCP4 192.0.2.7 127.0.0.2 4711 815\r\n")
        port = proxy.addresses["fe"][1]
        assert client.request().get("x-value") == f"192.0.2.7 4711 127.0.0.2 815 127.0.0.1 {port} 1 0 1"


@pytest.mark.parametrize("program", PROGRAMS)
def test_extensions_of_a_proxy_header(program: str, gate: Gate, start: Start) -> None:
    newer = "" if program == "haproxy" else "|%[fc_pp_tlv(0xE0)]|%[fc_pp_tlv(authority)]|%[fc_pp_tlv(0)]"
    config = f"""
listen fe
    bind fd@fe accept-proxy
    http-request set-header x-value "%[src]|%[fc_pp_authority]|%[fc_pp_unique_id]{newer}"
    server s {gate.origin}
"""
    tlvs = b"\xe0\0\3own" + b"\2\0\1b" + b"\5\0\2id" + b"\2\0\6a.test"
    proxy = start(program, config)
    for extensions, shown in ((tlvs, "a.test|id"), (b"", "|"), (b"\4\0\0", "|")):
        with contextlib.closing(proxy.client()) as client:
            client.send(proxy_protocol.v2("192.0.2.7", "192.0.2.8", 4711, 80, tlvs=extensions))
            more = "" if program == "haproxy" else "|own|a.test|" if extensions is tlvs else "|||"
            assert client.request().get("x-value") == f"192.0.2.7|{shown}{more}"


def test_later_request_of_a_connection(gate: Gate, start: Start) -> None:
    shown = "%[accept_date(us)] %[request_date(us)] %[txn.id32] %[fc.timer.total] %[req.timer.idle]"
    config = f"""
listen fe
    bind fd@fe
    http-reuse always
    http-request set-header x-value "{shown}"
    http-response set-header x-after "%[txn.id32] %[bc_reused]"
    server s {gate.origin}
"""
    proxy = start("fastlb", config)
    with contextlib.closing(proxy.client()) as client:
        threading.Timer(0.05, gate.opened.set).start()
        answers = [client.request("/held"), client.request()]
    first, second = ([int(word) for word in (answer.get("x-value") or "").split()] for answer in answers)
    # haproxy: of a later request both dates are new. Its accept_date is known to the millisecond.
    assert first[0] <= first[1]
    assert first[0] + 40_000 < second[0] <= second[1] + 1000
    assert first[2] != second[2]
    assert [answer.get("x-after") for answer in answers] == [f"{first[2]} 0", f"{second[2]} 1"]
    assert all(0 <= value[4] <= value[3] < 5000 for value in (first, second))


@pytest.mark.parametrize("program", PROGRAMS)
def test_last_final_rule(program: str, gate: Gate, start: Start) -> None:
    config = f"""
frontend fe
    bind fd@fe
    http-request allow if {{ path /allowed }}
    http-response set-header x-after "%[last_rule_line]"
    default_backend b
backend b
    http-request set-header x-value "%[last_rule_line]"
    server s {gate.origin}
"""
    proxy = start(program, config)
    line = next(n for n, text in enumerate(proxy.config_path.read_text().splitlines(), 1) if "allow if" in text)
    allowed, other = proxy.fetch("/allowed"), proxy.fetch("/other")
    assert (allowed.get("x-value"), allowed.get("x-after")) == (str(line), str(line))
    assert (other.get("x-value") or "", other.get("x-after") or "") == ("", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_stopping_shows_a_soft_stop(program: str, gate: Gate, start: Start) -> None:
    config = f"""
listen fe
    bind port@fe
    http-response set-header x-after "%[stopping]"
    server s {gate.origin}
"""
    proxy = start(program, config)
    assert proxy.fetch("/").get("x-after") == "0"
    with contextlib.closing(proxy.client()) as client:
        client.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        poll(lambda: gate.waiting == 1, "the request")
        proxy.process.send_signal(signal.SIGUSR1)
        poll(lambda: _is_refused(proxy), "an end of listening")
        gate.opened.set()
        assert client.read_response("GET").get("x-after") == "1"
    proxy.wait()


def _is_refused(proxy: Proxy) -> bool:
    try:
        Client(proxy.addresses["fe"]).close()
    except OSError:
        return True
    return False
