"""Hashes, ciphers, tokens and structured data: what the core computes is what Debian's haproxy answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support import hash_cases as table
from support.converter_cases import Case
from support.converter_run import in_core, in_program
from support.proxy import HTTP, command_of

FAMILIES = ("HASH", "DIGEST", "CIPHER", "JSON", "JWT", "PROTOBUF", "FIX", "MQTT")


def differences(cases: list[Case]) -> list[str]:
    return [
        f"{case}: haproxy {answer!r}, core {own!r}"
        for case, answer in zip(cases, in_program("haproxy", cases), strict=True)
        if (own := in_core(case)) != answer
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_converters_yield_what_haproxy_yields(family: str):
    assert differences(getattr(table, f"{family}_CASES")) == []


def test_signatures_are_judged_as_haproxy_judges_them(tmp_path: Path):
    assert differences(table.keys(tmp_path)) == []


def test_bad_arguments_are_refused_in_haproxys_words(tmp_path: Path):
    path = tmp_path / "refused.cfg"
    different = []
    for name, words, message in table.HASH_REFUSED:
        rule = f"    http-request set-var(txn.r) 'str(a),{name}({words})'"
        path.write_text("\n".join([HTTP, "frontend fe", "    bind 127.0.0.1:1", rule, ""]))
        done = subprocess.run([*command_of("haproxy"), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
        if f" : invalid args in converter '{name}' : {message}.\n" not in done.stderr:
            different.append(f"{name}({words}): {done.stderr}")
    assert different == []
