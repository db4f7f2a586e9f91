"""Sets that change at run time: what is added, removed or committed is in every index at once, or in none."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from fastlb_core.bridge.patternkit import PatternFault, Ref
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .pattern_model import match_string


def words(ref: Ref) -> list[bytes]:
    return [key for _, key, _ in ref.entries()]


def test_one_set_serves_several_indexes() -> None:
    ref = Ref(b"/etc/x.map", has_values=True)
    prefixes, exact, inside = ref.attach("beg"), ref.attach("str", icase=True), ref.attach("sub")
    first = ref.add(b"/a", b"1")
    ref.add(b"/A", b"2")
    assert prefixes.match(b"/abc") == (first, b"/a", b"1")
    assert exact.match(b"/A") == (first, b"/a", b"1")
    assert inside.match(b"x/A") == (first + 1, b"/A", b"2")
    assert ref.remove(b"/a") == 1
    assert prefixes.match(b"/abc") is None
    assert exact.match(b"/A") == (first + 1, b"/A", b"2")
    ref.clear()
    assert [index.match(b"/A") for index in (prefixes, exact, inside)] == [None] * 3
    assert ref.entries() == []


def test_the_same_index_is_attached_once() -> None:
    ref = Ref()
    assert ref.attach("beg").address() == ref.attach("beg").address()
    assert ref.attach("beg").address() != ref.attach("beg", icase=True).address()
    assert ref.attach("beg").address() != ref.attach("beg", output="int").address()


def test_an_index_that_comes_late_has_all_entries_of_all_versions() -> None:
    ref = Ref()
    ref.add(b"a")
    version = ref.prepare()
    ref.add(b"b", version=version)
    index = ref.attach("str")
    assert (index.match(b"a") is not None, index.match(b"b")) == (True, None)
    ref.commit(version)
    assert (index.match(b"a"), index.match(b"b") is not None) == (None, True)


def test_an_index_that_cannot_read_an_entry_names_its_line_and_leaves_nothing() -> None:
    ref = Ref()
    strings = ref.attach("str")
    ref.add(b"10.0.0.0/8", line=1)
    version = ref.prepare()
    ref.add(b"1.2.3.4", line=2, version=version)
    ref.add(b"ten", line=3, version=version)
    with pytest.raises(PatternFault) as caught:
        ref.attach("ip")
    assert (caught.value.message, caught.value.line) == ("'ten' is not a valid IPv4 or IPv6 address", 3)
    ref.add(b"eleven")
    ref.commit(version)
    assert words(ref) == [b"1.2.3.4", b"ten"]
    assert strings.match(b"ten") is not None
    ref.remove(b"ten")
    assert ref.attach("ip").match(IPv4Address("1.2.3.4")) is not None


def test_an_entry_that_one_index_cannot_read_is_in_none() -> None:
    ref = Ref()
    strings, numbers = ref.attach("str"), ref.attach("int")
    ref.add(b"5")
    with pytest.raises(PatternFault, match="'x' is not a number"):
        ref.add(b"x")
    assert strings.match(b"x") is None
    assert numbers.match(5) is not None
    assert words(ref) == [b"5"]
    assert ref.find(b"x") is None


def test_equal_keys_are_found_in_order_changed_and_removed_together() -> None:
    ref = Ref(has_values=True)
    index = ref.attach("str", output="str")
    ids = [ref.add(key, value) for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"a", b"4"))]
    assert index.match(b"a")[2] == b"1"
    assert ref.remove_id(ids[0])
    assert index.match(b"a")[2] == b"3"
    assert ref.change(b"a", b"new") == 2
    assert ref.entries() == [(ids[1], b"b", b"2"), (ids[2], b"a", b"new"), (ids[3], b"a", b"new")]
    assert ref.change_id(ids[3], b"last")
    assert ref.remove_id(ids[2])
    assert index.match(b"a") == (ids[3], b"a", b"last")
    assert ref.remove(b"a") == 1
    assert ref.remove(b"a") == 0
    assert ref.change(b"a", b"x") == 0
    assert not ref.remove_id(ids[0])
    assert not ref.change_id(ids[0], b"x")
    assert ref.find(b"b") == (ids[1], b"b", b"2")


def test_ids_are_never_used_again() -> None:
    ref = Ref()
    first = ref.add(b"a")
    ref.clear()
    assert ref.add(b"a") > first


def test_a_committed_version_replaces_all_and_drops_older_ones() -> None:
    ref = Ref()
    index = ref.attach("str")
    ref.add(b"old")
    one, two, three = ref.prepare(), ref.prepare(), ref.prepare()
    assert (one, two, three) == (1, 2, 3)
    for version in (one, two, three):
        ref.add(b"v%d" % version, version=version)
    assert index.match(b"v2") is None
    ref.commit(two)
    assert words(ref) == [b"v2"]
    assert index.match(b"old") is None
    assert index.match(b"v2") is not None
    with pytest.raises(KeyError):
        ref.entries(one)
    assert ref.entries(two) == ref.entries()
    with pytest.raises(KeyError):
        ref.commit(two)
    ref.clear(three)
    ref.commit(three)
    assert words(ref) == []
    with pytest.raises(KeyError):
        ref.entries(4)
    assert ref.prepare() == 4


VALUES = [
    ("int", b"12", 12), ("int", b"-5", -5), ("int", b"+5", 5), ("int", b"", 0), ("int", b"-", 0), ("int", b"05", 5),
    ("int", b"99999999999999999999", 2**63 - 1), ("int", b"-99999999999999999999", -(2**63)),
    ("ip", b"1.2.3.4", IPv4Address("1.2.3.4")), ("ip", b"1.2.3.4/8", IPv4Address("1.2.3.4")),
    ("ip", b"1.2.3.4 x", IPv4Address("1.2.3.4")), ("ip", b"::1", IPv6Address("::1")),
    ("str", b"two  words", b"two  words"), ("str", b"", b""), ("key", b"v", b"k"),
]


@pytest.mark.parametrize(("output", "value", "result"), VALUES)
def test_a_maps_value_is_read_as_its_output(output: str, value: bytes, result: object) -> None:
    ref = Ref(has_values=True)
    ref.add(b"k", value)
    assert ref.attach("str", output=output).convert(b"k") == result


@pytest.mark.parametrize(
    ("output", "value"),
    [("int", "x"), ("int", "0x10"), ("int", "1 2"), ("int", "1.5"), ("ip", ""), ("ip", "x"), ("ip", "1.2"), ("ip", "::1/64")],
)
def test_a_value_that_cannot_be_read_changes_nothing(output: str, value: str) -> None:
    ref = Ref(has_values=True)
    good = b"7" if output == "int" else b"7.7.7.7"
    index = ref.attach("str", output=output)
    ref.add(b"k", good)
    with pytest.raises(PatternFault) as caught:
        ref.add(b"bad", value.encode(), line=3)
    assert (caught.value.message, caught.value.line) == (f"unable to parse '{value}'", 3)
    with pytest.raises(PatternFault, match="unable to parse"):
        ref.change(b"k", value.encode())
    assert [entry[1:] for entry in ref.entries()] == [(b"k", good)]
    assert index.convert(b"k") == (7 if output == "int" else ip_address("7.7.7.7"))
    assert index.match(b"bad") is None


def test_the_default_stands_in_for_what_is_not_found_only() -> None:
    ref = Ref(has_values=True)
    ref.add(b"10.0.0.0/8", b"ten")
    index = ref.attach("ip", output="str")
    assert index.convert(b"10.1.2.3", b"none") == b"ten"
    assert index.convert(b"11.1.2.3", b"none") == b"none"
    assert index.convert(b"11.1.2.3") is None
    assert index.convert(b"no address", b"none") is None
    assert ref.attach("ip", output="key").convert(b"10.1.2.3", b"none") == b"10.0.0.0/8"
    numbers = Ref().attach("str", output="int")
    assert numbers.convert(b"x", -7) == -7
    for default in (IPv4Address("1.2.3.4"), IPv6Address("::1")):
        assert Ref().attach("str", output="ip").convert(b"x", default) == default


REGM = [
    (b"(a+)(b*)", rb"[\1|\2|\0|\3|\\|\x41|\n|\ |%|\10]", b"xaab", rb"[aa|b|aab||\|A|n| |%|aa0]"),
    (b"^z(.)(q)?(r)", rb"\1-\2-\3", b"z1r", b"1--r"),
    (b"^k$", rb"\1x", b"k", b"x"),
    (b"^x", rb"\x4|\xg\x", b"x", b"x4|xgx"),
    (b"^e", b"x\\", b"e", None),
    (b"a", b"plain", b"bab", b"plain"),
    (b"a", b"", b"a", b""),
]


@pytest.mark.parametrize(("pattern", "value", "sample", "result"), REGM)
def test_map_regm_fills_in_the_groups(pattern: bytes, value: bytes, sample: bytes, result: bytes | None) -> None:
    ref = Ref(has_values=True)
    ref.add(pattern, value)
    assert ref.attach("reg", capture=True, output="str").convert(sample, b"none") == result
    assert ref.attach("reg", output="str").convert(sample, b"none") == value
    assert ref.attach("reg", capture=True, output="str").convert(b"", b"none") == b"none"


def test_map_regm_fails_where_the_result_finds_no_room() -> None:
    ref = Ref(has_values=True)
    ref.add(b"(.*)", rb"\1\1\1")
    index = ref.attach("reg", capture=True, output="str")
    assert index.convert(b"x" * 100, room=300) == b"x" * 300
    assert index.convert(b"x" * 100, room=299) is None


def test_the_kind_of_index_is_named_as_haproxy_does() -> None:
    ref = Ref()
    kinds = {method: ref.attach(method).kind for method in ("str", "beg", "ip", "end", "sub", "dir", "dom", "reg", "int", "len")}
    assert {method for method, kind in kinds.items() if kind == "tree"} == {"str", "beg", "ip"}


def test_many_entries_come_and_go() -> None:
    ref = Ref()
    indexes = [ref.attach(method) for method in ("str", "beg", "end", "dir", "dom")]
    keys = [b"host%d.example" % n for n in range(5000)]
    for key in keys:
        ref.add(key)
    assert all(index.match(b"host4999.example")[1] == b"host4999.example" for index in indexes)
    for key in keys[::2]:
        assert ref.remove(key) == 1
    assert all(index.match(b"host4998.example") is None for index in indexes)
    assert all(index.match(b"host4999.example") is not None for index in indexes)
    assert len(ref.entries()) == 2500
    ref.clear()
    assert all(index.match(b"host4999.example") is None for index in indexes)


class Changes(RuleBasedStateMachine):
    """Random commands against a plain list of versions."""

    METHODS = ("str", "beg", "end", "sub", "dir", "dom")
    keys = st.sampled_from([b"a", b"b", b"ab", b"A", b"a/b", b"/a", b"b.a", b"aa"])
    places = st.integers(0, 3)

    def __init__(self) -> None:
        super().__init__()
        self.ref = Ref(has_values=True)
        self.indexes = {method: self.ref.attach(method, output="str") for method in self.METHODS[:3]}
        self.versions: dict[int, list[tuple[int, bytes, bytes]]] = {0: []}
        self.live = 0

    def version(self, place: int) -> int:
        return sorted(self.versions)[place % len(self.versions)]

    @rule(key=keys, value=keys, place=places)
    def add(self, key: bytes, value: bytes, place: int) -> None:
        version = self.version(place)
        self.versions[version].append((self.ref.add(key, value, version=version), key, value))

    @rule(key=keys, place=places)
    def remove(self, key: bytes, place: int) -> None:
        version = self.version(place)
        left = [entry for entry in self.versions[version] if entry[1] != key]
        assert self.ref.remove(key, version=version) == len(self.versions[version]) - len(left)
        self.versions[version] = left

    @rule(place=places, which=st.integers(0, 100))
    def remove_one(self, place: int, which: int) -> None:
        version = self.version(place)
        if self.versions[version]:
            entry = self.versions[version].pop(which % len(self.versions[version]))
            assert self.ref.remove_id(entry[0], version=version)

    @rule(key=keys, value=keys, place=places)
    def change(self, key: bytes, value: bytes, place: int) -> None:
        version = self.version(place)
        entries = self.versions[version]
        assert self.ref.change(key, value, version=version) == sum(entry[1] == key for entry in entries)
        self.versions[version] = [(id, old, value if old == key else was) for id, old, was in entries]

    @rule(place=places)
    def clear(self, place: int) -> None:
        version = self.version(place)
        self.ref.clear(version)
        self.versions[version] = []

    @rule()
    def prepare(self) -> None:
        if len(self.versions) < 4:
            self.versions[self.ref.prepare()] = []

    @rule(place=places)
    def commit(self, place: int) -> None:
        version = self.version(place)
        if version != self.live:
            self.ref.commit(version)
            self.versions = {number: entries for number, entries in self.versions.items() if number >= version}
            self.live = version

    @rule(method=st.sampled_from(METHODS))
    def attach(self, method: str) -> None:
        self.indexes[method] = self.ref.attach(method, output="str")

    @invariant()
    def all_indexes_agree_with_the_list(self) -> None:
        for version, entries in self.versions.items():
            assert self.ref.entries(version) == entries
        live = self.versions[self.live]
        for method, index in self.indexes.items():
            for text in (b"", b"a", b"b", b"ab", b"aab", b"a/b", b"x/a", b"b.a/b"):
                place = match_string(method, False, [key for _, key, _ in live], text)
                assert index.match(text) == (None if place is None else live[place])


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=40, stateful_step_count=30)
