"""One sample matched against 10 and against 10,000 patterns: tables must not cost more, lists may."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from fastlb_core.bridge.patternkit import Index, Ref

HOSTS = [b"host%d.shop%d.example.com" % (n, n % 97) for n in range(10_000)]
PATHS = [b"/shop%d/items/%d/" % (n % 97, n) for n in range(10_000)]


def _index(method: str, patterns: list[bytes], icase: bool = False) -> Index:
    ref = Ref()
    index = ref.attach(method, icase=icase)
    for pattern in patterns:
        ref.add(pattern)
    return index


@pytest.mark.parametrize("n_patterns", [10, 10_000])
@pytest.mark.parametrize(("method", "icase"), [("str", False), ("str", True), ("end", False), ("dom", False)])
def test_host_names(kernel: Callable[[str], Any], measure: Any, method: str, icase: bool, n_patterns: int) -> None:
    index = _index(method, HOSTS[:n_patterns], icase)
    samples = [HOSTS[n % n_patterns] if n % 2 else b"www.nowhere.example.org" for n in range(64)]
    assert measure(kernel("pattern_loop").match_all, index.address(), samples, False) == measure.rounds // 2


@pytest.mark.parametrize("n_patterns", [10, 10_000])
def test_path_prefixes(kernel: Callable[[str], Any], measure: Any, n_patterns: int) -> None:
    index = _index("beg", PATHS[:n_patterns])
    samples = [PATHS[n % n_patterns] + b"picture.jpg" if n % 2 else b"/nothing/of/the/kind.html" for n in range(64)]
    assert measure(kernel("pattern_loop").match_all, index.address(), samples, False) == measure.rounds // 2


@pytest.mark.parametrize("n_patterns", [10, 10_000])
def test_networks(kernel: Callable[[str], Any], measure: Any, n_patterns: int) -> None:
    choice = random.Random(1)
    nets = [(choice.randrange(0, 2**31), choice.choice([12, 16, 20, 22, 24, 28, 32])) for _ in range(n_patterns)]
    index = _index("ip", [b".".join(b"%d" % byte for byte in net.to_bytes(4, "big")) + b"/%d" % bits for net, bits in nets])
    samples = [nets[n][0].to_bytes(4, "big") if n % 2 else (2**31 + n).to_bytes(4, "big") for n in range(10)] * 6
    assert measure(kernel("pattern_loop").match_all, index.address(), samples, True) == measure.rounds // 2


@pytest.mark.parametrize("pattern", [rb"^/shop[0-9]+/", rb"\.(?:jpe?g|png|css|js)$", rb"^/([^/]+)/([^/]+)/(.*)$"])
def test_regex(kernel: Callable[[str], Any], measure: Any, pattern: bytes) -> None:
    index = _index("reg", [pattern])
    assert measure(kernel("pattern_loop").match_all, index.address(), [PATHS[7] + b"picture.jpg"], False) == measure.rounds
