"""FastCGI under a connection: what it tells the parser above of an application's records, however they are cut."""

from __future__ import annotations

import re

import pytest
from fastlb_core.bridge import fcgikit

from support.fcgi import STDERR, STDOUT, end, output, record, whole

STOP = record(STDOUT) + end()
DATE = b"Date: x\r\n"
HEAD = DATE + b"Content-Type: a\r\n"

# Records, and the answer that is made of them. None: no answer.
CASES = {
    "whole": (whole(HEAD + b"\r\nbody"), b"HTTP/1.1 200 OK\r\n" + HEAD + b"content-length: 4\r\n\r\nbody"),
    "status": (whole(b"Status: 404 Not Found\r\n" + DATE + b"\r\n"),
               b"HTTP/1.1 404 Not Found\r\n" + DATE + b"content-length: 0\r\n\r\n"),
    "late status": (whole(DATE + b"STATUS:201\r\n\r\n"), b"HTTP/1.1 201 \r\n" + DATE + b"content-length: 0\r\n\r\n"),
    "location": (whole(DATE + b"Location: /x\r\n\r\n"),
                 b"HTTP/1.1 302 Moved Temporarily\r\n" + DATE + b"Location: /x\r\ncontent-length: 0\r\n\r\n"),
    "line feeds": (whole(b"Date: x\nA: b\n\nbody"), b"HTTP/1.1 200 OK\r\nDate: x\r\nA: b\r\ncontent-length: 4\r\n\r\nbody"),
    "length": (whole(DATE + b"Content-Length: 4\r\n\r\nbody"), b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Length: 4\r\n\r\nbody"),
    "coding": (whole(DATE + b"Transfer-Encoding: x\r\n\r\nbody"),
               b"HTTP/1.1 200 OK\r\n" + DATE + b"Transfer-Encoding: x\r\n\r\nbody"),
    "nothing": (whole(b""), None),
    "half a head": (whole(HEAD), None),
    "no status": (whole(b"Status: 20\r\n\r\n"), None),
    "interim status": (whole(b"Status: 100\r\n\r\n"), None),
    "too large": (whole(b"A: " + b"x" * 17000 + b"\r\n\r\n"), None),
    "not that large": (whole(DATE + b"A: " + b"x" * 15000 + b"\r\n\r\n"),
                       b"HTTP/1.1 200 OK\r\n" + DATE + b"A: " + b"x" * 15000 + b"\r\ncontent-length: 0\r\n\r\n"),
    "larger than the user's room": (whole(DATE + b"A: " + b"x" * 15300 + b"\r\n\r\n"), None),
    "other version": (record(STDOUT, b"\r\n", version=0) + STOP, None),
    "short end": (output(HEAD) + record(3, b"123"), None),
}  # fmt: skip
NO_ANSWER = b"?\r\n\r\n"


def one_piece(made: bytes) -> bytes:
    """The answer with its body in one, whichever framing it got."""
    head, _, body = made.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        joined = b""
        while (size := int(body.split(b"\r\n")[0], 16)):
            at = body.index(b"\r\n") + 2
            joined, body = joined + body[at : at + size], body[at + size + 2 :]
        assert body == b"0\r\n\r\n"
        head, body = head.replace(b"transfer-encoding: chunked", b"content-length: %d" % len(joined)), joined
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("step", (0, 1, 7, 100))
def test_answer_whole_and_in_pieces(name: str, step: int) -> None:
    records, expected = CASES[name]
    if step and len(records) > 5000:
        step *= 50
    pieces = [records[at : at + step] for at in range(0, len(records), step)] if step else [records]
    made, ended, errors, is_free = fcgikit.answer(pieces)
    assert errors == []
    if expected is None:
        assert made == NO_ANSWER
        assert not is_free
    else:
        assert one_piece(made) == expected
        # What has no length of its own ends with the connection.
        assert ended == ("eof" if name == "coding" else "")
        assert is_free or ended


@pytest.mark.parametrize("room", (64, 100, 1000))
def test_small_room_of_the_user(room: int) -> None:
    body = b"0123456789" * 50
    made, _, _, is_free = fcgikit.answer([output(DATE + b"\r\n")[:-1], b"\n" + output(body) + STOP], room=max(room, 300))
    assert one_piece(made).partition(b"\r\n\r\n")[2] == body
    assert is_free


def test_answer_until_the_close_for_http10() -> None:
    made, ended, _, _ = fcgikit.answer([whole(DATE + b"\r\nbody")], http10=True)
    assert (made, ended) == (b"HTTP/1.0 200 OK\r\n" + DATE + b"\r\nbody", "eof")
    # The end of the connection alone would look the same.
    made, ended, _, _ = fcgikit.answer([output(DATE + b"\r\nbo")], http10=True, closes=True)
    assert (made.endswith(b"bo"), ended) == (True, "error")


def test_head_has_no_body() -> None:
    made, ended, _, is_free = fcgikit.answer([whole(DATE + b"Content-Length: 4\r\n\r\n")], head_asked=True)
    assert (made, ended, is_free) == (b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Length: 4\r\n\r\n", "", True)
    assert fcgikit.answer([whole(DATE + b"\r\nbody")], head_asked=True)[0] == NO_ANSWER
    # What comes later is dropped.
    made, _, _, is_free = fcgikit.answer([output(DATE + b"\r\n"), output(b"body") + STOP], head_asked=True)
    assert (made, is_free) == (b"HTTP/1.1 200 OK\r\n" + DATE + b"\r\n", True)


def test_body_longer_or_shorter_than_announced() -> None:
    head = DATE + b"Content-Length: 3\r\n\r\n"
    assert fcgikit.answer([whole(head + b"body")])[0] == NO_ANSWER
    made, _, _, is_free = fcgikit.answer([output(head + b"bo"), output(b"dy") + STOP])
    assert (made.endswith(b"\r\n\r\nbod"), is_free) == (True, True)
    assert fcgikit.answer([whole(head + b"bo")])[1] == "eof"


def test_request_may_follow_once_it_has_ended() -> None:
    records = whole(HEAD + b"\r\nbody")
    assert fcgikit.answer([records[:-16]])[3] is False
    assert fcgikit.answer([records[:-1]])[3] is False
    assert fcgikit.answer([records])[3] is True
    # And no more than that may have come.
    assert fcgikit.answer([records, output(b"more")])[1:] == ("error", [], False)


def test_bad_record_in_the_body_ends_it_badly() -> None:
    bad = record(STDOUT, b"x", version=7)
    made, _, _, _ = fcgikit.answer([output(DATE + b"\r\nbo"), bad])
    assert re.search(rb"\r\n2\r\nbo\r\n\?$", made)
    assert fcgikit.answer([output(DATE + b"Content-Length: 9\r\n\r\nbo"), bad])[1] == "error"


@pytest.mark.parametrize("size", (1, 5, 16384, 40000))
def test_stderr_is_told_by_record(size: int) -> None:
    message = b"m" * size + b"\n\n"
    records = record(STDERR, message) + record(STDERR, b"second") + record(STDERR) + whole(HEAD + b"\r\nbody")
    for step in (0, 1000):
        pieces = [records[at : at + step] for at in range(0, len(records), step)] if step else [records]
        made, _, errors, is_free = fcgikit.answer(pieces)
        assert made.endswith((b"body", b"0\r\n\r\n"))
        # Of one larger than a buffer the beginning is kept.
        assert [errors[0][:16384] == (b"m" * size)[:16384], errors[1]] == [True, b"second"]
        assert is_free
