"""Every row of REFUSED-INPUTS.md through the HTTP/1 parser and body readers: whole, byte by byte, cut in two anywhere.

Each input stands before a page that cannot be read, so that a look too far is a crash and not a pass.
"""

from __future__ import annotations

from typing import Any

import pytest
from fastlb_core.bridge import testkit
from tests.support.refused_inputs import REQUESTS, RESPONSES, Row

BUFFER = 16384 - 1024
ids = [row.id for row in (*REQUESTS, *RESPONSES)]
rows = [pytest.param(row, row in RESPONSES, id=row.id) for row in (*REQUESTS, *RESPONSES)]


def parse(row: Row, is_answer: bool, chunks: tuple[int, ...] = ()) -> tuple[dict[str, Any], Any]:
    """The row's head through the parser."""
    raw = row.raw[:BUFFER] if row.where == "size" else row.raw
    if is_answer:
        return testkit.parse_response(raw, method=row.method, chunks=chunks, guarded=True)
    return testkit.parse_request(raw, chunks=chunks, guarded=True)


@pytest.mark.parametrize(("row", "is_answer"), rows)
def test_row_gets_its_verdict(row: Row, is_answer: bool) -> None:
    found, message = parse(row, is_answer)
    if row.where == "head" and row.status:
        assert found["status"] == "error", found
        assert found["code"] == row.status, found
        return
    if row.where == "size":
        assert found["status"] == "need-more"
        assert testkit.head_too_large(row.raw[:BUFFER], is_answer) == row.status
        return
    assert found["status"] == "done", found
    rest = row.raw[found["head_len"] :]
    body = message.body(rest, eof=True)
    if row.where in ("body", "short"):
        assert body["status"] == "error", body
        return
    assert body["status"] == "done", body
    if row.where == "head":
        assert body["used"] == len(rest)
    else:
        assert body["used"] < len(rest)


@pytest.mark.parametrize(("row", "is_answer"), rows)
def test_verdict_does_not_depend_on_how_the_bytes_arrive(row: Row, is_answer: bool) -> None:
    whole, message = parse(row, is_answer)
    cuts = range(1, min(len(row.raw), 400))
    for chunks in ((1,), (7,), *((cut, len(row.raw)) for cut in cuts)):
        found, again = parse(row, is_answer, chunks)
        assert found == whole, chunks
        if whole["status"] == "done":
            assert again.slices() == message.slices(), chunks
    if whole["status"] != "done":
        return
    rest = row.raw[whole["head_len"] :]
    body = message.body(rest, eof=True)
    for chunks in ((1,), (3,), *((cut, len(rest)) for cut in range(1, min(len(rest), 200)))):
        assert message.body(rest, steps=chunks, eof=True) == body
        assert message.body(rest, steps=chunks, eof=True, skip=True) == body


def test_garbage_behind_a_request_is_refused_as_the_next_one() -> None:
    row = next(row for row in REQUESTS if row.id == "post-garbage-after")
    found, message = parse(row, False)
    used = message.body(row.raw[found["head_len"] :])["used"]
    following, _ = testkit.parse_request(row.raw[found["head_len"] + used :])
    assert (following["status"], following["code"]) == ("error", 400)


def test_row_ids_are_unique() -> None:
    assert len(set(ids)) == len(ids)
