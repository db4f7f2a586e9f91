"""Tracked counters, and the fetches and converters of stick tables: what haproxy 2.6.12 answered in the same situations."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from fastlb_core.bridge.registry import names
from fastlb_core.bridge.stickkit import Table
from fastlb_core.bridge.trackkit import Stream

from fastlb.config.samples import CONVERTERS, FETCHES
from fastlb.config.samples.fetch_track import CONVERTERS as OWN_CONVERTERS
from fastlb.config.samples.fetch_track import FETCHES as OWN_FETCHES
from fastlb.config.samples.values import TableRef, Unset, Value
from fastlb.config.stick_types import DATA_NUMBERS, DATA_TYPES

SOURCE = IPv4Address("127.0.0.1")
NOW = 1_000_000
Answer = int | bool | str | bytes | IPv4Address | IPv6Address | None


def store(*wanted: str) -> dict[int, tuple[int, int]]:
    """`gpc(2)` and the like as stickkit wants them; rates over a second."""
    found = {}
    for word in wanted:
        name, _, elements = word.partition("(")
        found[DATA_NUMBERS[name]] = (int(elements.rstrip(")") or 1), 1000)
    return found


class Lab:
    """The tables of a small configuration, a stream in frontend `fe`, and expressions on them as haproxy writes them."""

    def __init__(self, source: IPv4Address | IPv6Address | None = SOURCE) -> None:
        self.tables = {
            "tg": Table(
                "string", 100, store("gpc0", "conn_cur", "http_req_rate", "gpt0", "http_req_cnt"), length=5, expire_ms=60000
            ),
            "rate": Table("string", 100, store("gpc0_rate"), length=5),
            "none": Table("string", 100, {}, length=5),
            "arr": Table("string", 100, store("gpc(2)", "gpt(2)", "gpc_rate(2)"), length=5),
            "ip": Table("ip", 100, store("gpc0")),
            "ip6": Table("ipv6", 100, store("gpc0")),
            "full": Table("string", 1, store("gpc0"), nopurge=True, length=9),
            "": Table("ip", 100, store("gpc0", "conn_cnt", "bytes_in_cnt", "sess_cnt")),
        }
        self.stream = Stream(source)

    def track(self, counter: int, table: str, value: Answer, **options: bool) -> bool:
        return self.stream.begin(counter, self.tables[table].table_address, value, NOW, **options)

    def arguments(self, values: list[Value]) -> list[object]:
        return [self.tables[v.name] if isinstance(v, TableRef) else None if isinstance(v, Unset) else v for v in values]

    def __call__(self, text: str, after: int = 0) -> Answer:
        """`name(arg,arg)` or `value|name(arg)`: numbers are numbers, other words tables."""
        value, bar, call = text.rpartition("|")
        name, _, inside = call.partition("(")
        words = [w for w in inside.rstrip(")").split(",") if w]
        row = (CONVERTERS if bar else FETCHES)[name]
        given: list[Value] = [int(w) if w.lstrip("-").isdigit() else TableRef(w) for w in words]
        values = self.arguments(row.check(given) if row.check else given)
        core = row.core or row.name
        return self.stream.convert(core, value, values, NOW + after) if bar else self.stream.fetch(core, values, NOW + after)


CASES: dict[str, tuple[list[tuple[int, str, str]], dict[str, Answer]]] = {
    "nothing is tracked": (
        [],
        {
            "sc0_get_gpc0": None, "sc0_inc_gpc0": None, "sc0_trackers": None, "sc0_tracked": False, "sc0_clr_gpc0": None,
            "sc_tracked(7)": False, "sc_tracked(-1)": False, "sc0_key": None, "src_get_gpc0": 0, "src_conn_cnt": 0,
            "src_inc_gpc0": 1, "src_clr_gpc0": 1, "src_updt_conn_cnt": 1, "src_conn_cnt()": 1, "src_http_req_cnt": None,
            "src_get_gpt0": None, "src_kbytes_in": 0, "src_get_gpc(0,arr)": 0, "src_get_gpc0(ip6)": 0, "src_inc_gpc0(ip6)": 1,
            "src_get_gpc0(tg)": 0, "src_inc_gpc0(tg)": 1, "127.0.0.1|table_gpc0(tg)": 1, "zz|table_gpc0(tg)": 0,
            "zz|table_conn_cnt(tg)": 0, "zz|in_table(tg)": False, "127.0|in_table(tg)": True, "zz|table_expire(tg)": None,
            "zz|table_expire(tg,77)": 77, "zz|table_idle(tg)": None, "zz|table_trackers(tg)": 0, "zz|table_server_id(tg)": 0,
            "zz|table_gpt(0,arr)": 0, "zz|table_gpc0(ip)": None, "table_cnt(tg)": 1, "table_avl(tg)": 99, "table_cnt": 1,
        },
    ),
    "a key in a table with a counter": (
        [(0, "tg", "abc")],
        {
            "sc0_get_gpc0": 0, "sc0_inc_gpc0": 1, "sc_get_gpc0(0)": 1, "sc0_conn_cnt": None, "sc0_trackers": 1,
            "sc0_conn_cur": 1, "sc0_tracked": True, "sc0_clr_gpc0": 1, "sc0_get_gpc0()": 0, "abc|table_conn_cnt(tg)": None,
            "abc|in_table(tg)": True, "abcdefgh|in_table(tg)": False, "abc|table_expire(tg)": 60000, "abc|table_idle(tg)": 0,
            "abc|table_trackers(tg)": 1, "sc0_get_gpc0(arr)": 0, "sc1_inc_gpc0": None, "sc_get_gpc(0,1)": None,
            "sc0_http_req_cnt": 1, "sc0_http_req_rate": 1, "sc0_kbytes_in": None, "abc|table_server_id(tg)": None,
            "sc0_key": "abc", "sc0_tracked(arr)": False, "sc0_inc_gpc0(arr)": 1, "sc0_get_gpc0(arr,)": 1,
            "sc0_get_gpc0(ip)": None,
        },
    ),
    "a key in a table with arrays": (
        [(1, "arr", "a1")],
        {
            "sc1_inc_gpc0": 1, "sc1_get_gpc0": 1, "sc_get_gpc(0,1)": 1, "sc_get_gpc(5,1)": None, "sc1_get_gpt0": 0,
            "sc1_gpc0_rate": 1, "sc_inc_gpc(1,1)": 1, "sc_inc_gpc(7,1)": 0, "sc1_clr_gpc0": 1, "a1|table_gpt(1,arr)": 0,
            "a1|table_gpt(9,arr)": None, "a1|table_gpc(1,arr)": 1, "sc1_clr_gpc(1)": 1, "sc_gpc_rate(1,1)": 1,
            "a1|table_expire(arr)": 0, "a1|table_idle(arr)": 0, "a1|table_inc_gpc(1,arr)": 1, "sc1_get_gpc1": 1,
        },
    ),
    "a key in a table with a rate alone": (
        [(1, "rate", "r1")],
        {"sc1_inc_gpc0": 1, "sc1_get_gpc0": None, "sc1_gpc0_rate": 1, "sc_inc_gpc(1,1)": 0, "sc1_clr_gpc0": None},
    ),
    "a key in a table without values": (
        [(1, "none", "n1")],
        {"sc1_inc_gpc0": 0, "sc1_get_gpc0": None, "sc_inc_gpc(1,1)": 0, "sc1_clr_gpc0": None, "sc1_trackers": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fetches_and_converters_answer_as_haproxy(case: str) -> None:
    tracked, expected = CASES[case]
    lab = Lab()
    for counter, table, value in tracked:
        assert lab.track(counter, table, value, request=True)
    assert {text: lab(text) for text in expected} == expected


@pytest.mark.parametrize(
    ("table", "value", "key"),
    [
        ("tg", "", ""),
        ("tg", "abcdefgh", "abcde"),
        ("tg", 12, "12"),
        ("tg", SOURCE, "127.0"),
        ("tg", b"\x01\x7f", "\x01\x7f"),
        ("ip", "1.2.3.4", IPv4Address("1.2.3.4")),
        ("ip", IPv6Address("::ffff:1.2.3.4"), IPv4Address("1.2.3.4")),
        ("ip", IPv6Address("::1"), None),
        ("ip", "x", None),
        ("ip6", SOURCE, IPv6Address("::ffff:127.0.0.1")),
        ("int", 5, 5),
        ("int", -1, 2**32 - 1),
        ("int", 5_000_000_000, 705032704),
        ("int", "x", 0),
        ("bin", "xy", b"xy\0\0"),
        ("bin", b"", b"\0\0\0\0"),
        ("bin", b"abcdefgh", b"abcd"),
        ("bin", 2**40, b"\0\0\1\0"),
    ],
)
def test_keys_are_what_haproxy_makes_of_values(table: str, value: Answer, key: Answer) -> None:
    lab = Lab()
    lab.tables |= {"int": Table("integer", 9, {}), "bin": Table("binary", 9, {}, length=4)}
    assert lab.track(0, table, value) == (key is not None)
    assert lab("sc0_key") == key


def test_counter_of_the_stream_hides_the_session_s_until_it_ends() -> None:
    lab = Lab()
    lab.track(0, "tg", "sess", session=True)
    assert lab("sc0_key") == "sess"
    lab.track(0, "tg", "strm")
    lab.stream.count("request", NOW)
    assert (lab("sc0_key"), lab("sc0_http_req_cnt"), lab("sess|table_http_req_cnt(tg)")) == ("strm", 1, 0)
    lab.stream.end(NOW + 50)
    assert (lab("sc0_key"), lab("strm|table_trackers(tg)"), lab("strm|table_conn_cur(tg)")) == ("sess", 0, 0)
    assert lab("strm|table_expire(tg)", after=60) == 59990 and lab("strm|table_idle(tg)", after=60) == 10
    lab.stream.end(NOW, session=True)
    lab.stream.end(NOW, session=True)
    assert lab("sc0_tracked") is False and lab("sess|table_trackers(tg)") == 0


def test_events_count_where_they_belong() -> None:
    lab = Lab()
    lab.tables["all"] = Table("string", 10, dict.fromkeys(range(22), (1, 1000)) | store("glitch_cnt", "glitch_rate"))
    lab.track(0, "all", "k", session=True)
    for event in ("session", "request", "request", "error", "failure"):
        lab.stream.count(event, NOW)
    lab.stream.count("bytes", NOW, 5000, 3 << 20)
    lab.stream.count("glitch", NOW, 4)
    counted = {
        "conn_cnt": 1, "conn_rate": 1, "conn_cur": 1, "sess_cnt": 1, "sess_rate": 1, "http_req_cnt": 2, "http_req_rate": 2,
        "http_err_cnt": 1, "http_err_rate": 1, "http_fail_cnt": 1, "http_fail_rate": 1, "kbytes_in": 4, "kbytes_out": 3072,
        "bytes_in_rate": 5000, "bytes_out_rate": 3 << 20, "glitch_cnt": 4, "glitch_rate": 4,
    }
    assert {name: lab(f"sc0_{name}") for name in counted} == counted
    assert {name: lab(f"k|table_{name}(all)") for name in counted} == counted


def test_actions_change_counters_and_tags() -> None:
    lab = Lab()
    lab.track(1, "arr", "a1")
    number = DATA_NUMBERS
    assert lab.stream.gpc_add(1, number["gpc0"], 0, 5, NOW) and lab.stream.gpc_add(1, number["gpc"], 1, 7, NOW)
    assert lab.stream.gpt_set(1, number["gpt0"], 0, 42, NOW) and lab.stream.gpt_set(1, number["gpt"], 9, 1, NOW)
    assert not lab.stream.gpc_add(0, number["gpc0"], 0, 5, NOW) and not lab.stream.gpt_set(2, number["gpt0"], 0, 1, NOW)
    assert [lab(f"sc_get_gpc({i},1)") for i in (0, 1)] == [5, 7] and lab("sc_get_gpt(0,1)") == 42 and lab("sc1_gpc0_rate") == 5


def test_full_table_tracks_nothing_and_gives_no_value() -> None:
    lab = Lab()
    assert lab.track(0, "full", "one") and not lab.track(1, "full", "two") and lab("sc1_tracked") is False
    assert lab("src_inc_gpc0(full)") is None and lab("src_get_gpc0(full)") == 0 and lab("table_avl(full)") == 0


def test_without_a_source_address_there_is_no_value() -> None:
    assert Lab(None)("src_get_gpc0") is None and Lab(ip_address("2001:db8::1"))("src_inc_gpc0(ip)") is None


def test_every_row_has_its_function() -> None:
    fetches, converters = names()
    assert {row.core or row.name for row in OWN_FETCHES} <= set(fetches)
    assert {row.core for row in OWN_CONVERTERS} <= set(converters)
    assert len(DATA_TYPES) == 27 and len({row.name for row in OWN_FETCHES}) == len(OWN_FETCHES)


def test_any_number_in_an_argument_is_harmless() -> None:
    lab = Lab()
    lab.track(0, "arr", "a")
    chance = random.Random(1)
    for _ in range(300):
        index, counter = (chance.choice([0, 1, 2, 3, 99, 100, -1, 2**31, 2**32, 2**32 - 1, 2**63 - 1]) for _ in range(2))
        for name in ("sc_get_gpc", "sc_inc_gpc", "sc_clr_gpc", "sc_get_gpt", "sc_gpc_rate"):
            lab(f"{name}({index},{counter})")
        lab(f"a|table_gpc({index},arr)")
    assert lab.tables["arr"].is_sound()
