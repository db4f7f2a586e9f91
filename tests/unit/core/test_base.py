"""Slices, lists, atomics, pools and the timer wheel, the latter against a model."""

from __future__ import annotations

import random

import pytest
from fastlb_core.bridge import testkit_base as core
from hypothesis import given, settings
from hypothesis import strategies as st

WRAP = 1 << 32


def test_buffer_moves_its_bytes_and_forgets_its_area() -> None:
    assert core.buffer_story(64, 256) == {
        "taken": True,
        "room": 64,
        "consumed": (6, 5, 53),
        "realigned": (0, b"world", 59),
        "moved": True,
        "large": (256, b"world", 0, 1, 1),
        "emptied": (0, 0),
        "released": (True, 0, 0, 1),
    }


@pytest.mark.parametrize(("n", "cached", "allocations"), [(10, 4, 16), (10, 10, 10), (10, 0, 20)])
def test_pool_keeps_no_more_free_areas_than_it_may(n: int, cached: int, allocations: int) -> None:
    assert core.pool_cache(n, cached) == (allocations, 2 * n, cached)


@pytest.mark.parametrize(("size", "slab", "n"), [(8, 1, 5), (24, 10, 35), (700, 64, 200)])
def test_object_pool_gives_disjoint_objects_and_counts_them(size: int, slab: int, n: int) -> None:
    found = core.object_pool(size, slab, n)
    assert found == {"intact": True, "aligned": True, "used": n, "slabs": -(-n // slab), "lifo": True, "balanced": True}


def test_list_keeps_its_order_and_forgives_a_second_removal() -> None:
    assert core.list_story() == [True, 0, 2, True]


def test_atomic_operations_return_what_they_promise() -> None:
    assert core.atomic_story() == [False, 5, True, 9, 7, 7, 1, 1]


@pytest.mark.parametrize(
    ("text", "elements"),
    [(b"a", [b"a"]), (b"", [b""]), (b" a , b\t,,c ", [b"a", b"b", b"", b"c"]), (b"a,", [b"a", b""]), (b",", [b"", b""])],
)
def test_list_elements_are_trimmed_and_empty_ones_kept(text: bytes, elements: list[bytes]) -> None:
    assert core.tokens(text) == elements


def test_trimming_takes_space_and_tab_only() -> None:
    assert core.trim(b" \t\x0ba\xa0 \t") == b"\x0ba\xa0"
    assert core.trim(b" \t ") == b""


@given(st.binary(max_size=20))
def test_caseless_comparison_knows_ascii_only(text: bytes) -> None:
    assert core.equals_nocase(text, text.lower())
    assert not core.equals_nocase(text + b"\xc9", text.lower() + b"\xe9")


@given(
    st.integers(0, WRAP - 1),
    st.lists(
        st.tuples(st.sampled_from(["set", "touch", "cancel", "run"]), st.integers(0, 9), st.integers(-50, 1 << 24)),
        max_size=60,
    ),
)
def test_wheel_fires_what_a_model_fires(now: int, steps: list[tuple[str, int, int]]) -> None:
    wheel = core.Wheel(now % WRAP, 10)
    deadlines: dict[int, int] = {}
    for what, i, ms in steps:
        if what == "set":
            wheel.set(i, (now + ms) % WRAP)
            deadlines[i] = now + ms
        elif what == "touch" and i in deadlines:
            deadlines[i] += abs(ms)
            wheel.touch(i, deadlines[i] % WRAP)
        elif what == "cancel":
            wheel.cancel(i)
            deadlines.pop(i, None)
        elif what == "run":
            now += abs(ms)
            fired = wheel.run(now % WRAP, 1000)
            assert sorted(fired) == sorted(i for i, at in deadlines.items() if at <= now)
            for i in fired:
                del deadlines[i]
        assert wheel.armed == len(deadlines)
        wait = wheel.next(now % WRAP)
        if not deadlines:
            assert wait == -1
        else:
            # Never later than the earliest deadline, so that a sleep of this length misses nothing.
            assert 0 <= wait <= max(0, min(deadlines.values()) - now)


def test_sleeping_for_what_wheel_next_says_fires_each_timer_in_its_millisecond() -> None:
    now = WRAP - 20_000
    wheel = core.Wheel(now, 500)
    rng = random.Random(1)
    deadlines = {i: now + rng.randrange(1, 200_000) for i in range(500)}
    for i, at in deadlines.items():
        wheel.set(i, at % WRAP)
    turns = 0
    while deadlines:
        now += wheel.next(now % WRAP)
        turns += 1
        for i in wheel.run(now % WRAP, 1000):
            assert deadlines.pop(i) == now
    assert turns < 500 * 4


@settings(max_examples=5, deadline=None)
@given(st.integers(0, WRAP - 1), st.integers())
def test_wheel_keeps_100_000_timers_in_order(now: int, seed: int) -> None:
    n = 100_000
    rng = random.Random(seed)
    wheel = core.Wheel(now, n)
    deadlines = [now + rng.randrange(600_000) for _ in range(n)]
    for i, at in enumerate(deadlines):
        wheel.set(i, at % WRAP)
    for i in range(0, n, 3):
        deadlines[i] += rng.randrange(600_000)
        wheel.touch(i, deadlines[i] % WRAP)
    seen = []
    while wheel.armed:
        now += rng.randrange(1, 20_000)
        fired = wheel.run(now % WRAP, n)
        assert all(deadlines[i] <= now for i in fired)
        seen += fired
    assert sorted(seen) == list(range(n))
    assert max(deadlines) <= now < max(deadlines) + 20_000


def test_budget_leaves_the_rest_for_the_next_turn() -> None:
    wheel = core.Wheel(0, 10)
    for i in range(10):
        wheel.set(i, 5)
    assert wheel.run(7, 4) == [0, 1, 2, 3]
    assert wheel.next(7) == 0
    assert wheel.run(7, 100) == [4, 5, 6, 7, 8, 9]
    assert wheel.next(7) == -1


def test_callback_may_arm_its_timer_again() -> None:
    wheel = core.Wheel(0, 1)
    wheel.set(0, 10)
    assert wheel.run(100, 3, rearm_ms=10) == [0, 0, 0]
    assert wheel.armed == 1


def test_clock_that_goes_backwards_fires_nothing() -> None:
    wheel = core.Wheel(1000, 1)
    wheel.set(0, 1005)
    assert wheel.run(500, 10) == []
    assert wheel.run(1004, 10) == []
    assert wheel.run(1005, 10) == [0]
