"""Slots, limits, backups, slowstart and queues: what every algorithm has in common, and what sets each apart."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from fastlb_core.bridge.lbkit import Balancer
from hypothesis import given, settings
from hypothesis import strategies as st

ALGORITHMS = [b"roundrobin", b"static-rr", b"leastconn", b"first", b"random", b"map-based", b"consistent"]
KEYED = ALGORITHMS[-2:]
SPREADING = ALGORITHMS[:-2]
# Keys far from each other, which a ring gives to every server.
KEYS = range(0, 2**32, 2**26 + 1)
STOPPED, STARTING, RUNNING, STOPPING = 0, 1, 2, 3
FMAINT, FDRAIN = 1, 8

every = pytest.mark.parametrize("algorithm", ALGORITHMS)
spreading = pytest.mark.parametrize("algorithm", SPREADING)


def served(balancer: Balancer, n: int) -> list[int]:
    return [balancer.server(i)["served"] for i in range(n)]


def test_unknown_algorithm_has_no_row() -> None:
    with pytest.raises(KeyError):
        Balancer(b"rdp-cookie", [{}])


@every
def test_no_server_at_all_is_none(algorithm: bytes) -> None:
    assert Balancer(algorithm, []).pick() == ("none", None)


@every
@pytest.mark.parametrize(
    "change", [("state", STOPPED), ("state", STOPPING), ("admin", FMAINT), ("admin", FDRAIN), ("uweight", 0)]
)
def test_unusable_server_is_never_chosen(algorithm: bytes, change: tuple[str, int]) -> None:
    balancer = Balancer(algorithm, [{}, {}, {}])
    balancer.set(1, **dict([change]))
    balancer.refresh()
    assert {balancer.pick(key)[1] for key in range(12)} <= {0, 2}
    for index in (0, 2):
        balancer.set(index, **dict([change]))
    balancer.refresh()
    assert balancer.pick() == ("none", None)


@every
def test_server_that_comes_back_is_chosen_again(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"maxconn": 1}, {"maxconn": 1}])
    balancer.set(0, state=STOPPED)
    balancer.refresh()
    assert balancer.pick() == ("ok", 1)
    balancer.set(0, state=RUNNING)
    balancer.refresh()
    assert ("ok", 0) in [balancer.pick(key) for key in KEYS]


@spreading
def test_full_servers_are_passed_over_until_all_are_full(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"maxconn": 2, "weight": 10}, {"maxconn": 1}, {"maxconn": 3}])
    assert all(balancer.pick()[0] == "ok" for _ in range(6))
    assert served(balancer, 3) == [2, 1, 3]
    assert balancer.pick() == ("queue-backend", None)
    balancer.release(1)
    assert balancer.pick() == ("ok", 1)


def test_hashing_waits_for_the_very_server() -> None:
    balancer = Balancer(b"map-based", [{"maxconn": 1}, {"maxconn": 1}])
    assert balancer.pick(key=5) == ("ok", 1)
    assert balancer.pick(key=5) == ("queue-server", 1)
    assert served(balancer, 2) == [0, 1]


@spreading
def test_server_with_a_queue_of_its_own_is_passed_over(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"maxconn": 99}, {"maxconn": 99}])
    balancer.set(0, queued=1)
    assert {balancer.pick()[1] for _ in range(6)} == {1}
    balancer.set(0, queued=0)
    assert 0 in {balancer.pick()[1] for _ in range(50)}


@spreading
def test_avoided_server_is_the_last_resort(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"maxconn": 3}, {"maxconn": 3}])
    assert [balancer.pick(avoid=0)[1] for _ in range(4)] == [1, 1, 1, 0]
    assert balancer.is_sound()


@every
def test_take_obeys_the_limit_and_reachability_only(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"maxconn": 1}, {}])
    balancer.set(0, admin=FDRAIN, queued=3)
    balancer.refresh()
    assert balancer.take(0) == "ok"
    assert balancer.take(0) == "queue-server"
    balancer.release(0)
    balancer.set(0, admin=FMAINT)
    balancer.refresh()
    assert balancer.take(0) == "none"
    assert served(balancer, 2) == [0, 0]


@every
def test_release_names_the_workers_that_wait(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{}])
    balancer.pick()
    balancer.set(0, waiters=0b100)
    balancer.set_backend(waiters=0b010)
    assert balancer.release(0) == 0b110


@every
def test_backups_serve_only_without_active_servers(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"backup": 1}, {}, {"backup": 1}])
    assert {balancer.pick(key)[1] for key in range(6)} == {1}
    balancer.set(1, state=STOPPED)
    balancer.refresh()
    assert {balancer.pick(key)[1] for key in range(6)} == {0}
    balancer.set(0, state=STOPPED)
    balancer.refresh()
    assert {balancer.pick(key)[1] for key in range(6)} == {2}


@every
def test_allbackups_shares_among_them(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"backup": 1, "maxconn": 2}, {}, {"backup": 1, "maxconn": 2}], all_backups=True)
    balancer.set(1, state=STOPPED)
    balancer.refresh()
    for key in KEYS:
        balancer.pick(key)
    assert served(balancer, 3) == [2, 0, 2]
    balancer.set(1, state=RUNNING)
    balancer.refresh()
    assert {balancer.pick(key)[1] for key in range(6)} == {1}


def test_full_single_backup_queues_on_it() -> None:
    balancer = Balancer(b"roundrobin", [{"backup": 1, "maxconn": 1}])
    assert balancer.pick() == ("ok", 0)
    assert balancer.pick() == ("queue-server", 0)


@pytest.mark.parametrize(("load", "limit"), [(0, 10), (30, 10), (31, 10), (50, 16), (99, 32), (100, 33), (500, 33)])
def test_limit_ramps_from_minconn_to_maxconn_with_the_load(load: int, limit: int) -> None:
    """Manual, "fullconn": observed on haproxy with the stream that asks counted in."""
    balancer = Balancer(b"roundrobin", [{"minconn": 10, "maxconn": 33}], fullconn=100)
    balancer.set_backend(be_conns=load)
    assert balancer.server(0)["limit"] == limit


def test_slowstart_ramps_weight_and_limit_then_the_server_runs() -> None:
    balancer = Balancer(b"roundrobin", [{"weight": 10, "maxconn": 50, "slowstart_ms": 16000}, {"weight": 10}])
    balancer.set(0, state=STARTING, slowstart_until_ms=116_000)
    seen = []
    for now in (100_000, 101_000, 108_000, 115_999, 116_000):
        balancer.refresh(now)
        server = balancer.server(0)
        seen.append((server["eweight"], server["limit"], server["state"]))
    assert seen == [(10, 1, STARTING), (10, 3, STARTING), (80, 25, STARTING), (160, 49, STARTING), (160, 50, RUNNING)]


def test_static_algorithm_ramps_the_limit_only() -> None:
    balancer = Balancer(b"static-rr", [{"weight": 10, "maxconn": 50, "slowstart_ms": 1000}])
    balancer.set(0, state=STARTING, slowstart_until_ms=1500)
    balancer.refresh(1000)
    assert (balancer.server(0)["eweight"], balancer.server(0)["limit"]) == (160, 25)


@pytest.mark.parametrize("algorithm", [b"static-rr", b"map-based"])
def test_static_algorithm_knows_only_zero_and_the_configured_weight(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"weight": 2}, {"weight": 2}])
    balancer.set(0, uweight=200)
    balancer.refresh()
    assert Counter(balancer.pick(key)[1] for key in range(40)) == {0: 20, 1: 20}


def test_newcomer_waits_behind_a_queue_except_with_hashing() -> None:
    for algorithm in ALGORITHMS:
        balancer = Balancer(algorithm, [{"maxconn": 1}])
        balancer.set_backend(queued=1)
        assert balancer.backend()["has_queue"] is (algorithm not in KEYED)


def test_roundrobin_shares_a_whole_round_exactly() -> None:
    weights = [1, 256, 3, 17, 100]
    picks = Balancer(b"roundrobin", [{"weight": w} for w in weights]).picks(sum(weights) * 16)
    assert [Counter(picks)[i] for i in range(5)] == [w * 16 for w in weights]


def naive_map(weights: list[int]) -> list[int]:
    """The order of static-rr as its rule is told in map.pyx, without any cleverness."""
    divisor = math.gcd(*weights)
    shares = [weight // divisor for weight in weights]
    total = sum(shares)
    score = [0] * len(shares)
    places = []
    for _ in range(total):
        score = [one + share for one, share in zip(score, shares, strict=True)]
        best = max(range(len(shares)), key=lambda i: (score[i] // total, -i))
        score[best] -= total
        places.append(best)
    return places


@settings(deadline=None)
@given(st.lists(st.integers(1, 256) | st.sampled_from([1, 1, 128, 256]), min_size=1, max_size=12))
def test_map_of_turns_follows_its_rule(weights: list[int]) -> None:
    expected = naive_map(weights)
    assert Balancer(b"static-rr", [{"weight": weight} for weight in weights]).picks(len(expected)) == expected


def test_thousand_servers_take_turns() -> None:
    for algorithm in (b"roundrobin", b"static-rr", b"leastconn"):
        balancer = Balancer(algorithm, [{}] * 1000)
        assert balancer.picks(2000)[:1000] == list(range(1000))
        assert balancer.is_sound()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("pick"), st.integers(0, 1000), st.none() | st.integers(0, 5)),
        st.tuples(st.just("take"), st.integers(0, 5), st.none()),
        st.tuples(st.just("release"), st.integers(0, 1000), st.none()),
        st.tuples(st.just("weight"), st.integers(0, 5), st.sampled_from([0, 1, 2, 100, 256])),
        st.tuples(st.just("maxconn"), st.integers(0, 5), st.integers(0, 4)),
        st.tuples(st.just("admin"), st.integers(0, 5), st.sampled_from([0, 0, FMAINT, FDRAIN])),
        st.tuples(st.sampled_from(["torn pick", "torn refresh"]), st.just(0), st.none()),
    ),
    max_size=120,
)


@every
@settings(deadline=None)
@given(data=st.data())
def test_model(algorithm: bytes, data: st.DataObject) -> None:
    """Whatever happens, a pick takes one slot of a usable server with room; "full" and "none" are said only when true."""
    n, all_backups = 6, data.draw(st.booleans())
    backups = data.draw(st.sets(st.integers(0, n - 1)))
    weight, maxconn, admin, held = [1] * n, [0] * n, [0] * n, [0] * n
    balancer = Balancer(algorithm, [{"backup": i in backups} for i in range(n)], all_backups=all_backups)
    for kind, which, value in data.draw(steps):
        usable = [i for i in range(n) if weight[i] and not admin[i]]
        active = [i for i in usable if i not in backups]
        in_use = active or (usable if all_backups else usable[:1])
        room = [i for i in in_use if not maxconn[i] or held[i] < maxconn[i]]
        if kind.startswith("torn"):
            balancer.die_torn()
            kind = kind.removeprefix("torn ")
        if kind == "refresh":
            balancer.refresh()
        elif kind == "pick":
            result, index = balancer.pick(which * 4_194_305, avoid=value)
            if result == "ok":
                assert index in room
                held[index] += 1
            elif result == "none":
                assert not in_use
            else:
                assert in_use and (not room or (algorithm in KEYED and index not in room))
        elif kind == "take":
            can = admin[which] != FMAINT and (not maxconn[which] or held[which] < maxconn[which])
            assert (balancer.take(which) == "ok") is can
            held[which] += can
        elif kind == "release" and any(held):
            index = [i for i in range(n) for _ in range(held[i])][which % sum(held)]
            balancer.release(index)
            held[index] -= 1
        elif kind in ("weight", "maxconn", "admin"):
            {"weight": weight, "maxconn": maxconn, "admin": admin}[kind][which] = value
            balancer.set(which, **{"uweight" if kind == "weight" else kind: value})
            balancer.refresh()
        assert balancer.is_sound() and served(balancer, n) == held
        assert [balancer.server(i)["held"][0] for i in range(n)] == held
