"""Golden configurations: each file of cases/ holds a configuration, a line of dashes, and what fastlb makes of it.

What follows the dashes are the diagnostics as they are printed, then, if the configuration is accepted, the model as JSON.
`FASTLB_GOLDEN_UPDATE=1` writes what comes out now into the files, to be read before it is committed.
A first line `# env NAME=VALUE ...` sets variables; `good.test` and `v6.test` are the only host names that resolve.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastlb.config import Resolver, load_text
from fastlb.config.dump import to_json

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.txt"))
DASHES = b"----------\n"
HOSTS = {"good.test": "192.0.2.80", "v6.test": "2001:db8::80"}


def environment(configuration: bytes) -> dict[str, str]:
    """The variables of the case; ERRORS is where its error pages are."""
    variables = {"ERRORS": str(HERE / "errors"), "HAPROXY_LOCALPEER": "golden"}
    first = configuration.split(b"\n", 1)[0].decode()
    if first.startswith("# env "):
        variables |= dict(word.split("=", 1) for word in first.removeprefix("# env ").split(";"))
    return variables


def outcome(configuration: bytes) -> bytes:
    """What fastlb says to the configuration, without what differs from machine to machine."""
    model, diagnostics = load_text(
        configuration,
        file="test.cfg",
        environment=environment(configuration),
        resolver=Resolver(lambda name, family: HOSTS.get(name)),
    )
    text = diagnostics.render(pid=1) + (to_json(model) + "\n" if model is not None else "")
    return text.replace(str(HERE), "HERE").encode()


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_configuration_gives_expected_model_or_diagnostics(path: Path) -> None:
    configuration, dashes, expected = path.read_bytes().partition(DASHES)
    assert dashes or "FASTLB_GOLDEN_UPDATE" in os.environ, f"no line of dashes in {path}"
    answer = outcome(configuration)
    if "FASTLB_GOLDEN_UPDATE" in os.environ:
        path.write_bytes(configuration + DASHES + answer)
        return
    assert answer.decode() == expected.decode()


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
