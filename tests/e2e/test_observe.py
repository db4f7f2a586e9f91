"""`observe`: traffic takes a server out that its checks find healthy, and only they bring it back."""

from __future__ import annotations

from support.origin import by_request, named, reply
from support.poll import poll
from support.proxy import HTTP


def site(server, check, options: str) -> str:
    line = f"    server s {server} check addr 127.0.0.1 port {check.port} observe layer7 {options}\n"
    return f"{HTTP}listen fe\n    bind fd@fe\n    log global\n    retries 0\n{line}"


def failing(request):
    return reply(b"", "500 Bad" if request.target == "/bad" else "200 OK")


def test_server_goes_down_by_traffic_and_comes_back_by_checks(start, origin, syslog):
    server, check = origin(by_request(failing)), origin(named("check"))
    options = "inter 1h fastinter 50ms error-limit 4 on-error mark-down"
    proxy = start(f"global\n    log {syslog} local0\n{site(server, check, options)}")
    proxy.command("set server fe/s health up")
    for target in ("/bad", "/bad", "/bad", "/", "/bad", "/bad", "/bad"):
        proxy.fetch(target)
    assert proxy.stat()["fe", "s"]["hanafail"] == "0"
    proxy.fetch("/bad")
    reason = 'reason: Health analyze, info: "Detected 4 consecutive errors, last one was: Wrong http response"'
    syslog.line(f"fe/s is DOWN, {reason}. 0 active")
    syslog.line("fe/s is UP, reason: Layer4 check passed")
    row = proxy.stat()["fe", "s"]
    assert (row["hanafail"], row["chkfail"], row["chkdown"]) == ("1", "1", "1")


def test_workers_count_together(start, origin):
    server, check = origin(by_request(failing)), origin(named("check"))
    proxy = start(site(server, check, "inter 1h error-limit 60 on-error fastinter"), threads=3)
    for _ in range(120):
        proxy.fetch("/bad")
    poll(lambda: proxy.stat()["fe", "s"]["hanafail"] == "2", "both times")

