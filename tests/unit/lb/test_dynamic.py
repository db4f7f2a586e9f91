"""Servers that come and go in a balancer: whatever the order, those that are there get their shares, and nobody else any."""

from __future__ import annotations

from typing import Any

import pytest
from fastlb_core.bridge import lbkit
from fastlb_core.bridge.builder import Program, ProgramBuilder
from fastlb_core.bridge.constants import CAPS, MODES
from fastlb_core.bridge.dynamic import DynamicServers, refers
from fastlb_core.bridge.snapshot import Snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlb.control.roster import Roster, text_of
from fastlb.control.sockaddr import pack

RUNNING = 2
ALGORITHMS = ("roundrobin", "leastconn", "first", "random", "consistent")


class Site:
    """A program with two backends, as one process that is master, control and worker 0 knows it."""

    def __init__(self, algorithm: str, n_configured: int) -> None:
        builder = ProgramBuilder(n_workers=2)
        for name in ("a", "b"):
            builder.add_proxy(name, id=2, caps=CAPS["backend"], mode=MODES["tcp"], balance=algorithm)
        for proxy in (0, 1):
            for number in range(n_configured):
                builder.add_server(proxy, **arguments(f"s{number}", number + 1, 1))
        self.program: Program = builder.finish()
        self.snapshot = Snapshot(self.program)
        self.core = DynamicServers(self.program)
        self.weights: dict[int, dict[int, int]] = {
            proxy: {entry.index: 1 for entry in self.program.servers if entry.proxy == proxy} for proxy in (0, 1)
        }
        self.gone: list[int] = []

    def add(self, proxy: int, weight: int) -> None:
        taken = self.program.added.keys()
        index = next(i for i in range(len(self.program.servers), self.core.limit) if i not in taken)
        values, place = arguments(f"x{index}", index, weight), self.core.free_place(proxy)
        self.core.learn(index=index, proxy=proxy, place=place, server=values)
        self.core.reset(index, values, 0)
        self.core.resize(proxy, place + 1, 0)
        assert self.snapshot.server_state(index).served == 0
        self.snapshot.set_admin(index, 0)
        self.snapshot.set_state(index, RUNNING)
        self.weights[proxy][index] = weight

    def remove(self, proxy: int, index: int) -> None:
        self.snapshot.set_admin(index, 1)
        self.snapshot.set_state(index, 0)
        self.core.forget(index)
        self.core.clear(index)
        self.core.resize(proxy, 0, 0)
        del self.weights[proxy][index]
        self.gone.append(index)

    def shares(self, proxy: int, picks: int) -> dict[int, int]:
        """How many of so many streams each server gets; all are given back."""
        self.snapshot.set_worker(0, 1)
        lbkit.occupy(self.program, 0, proxy, picks=picks)
        found = {index: self.snapshot.server_state(index).served for index in self.weights[proxy]}
        self.snapshot.recover_worker(0)
        assert all(self.snapshot.server_state(index).served == 0 for index in self.weights[proxy])
        return found


def arguments(name: str, number: int, weight: int) -> dict[str, Any]:
    return {"name": name, "id": number, "address": pack("127.0.0.1", 80), "weight": weight, "ring_id": number}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(deadline=None, max_examples=25)
@given(
    n_configured=st.integers(0, 4), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.integers(1, 20)), max_size=30)
)
def test_streams_go_to_those_that_are_there(algorithm: str, n_configured: int, steps: list[tuple[bool, int, int]]) -> None:
    site = Site(algorithm, n_configured)
    for is_addition, proxy, number in steps:
        known = sorted(site.weights[proxy])
        if is_addition or not known:
            site.add(proxy, number)
        else:
            site.remove(proxy, known[number % len(known)])
    for proxy, weights in site.weights.items():
        state = site.snapshot.proxy_state(proxy)
        assert (state.n_active, state.total_weight) == (len(weights), 16 * sum(weights.values()))
        if not weights:
            continue
        found = site.shares(proxy, sum(weights.values()))
        assert sum(found.values()) == sum(weights.values())
        if algorithm == "roundrobin":
            # The first rounds phase in who came while one was under way.
            site.shares(proxy, 3 * sum(weights.values()))
            found = site.shares(proxy, sum(weights.values()))
            assert all(abs(found[index] - weight) <= 1 for index, weight in weights.items()), (found, weights)


def test_a_thousand_servers_of_one_ring_fit_into_the_arena() -> None:
    site = Site("consistent", 2)
    for _ in range(1024):
        site.add(0, 1)
    with pytest.raises(StopIteration):
        site.add(0, 1)
    assert sum(site.shares(0, 100).values()) == 100


def test_what_does_not_fit_changes_nothing() -> None:
    site = Site("roundrobin", 1)
    good: dict[str, Any] = {"index": 2, "proxy": 0, "place": 1, "server": arguments("x", 9, 1)}
    for bad in (
        {"index": -1}, {"index": 1 << 40}, {"index": 0}, {"proxy": 7}, {"proxy": -1}, {"place": -1}, {"place": 1 << 40},
        {"server": {**arguments("x", 9, 1), "weight": 900}}, {"server": {**arguments("x", 9, 1), "address": bytes(500)}},
        {"server": {"name": "x"}}, {"link": {}}, {"tls": {"sni": ("expr", "var", [("var", 1, 1, b"")], [])}},
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError, KeyError)):
            site.core.learn(**{**good, **bad})
    assert site.program.added == {}
    site.core.learn(**good)
    site.core.learn(**good)
    assert list(site.program.added) == [2]
    site.core.forget(2)
    site.core.forget(2)
    site.core.forget(77)
    assert site.program.added == {} and site.program.removed == set()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (("expr", "str", [b"a"], []), False),
        (("expr", "var", [("var", 1, 2, b"txn.a")], []), True),
        (("expr", "str", [b"a"], [("map", 3, [("patterns", 0)])]), True),
        ([("expr", "str", [1.5], [])], True),
    ],
)
def test_expressions_that_name_something_of_the_program(value: object, expected: bool) -> None:
    assert refers(value) is expected


class Recorder:
    """A core that only writes down what it is told."""

    def __init__(self) -> None:
        self.known: list[int] = []

    def learn(self, **values: Any) -> None:
        self.known.append(values["index"])

    def forget(self, index: int) -> None:
        if index in self.known:
            self.known.remove(index)


def record(index: int, serial: int = 1) -> dict[str, Any]:
    return {
        "serial": serial, "index": index, "proxy": 0, "place": index, "words": ["x"], "server": {"address": b"\0\xff"},
        "tls": None, "link": None,
    }  # fmt: skip


def test_a_roster_becomes_another_one() -> None:
    first, second = Roster(Recorder()), Roster(Recorder())
    for index in (5, 6, 7):
        first.add(text_of(record(index)))
    first.remove(6)
    first.remove(0)
    second.add(text_of(record(6)))
    second.add(text_of(record(7, serial=2)))
    assert sorted(second.become(first.text())) == [0, 6, 7]
    assert (second.records, second.removed) == (first.records, {0})
    assert second.become(first.text()) == []


@pytest.mark.parametrize("text", ["", "{", "1 +", "__import__('os')", "[" * 5000, "{'index': 1}", "\0", "()", "{}", "5"])
def test_a_roster_refuses_what_is_no_record(text: str) -> None:
    roster = Roster(Recorder())
    with pytest.raises((ValueError, KeyError, TypeError)):
        roster.add(text)
    assert roster.records == {}
