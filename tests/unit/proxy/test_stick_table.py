"""The stick table's store: keys, values and rates over time, expiry, age, a full table, many processes, and a killed one."""

from __future__ import annotations

import os
import signal
import struct
from collections import OrderedDict
from collections.abc import Callable

import pytest
from fastlb_core.bridge.stickkit import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlb.compile.stick import table_values
from fastlb.config import load_text

GPC0, GPC0_RATE, CONN_CUR, BYTES_IN, SERVER_KEY, GPT, GPC, GPC_RATE = 2, 3, 6, 13, 19, 22, 23, 24
COUNTER = {GPC0: (1, 0)}
N_TYPES = 27
N_PROCESSES = 8


def key(number: int) -> bytes:
    return struct.pack("=I", number)


def integers(size: int, store: dict[int, tuple[int, int]] | None = None, **options: object) -> Table:
    return Table("integer", size, COUNTER if store is None else store, **options)


@pytest.mark.parametrize(
    ("kind", "options", "one", "other"),
    [
        ("ip", {}, b"\x7f\0\0\1", b"\x7f\0\0\2"),
        ("ipv6", {}, bytes(16), bytes(15) + b"\1"),
        ("integer", {}, key(0), key(2**32 - 1)),
        ("string", {"length": 5}, b"abcde", b"abcd"),
        ("string", {"length": 5}, b"", b"\0"),
        ("binary", {"length": 3}, b"\0\0\0", b"\0\0\1"),
        ("string", {"length": 4000}, b"a" * 4000, b"a" * 3999),
    ],
)
def test_keys_of_every_type_are_kept_apart(kind: str, options: dict[str, int], one: bytes, other: bytes) -> None:
    table = Table(kind, 10, COUNTER, **options)
    assert table.add(one, GPC0, 1, 0) == 1
    assert table.add(other, GPC0, 5, 0) == 5
    assert table.add(one, GPC0, 1, 0) == 2
    assert sorted(table.keys(0)) == sorted([one, other]) and table.used == 2 and table.is_sound()


def test_every_data_type_is_stored_apart_from_the_others() -> None:
    store = {number: (3 if number in (GPT, GPC, GPC_RATE) else 1, 1000) for number in range(N_TYPES)}
    table = integers(10, store)
    slots = [(number, index) for number, (n, _) in store.items() for index in range(n) if number != SERVER_KEY]
    for value, (number, index) in enumerate(slots, 1):
        assert table.set(key(1), number, value, 5, index=index)
    assert table.text(key(1), 5, b"server-1") == b"server-1"
    assert [table.value(key(1), number, 5, index=index) for number, index in slots] == list(range(1, len(slots) + 1))


def test_what_is_not_stored_neither_counts_nor_takes_a_value() -> None:
    table = integers(10, {GPC: (2, 0)})
    assert table.add(key(1), GPC0, 5, 0) == 0 and table.add(key(1), GPC, 5, 0, index=2) == 0
    assert not table.set(key(1), GPC, 5, 0, index=2) and table.set(key(1), GPC, 5, 0, index=1)


def test_counters_wrap_at_their_width() -> None:
    table = integers(10, {GPC0: (1, 0), BYTES_IN: (1, 0)})
    assert table.set(key(1), GPC0, 2**32 - 1, 0) and table.add(key(1), GPC0, 2, 0) == 1
    assert table.set(key(1), BYTES_IN, 2**32 - 1, 0) and table.add(key(1), BYTES_IN, 2, 0) == 2**32 + 1


def test_server_key_is_cut_where_the_entry_ends() -> None:
    table = integers(10, {SERVER_KEY: (1, 0), GPC: (1, 0)})
    assert table.text(key(1), 0, b"x" * 200) == b"x" * 63
    assert table.text(key(1), 0, b"") == b""


# What haproxy 2.6 shows for 10 requests, and for a single one, with http_req_rate(1s).
@pytest.mark.parametrize(
    ("events", "seen"),
    [
        (10, {0: 10, 910: 10, 1010: 9, 1110: 8, 1510: 4, 1910: 0, 2010: 0}),
        (1, {0: 1, 999: 1, 1000: 1, 1900: 1, 1999: 1, 2000: 0, 90000: 0}),
        (1000, {500: 1000, 1000: 1000, 1250: 750, 1999: 1, 2000: 0}),
    ],
)
def test_rates_slide_as_in_haproxy(events: int, seen: dict[int, int]) -> None:
    table = integers(10, {GPC0_RATE: (1, 1000)})
    begin = 5_000_000
    table.add(key(1), GPC0_RATE, events, begin)
    assert {after: table.value(key(1), GPC0_RATE, begin + after) for after in seen} == seen


def test_rate_that_was_set_stays_for_a_period_and_large_ones_do_not_overflow() -> None:
    table = integers(10, {GPC0_RATE: (1, 1000), BYTES_IN + 1: (1, 2**31 - 1), 5: (1, 0)})
    table.set(key(1), GPC0_RATE, 50, 10)
    assert [table.value(key(1), GPC0_RATE, 10 + t) for t in (0, 500, 1500, 2000)] == [50, 50, 25, 0]
    table.set(key(1), BYTES_IN + 1, 2**60, 10)
    assert table.value(key(1), BYTES_IN + 1, 10 + 2**31 - 1 + 2**30) in range(2**59 - 2**32, 2**59 + 2**32)
    assert table.add(key(1), 5, 7, 10) == 0  # a period of 0 has nothing in it


def test_entry_expires_after_its_last_touch_and_never_while_it_is_held() -> None:
    table = integers(10, expire_ms=100)
    table.add(key(1), GPC0, 1, 1000)
    assert table.expires_in(key(1), 1040) == 60 and table.value(key(1), GPC0, 1099) == 1
    table.add(key(1), GPC0, 1, 1050)
    assert table.has(key(1), 1149) and not table.has(key(1), 1150) and table.used == 0
    handle = table.hold(key(2), 2000)
    assert table.has(key(2), 9000) and not table.clear(key(2), 9000) and table.sweep(10, 9000) == 0
    table.let(handle, 9000)
    assert table.has(key(2), 9099) and not table.has(key(2), 9100)


def test_sweep_frees_what_has_expired_up_to_its_budget() -> None:
    table = integers(5000, expire_ms=100)
    table.hammer(3000, 3000, GPC0, 0, 1000)
    table.hammer(1000, 1000, GPC0, 10_000, 1090)
    assert table.shape["stripes"] > 1 and table.sweep(100, 1100) == 100 and table.used == 3900
    assert table.sweep(10_000, 1100) == 2900 and table.used == 1000 and table.sweep(10, 1100) == 0 and table.is_sound()


def test_new_keys_take_the_place_of_expired_ones() -> None:
    table = integers(100, nopurge=True, expire_ms=100)
    assert table.hammer(100, 100, GPC0, 0, 1000) == 100 and table.add(key(500), GPC0, 1, 1050) is None
    assert table.hammer(100, 100, GPC0, 1000, 1100) == 100 and table.used <= 100 and not table.has(key(0), 1100)


def test_full_table_loses_its_oldest_entries_but_not_the_held_ones() -> None:
    table = integers(4)
    for number in range(4):
        table.add(key(number), GPC0, 1, 10 + number)
    table.add(key(0), GPC0, 1, 20)
    table.hold(key(1), 21)
    table.add(key(7), GPC0, 1, 22)
    assert sorted(table.keys(30)) == sorted(key(n) for n in (0, 1, 3, 7)) and table.used == 4
    for number in (0, 3, 7):
        table.hold(key(number), 30)
    assert table.add(key(8), GPC0, 1, 40) is None and table.used == 4 and table.is_sound()


@pytest.mark.parametrize("nopurge", [False, True])
@pytest.mark.parametrize("size", [1, 20, 1000, 5000, 100_000])
def test_flood_of_keys_fills_the_table_to_its_size_and_no_further(size: int, nopurge: bool) -> None:
    table = integers(size, nopurge=nopurge)
    assert table.hammer(3 * size, 3 * size, GPC0, 0, 5) == (size if nopurge else 3 * size)
    assert table.used == size == len(table.keys(5)) and table.is_sound()


@pytest.mark.parametrize("size", [1, 100_000])
def test_stripes_are_cache_lines_and_entries_aligned(size: int) -> None:
    shape = integers(size).shape
    assert shape["stripe"] == 64 and shape["first"] % 8 == 0 and shape["entry"] % 8 == 0


def test_large_table_costs_only_what_is_used() -> None:
    table = integers(2**30)
    assert table.shape["bytes"] > 2**36
    table.hammer(1000, 1000, GPC0, 0, 5)
    assert len(table.keys(5)) == 1000


def test_clear_gives_room_back() -> None:
    table = integers(1, nopurge=True)
    table.add(key(1), GPC0, 1, 0)
    assert table.add(key(2), GPC0, 1, 0) is None and table.clear(key(1), 0) and table.clear(key(9), 0)
    assert table.add(key(2), GPC0, 1, 0) == 1 and table.keys(0) == [key(2)]


def test_statement_becomes_the_table_it_describes() -> None:
    text = b"""backend b
    stick-table type string len 5 size 2 nopurge expire 1s store gpc(2),gpc0_rate(3s) store bytes_in_cnt
"""
    model, _ = load_text(text, file="test.cfg")
    assert model is not None
    described = model.proxies[0].stick_table
    assert described is not None
    table = Table("ip", 1, {}, compiled=table_values(described))
    assert table.add(b"abcde", GPC, 4, 1000, index=1) == 4 and table.add(b"", BYTES_IN, 9, 1000) == 9
    assert table.add(b"x", GPC, 1, 1000) is None and not table.has(b"", 2000)
    assert table.set(b"y", GPC0_RATE, 30, 3000) and table.value(b"y", GPC0_RATE, 3500) == 30
    with pytest.raises(ValueError, match="abcdef"):
        table.has(b"abcdef", 0)


# ---- many processes


def forked(table: Table, worker: int, run: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            table.enter(worker)
            run()
            status = 0
        finally:
            os._exit(status)
    return pid


def ended(pids: list[int]) -> list[int]:
    return [os.waitpid(pid, 0)[1] for pid in pids]


@pytest.mark.parametrize(("n_keys", "apart"), [(1, False), (50, False), (5000, False), (300, True)])
def test_no_update_is_lost_between_processes(n_keys: int, apart: bool) -> None:
    table = integers(20_000)
    n = 20_000
    pids = [
        forked(table, worker, lambda w=worker: table.hammer(n, n_keys, GPC0, w * n_keys if apart else 0, 5, holding=True))
        for worker in range(N_PROCESSES)
    ]
    assert ended(pids) == [0] * N_PROCESSES
    keys = table.keys(5)
    assert len(keys) == n_keys * (N_PROCESSES if apart else 1) == table.used
    assert sum(table.value(k, GPC0, 5) for k in keys) == n * N_PROCESSES and table.is_sound()


def test_flood_from_all_processes_keeps_the_size() -> None:
    table = integers(2000)
    pids = [forked(table, w, lambda w=w: table.hammer(20_000, 20_000, GPC0, w << 20, 5)) for w in range(N_PROCESSES)]
    assert ended(pids) == [0] * N_PROCESSES and table.is_sound() and table.used == len(table.keys(5)) <= 2000


def killed(table: Table, worker: int, run: Callable[[], object]) -> int:
    """A process that runs `run` and is killed right behind it; reaped."""
    pid = forked(table, worker, lambda: (run(), os.kill(os.getpid(), signal.SIGKILL)))
    assert os.WTERMSIG(ended([pid])[0]) == signal.SIGKILL
    return pid


@pytest.mark.parametrize("damage", ["none", "lists", "made", "unmade"])
@pytest.mark.parametrize("size", [100, 5000])
def test_process_killed_with_a_lock_leaves_a_sound_table(damage: str, size: int) -> None:
    table = integers(size)
    for number in range(60):
        table.add(key(number), GPC0, number, 1000 + 7 * number % 60)
    held = table.hold(key(5), 2000)
    pid = killed(table, 3, lambda: table.die_with_lock(key(7), damage))
    # Another worker spins on the lock until the master frees it.
    waiter = forked(table, 2, lambda: table.add(key(7), GPC0, 1000, 2000))
    assert table.recover(pid, 3, 2000) == 1
    assert ended([waiter]) == [0]
    assert table.is_sound() and table.used == len(table.keys(2000)) and table.used >= 59
    lost = [number for number in range(60) if table.value(key(number), GPC0, 2000) != number + (1000 if number == 7 else 0)]
    assert len(lost) <= (1 if damage == "unmade" else 0)
    table.let(held, 3000)
    assert table.hammer(2 * size, 2 * size, GPC0, 10_000, 4000) == 2 * size and table.used == size and table.is_sound()


def test_references_and_connections_of_a_dead_worker_are_given_back() -> None:
    table = integers(5000, {CONN_CUR: (1, 0)}, expire_ms=500)
    for _ in range(3):
        table.hold(key(1), 1000)
    pid = killed(table, 4, lambda: [table.hold(key(number), 1000) for number in (1, 1, 2, 3)])
    assert (table.refs(key(1), 1000), table.value(key(1), CONN_CUR, 1000)) == (5, 5)
    assert table.recover(pid, 4, 1200) == 0
    assert [table.refs(key(n), 1300) for n in (1, 2, 3)] == [3, 0, 0]
    assert [table.value(key(n), CONN_CUR, 1300) for n in (1, 2, 3)] == [3, 0, 0]
    assert table.has(key(2), 1699) and not table.has(key(2), 1700) and table.has(key(1), 1700) and table.is_sound()


def test_conn_cur_that_was_set_goes_on_from_there() -> None:
    table = integers(10, {CONN_CUR: (1, 0)})
    handle = table.hold(key(1), 0)
    table.set(key(1), CONN_CUR, 10, 0)
    table.let(handle, 0)
    assert table.value(key(1), CONN_CUR, 0) == 9
    table.set(key(1), CONN_CUR, 0, 0)
    table.let(table.hold(key(1), 0), 0)
    assert table.value(key(1), CONN_CUR, 0) == 0


def test_processes_killed_anywhere_leave_a_sound_table() -> None:
    table = integers(3000)
    for round_ in range(6):
        pid = forked(table, 1, lambda: table.hammer(10**9, 4000, GPC0, 0, 5, holding=True))
        other = forked(table, 2, lambda: table.hammer(30_000, 4000, GPC0, 2000, 5, holding=True))
        while table.used < 2000:
            pass
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        table.recover(pid, 1, 5)
        assert ended([other]) == [0], round_
        assert table.is_sound() and table.used == len(table.keys(5))
        assert all(table.refs(k, 5) == 0 for k in table.keys(5))


# ---- against a model

STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "clear", "hold", "let", "wait", "has"]), st.integers(0, 9), st.integers(1, 60)), max_size=80
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_table_behaves_like_an_ordered_dictionary(steps: list[tuple[str, int, int]], nopurge: bool) -> None:
    size, expire = 5, 100
    table = integers(size, nopurge=nopurge, expire_ms=expire)
    model: OrderedDict[int, list[int]] = OrderedDict()  # number -> [count, touched], oldest first
    handles: dict[int, list[int]] = {}
    now = 1000

    def live(number: int) -> bool:
        if number in model and not handles.get(number) and now >= model[number][1] + expire:
            del model[number]
        return number in model

    def make(number: int) -> bool:
        for other in list(model):
            live(other)
        if number not in model and len(model) >= size:
            loose = [other for other in model if not handles.get(other)]
            if nopurge or not loose:
                return False
            del model[loose[0]]
        model.setdefault(number, [0, 0])[1] = now
        model.move_to_end(number)
        return True

    for step, number, amount in steps:
        if step == "wait":
            now += amount
        elif step == "add":
            made = make(number)
            assert (table.add(key(number), GPC0, amount, now) is not None) == made
            if made:
                model[number][0] += amount
        elif step == "hold":
            made = make(number)
            handle = table.hold(key(number), now)
            assert bool(handle) == made
            if made:
                handles.setdefault(number, []).append(handle)
        elif step == "let" and handles.get(number):
            table.let(handles[number].pop(), now)
            model[number][1] = now
            model.move_to_end(number)
        elif step == "clear":
            free = not live(number) or not handles.get(number)
            assert table.clear(key(number), now) == free
            if free:
                model.pop(number, None)
        elif step == "has":
            assert table.has(key(number), now) == live(number)
    assert sorted(table.keys(now)) == sorted(key(n) for n in list(model) if live(n))
    assert {n: table.value(key(n), GPC0, now) for n in model} == {n: count for n, (count, _) in model.items()}
    assert table.is_sound()
