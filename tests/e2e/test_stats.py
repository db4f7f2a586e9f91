"""The statistics page: HTML, CSV, authentication, what it hides; `listen` with only stats."""

from __future__ import annotations

import base64

from support.origin import named
from support.proxy import HTTP
from support.runtime import parse_csv


def site(origin, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return (
        f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {origin(named('a'))} weight 7\n"
        f"listen stats\n    bind fd@stats\n    stats enable\n{options}"
    )


def basic(user: str) -> str:
    return f"Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"


def test_page_is_html_with_every_proxy_and_server(start, origin):
    proxy = start(site(origin, "stats uri /"))
    proxy.fetch()
    answer = proxy.fetch(name="stats")
    assert answer.status == 200
    assert answer.get("content-type").startswith("text/html")
    assert answer.get("cache-control").startswith("no-cache")
    page = answer.body.decode()
    for part in ("fe", "be", "s1", "stats", "BACKEND" if "BACKEND" in page else "Backend", "Frontend"):
        assert part in page
    assert "<script>alert" not in page


def test_default_uri(start, origin):
    proxy = start(site(origin))
    assert proxy.fetch("/haproxy?stats", name="stats").status == 200
    assert proxy.fetch("/", name="stats").status == 503


def test_csv_agrees_with_the_runtime_socket(start, origin):
    proxy = start(site(origin, "stats uri /s"))
    for _ in range(3):
        proxy.fetch()
    answer = proxy.fetch("/s;csv", name="stats")
    assert answer.get("content-type").startswith("text/plain")
    rows = parse_csv(answer.body.decode())
    assert rows["be", "s1"]["stot"] == "3" == proxy.stat()["be", "s1"]["stot"]
    assert rows["be", "s1"]["weight"] == "7"
    assert set(rows) == set(proxy.stat())


def test_authentication(start, origin):
    proxy = start(site(origin, "stats uri /", "stats realm My\\ Site", "stats auth admin:secret", "stats auth two:pass:word"))
    refused = proxy.fetch(name="stats")
    assert (refused.status, refused.get("www-authenticate")) == (401, 'Basic realm="My Site"')
    assert proxy.fetch(name="stats", headers=basic("admin:wrong")).status == 401
    assert proxy.fetch(name="stats", headers=basic("admin:secret")).status == 200
    assert proxy.fetch(name="stats", headers="Authorization: Basic !!!\r\n").status == 401


def test_refresh_is_announced(start, origin):
    proxy = start(site(origin, "stats uri /", "stats refresh 7s"))
    answer = proxy.fetch(name="stats")
    assert answer.get("refresh") == "7" or b'http-equiv="refresh" content="7"' in answer.body


def test_hide_version_hides_it(start, origin):
    proxy = start(site(origin, "stats uri /", "stats hide-version"))
    assert b"version" not in proxy.fetch(name="stats").body.lower()


def test_stats_in_a_frontend_beside_traffic(start, origin):
    server = origin(named("a"))
    proxy = start(f"{HTTP}listen web\n    bind fd@fe\n    stats enable\n    stats uri /admin\n    server s1 {server}\n")
    client = proxy.client()
    assert client.request("/admin").get("content-type").startswith("text/html")
    assert client.request("/other").body == b"a"
    assert [request.target for request in server.requests] == ["/other"]


def test_head_and_unknown_methods(start, origin):
    proxy = start(site(origin, "stats uri /"))
    assert proxy.fetch(method="HEAD", name="stats").status == 200
