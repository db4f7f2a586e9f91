"""`track`: servers go down and come back with the one that they track, over backends, from the first request on."""

from __future__ import annotations

from support.origin import named
from support.poll import poll
from support.proxy import HTTP


def site(checked: str, server, rest: str = "") -> str:
    return (
        f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend checks\n    server c {checked}\nbackend be\n    server s {server} track checks/c\n{rest}"
    )


def test_server_follows_the_checks_of_another(start, origin, syslog):
    check, server = origin(named("check")), origin(named("a"))
    text = f"global\n    log {syslog} local0\n" + site(f"{check} check inter 50ms", server, "    log global\n")
    proxy = start(text)
    assert proxy.fetch().body == b"a"
    check.close()
    syslog.line("Server be/s is DOWN via checks/c. 0 active and 0 backup servers left.")
    assert proxy.fetch().status == 503
    assert proxy.stat()["be", "s"]["tracked"] == "checks/c"
    again = origin(named("check"), port=check.port)
    syslog.line("Server be/s is UP via checks/c. 1 active")
    assert proxy.fetch().body == b"a"
    assert again.errors == []


def test_server_that_tracks_a_disabled_one_takes_no_request_at_all(start, origin):
    server = origin(named("a"))
    proxy = start(site("127.0.0.1:1 check disabled", server))
    assert proxy.fetch().status == 503
    assert proxy.stat()["be", "s"]["status"] == "MAINT (via checks/c)"
    proxy.command("enable server checks/c")
    poll(lambda: proxy.stat()["be", "s"]["status"].startswith(("UP", "DOWN")), "the end of maintenance")


def test_page_names_the_tracked_server(start, origin):
    server = origin(named("a"))
    proxy = start(site(f"{server} check", server, "listen stats\n    bind fd@stats\n    stats uri /\n"))
    assert b"via checks/c" in proxy.fetch(name="stats").body
