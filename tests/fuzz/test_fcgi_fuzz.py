"""Whatever an application sends as records, the layer under the connection ends, keeps nothing, and tells the parser above an
answer that is well formed as far as it goes, or none at all."""

from __future__ import annotations

import re

from fastlb_core.bridge import fcgikit
from hypothesis import given
from hypothesis import strategies as st

from support.fcgi import STDERR, STDOUT, end, output, record, whole

HEADS = (
    b"", b"\r\n", b"\n", b"A: b\r\n\r\n", b"Status: 200 OK\n\n", b"Status: 404\r\nLocation: /\r\n\r\n",
    b"Status: 9999\r\n\r\n",
    b"Content-Length: 5\r\n\r\n",
    b"Content-Length: 99999999999999999999\r\n\r\n", b"Content-Length: \r\n\r\n", b"Date: x\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n", b": \r\n\r\n", b"Status:\r\n\r\n", b"Status: 204 \r\n\r\n",
    b"A: " + b"x" * 15000 + b"\r\n\r\n", b"A: " + b"\n" * 20, b"A" * 17000,
)  # fmt: skip
contents = st.one_of(st.binary(max_size=40), st.sampled_from(HEADS), st.just(b"0123456789" * 700))
records = st.builds(
    record,
    st.one_of(st.sampled_from((3, STDOUT, STDOUT, STDOUT, STDERR)), st.integers(0, 255)),
    contents,
    st.sampled_from((1, 1, 1, 1, 0, 2, 65535)),
    version=st.sampled_from((1,) * 20 + (0, 2, 255)),
    padding=st.sampled_from((0, 0, 1, 7, 255)),
)
streams = st.one_of(
    st.lists(records, max_size=8).map(b"".join),
    st.builds(
        lambda head, body, size: whole(head + body, size=size), st.sampled_from(HEADS), contents, st.sampled_from((1, 9, 65535))
    ),
    st.builds(lambda head, rest: output(head) + b"".join(rest) + end(), st.sampled_from(HEADS), st.lists(records, max_size=4)),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A stream with some bytes replaced, doubled or cut."""
    data = draw(streams)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.one_of(st.binary(max_size=9), st.just(data[at : at + 20])))
        data = data[:at] + piece + data[at + draw(st.integers(0, 9)) :]
    return data


HEAD = re.compile(rb"HTTP/1\.[01] [2-9]\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
CHUNKS = re.compile(rb"(?:[1-9a-f][0-9a-f]{0,3}\r\n)")


def check(made: bytes) -> None:
    """Nothing, the mark of no answer, or a head with whole chunks behind it where it says so."""
    if made in (b"", b"?\r\n\r\n"):
        return
    match = HEAD.match(made)
    if match is None:
        # Bytes of the script's own lines are judged by the parser above: a bare CR may stand in them.
        assert made.startswith(b"HTTP/1.") and b"\r\n\r\n" in made, made[:200]
        return
    if b"transfer-encoding: chunked\r\n\r\n" not in match[0]:
        return
    rest = made[match.end() :]
    while rest and rest not in (b"?", b"0\r\n\r\n"):
        size = CHUNKS.match(rest)
        assert size is not None, rest[:50]
        n = int(size[0], 16)
        assert rest[size.end() + n : size.end() + n + 2] == b"\r\n"
        rest = rest[size.end() + n + 2 :]


@given(
    damaged(),
    st.lists(st.integers(1, 3000), max_size=12),
    *(st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from((300, 15360)),
)
def test_any_records_make_an_answer_or_none(
    data: bytes, cuts: list[int], closes: bool, head_asked: bool, http10: bool, room: int
) -> None:
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    pieces.append(data[at:])
    made, ended, _, is_free = fcgikit.answer(pieces, closes=closes, head_asked=head_asked, http10=http10, room=room)
    check(made)
    assert ended in ("", "eof", "error")
    assert not (is_free and made == b"?\r\n\r\n")


@given(streams, st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_cuts_change_the_framing_at_most(data: bytes, cuts: list[int]) -> None:
    """However a stream of right records is cut: the same answer, or none in both cases."""
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    pieces.append(data[at:])
    whole_, in_pieces = (fcgikit.answer(form, closes=True, http10=True) for form in ([data], pieces))
    # Bytes behind the announced end refuse an answer only where they came along with its head.
    if whole_[0] != b"?\r\n\r\n":
        assert in_pieces[0] == whole_[0]
