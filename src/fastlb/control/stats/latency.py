"""Percentiles of the histograms of latency (lb/times.pxd), and which objects have them.

Knows how a percentile is read off buckets. Must not know how it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastlb.control import ports

# In the order of the core's times_kind_t.
KINDS = ("queue", "connect", "response", "total")
# (ending of a column's name, share of the requests)
PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))


def percentile(buckets: Sequence[int], limits: Sequence[int], share: float) -> int:
    """The longest time, in ms, of the bucket that holds the request at `share` of all; its lower end in the open last bucket."""
    rank = share * sum(buckets)
    seen = 0
    for bucket, limit in zip(buckets, limits, strict=False):
        seen += bucket
        if seen >= rank:
            return limit
    return limits[-1] + 1


def columns(snapshot: ports.Snapshot, kind: str, index: int) -> dict[str, int]:
    """The columns of one object; none before its first request."""
    limits = snapshot.times_limits()
    found = {}
    for name, (buckets, _) in zip(KINDS, snapshot.times(kind, index), strict=True):
        if any(buckets):
            for ending, share in PERCENTILES:
                found[f"{name[0]}time_{ending}"] = percentile(buckets, limits, share)
    return found
