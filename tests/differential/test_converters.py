"""Converters: what the core computes is what Debian's haproxy answers, for every case of the table."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support import converter_cases as table
from support.converter_cases import Case
from support.converter_refused import REFUSED
from support.converter_run import in_core, in_program
from support.proxy import HTTP, command_of

FAMILIES = ("number", "encode", "text", "join", "date", "address", "variable", "regex")


@pytest.mark.parametrize("family", FAMILIES)
def test_converters_yield_what_haproxy_yields(family: str):
    every: list[Case] = getattr(table, f"{family.upper()}_CASES")
    cases = [case for case in every if case.expected is table.HAPROXY]
    answers = in_program("haproxy", cases)
    different = [
        f"{case}: haproxy {answer!r}, core {own!r}"
        for case, answer in zip(cases, answers, strict=True)
        if (own := in_core(case)) != answer
    ]
    assert different == []


def test_bad_arguments_are_refused_in_haproxys_words(tmp_path: Path):
    """haproxy stops at the first of them: one run for each, some milliseconds long."""
    path = tmp_path / "refused.cfg"
    different = []
    for name, words, message in REFUSED:
        rule = f"    http-request set-var(txn.r) 'str(a),{name}({words})'"
        path.write_text("\n".join([HTTP, "frontend fe", "    bind 127.0.0.1:1", rule, ""]))
        done = subprocess.run([*command_of("haproxy"), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
        if f" : invalid args in converter '{name}' : {message}.\n" not in done.stderr:
            different.append(f"{name}({words}): {done.stderr}")
    assert different == []
