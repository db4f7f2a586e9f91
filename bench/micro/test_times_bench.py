"""What a request pays for the histograms of latency: four times in three objects, by number of servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("n_servers", [1, 10, 1000])
def test_times_of_a_request(kernel: Callable[[str], Any], measure: Any, n_servers: int) -> None:
    assert measure(kernel("times_loop").count_requests, n_servers) == measure.rounds
