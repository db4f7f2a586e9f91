"""`http-after-response` rules see what fastlb itself answers, the statistics page too; `http-response` rules do not."""

from __future__ import annotations

from support.origin import named
from support.proxy import HTTP

RULES = "    http-response set-header X-Response r\n    http-after-response set-header X-After %[status]\n"


def test_statistics_page_meets_the_rules_of_all_answers_only(start):
    proxy = start(f"{HTTP}frontend fe\n    bind fd@fe\n    stats uri /stats\n{RULES}")
    page = proxy.fetch("/stats")
    assert page.status == 200
    assert page.all("x-after") == ["200"]
    assert page.all("x-response") == []


def test_answer_with_a_page_and_edits_that_fill_a_buffer_leaves_whole(start, origin):
    body = "x" * 9000
    lines = "".join(f"    http-after-response add-header X-{i} {'y' * 900}\n" for i in range(6))
    proxy = start(
        f"{HTTP}frontend fe\n    bind fd@fe\n"
        f"    http-request return status 200 content-type text/plain string {body}\n{lines}"
    )
    client = proxy.client()
    for _ in range(3):
        answer = client.request()
        assert answer.body == body.encode()
        assert [len(answer.all(f"x-{i}")[0]) for i in range(6)] == [900] * 6
    client.close()


def test_pipelined_requests_are_answered_in_turn(start, origin):
    proxy = start(
        f"{HTTP}frontend fe\n    bind fd@fe\n    http-request deny if {{ path /deny }}\n{RULES}    default_backend be\n"
        f"backend be\n    server s1 {origin(named('a'))}\n"
    )
    client = proxy.client()
    client.send(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in (b"/deny", b"/", b"/deny", b"/")))
    seen = [client.read_response() for _ in range(4)]
    assert [answer.all("x-after") for answer in seen] == [["403"], ["200"], ["403"], ["200"]]
    assert [answer.all("x-response") for answer in seen] == [[], ["r"], [], ["r"]]
    client.close()
