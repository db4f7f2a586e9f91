"""Statistics: columns, forms, what may be seen, authentication, and a page that no name can break."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import csv
import html.parser
import io
import json
import os
import socket
from typing import Any

import pytest

from fastlb.config import model
from fastlb.control import ports
from fastlb.control.hub import Control
from fastlb.control.stats import rows
from fastlb.control.stats.answer import Answer, Query, answer, is_authorized
from fastlb.control.stats.csv import csv_text, json_text, typed_text
from fastlb.control.stats.fields import FIELDS
from fastlb.control.stats.page import duration, grouped
from fastlb.control.stats.service import StatsService

from .conftest import Rig, backend, frontend, server
from .double import ServerState, WorkerState

# HAProxy 2.6's first 84 columns.
COLUMNS = """
pxname svname qcur qmax scur smax slim stot bin bout dreq dresp ereq econ eresp wretr wredis status weight act bck
chkfail chkdown lastchg downtime qlimit pid iid sid throttle lbtot tracked type rate rate_lim rate_max check_status
check_code check_duration hrsp_1xx hrsp_2xx hrsp_3xx hrsp_4xx hrsp_5xx hrsp_other hanafail req_rate req_rate_max
req_tot cli_abrt srv_abrt comp_in comp_out comp_byp comp_rsp lastsess last_chk last_agt qtime ctime rtime ttime
agent_status agent_code agent_duration check_desc agent_desc check_rise check_fall check_health agent_rise
agent_fall agent_health addr cookie mode algo conn_rate conn_rate_max conn_tot intercepted dcon dses wrew
""".split()  # noqa: SIM905

# HAProxy 2.6 on a configuration like the rig's, before any traffic: lines cut after column 84.
HAPROXY_LINES = (
    "fe,FRONTEND,,,0,0,2000,0,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,0,0,0,,,,0,0,0,0,0,0,,0,0,0,,,0,0,0,0,,,,,,,,,,"
    ",,,,,,,,,,,http,,0,0,0,0,0,0,0,"
    "\n"
    "tcp,FRONTEND,,,0,0,2000,0,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,3,0,,,,0,0,0,0,,,,,,,,,,,0,0,0,,,0,0,0,0,,,,,,,,,,,,,,,"
    ",,,,,,tcp,,0,0,0,,0,0,0,"
    "\n"
    "be,x1,0,0,0,0,7,0,0,0,,0,,0,0,0,0,no check,10,1,0,,,0,,3,1,4,1,,0,,2,0,,0,,,,0,0,0,0,0,0,,,,0,0,0,,,,,-1,,,0,0"
    ",0,0,,,,,,,,,,,,127.0.0.1:81,,http,,,,,,,,0,"
    "\n"
    "be,s4,0,0,0,0,,0,0,0,,0,,0,0,0,0,MAINT,1,1,0,,,0,,,1,4,2,,0,,2,0,,0,,,,0,0,0,0,0,0,,,,0,0,0,,,,,-1,,,0,0,0,0,,"
    ",,,,,,,,,,127.0.0.1:82,,http,,,,,,,,0,"
    "\n"
    "be,BACKEND,0,0,0,0,200,0,0,0,0,0,,0,0,0,0,UP,10,1,0,,0,0,0,,1,4,0,,0,,1,0,,0,,,,0,0,0,0,0,0,,,,0,0,0,0,0,0,0,-"
    "1,,,0,0,0,0,,,,,,,,,,,,,,http,roundrobin,,,,,,,0,"
    "\n"
).splitlines()


def rig_of(**settings: Any) -> Rig:
    return Rig(
        frontend("fe", maxconn=2000, default_backend="be"),
        frontend("tcp", mode="tcp", maxconn=2000),
        backend("be", server("x1", 81, weight=10, maxconn=7, maxqueue=3), server("s4", 82, disabled=True)),
        **settings,
    )


def with_control(rig: Rig, use: Any) -> Any:
    async def run() -> Any:
        found = use(rig.build())
        return await found if asyncio.iscoroutine(found) else found

    return asyncio.run(run())


def test_first_columns_are_haproxys() -> None:
    assert [field.name for field in FIELDS[:84]] == COLUMNS
    assert len({field.name for field in FIELDS}) == len(FIELDS) == 119


def test_rows_are_haproxys_to_the_byte() -> None:
    text = with_control(rig_of(), lambda control: csv_text(rows.rows(control, rows.Filter())))
    lines = [",".join(line.split(",")[:84]) + "," for line in text.splitlines()[1:]]
    assert lines == HAPROXY_LINES


def test_every_line_has_every_column() -> None:
    text = with_control(rig_of(), lambda control: csv_text(rows.rows(control, rows.Filter())))
    assert {len(row) for row in csv.reader(io.StringIO(text))} == {120}


def test_value_that_could_be_read_as_several_is_quoted() -> None:
    line = csv_text([{"pxname": "a", "last_chk": 'x,"y"\nz'}]).splitlines()[1]
    assert next(csv.reader(io.StringIO(line)))[56] == 'x,"y" z'


def test_typed_and_json_tell_the_same_values() -> None:
    def both(control: Control) -> tuple[str, str]:
        found = list(rows.rows(control, rows.Filter()))
        return typed_text(found), json_text(found)

    typed, as_json = with_control(rig_of(), both)
    assert "S.4.1.18.weight.1:MaP:u32:10\n" in typed
    assert "B.4.0.19.act.1:MGP:u32:1\n" in typed
    told = [str(value["value"]["value"]) for row in json.loads(as_json) for value in row]
    assert told == [line.split(":", 3)[3] for line in typed.splitlines()]


def test_filters() -> None:
    def names(control: Control, **wanted: Any) -> list[str]:
        return [f"{row['pxname']}/{row['svname']}" for row in rows.rows(control, rows.Filter(**wanted))]

    rig = rig_of()
    assert with_control(rig, lambda c: names(c, proxy_id=4, types=4)) == ["be/x1", "be/s4"]
    assert with_control(rig, lambda c: names(c, types=4, sid=2)) == ["be/s4"]
    assert with_control(rig, lambda c: names(c, types=1)) == ["fe/FRONTEND", "tcp/FRONTEND"]
    assert with_control(rig, lambda c: names(c, types=2)) == ["be/BACKEND"]
    assert with_control(rig, lambda c: names(c, types=4, hides_maint=True)) == ["be/x1"]


def test_listeners_have_rows_with_socket_stats() -> None:
    rig = Rig(frontend("fe", options={"socket-stats"}))
    found = with_control(rig, lambda c: list(rows.rows(c, rows.Filter())))
    assert [(row["svname"], row.get("addr")) for row in found] == [("FRONTEND", None), ("sock-1", "127.0.0.1:8080")]


@pytest.mark.parametrize(
    ("changes", "is_checked", "word"),
    [
        ({}, True, "UP"),
        ({"health": 3}, True, "UP 2/3"),
        ({"health": 2}, True, "UP 1/3"),
        ({"health": 0, "state": 0}, True, "DOWN"),
        ({"health": 1, "state": 0}, True, "DOWN 1/2"),
        ({"health": 0, "state": 0}, False, "DOWN"),
        ({"health": 2}, False, "no check"),
        ({"state": 3}, True, "NOLB"),
        ({"state": 3, "admin": ports.ADMIN_FDRAIN}, True, "NOLB"),
        ({"state": 3, "health": 3}, True, "NOLB 2/3"),
        ({"admin": ports.ADMIN_FDRAIN}, True, "DRAIN"),
        ({"admin": ports.ADMIN_IDRAIN, "health": 2}, True, "DRAIN 1/3"),
        ({"admin": ports.ADMIN_FDRAIN, "state": 0, "health": 0}, True, "DOWN"),
        ({"admin": ports.ADMIN_FMAINT, "state": 0}, True, "MAINT"),
        ({"admin": ports.ADMIN_RMAINT, "state": 0}, True, "MAINT (resolution)"),
    ],
)
def test_status_words(changes: dict[str, int], is_checked: bool, word: str) -> None:
    state = ServerState(2, 3, 1, 1, 16, 0, b"", health=4)
    for name, value in changes.items():
        setattr(state, name, value)
    assert rows.status_text(state, is_checked) == word


def test_running_check_has_a_star_and_maintenance_hides_its_result() -> None:
    rig = Rig(backend("be", server("s", check=True)))
    state = rig.arena.servers[0]
    state.check_status, state.check_code = 15, 200

    def columns(flags: int) -> tuple[object, object]:
        state.check_flags = flags
        row = with_control(rig, lambda c: next(rows.rows(c, rows.Filter())))
        return row.get("check_status"), row.get("check_code")

    assert columns(ports.CHECK_CONFIGURED | ports.CHECK_ENABLED) == ("L7OK", 200)
    assert columns(ports.CHECK_CONFIGURED | ports.CHECK_ENABLED | ports.CHECK_INPROGRESS) == ("* L7OK", 200)
    assert columns(ports.CHECK_CONFIGURED | ports.CHECK_ENABLED | ports.CHECK_PAUSED) == (None, None)


# -- the service


def page_rig(**settings: Any) -> Rig:
    stats = model.Stats(uri="/st", **settings)
    return Rig(
        backend("stats", kind="listen", stats=stats),
        backend("<b>&\"'", server("<script>alert(1)</script>", check=True), description="</h2><i>"),
    )


def get(rig: Rig, target: str = "/st", method: str = "GET", **headers: str) -> Answer:
    query = Query(method, target, {"x-fastlb-proxy": "0", **headers})
    return with_control(rig, lambda control: answer(control, query))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_page_asks_for_a_password() -> None:
    rig = page_rig(users=[("admin", "secret"), ("other", "pa:ss")], realm='my "realm"')
    refused = get(rig)
    assert (refused.status, refused.reason) == (401, "Unauthorized")
    assert refused.headers[-1] == ("www-authenticate", 'Basic realm="my \\"realm\\""')
    assert len(refused.body) == 112
    for wrong in ("admin:secre", "admin:", "admin", ":secret", "other:pa"):
        assert get(rig, authorization=basic(wrong)).status == 401
    assert get(rig, authorization=basic("admin:secret")).status == 200
    assert get(rig, authorization=basic("other:pa:ss")).status == 200


@pytest.mark.parametrize("text", ["", "Basic", "Basic ", "Basic !!!", "Bearer YTpi", "basic\tYTpi", "Basic YTpi YTpi"])
def test_credentials_that_make_no_sense_are_refused(text: str) -> None:
    assert not is_authorized([("a", "b")], text)


def test_scheme_of_credentials_has_no_case() -> None:
    assert is_authorized([("a", "b")], "bAsIc YTpi")


@pytest.mark.parametrize(
    ("target", "kind", "refresh"),
    [
        ("/st", "text/html", None),
        ("/st;norefresh", "text/html", None),
        ("/st;csv", "text/plain", "10"),
        ("/st;csv;norefresh", "text/plain", None),
        ("/st?x;csv", "text/plain", "10"),
        ("/st;json", "application/json", "10"),
        ("/st;up;no-maint", "text/html", None),
    ],
)
def test_form_and_refresh_follow_the_uri(target: str, kind: str, refresh: str | None) -> None:
    found = get(page_rig(refresh_s=10), target)
    headers = dict(found.headers)
    assert (found.status, headers["content-type"], headers["cache-control"]) == (200, kind, "no-cache")
    assert headers.get("refresh") == refresh


def test_a_form_is_sent_back_and_other_methods_find_nothing() -> None:
    posted = get(page_rig(), method="POST")
    assert (posted.status, dict(posted.headers)["location"]) == (303, "/st;st=DENY")
    assert get(page_rig(), method="PUT").status == 503


def test_scope_hides_other_proxies() -> None:
    assert b"<h2><a href" in get(page_rig()).body
    own = get(page_rig(scopes=["."]), "/st;csv").body.decode()
    assert {line.split(",")[0] for line in own.splitlines()[1:]} == {"stats"}


class _Tags(html.parser.HTMLParser):
    """Fails on tags that are not closed in order; collects all start tags."""

    VOID = frozenset(("meta", "link", "br", "input"))
    ATTRIBUTES = frozenset(
        ("href", "class", "id", "title", "colspan", "rowspan", "scope", "lang", "rel", "charset", "name", "content")
    ) | frozenset(
        (
            *("data-refresh", "data-lead", "http-equiv", "method", "action", "value", "size"),
            *("maxlength", "hidden", "type", "aria-label", "role"),
        )
    )

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        assert {name for name, _ in attrs} <= self.ATTRIBUTES, attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("target", ["/st", "/st;up", "/st;norefresh", "/st;<script>;\"onload='x"])
def test_page_is_well_formed_whatever_names_say(target: str) -> None:
    rig = page_rig(refresh_s=5, show_version=True)
    rig.arena.servers[0].check_desc = "</td><script>"
    rig.arena.servers[0].check_flags = ports.CHECK_CONFIGURED | ports.CHECK_ENABLED
    text = get(rig, target).body.decode()
    tags = _Tags()
    tags.feed(text)
    assert not tags.open
    assert tags.seen.count("script") == 1
    assert "&lt;script&gt;alert(1)" in text


def test_version_is_hidden_unless_asked_for() -> None:
    assert "fastlb0" not in get(page_rig()).body.decode()
    assert "fastlb0" in get(page_rig(show_version=True)).body.decode()


def test_secrets_are_never_on_the_page() -> None:
    rig = page_rig(users=[("admin", "s3cr3t-pw")])
    assert b"s3cr3t" not in get(rig, authorization=basic("admin:s3cr3t-pw")).body


def test_durations_and_numbers_read_well() -> None:
    assert [duration(seconds) for seconds in (0, 59, 60, 3661, 90000, 86400)] == ["0s", "59s", "1m", "1h1m", "1d1h", "1d"]
    assert grouped(1234567) == "1\u202f234\u202f567"


async def talk(control: Control, rig: Rig, raw: bytes, pid: int) -> bytes:
    rig.arena.worker_states = [WorkerState(pid=pid)]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen(4)
    service = StatsService(control, listener)
    await service.start()
    reader, writer = await asyncio.open_unix_connection(listener.getsockname())
    writer.write(raw)
    writer.write_eof()
    received = b""
    with contextlib.suppress(ConnectionResetError):
        received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await service.stop()
    return received


REQUEST = b"GET /st;csv HTTP/1.1\r\nhost: a\r\nx-fastlb-proxy: 0\r\n\r\n"


def test_service_keeps_connections_and_answers_pipelined_requests_in_order() -> None:
    rig = page_rig()
    head = REQUEST.replace(b"GET", b"HEAD")
    received = with_control(rig, lambda control: talk(control, rig, REQUEST + head + REQUEST, os.getpid()))
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert received.count(b"# pxname") == 2
    assert received.count(b"content-length: ") == 3


def test_service_closes_when_asked() -> None:
    rig = page_rig()
    asked = REQUEST.replace(b"host: a", b"connection: close")
    received = with_control(rig, lambda control: talk(control, rig, asked + REQUEST, os.getpid()))
    assert received.count(b"HTTP/1.1 200 OK") == 1
    assert b"connection: close\r\n" in received


def test_service_answers_workers_only() -> None:
    rig = page_rig()
    assert with_control(rig, lambda control: talk(control, rig, REQUEST, os.getpid() + 1)) == b""


@pytest.mark.parametrize("proxy", ["", "1", "99", "-1", "x"])
def test_request_for_a_proxy_without_statistics_is_refused(proxy: str) -> None:
    query = Query("GET", "/st", {"x-fastlb-proxy": proxy})
    assert with_control(page_rig(), lambda control: answer(control, query)).status == 503


def test_averages_are_rounded_up_over_the_last_1024_requests() -> None:
    rig = rig_of()
    server_counters = rig.arena.counters("server", 0)
    server_counters.cum_lbconn, server_counters.total_ms, server_counters.connect_ms = 3, 10, 3
    backend_counters = rig.arena.counters("backend", 2)
    backend_counters.cum_lbconn, backend_counters.total_ms = 5000, 1025
    found = with_control(rig, lambda control: list(rows.rows(control, rows.Filter(types=6, proxy_id=4))))
    assert [(row["ttime"], row["ctime"]) for row in found] == [(4, 1), (0, 0), (2, 0)]
