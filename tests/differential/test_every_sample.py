"""Every sample fetch, and every converter of tables and maps, once through haproxy and once through fastlb, with equal values.

The cases come from the tables of the language themselves, so that a new row is compared without a new line here. What needs its
own input has cases of its own (support/fetch_cases, state_cases, converter_cases, hash_cases); here nothing is left out.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from fastlb.config.samples import CONVERTERS, FETCHES
from fastlb.config.samples.row import FetchRow
from fastlb.config.samples.types import Point, Source
from support.client import Client
from support.origin import Origin, by_request, reply
from support.poll import poll
from support.proxy import HTTP, Proxy
from support.syslog import Syslog
from support.wire import Message

STORE = (
    "gpc(4),gpc_rate(4,1h),gpt(4),conn_cnt,conn_cur,conn_rate(1h),sess_cnt,sess_rate(1h),http_req_cnt,http_req_rate(1h),"
    "http_err_cnt,http_err_rate(1h),http_fail_cnt,http_fail_rate(1h),bytes_in_cnt,bytes_in_rate(1h),bytes_out_cnt,"
    "bytes_out_rate(1h),server_id"
)
# What a word of a row's arguments is written as, where the row's name is in none of the lists below.
WORDS = {"int": "0", "str": "x-a", "any": "x", "table": "t", "server": "b/s", "backend": "b", "frontend": "fe", "userlist": "ul"}
WRITTEN = {
    "acl": "of_path", "bin": "6162", "bool": "1", "env": "HOME", "ipv4": "1.2.3.4", "ipv6": "::1", "str": "a", "var": "txn.p",
    "req.payload": "0,2", "res.payload": "0,2", "payload": "0,2", "payload_lv": "0,1", "req.payload_lv": "0,1",
    "res.payload_lv": "0,1", "distcc_param": "DIST", "distcc_body": "DOTI", "rand": "1", "nbsrv": "b",
    "sc_get_gpt": "0,0", "sc_get_gpc": "0,0", "sc_gpc_rate": "0,0", "sc_inc_gpc": "0,0", "sc_clr_gpc": "0,0",
}  # fmt: skip
# Values of the moment, of which only the form is compared.
OF_THE_MOMENT = {
    "date", "date_us", "uuid", "src_port", "fc_src_port", "dst_port", "fc_dst_port", "bc_src_port", "bc_dst_port", "fc_rtt",
    "fc_rttvar", "fe_sess_rate", "be_sess_rate", "srv_sess_rate", "fe_req_rate", "cpu_calls", "cpu_ns_avg", "cpu_ns_tot",
    "lat_ns_avg", "lat_ns_tot",
}  # fmt: skip
# What is sent to be found; "x-a" is what WORDS has for a name.
SENT = "X-A: 1.2.3.4\r\nCookie: x-a=7\r\nAuthorization: Basic Ym9iOnNlY3JldA==\r\n"  # bob:secret
# haproxy: 2.6 counts its own look at the entry as a tracker.
DIFFERENT = {"table_trackers"}
# haproxy: those that look at raw bytes see nothing in HTTP mode; fetch_cases has them in TCP mode.
LAYER_6 = {Source.REQUEST_BUFFER, Source.RESPONSE_BUFFER}


@dataclass(frozen=True)
class SampleCase:
    name: str
    expression: str
    point: Point

    def __str__(self) -> str:
        return self.expression


def arguments(row: FetchRow) -> str:
    if row.name in WRITTEN:
        return f"({WRITTEN[row.name]})"
    words = [
        word for word in row.arguments.split() if not word.endswith("?") or word.startswith(("table", "str", "server", "backend"))
    ]
    words = [word.rstrip("?") for word in words][: 1 + row.arguments.count("int")]
    return f"({','.join(WORDS[word] for word in words)})" if words else ""


def point_of(row: FetchRow) -> Point:
    points = Point(0)
    for source in row.sources:
        points |= source.points
    if Source.BACKEND in row.sources:
        points &= ~Point.REQUEST_HEADERS  # haproxy: not of a frontend's rules
    return next((p for p in (Point.REQUEST_HEADERS, Point.RESPONSE_HEADERS) if p in points), Point.LOG)


def every_case() -> list[SampleCase]:
    found = [
        SampleCase(row.name, row.name + arguments(row), point_of(row))
        for row in FETCHES.values()
        if row.status == "supported" and not row.since and not row.match and not LAYER_6 & set(row.sources)
    ]
    for row in CONVERTERS.values():
        if row.status != "supported" or row.since:
            continue
        if row.name.startswith("table_") or row.name == "in_table":
            inner = "0,t" if row.arguments.startswith("int") else "t"
            found.append(SampleCase(row.name, f"src,{row.name}({inner})", Point.REQUEST_HEADERS))
        elif row.name.startswith("map"):
            form = map_of(row.name)
            found.append(SampleCase(row.name, f"{form.value},{row.name}({{maps}}/{form.file})", Point.REQUEST_HEADERS))
    return found


@dataclass(frozen=True)
class Map:
    """A map file and what is looked up in it."""

    value: str
    file: str
    keys: str


def map_of(name: str) -> Map:
    """For a converter of the map family: keys that its method finds, values that its output can be read from."""
    output = {"int": "42", "ip": "1.2.3.4", "key": "5"}.get(name.split("_")[-1] if name.count("_") > 1 else "", "word")
    method = name.split("_")[1] if "_" in name else "str"
    keys = {"int": "7", "ip": "127.0.0.0/8", "beg": "/abc", "dir": "abc", "dom": "example.com", "end": ".com", "sub": "def"}
    keys |= {"reg": "^/abc", "regm": "^/(abc)", "str": "/abc/def.example.com"}
    value = {"int": "int(7)", "ip": "src"}.get(method, "str(/abc/def.example.com)")
    return Map(value, f"{method}-{output}", f"{keys[method]} {output}\n")


HEAD = (
    HTTP
    + f"""
userlist ul
    user bob insecure-password secret
backend t
    stick-table type ip size 1k expire 1h store {STORE}
frontend fe
    bind fd@fe
    log {{log}} local0
    log-format {{log_format}}
    unique-id-format %ci
    acl of_path path_beg /
    http-request set-var(txn.p) path
    http-request track-sc0 src table t
    http-request track-sc1 str(1.2.3.4) table t
    http-request capture req.hdr(host) len 9
"""
)
TAIL = """
    default_backend b
backend b
    server s {origin} id 9
"""


def configuration(cases: list[SampleCase], maps: Path) -> str:
    """`/N` asks for case N; those of the log stand in one line of it."""
    lines = []
    for number, case in enumerate(cases):
        # haproxy: an address of either family has no bytes to show.
        ending = "" if case.name.endswith("_ip") and case.name.count("_") == 2 else ",hex,concat(.)"
        shown = f"'%[{case.expression.format(maps=maps)}{ending}]'"
        if case.point == Point.REQUEST_HEADERS:
            lines.append(f"    http-request set-header x-v {shown} if {{ path /{number} }}")
        elif case.point == Point.RESPONSE_HEADERS:
            lines.append(f"    http-response set-header x-v {shown} if {{ var(txn.p) -m str /{number} }}")
    logged = " ".join(f"%[{case.expression},hex,concat(.)]" for case in cases if case.point == Point.LOG)
    return HEAD.replace("{log_format}", f"'({logged})'") + "\n".join(lines) + TAIL


def echo_value(request: Message) -> bytes:
    value = request.get("x-v")
    return reply(b"body", headers=["X-A: 5.6.7.8", "Set-Cookie: x-a=8"] + ([f"X-V: {value}"] if value is not None else []))


def values(program: str, cases: list[SampleCase], maps: Path) -> list[str]:
    """What the program shows for each case; the log's come behind the others."""
    origin, sink = Origin(by_request(echo_value)), Syslog()
    text = configuration(cases, maps).replace("{origin}", str(origin)).replace("{log}", str(sink))
    proxy = Proxy(program, text, env={"HOME": "/h"})
    found = []
    try:
        with contextlib.closing(Client(proxy.addresses["fe"])) as client:
            for number, case in enumerate(cases):
                if case.point != Point.LOG:
                    found.append(client.request(f"/{number}?x-a=1.2.3.4&b=c", headers=SENT).get("x-v") or "")
        poll(lambda: len(sink.lines) == len(found), "the log")
        logged = re.search(r"\((.*)\)", sink.lines[-1])
        assert logged, sink.lines[-1]
        found += logged[1].split(" ") if logged[1] else []
    finally:
        proxy.finish()
        origin.close()
        sink.close()
    return found


def test_every_sample_is_haproxys(tmp_path: Path) -> None:
    cases = every_case()
    for case in cases:
        if case.name.startswith("map"):
            form = map_of(case.name)
            (tmp_path / form.file).write_text(form.keys)
    cases.sort(key=lambda case: case.point == Point.LOG)
    theirs, ours = (values(program, cases, tmp_path) for program in ("haproxy", "fastlb"))
    different = [
        f"{case}: haproxy {them!r}, fastlb {us!r}"
        for case, them, us in zip(cases, theirs, ours, strict=True)
        if them != us and case.name not in DIFFERENT and not (case.name in OF_THE_MOMENT and bool(them) == bool(us))
    ]
    assert not different, "\n".join(different)
