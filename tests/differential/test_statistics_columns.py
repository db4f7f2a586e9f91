"""Every column of the statistics after the same traffic, beside haproxy's: answers of all kinds, refusals, retries, redispatches.

Knows which columns tell of the clock and which fastlb does not count yet, and why.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection, Script
from support.poll import poll
from support.proxy import HTTP, Proxy

# They differ from run to run, with haproxy alone as well.
CLOCK = {"lastchg", "lastsess", "rate", "rate_max", "req_rate", "req_rate_max", "conn_rate", "conn_rate_max"}
CLOCK |= {"smax", "scur", "used_conn_cur"}
CLOCK |= {f"{time}time{ending}" for time in "qcrt" for ending in ("", "_max")}

# Column: why fastlb leaves it empty or 0.
UNFILLED = {
    "wrew": "rewrites of headers that fail are not counted: they are answered or passed over as `http-request strict-mode` says",
    "eint": "internal errors are not counted apart",
    "comp_byp": "no limit of compression bypasses it",
    **dict.fromkeys(("cache_lookups", "cache_hits"), "there is no cache"),
    "idle_conn_cur": "the pool is one: all of it is told as safe_conn_cur",
    "need_conn_est": "the pool is bounded by pool-max-conn and pool-purge-delay, it estimates no need",
    **dict.fromkeys(("agg_server_status", "agg_server_check_status", "agg_check_status"), "only the exporter adds them up"),
}

# haproxy: it closes idle connections earlier, by its estimate of the need.
OTHER_NUMBERS = {"srv_icur", "safe_conn_cur"}


def sends(*parts: bytes) -> Script:
    """Reads one request, answers with the bytes and closes."""

    def script(conn: OriginConnection) -> None:
        if conn.read_request() is not None:
            for part in parts:
                conn.send(part)

    return script


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ANSWERS = {
    "ok": (OK,),
    "none": (b"HTTP/1.1 204 No Content\r\n\r\n",),
    "away": (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",),
    "missing": (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",),
    "broken": (b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",),
    "odd": (b"HTTP/1.1 700 Odd\r\ncontent-length: 0\r\n\r\n",),
    "interim": (b"HTTP/1.1 103 Hints\r\n\r\n", OK),
    "empty": (),
    "half": (OK[:20],),
    "junk": (b"garbage\r\n\r\n",),
    "refused": (OK,),
    "renamed": (OK,),
}
RULES = {"refused": "    http-response deny\n", "renamed": "    http-response set-status 404\n"}
OWN = ("denied", "moved", "given", "watched")  # what the frontend answers itself
PATHS = (*ANSWERS, *OWN, "again", "elsewhere", "nobody")


def site(origins: dict[str, Origin], refuses: str) -> str:
    text = f"{HTTP}frontend fe\n    bind fd@fe\n    maxconn 1000\n    http-request deny if {{ path /denied }}\n"
    text += "    http-request redirect location / if { path /moved }\n    http-request return status 200 if { path /given }\n"
    text += "    monitor-uri /watched\n"
    text += "".join(f"    use_backend {name} if {{ path /{name} }}\n" for name in PATHS if name not in OWN)
    for name in ANSWERS:
        options = "weight 10 maxconn 100 maxqueue 7 pool-max-conn 9 cookie c1" if name == "ok" else ""
        cookie = "    cookie SRV insert\n" if name == "ok" else ""
        text += f"backend {name}\n{cookie}{RULES.get(name, '')}    server s1 {origins[name]} {options}\n"
    text += f"    server s2 {refuses} disabled\n    server s3 {refuses} backup\n"
    text += f"backend again\n    option redispatch 1\n    retries 2\n    server s1 {refuses}\n    server s2 {refuses}\n"
    text += f"backend elsewhere\n    balance first\n    option redispatch 1\n    server s1 {refuses}\n"
    return text + f"    server s2 {origins['ok']}\nbackend nobody\n"


Table = dict[tuple[str, str], dict[str, str]]


def counted(proxy: Proxy) -> Table:
    """The statistics when all requests are counted: the last one's end may come after its answer."""
    for path in PATHS:
        proxy.fetch(f"/{path}")

    def quiet() -> Table | None:
        found = proxy.stat()
        return found if found["fe", "FRONTEND"]["scur"] == "0" else None

    return poll(quiet, "all requests to be counted")


@pytest.fixture(scope="module")
def tables() -> Iterator[tuple[Table, Table]]:
    with contextlib.ExitStack() as stack:
        origins = {name: Origin(sends(*parts)) for name, parts in ANSWERS.items()}
        for origin in origins.values():
            stack.callback(origin.close)
        found = []
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            proxy = Proxy(program, site(origins, "127.0.0.1:1"))
            stack.callback(proxy.finish)
            found.append(counted(proxy))
        yield found[0], found[1]


def test_every_column_that_does_not_tell_of_the_clock_is_haproxys(tables: tuple[Table, Table]) -> None:
    reference, tested = tables
    assert list(tested) == list(reference)
    left_out = CLOCK | set(UNFILLED) | OTHER_NUMBERS
    differing = {
        (*key, name): (value, tested[key].get(name))
        for key, row in reference.items()
        for name, value in row.items()
        if name in tested[key] and name not in left_out and value != tested[key][name]
    }
    assert differing == {}


def test_columns_stand_where_haproxys_stand(tables: tuple[Table, Table]) -> None:
    reference, tested = (list(table["fe", "FRONTEND"]) for table in tables)
    own = reference[: reference.index("-")]
    assert tested[: len(own)] == own


def test_columns_that_are_not_counted_are_empty_or_0(tables: tuple[Table, Table]) -> None:
    """When one of them gets a value, its line in UNFILLED goes."""
    found = {name for row in tables[1].values() for name in UNFILLED if row[name] not in ("", "0")}
    assert found == set()
