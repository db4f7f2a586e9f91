"""The plain-HTTP part of the configuration that an operator sets up first, as a daemon, from start to stop."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.client import Client, fetch
from support.logline import parse
from support.origin import by_request, named, reply
from support.poll import poll
from support.proxy import command_of
from support.runtime import command, stat
from support.sockets import HeldPort, is_listening

CONFIG = """
global
    daemon
    user nobody
    group nogroup
    maxconn 4000
    pidfile {directory}/pid
    log {syslog} local0
    stats socket {directory}/admin.sock level admin

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option dontlog-normal
    option http-server-close
    option forwardfor except 127.0.0.8/29
    option redispatch
    retries 3
    maxconn 3000
    timeout connect 10s
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout client 1m
    timeout server 1m
    timeout queue 1m
    timeout check 5s
    errorfile 503 {directory}/503.http

listen stats
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /
    stats refresh 10s
    stats realm "fastlb statistics"
    stats auth admin:secret

frontend www
    bind 127.0.0.1:{web}
    default_backend web

backend web
    balance roundrobin
    option httpchk HEAD /
    server web1 {one} check inter 50ms fall 2 rise 2 maxconn 1000
    server web2 {two} check inter 50ms fall 2 rise 2 maxconn 1000
"""


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def page(name: str):
    """A web server that answers checks and shows its name."""
    return by_request(lambda request: reply(b"" if request.method == "HEAD" else name.encode()))


@pytest.fixture
def site(origin, syslog, tmp_path, program):
    """The daemon, running: (directory, web address, statistics address, the two origins)."""
    for parent in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    (tmp_path / "503.http").write_bytes(b"HTTP/1.0 503 Down\r\nContent-Type: text/html\r\n\r\n<p>back soon</p>\n")
    ports = HeldPort(), HeldPort()
    one, two = origin(page("web1")), origin(page("web2"))
    path = tmp_path / "site.cfg"
    path.write_text(CONFIG.format(directory=tmp_path, syslog=syslog, web=ports[0].port, stats=ports[1].port, one=one, two=two))
    done = subprocess.run([*command_of(program), "-f", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    pid = int(poll(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), "the pid file"))
    try:
        poll(lambda: is_listening(("127.0.0.1", ports[0].port)), "the web port")
        yield tmp_path, ("127.0.0.1", ports[0].port), ("127.0.0.1", ports[1].port), (one, two)
        os.kill(pid, signal.SIGTERM)
        poll(lambda: ended(pid), "the daemon to end")
        poll(lambda: not is_listening(("127.0.0.1", ports[0].port)), "the web port to be closed")
    finally:
        if not ended(pid):
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        for port in ports:
            port.close()


def test_the_site_serves_survives_a_dead_server_and_shows_it(site, origin, syslog):
    directory, web, stats, (one, two) = site
    admin = str(directory / "admin.sock")
    poll(lambda: all(stat(admin)["web", name]["check_status"].endswith("L7OK") for name in ("web1", "web2")), "good checks")
    assert {fetch(web).body for _ in range(4)} == {b"web1", b"web2"}
    seen = [request for request in one.requests if request.method == "GET"]
    assert {request.get("connection") for request in seen} == {"close"}
    assert {request.get("x-forwarded-for") for request in seen} == {"127.0.0.1"}
    client = Client(web, source="127.0.0.9")
    client.request("/excepted")
    assert "127.0.0.9" not in str([request.headers for request in one.requests + two.requests])
    assert client.request("/again").status == 200
    client.close()

    one.close()
    poll(lambda: stat(admin)["web", "web1"]["status"].startswith("DOWN"), "web1 to be down")
    assert "reason: Layer4 connection problem" in syslog.line("Server web/web1 is DOWN")
    assert [fetch(web).body for _ in range(4)] == [b"web2"] * 4
    login = base64.b64encode(b"admin:secret").decode()
    assert fetch(stats).status == 401
    shown = fetch(stats, headers=f"Authorization: Basic {login}\r\n")
    assert shown.status == 200
    assert b"web1" in shown.body and b"DOWN" in shown.body

    back = origin(page("web1 again"), port=one.port)
    syslog.line("Server web/web1 is UP")
    assert b"web1 again" in {fetch(web).body for _ in range(4)}

    command(admin, "set server web/web1 state maint")
    command(admin, "set server web/web2 state maint")
    answer = fetch(web, "/nobody")
    assert (answer.status, answer.body) == (503, b"<p>back soon</p>\n")
    # dontlog-normal: of all the requests only the failed one is in the log.
    assert parse(syslog.line("GET /nobody"))["status"] == "503"
    assert not any("GET / " in line for line in syslog.lines)
    assert back.errors == []


def test_a_probe_without_data_leaves_no_log_line(site, syslog, origin):
    directory, web, _, _ = site
    for _ in range(3):
        Client(web).close()
    client = Client(web)
    client.send(b"JUNK\r\n\r\n")
    client.read_to_end()
    line = parse(syslog.line("<BADREQ>"))
    assert line["status"] == "400"
    assert len([text for text in syslog.lines if "BADREQ" in text]) == 1
    assert origin(named("unused")).requests == []
    assert "admin.sock" in os.listdir(directory)
