"""The limiter of `filter bwlim-in` and `bwlim-out`: never more than the window allows, never a wait for nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fastlb_core.bridge.bandwidthkit import Limiter
from hypothesis import given, settings
from hypothesis import strategies as st

START = 1_000_000


def transfer(limiter: Limiter, size: int) -> list[tuple[int, int]]:
    """Sends `size` bytes as fast as it is let; (when, how many) of each send."""
    now, sent = START, []
    while size:
        allowed, wait = limiter.allows(now, size)
        assert (allowed == 0) == (wait > 0), "either something may go, or there is a time to wait for"
        if allowed:
            n = min(allowed, size)
            limiter.count(n, now)
            sent.append((now, n))
            size -= n
        now += wait
        assert now < START + 10**9
    return sent


def test_first_period_gives_all_of_it_at_once_and_then_it_flows_evenly():
    sent = transfer(Limiter(10_000, 1000), 40_000)
    assert sent[0] == (START, 10_000)
    assert all(later - earlier >= 20 for (earlier, _), (later, _) in pairwise(sent[:-1])), "one wake-up in 20 ms at most"
    assert 3000 <= sent[-1][0] - START <= 4100


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 2**40), st.integers(1, 100_000), st.integers(0, 2**20), st.integers(1, 5))
def test_no_two_periods_see_more_than_two_limits(limit: int, period: int, min_size: int, periods: int):
    sent = transfer(Limiter(limit, period, min_size), limit * periods)
    assert sum(n for _, n in sent) == limit * periods
    for at, _ in sent[:200]:
        within = sum(n for when, n in sent if at <= when < at + period)
        assert within <= 2 * limit
    assert len(sent) <= 2 + 2 * periods * min(limit, 2 + period // 20)


@pytest.mark.parametrize(("rest", "expected"), [(0, 0), (300, 300), (900, 0)])
def test_min_size_holds_all_but_the_last_bytes(rest: int, expected: int):
    limiter = Limiter(1000, 10_000, 800)
    limiter.count(600, START)
    allowed, wait = limiter.allows(START, rest)
    assert (min(allowed, rest or allowed), wait > 0) == (expected, expected == 0)


def test_min_size_above_the_limit_does_not_stop_everything():
    limiter = Limiter(1000, 1000, 50_000)
    assert limiter.allows(START)[0] == 1000
