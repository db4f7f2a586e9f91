"""`hash-type consistent` and `balance random`: shares follow weights, few keys move, the bound on loads holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fastlb_core.bridge.lbkit import Balancer
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = range(0, 2**32, 2**32 // 3001)
STOPPED = 0

weights = st.lists(st.integers(0, 256), min_size=1, max_size=10).filter(any)
several = st.lists(st.integers(1, 256), min_size=2, max_size=10)


def ring(given_weights: Iterable[int], **options: int) -> Balancer:
    return Balancer(b"consistent", [{"weight": weight} for weight in given_weights], **options)


def owners(balancer: Balancer) -> list[int]:
    """The server of each of KEYS; no slot stays held."""
    found = []
    for key in KEYS:
        result, index = balancer.pick(key)
        assert result == "ok" and index is not None
        balancer.release(index)
        found.append(index)
    return found


@settings(deadline=None, max_examples=30)
@given(weights)
def test_keys_are_shared_by_weight(given_weights: list[int]) -> None:
    shares = Counter(owners(ring(given_weights)))
    for index, weight in enumerate(given_weights):
        expected = weight / sum(given_weights)
        # A server has 16 points for each unit of weight; arcs differ in length, so a share strays by about 1/sqrt(points).
        assert abs(shares[index] / len(KEYS) - expected) <= 5 * expected / max(1, 16 * weight) ** 0.5 + 0.01


@settings(deadline=None, max_examples=30)
@given(several, st.data())
def test_only_the_keys_of_a_server_that_leaves_move_and_they_come_back(given_weights: list[int], data: st.DataObject) -> None:
    balancer = ring(given_weights)
    before = owners(balancer)
    gone = data.draw(st.integers(0, len(given_weights) - 1))
    balancer.set(gone, state=STOPPED)
    balancer.refresh()
    for old, new in zip(before, owners(balancer), strict=True):
        assert new != gone and (old in (new, gone))
    balancer.set(gone, state=2)
    balancer.refresh()
    assert owners(balancer) == before and balancer.is_sound()


@settings(deadline=None, max_examples=30)
@given(several, st.data())
def test_a_new_weight_moves_keys_to_or_from_that_server_only(given_weights: list[int], data: st.DataObject) -> None:
    balancer = ring(given_weights)
    before = owners(balancer)
    changed = data.draw(st.integers(0, len(given_weights) - 1))
    balancer.set(changed, uweight=data.draw(st.integers(1, 256)))
    balancer.refresh()
    assert all(old == new or changed in (old, new) for old, new in zip(before, owners(balancer), strict=True))
    assert balancer.is_sound()


@settings(deadline=None, max_examples=30)
@given(several, st.integers(101, 400))
def test_no_server_holds_more_than_the_factor_allows(given_weights: list[int], factor: int) -> None:
    balancer = ring(given_weights, balance_factor=factor)
    total = sum(given_weights)
    for n in range(1, 200):
        result, index = balancer.pick(7)
        assert result == "ok" and index is not None
        held = balancer.server(index)["served"]
        # Before this stream it was below its share of n streams times the factor.
        assert (held - 1) * total * 100 < n * given_weights[index] * factor


def test_without_a_key_servers_take_turns() -> None:
    balancer = ring([1, 1, 1])
    seen = Counter(balancer.pick(None)[1] for _ in range(48))
    assert seen == {0: 16, 1: 16, 2: 16}


def test_random_prefers_the_less_loaded_of_its_draws() -> None:
    balancer = Balancer(b"random", [{"weight": 1}, {"weight": 3}], draws=16)
    held = Counter(balancer.pick()[1] for _ in range(400))
    assert abs(held[0] - 100) <= 10 and balancer.is_sound()
