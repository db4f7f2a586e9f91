"""How long a fuzzer looks: a replay, the same in every run, or FASTLB_FUZZ_SECONDS of new inputs a test (`make fuzz`)."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, settings

SECONDS = float(os.environ.get("FASTLB_FUZZ_SECONDS", "0"))

settings.register_profile(
    "fuzz",
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=SECONDS == 0,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("fuzz")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Repeats the test until its time is up; each round draws other inputs. Returns nothing: the usual call follows."""
    end = time.monotonic() + SECONDS
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    while time.monotonic() < end:
        pyfuncitem.obj(**arguments)
