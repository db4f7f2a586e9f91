"""Counters over workers: sums survive a worker's death and a clear, maxima and averages mean what they say."""

from __future__ import annotations

import pytest
from fastlb_core.bridge.lbkit import Totals, rate_of, shared_count


def test_sums_add_up_over_workers() -> None:
    totals = Totals(3)
    for worker in range(3):
        totals.count(worker, requests=10, bytes_in=100 * worker, n_5xx=worker, used=2)
    read = totals.read()
    assert (read["cum_req"], read["bytes_in"], read["http_rsp"][5], read["used_conns"]) == (30, 300, 3, 6)


def test_dead_workers_sums_stay_and_its_gauges_go() -> None:
    totals = Totals(2)
    totals.count(0, requests=5, used=3)
    totals.count(1, requests=7, used=4)
    totals.fold(0)
    assert (totals.read()["cum_req"], totals.read()["used_conns"]) == (12, 4)
    totals.count(0, requests=1)
    totals.fold(0)
    assert totals.read()["cum_req"] == 13


def test_clear_of_everything_counts_from_zero_even_after_a_death() -> None:
    totals = Totals(2)
    totals.count(0, requests=5, total_ms=9, used=1)
    totals.count(1, requests=7)
    totals.fold(1)
    totals.clear(True)
    read = totals.read()
    assert (read["cum_req"], read["total_ms"], read["total_ms_max"], read["used_conns"]) == (0, 0, 0, 1)
    totals.count(0, requests=2)
    totals.fold(0)
    assert totals.read()["cum_req"] == 2


def test_clear_of_maxima_keeps_the_sums() -> None:
    totals = Totals(1)
    totals.count(0, requests=5, total_ms=9)
    totals.event(0, 100, 50)
    totals.event(0, 101, 1)
    totals.clear(False)
    assert (totals.read()["cum_req"], totals.read()["total_ms_max"], totals.rate_max()) == (5, 0, 0)


@pytest.mark.parametrize(("requests", "expected"), [((10, 10), 15), ((5000, 5000), 15), ((9000, 1000), 11)])
def test_averages_of_workers_are_weighed_by_their_requests(requests: tuple[int, int], expected: int) -> None:
    totals = Totals(2)
    for worker, ms in enumerate((10, 20)):
        for _ in range(requests[worker]):
            totals.count(worker, requests=1, total_ms=ms)
    read = totals.read()
    samples = min(1024, read["cum_lbconn"])
    assert -(-read["total_ms"] // samples) == expected
    assert read["total_ms_max"] == 20
    totals.fold(0)
    assert -(-totals.read()["total_ms"] // samples) == expected


def test_rate_weighs_the_second_before() -> None:
    totals = Totals(2)
    totals.event(0, 100, 40)
    totals.event(1, 100, 20)
    totals.event(1, 101, 10)
    assert totals.rate(100_999) == 60
    assert totals.rate(101_000) == 10 + 60
    assert totals.rate(101_500) == 10 + 30
    assert totals.rate(102_000) == 10
    assert totals.rate(104_000) == 0


def test_highest_rate_is_of_one_second_over_all_workers() -> None:
    totals = Totals(2)
    for second, n in ((100, 30), (101, 50), (102, 1)):
        totals.event(0, second, n)
        totals.event(1, second, n // 2)
        totals.rate(second * 1000 + 1)
    assert totals.rate_max() == 50 + 25
    totals.fold(0)
    assert totals.rate_max() == 75


def test_rate_forgets_a_gap() -> None:
    rate = rate_of([(10, 5), (10, 1), (13, 2)])
    assert (rate["previous"], rate["current"], rate["max"]) == (0, 2, 6)


def test_shared_count_keeps_its_peak_and_the_own_part() -> None:
    assert shared_count([1, 1, 1, -1, -1, 1]) == (2, 3, 2)
