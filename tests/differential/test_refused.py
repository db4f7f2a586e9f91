"""The inputs of REFUSED-INPUTS.md through a running program: refused ones reach no server, valid ones go through.

The rows are fastlb's targets, stricter than HAProxy in places, so they are checked on fastlb; where HAProxy 2.6 forwards
a row that is valid, the two must also agree on what the server got.
"""

from __future__ import annotations

import pytest

from support.refused_inputs import REQUESTS, RESPONSES, Row

from .lab import Case, Lab, Outcome

pytestmark = pytest.mark.fastlb_only(reason="fastlb's own targets")

# Both forward these, and say it differently, as the manual of 3.x has it.
DIFFERENT = {
    "cl-leading-zero": "fastlb writes the number without its zeros",
    "rl-connect": "haproxy takes the scheme's default port off",
    "rl-absolute": "haproxy takes the scheme's default port off",
    "upgrade-h2c": "fastlb does not pass an upgrade to h2c on",
    "te-cl": "3.x closes the connection after a request with both",
    "cl-te": "3.x closes the connection after a request with both",
}


def request_case(row: Row) -> Case:
    word = row.raw.lstrip(b"\r\n").split(b" ")[0]
    method = word.decode() if word.isalpha() else "GET"
    if row.where == "short":
        return Case(row.id, row.raw, methods=(method,), end="half")
    if row.where == "next":
        return Case(row.id, row.raw, methods=(method, "GET"), end="wait")
    return Case(row.id, row.raw, methods=(method,), end="next" if row.status == 0 else "wait")


def complete(outcome: Outcome) -> list[str]:
    """The requests that reached the origin whole, without the one that was sent to see whether the connection lives."""
    return [text for text in outcome.origin if not text.startswith("cut request") and not text.startswith("GET /next ")]


@pytest.mark.parametrize("row", [row for row in REQUESTS if row.status], ids=lambda row: row.id)
def test_refused_request_reaches_no_server(pair, row):
    seen = pair[1].run(request_case(row))
    if row.where == "next":
        assert seen.statuses == [200, row.status], seen
        assert len(complete(seen)) == 1, seen
        return
    assert not any(text.startswith("malformed") for text in seen.origin), seen
    assert complete(seen) == [], seen
    if row.where != "short":
        assert seen.statuses == [row.status], seen
    if row.where in ("head", "size"):
        assert seen.origin == [], seen


@pytest.mark.parametrize("row", [row for row in REQUESTS if not row.status], ids=lambda row: row.id)
def test_valid_request_goes_through(pair, row):
    reference, tested = pair
    case = request_case(row)
    seen = tested.run(case)
    assert seen.statuses[0] == 200, seen
    assert len(complete(seen)) == 1, seen
    expected = reference.run(case)
    if expected.statuses[:1] == [200] and row.id not in DIFFERENT:
        assert complete(seen) == complete(expected)


@pytest.mark.parametrize("row", RESPONSES, ids=lambda row: row.id)
def test_answer_of_a_server(pair, row):
    tested: Lab = pair[1]
    request = b"%b / HTTP/1.1\r\nHost: a.test\r\n\r\n" % row.method
    seen = tested.run(Case(row.id, request, row.raw, (row.method.decode(),), close=True))
    if row.where == "short":
        assert seen.client[0].startswith("cut after"), seen
    elif row.status == 502:
        assert seen.statuses[:1] == [502] or seen.client[0].startswith(("cut after", "malformed")), seen
        assert row.where == "body" or seen.statuses[:1] == [502], seen
    elif row.status:
        assert seen.statuses[:1] == [row.status], seen
    else:
        assert seen.statuses and seen.statuses[0] != 502, seen
    assert not any("poison" in text for text in seen.client), seen
    assert row.where == "short" or not any("cut" in text for text in seen.client[1:]), seen
