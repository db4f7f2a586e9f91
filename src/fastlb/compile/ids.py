"""Numeric ids: HAProxy's iid of proxies and sid of servers and binds, explicit (`id N`) or given in order.

Knows only numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

FIRST_PROXY_ID = 2  # haproxy: the runtime API's own frontend (GLOBAL) is 1


def assign_ids(explicit: Iterable[int | None], first: int = 1) -> list[int]:
    """The explicit ids where given; the others get the free numbers from `first` upwards in order."""
    wanted = list(explicit)
    taken = {number for number in wanted if number is not None}
    ids, following = [], first
    for number in wanted:
        if number is None:
            while following in taken:
                following += 1
            number = following
            following += 1
        ids.append(number)
    return ids
