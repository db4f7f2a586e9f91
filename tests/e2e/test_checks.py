"""Health checks: what is sent, when a server goes down and comes back, and what the log says."""

from __future__ import annotations

import socket
import threading

import pytest

from support.logline import parse
from support.origin import Origin, by_request, echo, named, reply, silent
from support.poll import poll
from support.proxy import HTTP


def site(syslog, server: str, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return (
        f"global\n    log {syslog} local0\n{HTTP}    log global\n    timeout check 5s\n"
        f"frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n{options}    server s1 {server}\n"
    )


def test_refused_server_goes_down_with_an_alert(start, origin, syslog):
    server = origin(named("a"))
    proxy = start(site(syslog, f"{server} check inter 50ms fall 2 rise 2"))
    proxy.wait_state("be", "s1", "UP")
    server.close()
    down = parse(syslog.line("be/s1 is DOWN"))
    assert down.level == 1
    assert down.message.startswith('Server be/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused')
    assert down.message.endswith("0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.")
    none_left = parse(syslog.line("has no server available"))
    assert (none_left.level, none_left.message) == (0, "backend be has no server available!")
    assert proxy.fetch().status == 503
    again = origin(named("b"), port=server.port)
    up = parse(syslog.line("be/s1 is UP"))
    assert up.level == 5
    assert up.message.startswith("Server be/s1 is UP, reason: Layer4 check passed, check duration: ")
    assert up.message.endswith("1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.")
    assert proxy.fetch().body == b"b"
    assert again.errors == []


def test_new_server_is_up_until_one_check_fails(start, origin, syslog, dead):
    proxy = start(site(syslog, f"{dead()} check inter 50ms fall 3 rise 2"))
    # It starts one failure from DOWN: a single failed check is enough.
    proxy.wait_state("be", "s1", "DOWN")
    assert int(proxy.stat()["be", "s1"]["chkfail"]) >= 1
    assert proxy.stat()["be", "s1"]["check_status"].endswith("L4CON")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("option httpchk", "OPTIONS / HTTP/1.0"),
        ("option httpchk /ping", "OPTIONS /ping HTTP/1.0"),
        ("option httpchk HEAD /", "HEAD / HTTP/1.0"),
        ("option httpchk GET /h HTTP/1.1", "GET /h HTTP/1.1"),
    ],
)
def test_httpchk_sends_the_request_line(start, origin, syslog, option, expected):
    server = origin(by_request(lambda request: reply()))
    proxy = start(site(syslog, f"{server} check inter 50ms", option))
    poll(lambda: server.requests, "a check")
    request = server.requests[0]
    assert request.start == expected
    assert request.body == b""
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("L7OK"), "a good check")


@pytest.mark.parametrize(("status", "passes"), [(200, True), (204, True), (302, True), (404, False), (500, False)])
def test_httpchk_accepts_2xx_and_3xx(start, origin, syslog, status, passes):
    server = origin(by_request(lambda request: reply(b"", f"{status} X") if status != 204 else b"HTTP/1.1 204 X\r\n\r\n"))
    proxy = start(site(syslog, f"{server} check inter 50ms", "option httpchk"))
    poll(lambda: proxy.stat()["be", "s1"]["check_code"], "a check's result")
    row = proxy.stat()["be", "s1"]
    assert row["check_code"] == str(status)
    assert row["check_status"].lstrip("* ") == ("L7OK" if passes else "L7STS")
    assert row["status"].startswith("UP" if passes else "DOWN")


def test_http_check_failure_names_the_status(start, origin, syslog):
    server = origin(by_request(lambda request: reply(b"", "500 Broken")))
    start(site(syslog, f"{server} check inter 50ms", "option httpchk"))
    assert 'reason: Layer7 wrong status, code: 500, info: "Broken"' in syslog.line("be/s1 is DOWN")


def test_check_that_gets_no_answer_times_out(start, origin, syslog):
    server = origin(silent)
    proxy = start(site(syslog, f"{server} check inter 100ms", "option httpchk", "timeout check 100ms"))
    proxy.wait_state("be", "s1", "DOWN")
    assert "Layer7 timeout" in syslog.line("is DOWN")
    assert proxy.stat()["be", "s1"]["check_status"].endswith("L7TOUT")


def test_garbage_answer_fails_the_check(start, origin, syslog):
    def script(conn):
        conn.read_request()
        conn.send(b"\x00\x01\x02 garbage " * 100)

    proxy = start(site(syslog, f"{origin(script)} check inter 50ms", "option httpchk"))
    proxy.wait_state("be", "s1", "DOWN")
    assert proxy.stat()["be", "s1"]["check_status"].endswith("L7RSP")


def test_endless_answer_does_not_stop_the_checks(start, origin, syslog):
    def script(conn):
        conn.read_request()
        while conn.send(b"x" * 65536):
            pass

    bad, good = origin(script), origin(by_request(lambda request: reply(b"ok")))
    servers = f"{bad} check inter 50ms\n    server s2 {good} check inter 50ms"
    proxy = start(site(syslog, servers, "option httpchk", "timeout check 300ms"))
    proxy.wait_state("be", "s1", "DOWN")
    proxy.wait_state("be", "s2", "UP")
    assert proxy.fetch().body == b"ok"


def test_fall_and_rise_count_consecutive_results(start, origin, syslog):
    healthy = threading.Event()
    healthy.set()
    server = origin(by_request(lambda request: reply(b"", "200 OK" if healthy.is_set() else "500 Oops")))
    proxy = start(site(syslog, f"{server} check inter 50ms fall 3 rise 4", "option httpchk"))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("L7OK"), "a good check")
    healthy.clear()
    proxy.wait_state("be", "s1", "DOWN")
    assert int(proxy.stat()["be", "s1"]["chkfail"]) >= 3
    healthy.set()
    proxy.wait_state("be", "s1", "UP")
    stat = proxy.stat()["be", "s1"]
    assert (stat["check_rise"], stat["check_fall"], stat["chkdown"]) == ("4", "3", "1")


def test_check_port_and_address_replace_the_servers_own(start, origin, syslog):
    web, agent = origin(named("a")), origin(by_request(lambda request: reply()))
    proxy = start(site(syslog, f"{web} check inter 50ms addr 127.0.0.1 port {agent.port}", "option httpchk GET /c"))
    poll(lambda: agent.requests, "a check at the other port")
    assert proxy.fetch().body == b"a"
    assert [request.target for request in web.requests] == ["/"]


def test_log_health_checks_has_a_line_per_change(start, origin, syslog):
    server = origin(by_request(lambda request: reply()))
    start(site(syslog, f"{server} check inter 50ms fall 2", "option httpchk", "option log-health-checks"))
    line = parse(syslog.line("Health check for server be/s1 succeeded"))
    assert "reason: Layer7 check passed, code: 200" in line.message
    assert "status: 2/2 UP" in line.message or "status: 3/3 UP" in line.message
    server.close()
    syslog.line("Health check for server be/s1 failed, reason: Layer4 connection problem")
    assert ", reason:" not in syslog.line("Server be/s1 is DOWN")


def test_connect_check_resets_before_accept_or_after(start, origin, syslog):
    server = origin(echo)
    proxy = start(site(syslog, f"{server} check inter 50ms"))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("L4OK"), "a good check")
    assert all(bytes(conn.received) == b"" for conn in server.connections)


def test_checks_run_only_where_asked(start, origin, syslog):
    checked, unchecked = origin(by_request(lambda request: reply())), origin(by_request(lambda request: reply()))
    proxy = start(site(syslog, f"{checked} check inter 50ms\n    server s2 {unchecked}", "option httpchk"))
    poll(lambda: len(checked.connections) >= 3, "three checks")
    assert unchecked.connections == []
    assert proxy.stat()["be", "s2"]["status"] == "no check"


def test_server_in_maintenance_is_not_checked(start, origin, syslog):
    server = origin(by_request(lambda request: reply()))
    proxy = start(site(syslog, f"{server} check inter 50ms disabled", "option httpchk"))
    assert proxy.stat()["be", "s1"]["status"] == "MAINT"
    assert proxy.fetch().status == 503
    assert server.requests == []
    proxy.command("enable server be/s1")
    poll(lambda: server.requests, "a check")
    proxy.wait_state("be", "s1", "UP")


def test_sessions_in_the_queue_move_when_their_server_dies(start, origin, syslog):
    first = origin(named("a"))
    second: Origin = origin(named("b"))
    servers = f"{first} check inter 50ms fall 1\n    server s2 {second} check inter 50ms fall 1"
    proxy = start(site(syslog, servers, "option redispatch", "balance roundrobin"))
    first.close()
    proxy.wait_state("be", "s1", "DOWN")
    assert [proxy.fetch().body for _ in range(6)] == [b"b"] * 6
    assert "1 active and 0 backup servers left." in syslog.line("be/s1 is DOWN")


def test_tcp_check_send_and_expect(start, origin, syslog):
    answer = [b"+PONG\r\n"]

    def script(conn):
        if conn.read_line() == b"PING":
            conn.send(answer[0])

    lines = ("option tcp-check", "tcp-check send PING\\r\\n", "tcp-check expect string +PONG comment pong")
    proxy = start(site(syslog, f"{origin(script)} check inter 50ms fall 1", *lines))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("L7OK"), "a good check")
    answer[0] = b"-ERR\r\n"
    proxy.wait_state("be", "s1", "DOWN")
    assert "TCPCHK did not match content '+PONG' at step 2 comment: pong" in syslog.line("be/s1 is DOWN")


def test_disable_on_404_takes_the_server_out_and_back(start, origin, syslog):
    status = ["200 OK"]
    server = origin(by_request(lambda request: reply(b"", status[0])))
    proxy = start(site(syslog, f"{server} check inter 50ms", "option httpchk", "http-check disable-on-404"))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"].endswith("L7OK"), "a good check")
    status[0] = "404 Gone"
    proxy.wait_state("be", "s1", "NOLB")
    assert proxy.fetch().status == 503
    assert "conditionally passed, code: 404" in syslog.line("be/s1 is stopping")
    status[0] = "200 OK"
    proxy.wait_state("be", "s1", "UP")


def test_send_state_tells_how_the_server_is_seen(start, origin, syslog):
    server = origin(by_request(lambda request: reply()))
    start(site(syslog, f"{server} check inter 50ms weight 5", "option httpchk", "http-check send-state"))
    poll(lambda: len(server.requests) > 1, "two checks")
    states = [dict(request.headers)["x-haproxy-server-state"] for request in server.requests[:2]]
    assert states[0].startswith("UP 1/3; address=127.0.0.1; port=") and "; name=be/s1; node=" in states[0]
    assert states[1].startswith("UP; ") and states[1].endswith("; weight=5/5; scur=0/0; qcur=0")


def test_check_with_send_proxy_goes_out_with_a_header(start, syslog):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    start(site(syslog, f"127.0.0.1:{listener.getsockname()[1]} check inter 50ms send-proxy", "option httpchk"))
    conn, _ = listener.accept()
    conn.settimeout(10)
    data = conn.recv(1000)
    assert data.startswith((b"PROXY UNKNOWN\r\n", b"PROXY TCP4 "))
    conn.close()
    listener.close()
