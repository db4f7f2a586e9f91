"""Custom formats, captures and unique ids as an administrator sees them, one theme a test."""

from __future__ import annotations

import json
import re

import pytest

from support.logline import parse
from support.origin import answers, named, reply
from support.proxy import HTTP
from support.sockets import listener

ID = "unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid"


def site(target: str, server: object, *lines: str, glob: str = "", bind: str = "fd@fe") -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return (
        f"global\n    log {target}\n{glob}{HTTP}    log global\nfrontend fe\n    bind {bind}\n    default_backend be\n{text}"
        f"backend be\n    server s1 {server}\n"
    )


def test_format_takes_the_place_of_the_fixed_line(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), "option httplog", 'log-format "%ci %HM %HP=%ST %b/%s"'))
    proxy.fetch("/x?y")
    assert parse(syslog.line("GET")).message == "127.0.0.1 GET /x=200 be/s1"


def test_the_last_of_format_and_option_counts(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), 'log-format "%ci"', "option httplog"))
    proxy.fetch("/x")
    assert parse(syslog.line("GET"))["request"] == "GET /x HTTP/1.1"


@pytest.mark.fastlb_only  # haproxy: 2.6 sends each line of these two frontends twice
def test_format_of_defaults_holds_for_each_frontend(start, origin, syslog):
    config = site(f"{syslog} local0", origin(named("a"))).replace("log global\n", 'log global\n    log-format "F %f %HU"\n', 1)
    proxy = start(config + "frontend other\n    bind fd@other\n    default_backend be\n")
    proxy.fetch("/1")
    proxy.fetch("/2", name="other")
    assert [parse(line).message for line in syslog.wait("F ", count=2)] == ["F fe /1", "F other /2"]


def test_httplog_shows_captures(start, origin, syslog):
    lines = (
        "option httplog",
        "capture request header User-Agent len 8",
        "capture request header X-None len 8",
        "capture response header Server len 8",
        "capture cookie SID= len 8",
    )
    answer = reply(b"a", headers=["Server: {srv}", "Set-Cookie: SID=from-server; path=/"])
    proxy = start(site(f"{syslog} local0", origin(answers(answer)), *lines))
    proxy.fetch("/x", headers="User-Agent: a|b#c and more\r\nCookie: a=b; SID=1\r\n")
    line = parse(syslog.line("GET")).message
    assert " SID=1 SID=from " in line
    assert line.endswith('{a#7Cb#23c an|} {#7Bsrv#7D} "GET /x HTTP/1.1"')


def test_captures_of_one_request_do_not_show_in_the_next(start, origin, syslog):
    lines = ("capture request header X-A len 8", "capture cookie SID len 8", 'log-format "L %HU %hr %CC"')
    proxy = start(site(f"{syslog} local0", origin(named("a")), *lines))
    client = proxy.client()
    client.request("/1", headers="X-A: one\r\nCookie: SID=1\r\n")
    client.request("/2")
    assert [parse(line).message for line in syslog.wait("L /", count=2)] == ["L /1 {one} SID=1", "L /2 {} -"]


def test_unique_id_reaches_server_answer_and_log(start, origin, syslog):
    server = origin(named("a"))
    lines = (ID, "unique-id-header X-Unique-ID", "http-response set-header x-rule %ID", 'log-format "I %ID"')
    proxy = start(site(f"{syslog} local0", server, *lines))
    client = proxy.client()
    got = [client.request(target).get("x-rule") for target in ("/1", "/2")]
    logged = [parse(line).message.split()[1] for line in syslog.wait("I ", count=2)]
    assert [request.get("x-unique-id") for request in server.requests] == logged
    assert got == logged
    assert logged[0] != logged[1]
    form = rf"7F000001:{client.port:04X}_7F000001:[0-9A-F]{{4}}_[0-9A-F]{{8}}_[0-9A-F]{{4}}:[0-9A-F]+"
    assert all(re.fullmatch(form, text) for text in logged)


def test_unique_id_that_names_itself_finds_itself_empty(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), "unique-id-format a%{+Q}ID.b", 'log-format "I %ID %ci"'))
    proxy.fetch("/")
    assert parse(syslog.line("I ")).message == 'I a"".b 127.0.0.1'


def test_structured_data_stands_before_the_message_of_rfc5424(start, origin, syslog):
    lines = ('log-format "M %HU"', r'log-format-sd "%{+Q,+E}o[ex@1 uri=%HU cookie=%CC]"')
    proxy = start(site(f"{syslog} format rfc5424 local0", origin(named("a")), *lines))
    proxy.fetch("/a]b")
    assert syslog.line("M ").endswith(r' - [ex@1 uri="/a\]b" cookie=""] M /a]b')


def test_structured_data_is_for_rfc5424_only(start, origin, syslog):
    proxy = start(site(f"{syslog} format rfc3164 local0", origin(named("a")), 'log-format "M %HU"', "log-format-sd [x]"))
    proxy.fetch("/a")
    assert syslog.line("M ").endswith("]: M /a")


def test_request_line_is_cut_at_logurilen(start, origin, syslog):
    glob = "    tune.http.logurilen 20\n"
    proxy = start(site(f"{syslog} local0", origin(named("a")), 'log-format "M %{+Q}r"', glob=glob))
    proxy.fetch("/0123456789abcdefghijklmnop")
    assert parse(syslog.line("M ")).message == 'M "GET /0123456789abcde"'


def test_times_of_a_kept_connection_begin_with_the_last_answer(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), 'log-format "M %Th/%Ti/%TR/%Tq/%Tt/%Tu/%Ta"'))
    client = proxy.client()
    client.request("/1")
    client.request("/2")
    for line in syslog.wait("M ", count=2):
        handshake, idle, request, whole, total, user, active = map(int, parse(line).message[2:].split("/"))
        assert whole == handshake + idle + request
        assert total == handshake + idle + active
        assert user == total - idle


def test_address_of_an_ipv6_client(start, origin, syslog):
    sock = listener("::1")
    try:
        config = site(f"{syslog} local0", origin(named("a")), 'log-format "M %ci|%{+X}ci|%fi|%fp"', bind=f"fd@{sock.fileno()}")
        proxy = start(config, extra_fds=(sock.fileno(),))
        port = sock.getsockname()[1]
        proxy.addresses["v6"] = ("::1", port)
        proxy.fetch("/", name="v6")
    finally:
        sock.close()
    assert parse(syslog.line("M ")).message == f"M ::1|{'0' * 31}1|::1|{port}"


def test_errors_are_logged_at_their_own_level(start, dead, syslog):
    lines = ("option log-separate-errors", 'log-format "M %ST"')
    proxy = start(site(f"{syslog} local0", dead(), *lines))
    proxy.fetch("/")
    assert parse(syslog.line("M 503")).level == 3


@pytest.mark.fastlb_only  # haproxy: of 3.0 and later
def test_json_line_is_an_object_of_the_named_items(start, origin, syslog):
    form = (
        r'"%{+json}o %ci %(client)ci %(status)ST %(request)r %(none)bi %(cookie)CC text %(number)[int(-5)] '
        r'%(agent)hr %(expr)[str(x)]"'
    )
    proxy = start(site(f"{syslog} local0", origin(named("a")), "capture request header User-Agent len 30", f"log-format {form}"))
    proxy.fetch('/x?"', headers='User-Agent: a"b\\c\td\r\n')
    fields = json.loads(parse(syslog.line("client")).message)
    assert fields == {
        "client": "127.0.0.1", "status": 200, "request": 'GET /x?" HTTP/1.1', "none": fields["none"], "cookie": None,
        "number": -5, "agent": '{a"b\\c\td}', "expr": "x",
    }  # fmt: skip


@pytest.mark.fastlb_only  # haproxy: of 3.0 and later
def test_cbor_line_is_a_map_in_hexadecimal(start, origin, syslog):
    form = "%{+cbor}o%(s)ST%(t)[str(hello)]%(n)[int(-5)]%(c)CC"
    proxy = start(site(f"{syslog} local0", origin(named("a")), f"log-format {form}"))
    proxy.fetch("/")
    # {_ "s": 200, "t": "hello", "n": -5, "c": null}
    assert parse(syslog.line("BF")).message == "BF617318C861746568656C6C6F616E246163F6FF"
