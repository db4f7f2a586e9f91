"""Heads that are accepted: what is found in them, how they leave again, and the rules of the hop in between.

The outputs are what Debian's haproxy 2.6.12 sent for the same bytes, but for the deviations that REFUSED-INPUTS.md asks for.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from fastlb_core.bridge import testkit, testkit_base
from hypothesis import given
from hypothesis import strategies as st

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
GET10 = b"GET / HTTP/1.0\r\nHost: a\r\n"
OUT = b"GET / HTTP/1.1\r\nhost: a\r\n"
OUT10 = b"GET / HTTP/1.0\r\nhost: a\r\n"


def request(raw: bytes) -> tuple[dict[str, Any], Any]:
    found, message = testkit.parse_request(raw)
    assert found["status"] == "done", found
    return found, message


def leaves(raw: bytes, keep_alive: bool = True) -> bytes:
    """The request head as it goes to a server."""
    _, message = request(raw)
    assert message.request_hops(keep_alive)
    slices = message.slices()
    copy = bytes(message.copy())
    assert slices is None or b"".join(slices) == copy
    return copy


def test_head_is_found_in_its_parts() -> None:
    found, message = request(b"POST /a?b HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\ncontent-length: 3\r\nx-a: 2\r\n\r\nabc")
    assert found["method"] == b"POST"
    assert found["target"] == b"/a?b"
    assert found["headers"] == [(b"host", b"x"), (b"x-a", b"1"), (b"content-length", b"3"), (b"x-a", b"2")]
    assert (found["body"], found["content_length"]) == ("length", 3)
    assert found["head_len"] == 68
    assert message.find(b"host") == [0]
    assert message.find(b"x-a") == [1, 3]
    assert message.find(b"x-b") == []


def test_canonical_head_leaves_as_one_untouched_slice() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Empty: \r\nAccept: */*\r\n\r\n"
    _, message = request(raw + b"next")
    assert message.untouched
    assert message.slices() == [raw.replace(b"Host", b"host").replace(b"X-Empty", b"x-empty").replace(b"Accept", b"accept")]


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n", OUT + b"\r\n"),
        (b"\r\n\nGET / HTTP/1.1\nHost: a\n\n", OUT + b"\r\n"),
        (GET + b"X-A:   a  b \t\r\nX-C:\r\nX-D:x\r\nX-E:\t x\t\r\n\r\n", OUT + b"x-a: a  b\r\nx-c: \r\nx-d: x\r\nx-e: x\r\n\r\n"),
        (GET + b"X-A: a\r\n  b\r\n\tc\r\nX-B: x\r\n\r\n", OUT + b"x-a: a    b  \tc\r\nx-b: x\r\n\r\n"),
        (GET + b"X-A:\r\n a\r\nX-B: x\r\n\r\n", OUT + b"x-a: a\r\nx-b: x\r\n\r\n"),
        (GET + b"X-A: a\r\n \r\n\r\n", OUT + b"x-a: a\r\n\r\n"),
        (GET + b"X-A: a\nX-B: b\r\n\n", OUT + b"x-a: a\r\nx-b: b\r\n\r\n"),
        (GET + b"X-A: a\x01b\x7fc\xe9\r\n\r\n", OUT + b"x-a: a\x01b\x7fc\xe9\r\n\r\n"),
        (GET + b"Content-Length: 2, 2\r\n\r\n", OUT + b"content-length: 2\r\n\r\n"),
        (GET + b"Content-Length: 2\r\nX: a\r\nContent-Length: 02\r\n\r\n", OUT + b"content-length: 2\r\nx: a\r\n\r\n"),
        # An origin might take leading zeros for octal, so they do not leave.
        (GET + b"Content-Length: 0010\r\n\r\n", OUT + b"content-length: 10\r\n\r\n"),
        (GET + b"Content-Length: 000\r\n\r\n", OUT + b"content-length: 0\r\n\r\n"),
        (GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", OUT + b"transfer-encoding: chunked\r\n\r\n"),
    ],
)
def test_unusual_spelling_leaves_in_the_usual_one(raw: bytes, out: bytes) -> None:
    assert leaves(raw) == out


@pytest.mark.parametrize(
    ("headers", "out"),
    [
        (b"Connection: close\r\n", b""),
        (b"Connection: keep-alive\r\n", b""),
        (b"Connection: Keep-Alive, X-A\r\n", b"connection: X-A\r\n"),
        (b"Connection: close, keep-alive\r\n", b""),
        (b"Connection: x-a, ,,y\r\n", b"connection: x-a, ,,y\r\n"),
        (b"Connection: te, close\r\n", b"connection: te\r\n"),
        (b"Connection: close, ,,, keep-alive,\x7f\r\n", b"connection: \x7f\r\n"),
        (b"Connection: \r\n", b""),
        (b"Connection: x\r\nConnection: close\r\nConnection: y\r\n", b"connection: x\r\nconnection: y\r\n"),
        (b"Keep-Alive: 300\r\nConnection: keep-alive\r\n", b"keep-alive: 300\r\n"),
        (b"Proxy-Connection: close\r\n", b"proxy-connection: close\r\n"),
        (b"TE: gzip\r\n", b""),
        (b"TE: trailers\r\n", b"te: trailers\r\n"),
        (b"TE: gzip, trailers\r\n", b"te: trailers\r\n"),
        (b"TE: gzip, trailers;q=1\r\nConnection: TE\r\n", b"connection: TE\r\n"),
    ],
)
def test_request_loses_what_belongs_to_the_clients_hop(headers: bytes, out: bytes) -> None:
    assert leaves(GET + headers + b"\r\n") == OUT + out + b"\r\n"
    assert leaves(GET + headers + b"\r\n", keep_alive=False) == OUT + out + b"connection: close\r\n\r\n"
    assert leaves(GET10 + headers + b"\r\n") == OUT10 + out + b"connection: keep-alive\r\n\r\n"
    assert leaves(GET10 + headers + b"\r\n", keep_alive=False) == OUT10 + out + b"\r\n"


@pytest.mark.parametrize(
    ("headers", "out", "flags"),
    [
        (b"Connection: Upgrade\r\nUpgrade: foo\r\n", b"connection: Upgrade\r\nupgrade: foo\r\n", {"upgrade"}),
        (b"Connection: keep-alive, Upgrade\r\nUpgrade: foo\r\n", b"connection: Upgrade\r\nupgrade: foo\r\n", {"upgrade"}),
        (b"Upgrade: foo\r\n", b"upgrade: foo\r\n", set()),
        (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n", b"", {"upgrade_h2c"}),
        (b"Connection: x, Upgrade\r\nUpgrade: H2C\r\n", b"connection: x\r\n", {"upgrade_h2c"}),
        (
            b"Connection: Upgrade\r\nUpgrade: h2c, foo\r\n",
            b"connection: Upgrade\r\nupgrade: foo\r\n",
            {"upgrade", "upgrade_h2c"},
        ),
    ],
)
def test_upgrade_passes_but_for_h2c(headers: bytes, out: bytes, flags: set[str]) -> None:
    found, _ = request(GET + headers + b"\r\n")
    assert found["flags"] & {"upgrade", "upgrade_h2c"} == flags
    assert leaves(GET + headers + b"\r\n") == OUT + out + b"\r\n"


@pytest.mark.parametrize(
    ("raw", "keeps"),
    [
        (GET + b"\r\n", True),
        (GET + b"Connection: close\r\n\r\n", False),
        (GET + b"Connection: keep-alive, close\r\n\r\n", False),
        (GET10 + b"\r\n", False),
        (GET10 + b"Connection: x, Keep-Alive\r\n\r\n", True),
        (GET + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", False),
    ],
)
def test_persistence_follows_version_and_connection(raw: bytes, keeps: bool) -> None:
    assert ("keep_alive" in request(raw)[0]["flags"]) is keeps


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("raw", "client_http10", "keep_alive", "out"),
    [
        (OK + b"Content-Length: 2\r\n\r\n", False, True, OK + b"content-length: 2\r\n\r\n"),
        (OK + b"Content-Length: 2\r\n\r\n", False, False, OK + b"content-length: 2\r\nconnection: close\r\n\r\n"),
        (OK + b"Content-Length: 2\r\n\r\n", True, True, OK + b"content-length: 2\r\nconnection: keep-alive\r\n\r\n"),
        (OK + b"Content-Length: 2\r\n\r\n", True, False, OK + b"content-length: 2\r\nconnection: close\r\n\r\n"),
        (b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n", True, False, b"HTTP/1.0 200 OK\r\nx: y\r\n\r\n"),
        (b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n", False, True, b"HTTP/1.0 200 OK\r\nx: y\r\nconnection: keep-alive\r\n\r\n"),
        (OK + b"Connection: close, X-B\r\nKeep-Alive: 5\r\n\r\n", False, True, OK + b"connection: X-B\r\nkeep-alive: 5\r\n\r\n"),
        (b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", False, True, b"HTTP/1.1 204 No\r\n\r\n"),
        (b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", False, True, b"HTTP/1.1 204 No\r\n\r\n"),
        (b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", False, True, b"HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n"),
        (b"HTTP/1.1 103 E\r\nContent-Length: 5\r\nLink: x\r\n\r\n", True, False, b"HTTP/1.1 103 E\r\nlink: x\r\n\r\n"),
        (b"HTTP/1.1 200\r\nX: y\r\n\r\n", False, True, b"HTTP/1.1 200 \r\nx: y\r\n\r\n"),
        (b"HTTP/1.1  200  OK\r\nX: y\r\n\r\n", False, True, OK + b"x: y\r\n\r\n"),
        (b"HTTP/1.2 200 OK\r\nX: y\r\n\r\n", False, True, OK + b"x: y\r\n\r\n"),
        (OK[:-2] + b"\nX: y\n\n", False, True, OK + b"x: y\r\n\r\n"),
        (OK + b"Upgrade: h2c\r\nConnection: X-S\r\n\r\n", False, True, OK + b"upgrade: h2c\r\nconnection: X-S\r\n\r\n"),
    ],
)
def test_answer_leaves_as_haproxy_sends_it(raw: bytes, client_http10: bool, keep_alive: bool, out: bytes) -> None:
    found, message = testkit.parse_response(raw)
    assert found["status"] == "done", found
    assert message.response_hops(client_http10, keep_alive)
    assert message.copy() == out
    assert b"".join(message.slices()) == out


@pytest.mark.parametrize(
    ("raw", "method", "body", "flags"),
    [
        (OK + b"\r\n", b"GET", "until-close", set()),
        (OK + b"Content-Length: 0\r\n\r\n", b"GET", "none", {"has_cl", "keep_alive"}),
        (OK + b"Content-Length: 5\r\n\r\n", b"HEAD", "none", {"has_cl", "keep_alive"}),
        (OK + b"\r\n", b"HEAD", "none", {"keep_alive"}),
        (b"HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", "none", {"has_te", "keep_alive"}),
        (b"HTTP/1.1 204 N\r\n\r\n", b"GET", "none", {"keep_alive"}),
        (b"HTTP/1.1 100 C\r\n\r\n", b"GET", "none", {"keep_alive", "interim"}),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"GET", "chunked", {"has_te", "keep_alive"}),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", b"GET", "chunked",
         {"has_te", "http10", "conn_keep_alive"}),
        (OK + b"Content-Length: 5\r\n\r\n", b"CONNECT", "tunnel", {"keep_alive"}),
        (b"HTTP/1.1 403 F\r\nContent-Length: 5\r\n\r\n", b"CONNECT", "length", {"has_cl", "keep_alive"}),
    ],
)  # fmt: skip
def test_answers_framing_follows_rfc_9112_section_6_3(raw: bytes, method: bytes, body: str, flags: set[str]) -> None:
    found, _ = testkit.parse_response(raw, method=method)
    assert found["status"] == "done", found
    assert found["body"] == body
    assert found["flags"] - {"edited"} == flags


def test_101_that_was_asked_for_opens_a_tunnel() -> None:
    raw = b"HTTP/1.1 101 S\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\nraw"
    found, message = testkit.parse_response(raw, upgrade_asked=True)
    assert (found["status"], found["body"]) == ("done", "tunnel")
    assert message.response_hops(False, True)
    assert message.copy() == b"HTTP/1.1 101 S\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n"
    assert testkit.parse_response(b"HTTP/1.1 101 S\r\n\r\nraw", upgrade_asked=True)[0]["code"] == 502


def test_expect_100_continue_is_seen() -> None:
    assert "expect_100" in request(GET + b"Expect: 100-Continue\r\n\r\n")[0]["flags"]
    assert "expect_100" not in request(GET + b"Expect: foo\r\n\r\n")[0]["flags"]
    assert "expect_100" not in request(GET10 + b"Expect: 100-continue\r\n\r\n")[0]["flags"]


def test_edits_show_in_lookups_and_output() -> None:
    _, message = request(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: x\r\nX-B: c\r\nCookie: y\r\n\r\n")
    message.delete(1)
    assert message.find(b"cookie") == [3]
    assert message.replace(2, b"other")
    assert message.append(b"cookie", b"z")
    assert message.find(b"cookie") == [3, 4]
    assert message.set_target(b"/new")
    assert message.forwarded_for(b"x-forwarded-for", bytes([10, 0, 0, 1]))
    assert not message.untouched
    expected = b"GET /new HTTP/1.1\r\nhost: a\r\nx-b: other\r\ncookie: y\r\ncookie: z\r\nx-forwarded-for: 10.0.0.1\r\n\r\n"
    assert message.copy() == expected
    assert b"".join(message.slices()) == expected
    # `GET `, target and version, host, `x-b: `, its value, cookie: y, cookie: z, x-forwarded-for, the empty line
    assert len(message.slices()) == 9


def test_start_line_takes_no_second_request() -> None:
    _, message = request(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not message.set_target(b"/x\r\nY: z")
    assert not message.set_target(b"")
    assert not message.set_method(b"GET /x")
    assert not message.set_method(b"")
    assert message.untouched
    assert message.set_target(b"/b c")
    assert message.set_method(b"PUT")
    assert message.copy() == b"PUT /b%20c HTTP/1.1\r\nhost: a\r\n\r\n"


def test_full_edit_room_changes_nothing() -> None:
    _, message = request(GET + b"\r\n")
    before = message.copy()
    assert not message.append(b"x", b"y" * 3000)
    assert not message.replace(0, b"y" * 3000)
    assert message.copy() == before
    assert message.copy(size=len(before) - 1) == b""


def test_too_many_pieces_for_slices_can_still_be_copied() -> None:
    _, message = request(GET + b"".join(b"X%d:a\r\n" % i for i in range(60)) + b"\r\n")
    assert message.slices() is None
    assert message.copy() == OUT + b"".join(b"x%d: a\r\n" % i for i in range(60)) + b"\r\n"


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_addresses_are_written_as_the_ipaddress_module_does(raw: bytes) -> None:
    expected = str(ipaddress.ip_address(raw))
    if len(raw) == 16 and raw[:12] == b"\0" * 10 + b"\xff\xff":
        expected = "::ffff:" + str(ipaddress.ip_address(raw[12:]))
    assert testkit.format_address(raw).decode() == expected


@pytest.mark.parametrize(
    "text", ["::", "::1", "1::", "1:0:0:2::3", "1:0:0:2:0:0:0:3", "0:1::", "1:0:2:0:3:0:4:0", "::ffff:1.2.3.4"]
)
def test_ipv6_zero_runs_are_shortened_as_rfc_5952_says(text: str) -> None:
    address = ipaddress.IPv6Address(text)
    expected = text if "." in text else str(address)
    assert testkit.format_address(address.packed).decode() == expected


def test_well_known_names_are_found_and_others_are_not() -> None:
    names = [b"host", b"content-length", b"transfer-encoding", b"connection", b"te", b"cookie", b"sec-websocket-accept"]
    ids = [testkit_base.header_id(name) for name in names]
    assert 0 not in ids
    assert len(set(ids)) == len(ids)
    for name in (b"", b"x", b"hosu", b"Host", b"content-lengtH", b"x-forwarded-foo"):
        assert testkit_base.header_id(name) == 0


token = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#", min_size=1, max_size=20)
value = st.binary(max_size=30).map(lambda raw: bytes(b for b in raw if b not in b"\r\n\0"))
space = st.sampled_from([b"", b" ", b"  ", b"\t", b" \t "])
end = st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r\n ", b"\n\t"])
line = st.builds(lambda n, a, v, b, e: n.encode() + b":" + a + v + b + e, token, space, value, space, end)
FRAMING = {b"content-length", b"transfer-encoding", b"host", b"connection", b"te", b"upgrade", b"expect"}


@given(st.lists(line, max_size=12), st.lists(st.integers(1, 40), max_size=6))
def test_accepted_head_means_the_same_when_parsed_again_from_its_output(lines: list[bytes], chunks: list[int]) -> None:
    # Invariants: arrival does not matter; what leaves is canonical, parses to the same headers, and leaves the same again.
    raw = GET + b"".join(lines) + b"\r\n"
    found, message = testkit.parse_request(raw, guarded=True)
    assert testkit.parse_request(raw, chunks=tuple(chunks) or (1,), guarded=True)[0] == found
    assert testkit.parse_request(raw, chunks=(1,), guarded=True)[0] == found
    if found["status"] != "done":
        return
    out = bytes(message.copy())
    again, second = testkit.parse_request(out, guarded=True)
    assert again["status"] == "done"
    assert again["headers"] == found["headers"]
    assert again["head_len"] == len(out)
    assert second.untouched
    assert second.slices() == [out]


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=6))
def test_arbitrary_bytes_get_one_verdict(raw: bytes, chunks: list[int]) -> None:
    for head in (raw, GET + raw, b"GET /" + raw):
        whole = testkit.parse_request(head, guarded=True)[0]
        assert testkit.parse_request(head, chunks=tuple(chunks) or (1,), guarded=True)[0] == whole
        assert testkit.parse_request(head, chunks=(1,), guarded=True)[0] == whole
    for head in (raw, OK + raw, b"HTTP/1.1 " + raw):
        whole = testkit.parse_response(head, guarded=True)[0]
        assert testkit.parse_response(head, chunks=tuple(chunks) or (1,), guarded=True)[0] == whole
