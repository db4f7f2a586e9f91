"""Forms of the statistics page, its conditions and rules, and what its names may contain; none of it needs JavaScript."""

from __future__ import annotations

import html.parser

import pytest

from support.origin import named
from support.proxy import HTTP
from support.runtime import parse_csv

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
ADMIN = "X-Role: admin\r\n"


def site(origin, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    server = origin(named("a"))
    return (
        f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend be\n    server s1 {server} check inter 1h\n    server s2 {server}\n"
        f"frontend stats\n    bind fd@stats\n    stats enable\n    stats uri /s\n{options}"
    )


def post(proxy, body: str, headers: str = "", target: str = "/s") -> str:
    answer = proxy.fetch(target, "POST", FORM + headers, body.encode(), name="stats")
    assert answer.status == 303
    return answer.get("location")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("b=be&s=s1&action=drain", "DONE"),
        ("b=be&s=s1&s=s2&action=maint", "DONE"),
        ("b=be&s=s1&s=nobody&action=drain", "PART"),
        ("b=be&s=nobody&action=drain", "ERRP"),
        ("b=nobody&s=s1&action=drain", "ERRP"),
        ("b=stats&s=s1&action=drain", "ERRP"),
        ("b=be&s=s1&action=dance", "ERRP"),
        ("b=be&s=s1&action=", "ERRP"),
        ("b=be&s=s1&action=ready&action=maint", "ERRP"),
        ("b=be&action=drain", "NONE"),
        ("b=be&s=s2&action=dhlth", "NONE"),
        ("b=be&s=s1&action=dhlth", "DONE"),
        ("", "NONE"),
        ("s=%731&b=%62e&action=drai%6e", "DONE"),
        ("a" * 40000, "EXCD"),
    ],
)
def test_outcome_of_a_form(start, origin, body, outcome):
    proxy = start(site(origin, "stats admin if TRUE"))
    assert post(proxy, body) == f"/s;st={outcome}"


def test_forms_change_servers(start, origin):
    proxy = start(site(origin, "stats admin if TRUE"))

    def status_after(action: str) -> str:
        assert post(proxy, f"s=s2&action={action}&b=be") == "/s;st=DONE"
        return proxy.stat()["be", "s2"]["status"]

    steps = ("drain", "ready", "maint", "ready", "hdown", "hrunn", "hnolb")
    assert [status_after(step) for step in steps] == ["DRAIN", "no check", "MAINT", "no check", "DOWN", "no check", "NOLB"]


def test_a_form_by_the_backends_id_keeps_up_and_scope(start, origin):
    proxy = start(site(origin, "stats admin if TRUE"))
    number = proxy.stat()["be", "BACKEND"]["iid"]
    answer = post(proxy, f"s=s1&action=ready&b=%23{number}", target="/s;up;norefresh?scope=b")
    assert answer == "/s;st=DONE;up?scope=b"


def test_without_the_condition_a_form_is_denied(start, origin):
    proxy = start(site(origin, "stats admin if { hdr(x-role) admin }"))
    assert post(proxy, "b=be&s=s1&action=maint") == "/s;st=DENY"
    assert proxy.stat()["be", "s1"]["status"].startswith("UP")
    assert b"<form method=\"post\"" not in proxy.fetch("/s", name="stats").body
    assert post(proxy, "b=be&s=s1&action=maint", ADMIN) == "/s;st=DONE"
    assert b"<form method=\"post\"" in proxy.fetch("/s", name="stats", headers=ADMIN).body


def test_clients_cannot_claim_the_engines_verdict(start, origin):
    proxy = start(site(origin, "stats admin if FALSE"))
    claims = "x-fastlb-service: 1\r\nX-FastLB-Service: 2\r\nx-fastlb-proxy: 0\r\n"
    assert post(proxy, "b=be&s=s1&action=maint", claims) == "/s;st=DENY"
    answer = proxy.fetch("/s", name="stats", headers=claims)
    assert answer.get("content-type") == "text/html"
    assert b"<form method=\"post\"" not in answer.body


@pytest.mark.parametrize(
    ("lines", "trailer", "answer"),
    [
        (("stats admin if FALSE",), b"X-Fastlb-Service: 1", (303, "/s;st=DENY")),
        (("stats admin if TRUE", "stats auth a:b"), b"X-Fastlb-Proxy: 0", (401, None)),
    ],
)
def test_trailers_cannot_claim_it_either(start, origin, lines, trailer, answer):
    """RFC 9110, 6.5.1: a trailer is no header."""
    proxy = start(site(origin, *lines))
    client = proxy.client("stats")
    body = b"16\r\nb=be&s=s1&action=maint\r\n0\r\n%s\r\n\r\n" % trailer
    client.send(b"POST /s HTTP/1.1\r\nHost: a\r\n" + FORM.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    got = client.read_response()
    assert (got.status, got.get("location")) == answer
    assert proxy.stat()["be", "s1"]["status"].startswith("UP")


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ("Origin: http://[\r\n", "DENY"),
        ("Origin: http://evil.test\r\n", "DENY"),
        ("Origin: null\r\n", "DENY"),
        ("Sec-Fetch-Site: cross-site\r\n", "DENY"),
        ("Sec-Fetch-Site: same-origin\r\n", "DONE"),
    ],
)
def test_forms_of_other_sites_are_denied(start, origin, headers, outcome):
    proxy = start(site(origin, "stats admin if TRUE"))
    assert post(proxy, "b=be&s=s1&action=maint", headers) == f"/s;st={outcome}"


def test_a_form_needs_the_password_too(start, origin):
    proxy = start(site(origin, "stats admin if TRUE", "stats auth a:b"))
    assert proxy.fetch("/s", "POST", FORM, b"b=be&s=s1&action=maint", name="stats").status == 401


def test_rules_of_the_page(start, origin):
    proxy = start(
        site(
            origin,
            "stats http-request auth realm Zone if { hdr(x-role) stranger }",
            "stats http-request deny unless { hdr(x-role) admin }",
        )
    )
    stranger = proxy.fetch("/s", name="stats", headers="X-Role: stranger\r\n")
    assert (stranger.status, stranger.get("www-authenticate")) == (401, 'Basic realm="Zone"')
    assert proxy.fetch("/s", name="stats").status == 403
    assert proxy.fetch("/s", name="stats", headers=ADMIN).status == 200
    assert proxy.fetch("/other", name="stats").status == 503


def test_page_of_a_backend_is_served_through_its_frontend(start, origin):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n"
        f"backend be\n    stats uri /s\n    stats admin if TRUE\n    server s1 {server}\n"
    )
    assert proxy.fetch("/s").get("content-type") == "text/html"
    assert proxy.fetch("/").body == b"a"


def test_scope_and_maintenance_are_hidden_on_request(start, origin):
    proxy = start(site(origin, "stats admin if TRUE"))
    post(proxy, "b=be&s=s2&action=maint")
    assert {name for name, _ in parse_csv(proxy.fetch("/s;csv?scope=be", name="stats").body.decode())} == {"be"}
    rows = parse_csv(proxy.fetch("/s;csv;no-maint", name="stats").body.decode())
    assert ("be", "s1") in rows
    assert ("be", "s2") not in rows


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.scripts += tag == "script"
        assert not [name for name in found if name.startswith("on")]
        if found.get("name") == "s":
            self.names.append(found["value"])


def test_hostile_words_stay_words(start, origin):
    proxy = start(site(origin, "stats admin if TRUE", "stats show-desc </dd><script>alert(1)</script>", "stats show-legends"))
    answer = proxy.fetch("/s;\"onload='x;st=<script>?scope=<b>\"", name="stats")
    page = _Page()
    page.feed(answer.body.decode())
    assert page.scripts == 1
    assert "default-src 'none'" in answer.get("content-security-policy")
    page.feed(proxy.fetch("/s", name="stats").body.decode())
    assert page.names == ["s1", "s2"]


def test_latency_is_told_in_percentiles(start, origin):
    proxy = start(site(origin, "stats show-modules"))
    for _ in range(5):
        proxy.fetch()
    rows = proxy.stat()
    for row in (rows["fe", "FRONTEND"], rows["be", "BACKEND"]):
        assert all(row[f"{time}time_{share}"].isdigit() for time in "qcrt" for share in ("p50", "p90", "p99", "p999"))
    assert rows["stats", "FRONTEND"]["ttime_p50"] == ""
    assert b"Total ms" in proxy.fetch("/s", name="stats").body
