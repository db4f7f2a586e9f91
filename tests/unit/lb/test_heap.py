"""The heap of servers against a sorted list."""

from __future__ import annotations

from fastlb_core.bridge.lbkit import Heap
from hypothesis import given
from hypothesis import strategies as st

N = 40
operation = st.tuples(st.sampled_from(["put", "remove", "pop"]), st.integers(0, N - 1), st.integers(0, 8), st.integers(0, 3))
operations = st.lists(operation, max_size=200)


@given(operations)
def test_head_is_always_the_smallest(steps: list[tuple[str, int, int, int]]) -> None:
    heap = Heap(N)
    model: dict[int, tuple[int, int]] = {}
    for kind, index, key, tie in steps:
        if kind == "put":
            (heap.update if index in model else heap.push)(index, key, tie)
            model[index] = key, tie
        elif kind == "remove" and index in model:
            heap.remove(index)
            del model[index]
        elif kind == "pop" and model:
            head = heap.head()
            assert model[head] == min(model.values())
            heap.remove(head)
            del model[head]
        assert heap.is_sound() and len(heap) == len(model)
        assert heap.head() is None if not model else model[heap.head()] == min(model.values())
