"""One pair of programs per test module and process: Debian's haproxy beside the program under test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from .lab import Case, Lab, Refused


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    labs = []
    try:
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            labs.append(Lab(program))
        yield labs[0], labs[1]
    finally:
        for lab in labs:
            lab.close()


@pytest.fixture
def compare(pair: tuple[Lab, Lab]) -> Callable[[Case], None]:
    """Runs a case through both and demands the same outcome, or fastlb's own where the case names one."""

    def check(case: Case) -> None:
        reference, tested = pair
        if tested.program == "haproxy" or case.fastlb is None:
            expected, seen = reference.run(case), tested.run(case)
            assert seen.client == expected.client
            assert seen.origin == expected.origin
            assert seen.log == expected.log
            return
        seen = tested.run(case)
        if isinstance(case.fastlb, Refused):
            assert seen.statuses == [case.fastlb.status], seen
            assert seen.origin == [], seen
        else:
            case.fastlb(seen)

    return check
