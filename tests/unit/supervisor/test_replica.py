"""Copies of maps in several workers: whatever the order in which rules and messages interleave, all end alike."""

from __future__ import annotations

import random
from collections import deque

import pytest
from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.contents import Contents

from fastlb.control.changes import Change
from fastlb.supervisor.replica import Replica


class Worker(Replica):
    """A replica whose rules are this test."""

    def __init__(self, index: int) -> None:
        builder = ProgramBuilder(n_workers=1)
        builder.add_patterns("str", False, builder.add_pattern_set(b"a.map", [(b"k", b"0", 1)], True), output="str")
        self.sets = Contents(builder.finish())
        self.variables: dict[int, object] = {}
        super().__init__(index, self.sets, self.set_variable, self.variables.get)
        self.inbox: deque[tuple[list[Change], int | None]] = deque()

    def set_variable(self, slot: int, value: object) -> None:
        self.variables[slot] = value

    def rule(self, change: Change) -> list[Change]:
        """Does a change here, as the core does it, and gives what is told to control."""
        self._apply_one(change)
        self._unanswered.append([change])
        self._count(change, 1)
        self._touch(change)
        return [change]

    def contents(self) -> dict[bytes, list[bytes | None]]:
        found: dict[bytes, list[bytes | None]] = {}
        for _, key, value in self.sets.entries(0):
            found.setdefault(key, []).append(value)
        return found


def some_change(rng: random.Random) -> Change:
    key = rng.choice("kab")
    return rng.choice([["set", 0, key, str(rng.random())], ["del", 0, key]])


@pytest.mark.parametrize("seed", range(30))
def test_all_copies_end_alike(seed: int) -> None:
    rng = random.Random(seed)
    workers = [Worker(index) for index in range(3)]
    to_control: list[deque[list[Change]]] = [deque() for _ in workers]

    def control(changes: list[Change], origin: int | None) -> None:
        for worker in workers:
            worker.inbox.append((changes, origin))

    for _ in range(200):
        index = rng.randrange(3)
        match rng.randrange(4):
            case 0:
                to_control[index].append(workers[index].rule(some_change(rng)))
            case 1 if to_control[index]:
                control(to_control[index].popleft(), index)
            case 2 if workers[index].inbox:
                workers[index].apply(*workers[index].inbox.popleft())
            case 3 if rng.random() < 0.1:
                control([["clear", 0], ["add", 0, "a", "new"]], None)
    for index, queue in enumerate(to_control):
        while queue:
            control(queue.popleft(), index)
    for worker in workers:
        while worker.inbox:
            worker.apply(*worker.inbox.popleft())
    assert workers[0].contents() == workers[1].contents() == workers[2].contents()


def test_own_change_is_not_undone_by_an_older_one_of_another() -> None:
    worker = Worker(0)
    worker.rule(["set", 0, "k", "mine"])
    worker.apply([["set", 0, "k", "theirs"]], 1)
    assert worker.contents() == {b"k": [b"mine"]}
    worker.apply([["set", 0, "k", "mine"]], 0)
    worker.apply([["set", 0, "k", "later"]], 1)
    assert worker.contents() == {b"k": [b"later"]}


def test_dump_makes_another_copy_alike() -> None:
    first, second = Worker(0), Worker(1)
    first.apply([["set", 0, "k", "v"], ["add", 0, "k", "twice"], ["del", 0, "none"], ["put", 0, "x"]], None)
    second.apply(first.dump(), None)
    assert second.contents() == first.contents() == {b"k": [b"v", b"twice"], b"x": [None]}


def test_change_that_does_not_fit_is_left_out() -> None:
    worker = Worker(0)
    worker.apply([["set-nth", 0, "k", 5, "v"], ["more", 0, [["a", "b"]]], ["commit", 0], ["set", 0, "k", "v"]], None)
    assert worker.contents() == {b"k": [b"v"]}
