"""The runtime socket against garbage: it answers or closes, and the next client is served; every case repeats by its seed."""

from __future__ import annotations

import random

import pytest

from support.origin import Origin, named
from support.proxy import HTTP, Proxy
from support.sockets import connect
from support.wire import Wire

PLAIN = """
show get set add del clear prepare commit shutdown enable disable map acl var weight server sess table stat info servers
state a.map #0 #1 #99 @0 @1 @4294967295 @-1 be/a be/zz /x be/ key data.gpc0 < << ; ;; proc.x txn.x str(1) fmt %[x %[int(1)]
0x1 0xffffffffffffffff prompt user operator experimental-mode on off severity-output string number addr port 1 -1
99999999999999999999 10% typed json up all
"""
WORDS = [*PLAIN.split(), "\\", "\\;", "\x00", "\xff", "\u00e9"]
SITE = """
frontend fe
    bind fd@fe
    stick-table type string size 10 store gpc0
    http-request set-map(a.map) %[path] %[src]
    http-request set-header x %[path,map(a.map)]
    default_backend be
backend be
    server a {}
"""


def line(rng: random.Random) -> bytes:
    match rng.randrange(4):
        case 0:
            return rng.randbytes(rng.randrange(1, 200))
        case 1:
            return b"x" * rng.choice((16383, 16384, 16385, 40000))
        case _:
            return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 9))).encode("utf-8", "surrogateescape")


@pytest.fixture(scope="module")
def proxy():
    """One program for all seeds; its end says whether it was clean."""
    origin = Origin(named("a"))
    proxy = Proxy("fastlb", (HTTP + SITE).format(origin), threads=2, files={"a.map": "k v\n"})
    try:
        yield proxy
        proxy.finish()
    finally:
        proxy.kill()
        origin.close()


@pytest.mark.parametrize("seed", range(60))
def test_garbage_is_answered_or_closed(proxy, seed):
    rng = random.Random(seed)
    wire = Wire(connect(proxy.runtime_path))
    try:
        wire.send(b"\n".join(line(rng) for _ in range(rng.randrange(1, 12))) + rng.choice((b"\n", b"\n\n", b"")))
        wire.sock.shutdown(1)
        wire.read_to_end()
    except OSError:
        pass  # closed while we were sending: its right
    finally:
        wire.close()
    assert proxy.command("show version").strip()
    assert proxy.fetch().status in (200, 503)
