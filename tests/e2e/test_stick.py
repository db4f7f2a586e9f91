"""Stick tables in the traffic: tracking in HTTP and TCP, stickiness across workers."""

from __future__ import annotations

import re

import pytest

from support.origin import by_request, echo, named, reply
from support.poll import poll
from support.proxy import HTTP, TCP


def entry(proxy, table: str, key: str) -> dict[str, str]:
    """The fields of `show table`'s line, {} where the key is not there."""
    found = re.search(rf"key={re.escape(key)} .*", proxy.command(f"show table {table}"))
    return dict(field.split("=", 1) for field in found[0].split()) if found else {}


LIMITED = (
    HTTP
    + """
frontend fe
    bind fd@fe
    stick-table type string size 1k expire 1m store http_req_rate(1m),http_req_cnt
    http-request track-sc0 hdr(user)
    http-request deny deny_status 429 if {{ sc0_http_req_cnt gt 3 }}
    default_backend be
backend be
    server s1 {}
"""
)


@pytest.mark.parametrize("threads", [1, 2])
def test_requests_beyond_the_limit_of_a_key_are_refused_by_every_worker(start, origin, threads):
    proxy = start(LIMITED.format(origin(named("a"))), threads=threads)
    statuses = [proxy.fetch(headers="User: x\r\n").status for _ in range(6)]
    assert statuses == [200, 200, 200, 429, 429, 429]
    assert proxy.fetch(headers="User: y\r\n").status == 200
    assert proxy.fetch().status == 200


def test_tcp_connections_are_counted_and_their_bytes(start, origin):
    proxy = start(
        (
            TCP
            + """
listen fe
    bind fd@fe
    stick-table type ip size 10 store conn_cur,conn_cnt,bytes_in_cnt,bytes_out_cnt,sess_cnt
    tcp-request connection track-sc0 src
    tcp-request content track-sc1 dst_port table ports
    tcp-request connection reject if {{ sc0_conn_cur gt 2 }}
    server s1 {}
backend ports
    stick-table type integer size 10 store conn_cur,bytes_in_cnt
"""
        ).format(origin(echo))
    )
    first, second = proxy.client(), proxy.client()
    for client in (first, second):
        client.send(b"hello")
        assert client.read_exact(5) == b"hello"
    assert entry(proxy, "fe", "127.0.0.1")["conn_cur"] == "2"
    assert proxy.client().is_closed()
    first.close()
    second.close()
    poll(lambda: entry(proxy, "fe", "127.0.0.1")["conn_cur"] == "0", "the connections to end")
    seen = entry(proxy, "fe", "127.0.0.1")
    wanted = {"conn_cnt": "3", "sess_cnt": "2", "bytes_in_cnt": "10", "bytes_out_cnt": "10", "use": "0"}
    assert {name: seen[name] for name in wanted} == wanted


STICKY = (
    HTTP
    + """
frontend fe
    bind fd@fe
    default_backend be
backend be
    balance roundrobin
    stick-table type string len 20 size 1k expire 1m
    stick on hdr(user)
    stick store-response res.hdr(session) if {{ status 200 }}
    stick match hdr(session)
    server s1 {}
    server s2 {}
"""
)


@pytest.mark.parametrize("threads", [1, 2])
def test_key_stays_with_its_server_in_every_worker(start, origin, threads):
    proxy = start(STICKY.format(origin(named("a")), origin(named("b"))), threads=threads)
    homes = {}
    for user in ("u1", "u2", "u3", "u4"):
        homes[user] = proxy.fetch(headers=f"User: {user}\r\n").body
    assert set(homes.values()) == {b"a", b"b"}
    for _ in range(4):
        for user, home in homes.items():
            assert proxy.fetch(headers=f"User: {user}\r\n").body == home
    assert {proxy.fetch().body for _ in range(4)} == {b"a", b"b"}
    assert entry(proxy, "be", "u1")["server_id"] == ("1" if homes["u1"] == b"a" else "2")
    assert entry(proxy, "be", "u1")["server_key"] == ("s1" if homes["u1"] == b"a" else "s2")


def test_key_of_a_server_that_is_down_goes_to_another_one_and_stays_there(start, origin):
    proxy = start(STICKY.format(origin(named("a")), origin(named("b"))))
    home = proxy.fetch(headers="User: u\r\n").body
    name, other = ("s1", b"b") if home == b"a" else ("s2", b"a")
    proxy.command(f"disable server be/{name}")
    assert proxy.fetch(headers="User: u\r\n").body == other
    proxy.command(f"enable server be/{name}")
    assert [proxy.fetch(headers="User: u\r\n").body for _ in range(3)] == [other] * 3


def test_server_of_an_answer_is_remembered_by_the_answers_header(start, origin):
    def with_session(name: str):
        return by_request(lambda request: reply(name.encode(), headers=[f"Session: of-{name}"]))

    proxy = start(STICKY.format(origin(with_session("a")), origin(with_session("b"))))
    home = proxy.fetch().body
    session = f"Session: of-{home.decode()}\r\n"
    assert [proxy.fetch(headers=session).body for _ in range(4)] == [home] * 4


def test_tcp_clients_stick_to_a_server_by_their_address(start, origin):
    def greeting(name: bytes):
        def script(conn):
            conn.send(name)
            conn.read_to_end()

        return script

    proxy = start(
        (
            TCP
            + """
listen fe
    bind fd@fe
    stick-table type ip size 10
    stick on src
    server s1 {}
    server s2 {}
"""
        ).format(origin(greeting(b"a")), origin(greeting(b"b"))),
        threads=2,
    )
    home = proxy.client().read_exact(1)
    assert [proxy.client().read_exact(1) for _ in range(6)] == [home] * 6
