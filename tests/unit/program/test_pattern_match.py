"""Each match method: what it takes, what it leaves, and which of several patterns it chooses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from fastlb_core.bridge.patternkit import Index, Method, PatternFault, Ref
from hypothesis import given, settings
from hypothesis import strategies as st

from .pattern_model import STRINGS, match_ip, match_string


def index_of(method: str, patterns: list[bytes], icase: bool = False, output: str = "none") -> Index:
    ref = Ref()
    index = ref.attach(method, icase=icase, output=output)
    for pattern in patterns:
        ref.add(pattern)
    return index


def which(index: Index, sample: object) -> int | None:
    """The place of the pattern that matches, from 0."""
    found = index.match(sample)
    return None if found is None else found[0] - 1


# method, -i, patterns, {sample: place of the pattern that matches}
STRING_CASES = [
    ("str", False, [b"a", b"ab", b"a"], {b"a": 0, b"ab": 1, b"": None, b"abc": None, b"A": None}),
    ("str", False, [b"ab"], {b"ab\0x": 0, b"ab\0": 0, b"a\0b": None}),
    ("str", True, [b"Ab"], {b"ab": 0, b"AB": 0, b"ab\0": None, b"abc": None}),
    ("str", True, [b"Content-Type-Of-Some-Length"], {b"content-type-OF-some-length": 0, b"content-type-of-some-lengtH2": None}),
    ("str", True, ["É[`{@".encode()], {"É[`{@".encode(): 0, "é[`{@".encode(): None, "É{`[@".encode(): None}),
    ("str", False, [], {b"a": None, b"": None}),
    ("beg", False, [b"/a", b"/abc", b"/ab"], {b"/": None, b"/a": 0, b"/ab": 2, b"/abcd": 1, b"/ac": 0, b"": None, b"x/a": None}),
    ("beg", True, [b"/A", b"/aBc", b"/ab"], {b"/abcd": 0, b"/ABCD": 0, b"/": None}),
    ("beg", False, [b"a"], {b"a\0": 0, b"\0a": None}),
    ("end", False, [b".jpg", b"pg", b".png"], {b"/x.jpg": 0, b"/x.Jpg": 1, b"x.png": 2, b"g": None, b"": None, b"x.jpg\0": None}),
    ("end", True, [b"PG", b".jpg"], {b"x.JPG": 0, b"xpg": 0}),
    ("sub", False, [b"b", b"ab"], {b"ab": 0, b"xaby": 0, b"a": None, b"": None, b"a\0b": 0}),
    ("sub", True, [b"Script"], {b"<SCRIPT>": 0, b"scrip": None, b"\xffscript": 0}),
    (
        "dir", False, [b"images/png", b"logo", b"/a/b/", b"a?b"],
        {
            b"/images/png/logo/32x32.png": 0, b"/logo": 1, b"logo?x": 1, b"logos": None, b"/x/a/b": 2, b"a/bc": None,
            b"/a?b/": 3, b"": None, b"/": None, b"xlogo": None, b"//logo//": 1, b"logo.x": None,
        },
    ),
    ("dir", True, [b"Logo"], {b"/LOGO/": 0, b"/logos": None}),
    ("dir", False, [b"/"], {b"": 0, b"/": 0, b"a/": 0, b"a": None, b"/a": None, b"a?": 0, b"a.": None}),
    (
        "dom", False, [b"http", b"www1", b".dc-eu.", b"example", b":80", b"blah"],
        {
            b"http://www1.dc-eu.example.com:80/blah": 0, b"www1.x": 1, b"www2.dc-eu.x": 2, b"x.com:80": 4, b"?blah": 5,
            b"www11": None, b"eu": None, b"dc": None, b"": None,
        },
    ),
    ("dom", True, [b"Example.Com"], {b"www.EXAMPLE.com": 0, b"example.com.org": 0, b"example.comx": None}),
    ("dom", False, [b"."], {b"": 0, b".": 0, b"a.": 0, b"a": None}),
    ("len", False, [b"3", b"5:7", b"100:"], {b"abc": 0, b"abcdef": 1, b"": None, bytes(100): 2, b"abcd": None}),
    ("len", False, [b"0"], {b"": 0, b"a": None}),
    ("bin", False, [b"616263", b"00Ff"], {b"abc": 0, b"\0\xff": 1, b"": None, b"ab": None, b"abc\0": None}),
    ("reg", False, [b"^/a", b"b$", b"(x|y){2}"], {b"/ab": 0, b"cb": 1, b"cyx": 2, b"": None, b"B": None, b"b\n": 1}),
    ("reg", True, [b"^A.C$"], {b"abc": 0, b"a\0c": 0, b"a\nc": None}),
]


@pytest.mark.parametrize(("method", "icase", "patterns", "samples"), STRING_CASES)
def test_strings(method: str, icase: bool, patterns: list[bytes], samples: dict[bytes, int | None]) -> None:
    index = index_of(method, patterns, icase)
    assert {sample: which(index, sample) for sample in samples} == samples
    if method != "bin":
        # Binary samples are compared as they are, not as hexadecimal text.
        assert {sample: which(index, bytearray(sample)) for sample in samples} == samples


INT_CASES = [
    (b"5", [5], [4, 6, -5]),
    (b"1:5", [1, 3, 5], [0, 6]),
    (b"1-5", [1, 5], [0, 6]),
    (b"1:", [1, 2**63 - 1], [0, -1]),
    (b"1-", [1, 2**63 - 1], [0]),
    (b":5", [5, 0, -(2**63)], [6]),
    (b"-5", [5, -5, -(2**63)], [6]),
    (b":-5", [-5, -(2**63)], [-4, 5]),
    (b"--5", [-5, -6], [-4]),
    (b"00012", [12], [10]),
    (b"9223372036854775807", [2**63 - 1], [-1]),
]


@pytest.mark.parametrize(("pattern", "hits", "misses"), INT_CASES)
def test_integers(pattern: bytes, hits: list[int], misses: list[int]) -> None:
    index = index_of("int", [pattern])
    assert all(which(index, number) == 0 for number in hits)
    assert all(which(index, number) is None for number in misses)


def test_the_first_range_that_holds_a_number_is_taken() -> None:
    index = index_of("int", [b"1:5", b"3:8", b"3", b":0", b"100:"])
    assert [which(index, n) for n in (1, 3, 6, 0, -5, 8, 9, 100)] == [0, 0, 1, 3, 3, 1, None, 4]


def test_text_is_cast_to_what_the_method_compares() -> None:
    assert which(index_of("int", [b"5"]), b"5") == 0
    assert which(index_of("ip", [b"10.0.0.0/8"]), b"10.1.2.3") == 0
    assert which(index_of("str", [b"12"]), 12) == 0
    assert which(index_of("beg", [b"10."]), IPv4Address("10.1.2.3")) == 0
    with pytest.raises(ValueError):
        index_of("ip", [b"10.0.0.0/8"]).match(b"x")


def test_dotted_numbers_are_versions() -> None:
    index = index_of("dot", [b"3:3.1", b"1.1"])
    assert [which(index, n) for n in (3 << 16, 3 << 16 | 1, 3 << 16 | 2, 1 << 16 | 1, 1 << 16)] == [0, 0, None, 1, None]


def test_found_and_bool_need_no_pattern() -> None:
    assert Ref().attach("found").match(b"") == (0, b"", None)
    assert Ref().attach("bool").match(2) is not None
    assert Ref().attach("bool").match(0) is None
    assert Ref().attach("bool").match(True) is not None
    assert index_of("found", [b"any", b"thing"]).match(b"x") is not None


def test_methods_with_a_number_ignore_no_case_flag() -> None:
    index = index_of("meth", [b"GET", b"get", b"FOO"])
    assert [which(index, Method(name)) for name in (b"GET", b"get", b"FOO", b"foo", b"HEAD")] == [0, 1, 2, None, None]
    nocase = index_of("meth", [b"get", b"foo"], icase=True)
    assert [which(nocase, Method(name)) for name in (b"GET", b"get", b"GeT", b"FOO")] == [None, 0, 0, 1]


IP_CASES = [
    ("1.2.3.4", ["1.2.3.4", "::ffff:1.2.3.4", "::1.2.3.4", "2002:102:304::1"], ["1.2.3.5", "64:ff9b::102:304", "::1"]),
    ("1.2.3.4/24", ["1.2.3.9", "2002:102:309::1"], ["1.2.4.4"]),
    ("1.2.3.4/08", ["1.9.9.9"], ["2.2.3.4"]),
    ("1.2.3.4/255.255.0.0", ["1.2.9.9"], ["1.3.3.4"]),
    ("1.2.3.4/255.0.255.0", ["1.5.3.7", "1.2.3.4", "::ffff:1.9.3.1"], ["1.2.9.9"]),
    ("0.0.0.0/0", ["1.2.3.4", "::1", "::ffff:9.9.9.9", "2002::1"], ["2001:db8::5", "fe80::1"]),
    ("1.2.3.4/0.0.0.0", ["9.9.9.9"], ["fe80::1"]),
    ("::/0", ["1.2.3.4", "::1", "fe80::1"], []),
    ("::1", ["::1"], ["::2", "0.0.0.1"]),
    ("2001:db8::/32", ["2001:db8::5", "2001:db8:ffff::"], ["2001:db9::", "1.2.3.4"]),
    ("::ffff:1.2.3.0/120", ["1.2.3.4", "::ffff:1.2.3.200"], ["1.2.4.4", "::1.2.3.4"]),
    ("::/96", ["::1.2.3.4", "::"], ["1.2.3.4", "::ffff:1.2.3.4"]),
    ("2001:db8::1/128", ["2001:db8::1"], ["2001:db8::"]),
    ("2001:db8::1/127", ["2001:db8::1", "2001:db8::"], ["2001:db8::2"]),
]


@pytest.mark.parametrize(("pattern", "hits", "misses"), IP_CASES)
def test_networks(pattern: str, hits: list[str], misses: list[str]) -> None:
    index = index_of("ip", [pattern.encode()])
    assert [text for text in hits if which(index, ip_address(text)) is None] == []
    assert [text for text in misses if which(index, ip_address(text)) is not None] == []


def test_the_finest_network_of_the_own_family_comes_first_and_masks_with_holes_last() -> None:
    patterns = [
        b"0.0.0.0/0", b"10.0.0.0/8", b"10.1.0.0/16", b"10.1.2.3", b"10.1.2.3", b"10.0.255.0/255.0.255.0", b"::ffff:10.1.2.0/120",
        b"2002:a01::/32", b"2001:db8::/32", b"2001:db8:1::/48",
    ]
    index = index_of("ip", patterns)
    expected = {
        "1.2.3.4": 0, "10.9.9.9": 1, "10.1.9.9": 2, "10.1.2.3": 3, "10.1.2.4": 2, "10.5.255.1": 1, "::ffff:10.1.2.3": 6,
        "::ffff:10.5.255.1": 1, "::10.1.2.3": 3, "2002:a01:203::1": 7, "2002:a05:203::1": 1, "2001:db8::": 8, "2001:db8:1::1": 9,
        "2003::": None,
    }
    assert {text: which(index, ip_address(text)) for text in expected} == expected
    holes = index_of("ip", [b"10.0.255.0/255.0.255.0", b"10.0.0.0/255.0.0.255", b"10.2.0.0/16"])
    assert [which(holes, ip_address(f"10.{rest}")) for rest in ("5.255.0", "5.9.0", "2.255.0", "5.9.1")] == [0, 1, 2, None]


BAD_PATTERNS = [
    *(("int", text, f"'{text}' is not a number") for text in ("a", "1a", "+1", " 1", "1.1", "9223372036854775808", "", "0x1")),
    *(
        ("int", text, f"'{text}' is not a valid number range")
        for text in (":", "-", "5:1", "1:2:3", "1:a", "1:5 ", "1:-5", "-5:-1", "1-:5", "1--5", "::5")
    ),
    ("len", "x", "'x' is not a number"),
    *(("dot", text, f"'{text}' is not a dotted number") for text in ("x", "3.", "3.x", "70000", "1.70000", "3.1.1", ".5")),
    *(("dot", text, f"'{text}' is not a valid dotted number range") for text in (":", "3.1:3")),
    ("bin", "6", "an even number of hex digit is expected"),
    ("bin", "6x", "an hex digit is expected (found 'x')"),
    *(
        ("ip", text, f"'{text}' is not a valid IPv4 or IPv6 address")
        for text in (
            "", "x", "10.1", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/24x", "256.1.1.1", "01.2.3.4",
            "2001:db8::1/ffff::", "fe80::1%lo", "/8", "1.2.3.4/4294967304",
        )
    ),
    ("reg", "(", "regex '(' is invalid (error=missing closing parenthesis, erroffset=1)"),
    ("reg", r"(a)\1", r"regex '(a)\1' is invalid (error=reference to non-existent subpattern, erroffset=4)"),
]


@pytest.mark.parametrize(("method", "pattern", "words"), BAD_PATTERNS)
def test_a_bad_pattern_is_refused_in_haproxys_words(method: str, pattern: str, words: str) -> None:
    ref = Ref()
    ref.attach(method)
    with pytest.raises(PatternFault) as caught:
        ref.add(pattern.encode(), line=7)
    assert (caught.value.message, caught.value.line) == (words, 7)
    assert ref.entries() == []


def test_a_long_bad_pattern_is_cut_in_the_message() -> None:
    with pytest.raises(PatternFault) as caught:
        index_of("int", [b"x" * 5000])
    assert len(caught.value.message) == 383


# ---- against the model

letters = st.binary(max_size=6).map(lambda raw: bytes(b"aAbB/.?:\0"[byte % 9] for byte in raw))
patterns = st.lists(letters.map(lambda text: text.replace(b"\0", b"") or b"a"), min_size=1, max_size=12)


@settings(max_examples=150)
@given(st.sampled_from(sorted(STRINGS)), st.booleans(), patterns, st.lists(letters, min_size=1, max_size=12), st.data())
def test_strings_are_chosen_as_by_the_model(
    method: str, icase: bool, keys: list[bytes], texts: list[bytes], data: st.DataObject
) -> None:
    ref = Ref()
    index = ref.attach(method, icase=icase)
    ids = [ref.add(key) for key in keys]
    removed = data.draw(st.sets(st.sampled_from(ids), max_size=len(ids)))
    assert all(ref.remove_id(id) for id in removed)
    left = [(id, key) for id, key in zip(ids, keys, strict=True) if id not in removed]
    for text in [*texts, *keys]:
        found = index.match(text)
        place = match_string(method, icase, [key for _, key in left], text)
        assert (None if found is None else found[:2]) == (None if place is None else left[place]), text


octets = st.sampled_from([0, 1, 2, 10, 127, 128, 255])
v4 = st.tuples(octets, octets, octets, octets).map(lambda parts: IPv4Address(bytes(parts)))
groups = st.lists(st.sampled_from([b"\0\0", b"\0\1", b"\xff\xff", b"\x20\x02", b"\x0a\x01"]), min_size=8, max_size=8)
v6 = st.one_of(
    groups.map(lambda parts: IPv6Address(b"".join(parts))),
    v4.map(lambda host: IPv6Address(b"\0" * 10 + b"\xff\xff" + host.packed)),
    v4.map(lambda host: IPv6Address(b"\x20\x02" + host.packed + bytes(10))),
    v4.map(lambda host: IPv6Address(bytes(12) + host.packed)),
)
networks = st.one_of(
    st.tuples(v4, st.integers(0, 32)).map(lambda net: f"{net[0]}/{net[1]}"),
    st.tuples(v6, st.integers(0, 128)).map(lambda net: f"{net[0]}/{net[1]}"),
)


@settings(max_examples=150)
@given(st.lists(networks, min_size=1, max_size=20), st.lists(st.one_of(v4, v6), min_size=1, max_size=20))
def test_networks_are_chosen_as_by_the_model(nets: list[str], hosts: list[IPv4Address | IPv6Address]) -> None:
    index = index_of("ip", [net.encode() for net in nets])
    for host in hosts:
        assert which(index, host) == match_ip(nets, host), host


@given(st.binary(max_size=300), st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=30))
def test_any_bytes_are_safe(sample: bytes, keys: list[bytes]) -> None:
    for method in ("str", "beg", "end", "sub", "dir", "dom"):
        for icase in (False, True):
            index_of(method, keys, icase).match(sample, room=0)


def test_long_samples_of_delimiters_are_quick_enough_to_be_tested() -> None:
    for method in ("dir", "dom", "sub", "beg", "end", "str"):
        index = index_of(method, [b"x" * n for n in range(1, 200)], icase=True)
        assert which(index, b"/." * 8000) is None
        assert which(index, b"/y" * 8000) is None


def test_no_room_in_the_scratch_area_does_not_change_the_answer() -> None:
    index = index_of("sub", [b"needle"], icase=True)
    assert index.match(b"x" * 100 + b"NEEDLE", room=10) is not None
    assert index.match(b"x" * 100 + b"NEEDL", room=10) is None
