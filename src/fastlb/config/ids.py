"""Numeric ids: HAProxy's iid of proxies and sid of servers and binds, explicit (`id N`) or given in order.

Knows only numbers.
"""

from __future__ import annotations

from collections.abc import Iterable


def first_proxy_id(has_stats_socket: bool) -> int:
    """haproxy: where there is a runtime socket, its own frontend (GLOBAL) is 1."""
    return 2 if has_stats_socket else 1


def assign_ids(explicit: Iterable[int | None], first: int = 1) -> list[int]:
    """The explicit ids where given; the others get free numbers from `first` upwards in order.

    haproxy: the count goes on by one for an object with an explicit id as well, so "-, 1, -" becomes 2, 1, 4.
    """
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
