"""Log profiles, the steps of log lines and `do-log`: of 3.1 and later, so without Debian's haproxy to compare with."""

from __future__ import annotations

import re

import pytest

from support.certificates import self_signed
from support.logline import parse
from support.origin import echo, named
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only  # of 3.1 and later

STEPS = "".join(f'    on {name} format "%OG %[fe_name]"\n' for name in ("accept", "request", "connect", "response", "close"))


def site(target: str, server: object, profiles: str, *lines: str, mode: str = "http") -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return (
        f"{profiles}{HTTP.replace('mode http', f'mode {mode}')}frontend fe\n    bind fd@fe\n    log {target}\n"
        f"    default_backend be\n{text}backend be\n    server s1 {server}\n"
    )


def messages(syslog: object, *parts: str, count: int = 1) -> list[str]:
    return [parse(line).message for line in syslog.wait(*parts, count=count)]  # type: ignore[attr-defined]


def test_profile_gives_each_target_its_own_line(start, origin, syslog):
    profiles = 'log-profile brief\n    log-tag tagged\n    on any format "brief %ST"\n'
    config = site(f"{syslog} profile brief local0", origin(named("a")), profiles, f"log {syslog} local1", "option httplog")
    start(config).fetch("/x")
    own, other = parse(syslog.line("brief")), parse(syslog.line("/x"))
    assert (own.tag, own.facility, own.message) == ("tagged", 16, "brief 200")
    assert (other.facility, other["request"]) == (17, "GET /x HTTP/1.1")


def test_profile_without_a_format_keeps_the_proxys_line(start, origin, syslog):
    profiles = 'log-profile sd\n    on close sd "[x@1 status=%ST]"\n'
    target = f"{syslog} format rfc5424 profile sd local0"
    start(site(target, origin(named("a")), profiles, "option httplog")).fetch("/x")
    assert re.search(r'- \[x@1 status=200\] 127\.0\.0\.1:\d+ .* "GET /x HTTP/1\.1"$', syslog.line("/x"))


def test_steps_have_a_line_each_in_the_order_of_a_requests_life(start, origin, syslog):
    profiles = f"log-profile all\n{STEPS}"
    start(site(f"{syslog} profile all local0", origin(named("a")), profiles, "log-steps all")).fetch("/")
    expected = [f"txn_{name} fe" for name in ("accept", "request", "connect", "response", "close")]
    assert messages(syslog, "txn_", count=5) == expected


def test_steps_of_a_tcp_session(start, origin, syslog):
    profiles = f"log-profile all\n{STEPS}"
    proxy = start(site(f"{syslog} profile all local0", origin(echo), profiles, "log-steps all", mode="tcp"))
    client = proxy.client()
    client.send(b"x")
    assert client.read_exact(1) == b"x"
    client.close()
    expected = [f"txn_{name} fe" for name in ("accept", "request", "connect", "close")]
    assert messages(syslog, "txn_", count=4) == expected


def test_without_the_close_step_only_the_named_ones_are_logged(start, origin, syslog):
    config = site(f"{syslog} local0", origin(named("a")), "", "log-steps request", 'log-format "%OG %HU %ST"')
    client = start(config).client()
    client.request("/1")
    client.request("/2")
    client.request("/3")
    assert messages(syslog, "txn_request /3") == ["txn_request /3 -1"]
    assert [line for line in syslog.lines if "txn_request" not in line] == []


def test_dropped_steps_and_levels_of_a_profile(start, origin, syslog):
    profiles = 'log-profile some\n    on accept drop\n    on connect drop format "never"\n    on any format "%OG"\n'
    start(site(f"{syslog} profile some local0", origin(named("a")), profiles, "log-steps all")).fetch("/")
    assert messages(syslog, "txn_close") == ["txn_close"]
    assert messages(syslog, "txn_") == ["txn_request", "txn_response", "txn_close"]


def test_what_is_no_request_has_the_error_step(start, origin, syslog):
    profiles = 'log-profile p\n    on error format "E %OG %ST %{+Q}r"\n    on close drop\n'
    config = site(f"{syslog} profile p local0", origin(named("a")), profiles, "log-steps accept", 'error-log-format "own"')
    proxy = start(config)
    client = proxy.client()
    client.send(b"GET / HTTX/1.1\r\n\r\n")
    assert client.read_response().status == 400
    assert messages(syslog, "E sess") == ['E sess_error 400 "<BADREQ>"']


@pytest.mark.parametrize("profile", ["", " profile own"])
def test_do_log_in_every_rule_set(start, origin, syslog, profile):
    profiles = f'log-profile {"own" if profile else "unused"}\n    on any format "own %OG %ci"\n'
    rules = [
        f"{keyword} do-log{profile}"
        for keyword in (
            *("tcp-request connection", "tcp-request session", "tcp-request content"),
            *("http-request", "http-response", "http-after-response"),
        )
    ]
    config = site(f"{syslog} local0", origin(named("a")), profiles, *rules, 'log-format "usual %OG %ci"')
    proxy = start(config.replace("backend be\n", f"backend be\n    tcp-response content do-log{profile}\n"))
    proxy.fetch("/")
    name = "own" if profile else "usual"
    sets = ("tcp-req-conn", "tcp-req-sess", "tcp-req-cont", "http-req", "tcp-res-cont", "http-res", "http-after-res")
    expected = [f"{name} {origin_name} 127.0.0.1" for origin_name in sets]
    assert messages(syslog, "usual txn_close") == ["usual txn_close 127.0.0.1"]
    assert messages(syslog, "127.0.0.1")[:-1] == expected


def test_do_log_before_a_stream_leaves_out_what_only_streams_have(start, origin, syslog):
    form = r'log-format "C %ci %ST %hr %r %[be_name] %[bytes_in] %[capture.req.uri] %B"'
    config = site(f"{syslog} local0", origin(named("a")), "", "tcp-request connection do-log", form)
    start(config).fetch("/")
    assert messages(syslog, "<BADREQ>")[0].startswith("C 127.0.0.1 -1")


@pytest.mark.parametrize("form", ["option httplog", "option tcplog", "log-format-sd [x]", "option dontlognull"])
def test_do_log_writes_the_fixed_lines(start, origin, syslog, form):
    rules = ("tcp-request connection do-log", "http-request do-log")
    proxy = start(site(f"{syslog} local0", origin(named("a")), "", form, *rules))
    proxy.fetch("/")
    assert len(messages(syslog, "127.0.0.1", count=3)) == 3


def test_silenced_stream_and_conditions_hold_for_do_log(start, origin, syslog):
    rules = (
        "http-request set-log-level silent if { path /silent }",
        "http-request do-log if { path_beg /s }",
        'log-format "%OG %HU"',
    )
    client = start(site(f"{syslog} local0", origin(named("a")), "", *rules)).client()
    for path in ("/silent", "/seen", "/end"):
        client.request(path)
    assert messages(syslog, "txn_close /end")
    assert messages(syslog, " /") == ["http-req /seen", "txn_close /seen", "txn_close /end"]


def test_profile_reaches_failed_handshakes(start, origin, syslog, tmp_path):
    pem = self_signed("a.test").write(tmp_path / "a.pem")
    profiles = 'log-profile p\n    on error format "H %OG %ci %[ssl_fc]"\n'
    config = site(f"{syslog} profile p local0", origin(named("a")), profiles)
    proxy = start(config.replace("bind fd@fe", f"bind fd@fe ssl crt {pem}"))
    client = proxy.client()
    client.send(b"no handshake at all\r\n\r\n")
    client.close()
    assert messages(syslog, "H sess_error")[0].startswith("H sess_error 127.0.0.1 ")


def test_control_uses_a_profiles_tag(start, origin, syslog):
    profiles = "log-profile p\n    log-tag spoken\n"
    config = site(f"{syslog} local0", origin(named("a")), profiles)
    config = config.replace("backend be\n", f"backend be\n    log {syslog} profile p local2\n")
    proxy = start(config)
    proxy.command("disable server be/s1")
    assert parse(syslog.line("be/s1 is going DOWN")).tag == "spoken"
