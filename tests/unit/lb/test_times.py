"""Histograms of latency: every time has one bucket, sums survive a worker's death and a clear."""

from __future__ import annotations

import pytest
from fastlb_core.bridge.lbkit import Times, bucket_of, limit_of
from hypothesis import given
from hypothesis import strategies as st

LAST = 31
TOTAL = 3


@pytest.mark.parametrize(
    ("ms", "bucket"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 5), (7, 5), (8, 6), (11, 6), (12, 7), (16, 8), (49151, 30), (49152, 31)],
)
def test_two_buckets_to_an_octave(ms: int, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@given(st.integers(0, 2**63))
def test_a_time_is_within_the_limits_of_its_bucket(ms: int) -> None:
    bucket = bucket_of(ms)
    assert bucket == LAST or ms <= limit_of(bucket)
    assert bucket == 0 or ms > limit_of(bucket - 1)


def test_workers_add_up_and_what_was_not_reached_is_no_time() -> None:
    times = Times(2)
    for worker, ms in ((0, 5), (1, 5), (1, 100), (1, -1)):
        times.add(worker, TOTAL, ms)
    buckets, sum_ms = times.read(TOTAL)
    assert (buckets[bucket_of(5)], buckets[bucket_of(100)], sum(buckets), sum_ms) == (2, 1, 3, 110)
    assert times.read(0) == ([0] * (LAST + 1), 0)


def test_a_dead_workers_times_stay_and_its_successor_goes_on() -> None:
    times = Times(2)
    times.add(0, TOTAL, 7)
    times.fold(0)
    times.add(0, TOTAL, 7)
    times.fold(0)
    assert times.read(TOTAL)[1] == 14


def test_clear_counts_from_zero_while_workers_go_on() -> None:
    times = Times(2)
    times.add(0, TOTAL, 9)
    times.add(1, TOTAL, 4)
    times.fold(1)
    times.clear()
    assert times.read(TOTAL) == ([0] * (LAST + 1), 0)
    times.add(0, TOTAL, 2)
    times.fold(0)
    assert times.read(TOTAL)[1] == 2
