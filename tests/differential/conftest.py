"""One pair of programs per test module and process: Debian's haproxy beside the program under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.programs import both_programs

from .lab import Case, Lab, Refused, assert_same


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(Lab) as made:
        yield made


@pytest.fixture
def compare(pair: tuple[Lab, Lab]) -> Callable[[Case], None]:
    """Runs a case through both and demands the same outcome, or fastlb's own where the case names one."""

    def check(case: Case) -> None:
        tested = pair[1]
        if tested.program == "haproxy" or case.fastlb is None:
            assert_same(pair, case)
            return
        seen = tested.run(case)
        if isinstance(case.fastlb, Refused):
            assert seen.statuses == [case.fastlb.status], seen
            assert seen.origin == [], seen
        else:
            case.fastlb(seen)

    return check
