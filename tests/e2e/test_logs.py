"""Log lines as they arrive: formats, targets, what is left out, the fields of ordinary sessions."""

from __future__ import annotations

import re
import socket
import threading

import pytest

from support.logline import parse
from support.origin import answers, echo, named, reply
from support.poll import poll
from support.proxy import HTTP
from support.syslog import Syslog

DATE = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}"


def site(target: str, server, *lines: str, mode: str = "http", form: str = "httplog", glob: str = "") -> str:
    options = "".join(f"    {line}\n" for line in ([f"option {form}"] if form else []) + list(lines))
    return (
        f"global\n    log {target}\n{glob}{HTTP.replace('mode http', f'mode {mode}')}    log global\n{options}"
        f"frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )


def test_httplog_of_an_ordinary_request(start, origin, syslog, program):
    raw = reply(b"hello", headers=["X-A: b"])
    proxy = start(site(f"{syslog} local0", origin(answers(raw))))
    client = proxy.client()
    client.request("/x?y=1")
    line = parse(syslog.line("/x?y=1"))
    assert (line.facility, line.level, line.tag, line.pid) == (16, 6, program, proxy.pid)
    fields = dict(line.fields)
    # haproxy: 2.6 counts its internal form of the head, a few bytes more than went out.
    assert len(raw) <= int(fields.pop("bytes")) <= len(raw) + 10
    assert int(fields.pop("Tw")) >= 0 and int(fields.pop("Tc")) >= 0 and int(fields.pop("TR")) >= 0
    assert int(fields.pop("Ta")) >= int(fields.pop("Tr")) >= 0
    assert re.fullmatch(DATE, fields.pop("accepted"))
    assert fields == {
        "client": "127.0.0.1", "port": str(client.port), "frontend": "fe", "backend": "be", "server": "s1",
        "status": "200", "reqcook": "-", "rescook": "-", "termination": "----",
        "actconn": "1", "feconn": "1", "beconn": "0", "srvconn": "0", "retries": "0", "srvqueue": "0", "bequeue": "0",
        "request": "GET /x?y=1 HTTP/1.1",
    }  # fmt: skip


def test_each_request_of_a_connection_has_its_line(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a"))))
    client = proxy.client()
    for i in range(3):
        client.request(f"/{i}")
    lines = [parse(text) for text in syslog.wait("GET", count=3)]
    assert [line["request"] for line in lines] == [f"GET /{i} HTTP/1.1" for i in range(3)]
    assert {line["port"] for line in lines} == {str(client.port)}


def test_tcplog_of_a_session(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(echo), mode="tcp", form="tcplog"))
    client = proxy.client()
    client.send(b"12345")
    client.read_exact(5)
    client.half_close()
    client.read_to_end()
    client.close()
    line = parse(syslog.line(" be/s1 "))
    assert (line["bytes"], line["termination"], line["actconn"], line["feconn"], line["beconn"]) == ("5", "--", "1", "1", "0")


@pytest.mark.parametrize(("mode", "word"), [("http", "HTTP"), ("tcp", "TCP")])
def test_default_log_says_who_connected_where(start, origin, syslog, mode, word):
    proxy = start(site(f"{syslog} local0", origin(named("a")), mode=mode, form=""))
    client = proxy.client()
    client.request()
    source_port = client.port
    client.close()
    address, port = proxy.addresses["fe"]
    assert parse(syslog.line("Connect")).message == f"Connect from 127.0.0.1:{source_port} to {address}:{port} (fe/{word})"


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        # haproxy: naming the default format brings the host name that the default leaves out.
        ("rfc3164", r"<134>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \w+\[\d+\]: 127\.0\.0\.1:.*"),
        ("rfc5424", r"<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d \S+ \w+ \d+ - - 127\.0\.0\.1:.*"),
        ("raw", r"127\.0\.0\.1:.*"),
        ("short", r"<6>127\.0\.0\.1:.*"),
        ("timed", r"<6>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d 127\.0\.0\.1:.*"),
    ],
)
def test_each_log_format_frames_the_same_message(start, origin, syslog, form, pattern):
    proxy = start(site(f"{syslog} format {form} local0", origin(named("a"))))
    proxy.fetch("/form")
    line = syslog.line("/form")
    assert re.fullmatch(pattern, line), line
    assert line.endswith('"GET /form HTTP/1.1"')


def test_unix_datagram_target(start, origin, tmp_path):
    sink = Syslog(str(tmp_path / "log.sock"))
    proxy = start(site(f"{sink} local0", origin(named("a"))))
    proxy.fetch("/unix")
    assert parse(sink.line("/unix"))["status"] == "200"
    sink.close()


@pytest.mark.parametrize("target", ["stdout", "stderr"])
def test_standard_output_targets_have_a_line_each(start, origin, target):
    proxy = start(site(f"{target} format raw local0", origin(named("a"))))
    for i in range(3):
        proxy.fetch(f"/{i}")
    text = poll(lambda: out if (out := getattr(proxy, target)).count("GET /") == 3 else "", "three lines")
    assert [line.split('"')[1] for line in text.splitlines() if "GET" in line] == [f"GET /{i} HTTP/1.1" for i in range(3)]


def test_several_targets_and_levels(start, origin, syslog):
    second = Syslog()
    config = site(f"{syslog} local0", origin(named("a")), glob=f"    log {second} local1 err\n")
    proxy = start(config)
    proxy.fetch("/one")
    assert parse(syslog.line("/one")).facility == 16
    proxy.command("disable server be/s1")
    proxy.fetch("/two")
    syslog.line("/two")
    assert not any("GET" in line for line in second.lines)
    second.close()


def test_log_tag_and_host_name(start, origin, syslog):
    proxy = start(site(f"{syslog} local3 info", origin(named("a")), glob="    log-tag web\n    log-send-hostname box\n"))
    proxy.fetch("/tag")
    assert re.match(r"<158>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d box web\[\d+\]: ", syslog.line("/tag"))


def test_dontlognull_leaves_out_connections_without_data(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), "option dontlognull"))
    for _ in range(3):
        proxy.client().close()
    proxy.fetch("/real")
    syslog.line("/real")
    assert len(syslog.lines) == 1


def test_without_dontlognull_an_empty_connection_is_logged(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a"))))
    proxy.client().close()
    line = parse(syslog.line("BADREQ"))
    # haproxy: 2.6 logs status 400 here, 3.x status 0.
    assert line["status"] in ("0", "400")
    assert (line["termination"], line["server"]) == ("CR--", "<NOSRV>")


def test_dontlog_normal_hides_answers_below_500(start, origin, syslog):
    server = origin(answers(reply(), reply(status="302 Found"), reply(status="404 Not Found"), reply(status="500 Oops")))
    proxy = start(site(f"{syslog} local0", server, "option dontlog-normal"))
    client = proxy.client()
    for i in range(4):
        client.request(f"/{i}")
    assert parse(syslog.line("GET"))["request"] == "GET /3 HTTP/1.1"


def test_logasap_logs_at_the_answers_head(start, origin, syslog):
    finish = threading.Event()

    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na")
        finish.wait(20)
        conn.send(b"bc")

    proxy = start(site(f"{syslog} local0", origin(script), "option logasap"))
    client = proxy.client()
    client.send(b"GET /soon HTTP/1.1\r\nHost: a\r\n\r\n")
    line = parse(syslog.line("/soon"))
    assert line["Ta"].startswith("+") and line["bytes"].startswith("+")
    finish.set()
    assert client.read_response().body == b"abc"
    proxy.fetch("/end")
    assert len([text for text in syslog.lines if "/soon" in text]) == 1


def test_control_characters_and_quotes_in_a_request_are_escaped(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a"))))
    client = proxy.client()
    client.send(b'GET /a"b\x80c HTTP/1.1\r\nHost: a\r\n\r\n')
    client.read_response()
    line = syslog.wait(" fe ")[0]
    assert '"b' not in line.split(' "', 1)[1].rstrip('"') or "#22" in line
    assert "\x80" not in line


def test_log_line_longer_than_its_limit_is_cut(start, origin, syslog):
    proxy = start(site(f"{syslog} len 200 local0", origin(named("a"))))
    proxy.fetch("/" + "x" * 1000)
    line = syslog.line("xxx")
    assert len(line) <= 200


def test_a_sink_that_is_gone_does_not_stop_traffic(start, origin):
    gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gone.bind(("127.0.0.1", 0))
    target = f"127.0.0.1:{gone.getsockname()[1]}"
    gone.close()
    proxy = start(site(f"{target} local0", origin(named("a")), glob="    log /nonexistent/socket local1\n"))
    assert [proxy.fetch().status for _ in range(20)] == [200] * 20


def test_log_of_frontend_without_global(start, origin, syslog):
    config = f"{HTTP}frontend fe\n    bind fd@fe\n    log {syslog} local5 notice\n    option httplog\n    default_backend be\n"
    proxy = start(config + f"backend be\n    server s1 {origin(named('a'))}\n")
    proxy.fetch("/low")
    proxy.command("disable server be/s1")
    proxy.fetch("/high")
    # Requests are logged at level info: a target that takes notice and above gets none of them.
    proxy.stop()
    assert not any("/low" in line for line in syslog.lines)


def test_no_log_in_a_section_turns_it_off(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a"))).replace("frontend fe\n", "frontend fe\n    no log\n"))
    proxy.fetch("/quiet")
    proxy.stop()
    assert not any("/quiet" in line for line in syslog.lines)
