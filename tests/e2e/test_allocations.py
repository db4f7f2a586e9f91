"""A request allocates nothing: buffers, streams and variables come from pools, rules work in the scratch area of their worker."""

from __future__ import annotations

import os

import pytest

from support.allocations import Allocations
from support.origin import by_request, named, reply
from support.proxy import HTTP
from support.syslog import Syslog

pytestmark = [
    pytest.mark.fastlb_only(reason="about fastlb's worker"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ.get("FASTLB_COMMAND", ""), reason="sanitizers have an allocator of their own"),
]

# Every family of fetches, converters, matches and actions that works on a request or an answer. Not those for which OpenSSL makes
# the state of an algorithm anew for each use, whoever calls it: signatures, and digests that few use.
RULES = """
    stick-table type ip size 1k expire 1m store http_req_rate(10s),gpc0,bytes_in_cnt
    acl static path_beg /static /img
    acl word path_reg ^/[a-z]+/[0-9]+$
    acl robot hdr_sub(user-agent) -i bot crawl
    acl sized path_len gt 3
    acl private src 10.0.0.0/8 127.0.0.0/8
    http-request track-sc0 src
    http-request sc-inc-gpc0(0)
    http-request deny if { sc_http_req_rate(0) gt 100000 }
    http-request set-var(txn.section) path,field(2,/),lower
    http-request set-var(txn.sum) str(7),add(3),mul(txn.sum),and(255)
    http-request set-var(req.digest) url,xxh64(1),hex
    http-request set-var(sess.agent) req.hdr(user-agent),crc32c(1)
    http-request set-var(txn.sha) path,sha1,hex
    http-request set-var(txn.sha) path,sha2(224),hex,sha2(256),hex,sha2(384),hex,sha2(512),hex
    http-request set-var(txn.sha) path,digest(md5),hex,digest(RIPEMD160),hex,digest(sha512),hex
    http-request set-var(txn.mac) path,hmac(sha256,c2VjcmV0),hex,hmac(md5,c2VjcmV0),hex
    http-request set-var(txn.secret) path,aes_gcm_enc(128,MDEyMzQ1Njc4OWFi,MDEyMzQ1Njc4OWFiY2RlZg==,txn.tag)
    http-request set-var(txn.plain) var(txn.secret),aes_gcm_dec(128,MDEyMzQ1Njc4OWFi,MDEyMzQ1Njc4OWFiY2RlZg==,txn.tag)
    http-request set-var(txn.plain) path,aes_cbc_enc(128,MDEyMzQ1Njc4OWFiY2RlZg==,MDEyMzQ1Njc4OWFiY2RlZg==),hex
    http-request set-var(txn.token) req.hdr(x-token),jwt_verify("HS256","secret")
    http-request set-var(txn.capture) path,capture-req(0)
    http-request set-header x-section %[var(txn.section),upper]
    http-request set-header x-changed %[path,regsub([aeiou],_,g)]
    http-request set-header x-mapped %[path,map_beg(MAP,none)]
    http-request set-header x-net %[src,ipmask(24,64)]
    http-request set-header x-date %[date,utime(%Y-%m-%d)]
    http-request set-header x-json %[req.hdr(x-json),json_query('$.a')]
    http-request set-header x-id "%[unique-id] %ci:%cp %[rand(10)]"
    http-request add-header x-word yes if word !robot or sized private
    http-request replace-header accept (.*),(.*) \\2,\\1
    http-request replace-path /static/(.*) /s/\\1 if static
    http-request set-query %[query,url_dec,url_enc] if { query -m found }
    http-request capture req.hdr(host) len 32
    http-request del-header ^x-del -m reg
    http-response set-header x-status %[status]
    http-response set-header x-size %[res.hdr(content-length),add(1)]
    http-response replace-value vary a b
    http-response del-header server
    unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
    log-format '%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %{+Q}r %[var(req.digest)] %hr'
"""
HEADERS = (
    'User-Agent: Mozilla/5.0 (X11; Linux)\r\nAccept: text/html,text/plain\r\nX-Json: {"a": 5}\r\nX-Del-1: a\r\nCookie: a=b\r\n'
)
ROUNDS = 400


def test_request_allocates_nothing(start, origin, tmp_path):
    allocations = Allocations(tmp_path)
    (tmp_path / "map").write_text("/static static\n/a letter\n")
    sink = Syslog()
    server = origin(by_request(lambda request: reply(b"ok", headers=["Vary: a, b", "Server: x"])))
    rules = RULES.replace("MAP", str(tmp_path / "map"))
    proxy = start(
        f"{HTTP}frontend fe\n    bind fd@fe\n    log {sink} local0\n{rules}\n    default_backend b\n"
        f"backend b\n    compression algo gzip\n    server s1 {server}\n",
        env=allocations.environment,
    )
    client = proxy.client()
    targets = ("/static/a.png?x=%41", "/word/12", "/a", "/img/..")

    def ask(rounds: int) -> None:
        for number in range(rounds):
            assert client.request(targets[number % len(targets)], headers=HEADERS).status == 200

    # The pools get what they keep from now on.
    ask(ROUNDS)
    before = {pid: allocations.of(pid) for pid in proxy.children()}
    assert all(before.values()), "the library counts nothing"
    ask(ROUNDS)
    # Control and the worker exchange a message now and then.
    taken = {pid: allocations.of(pid) - count for pid, count in before.items()}
    assert all(count < ROUNDS / 10 for count in taken.values()), taken
    assert len(sink.lines) >= ROUNDS


def test_counter_sees_a_request_that_allocates(start, origin, tmp_path):
    """OpenSSL's newer interface does: without this the test above could not fail."""
    allocations = Allocations(tmp_path)
    rules = "    http-request set-header x-digest %[path,digest(sha3-256),hex]\n"
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n{rules}    server s1 {origin(named('a'))}\n", env=allocations.environment)
    client = proxy.client()
    before = {pid: allocations.of(pid) for pid in proxy.children()}
    for _ in range(ROUNDS):
        client.request()
    assert any(allocations.of(pid) - count >= ROUNDS for pid, count in before.items())
