"""Which server is chosen: the same sequence as HAProxy's, for every algorithm of the spine and many weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from support.origin import Origin, named
from support.proxy import HTTP, Proxy

FARMS = {
    "roundrobin-111": ("roundrobin", (1, 1, 1)),
    "roundrobin-321": ("roundrobin", (3, 2, 1)),
    "roundrobin-511": ("roundrobin", (5, 1, 1)),
    "roundrobin-100-50-25": ("roundrobin", (100, 50, 25)),
    "roundrobin-1-256": ("roundrobin", (1, 256)),
    "roundrobin-0-1-2": ("roundrobin", (0, 1, 2)),
    "static-111": ("static-rr", (1, 1, 1)),
    "static-321": ("static-rr", (3, 2, 1)),
    "static-511": ("static-rr", (5, 1, 1)),
    "static-10-4-6": ("static-rr", (10, 4, 6)),
    "leastconn-111": ("leastconn", (1, 1, 1)),
    "leastconn-321": ("leastconn", (3, 2, 1)),
    "first": ("first", (1, 1, 1)),
    "source-111": ("source", (1, 1, 1)),
    "source-321": ("source", (3, 2, 1)),
}


class Farms:
    """One program with a listener and a backend for each entry of FARMS."""

    def __init__(self, program: str, origins: list[Origin]) -> None:
        text = HTTP
        for name, (balance, weights) in FARMS.items():
            safe = name.replace("-", "_")
            text += f"listen {name}\n    bind fd@{safe}\n    balance {balance}\n"
            for index, weight in enumerate(weights):
                text += f"    server s{index} {origins[index]} weight {weight}\n"
        self.proxy = Proxy(program, text)

    def sequence(self, name: str, count: int, sources: Callable[[int], str]) -> str:
        seen = []
        for i in range(count):
            client = self.proxy.client(name.replace("-", "_"), source=sources(i))
            seen.append(client.request().body.decode())
            client.close()
        return " ".join(seen)


@pytest.fixture(scope="module")
def farms() -> Iterator[tuple[Farms, Farms]]:
    origins = [Origin(named(str(index))) for index in range(3)]
    both = (Farms("haproxy", origins), Farms(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"), origins))
    yield both
    for one in both:
        one.proxy.finish()
    for one in origins:
        one.close()


@pytest.mark.parametrize("name", FARMS)
def test_sequence_of_servers_is_the_same(farms, name):
    def source(i: int) -> str:
        return f"127.{i % 3}.{i * 7 % 200}.{i + 1}" if name.startswith("source") else "127.0.0.1"

    reference, tested = farms
    assert tested.sequence(name, 60, source) == reference.sequence(name, 60, source)
