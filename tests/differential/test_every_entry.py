"""What haproxy has registered and fastlb has too is in a differential case: actions, samples, converters, words of ACLs, aliases.

haproxy lists its keywords itself (`-dKall`); the cases are tables, which are asked what they name.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fastlb.config.acl import PREDEFINED
from fastlb.config.actions import ACTIONS
from fastlb.config.actions.row import RULE_SETS
from fastlb.config.log_aliases import ALIASES
from fastlb.config.pattern_words import METHODS, OPERATORS
from fastlb.config.samples import ACL_FETCHES, CONVERTERS, FETCHES
from support import acl_cases, converter_cases, fetch_cases, hash_cases, rule_cases, state_cases
from support.proxy import command_of

from .test_every_sample import every_case
from .test_log_formats import CASES as FORMATS

# Registered for things that this build of haproxy has and fastlb's manual has not.
FOREIGN = re.compile(r"ot-group|lua\.|internal\.|fcgi\.|trace|51d\.|da-csv")
# What no list of haproxy's has: words that it reads by itself.
BUILT_IN = {
    "tcp-request connection": "accept reject expect-proxy expect-netscaler-cip track-sc0 track-sc1 track-sc2",
    "tcp-request session": "accept reject track-sc0 track-sc1 track-sc2",
    "tcp-request content": "accept reject capture track-sc0 track-sc1 track-sc2 switch-mode",
    "tcp-response content": "accept reject close",
    "http-request": "track-sc0 track-sc1 track-sc2",
    "http-response": "track-sc0 track-sc1 track-sc2",
}
FLAGS = ("-i", "-f", "-m", "-n", "-M", "-u", "--")
# haproxy: match methods that stand behind no -m; versions and methods have them by themselves.
UNWRITABLE = {"dot", "meth"}


@cache
def registered(kind: str, empty: Path = Path("/dev/null")) -> list[str]:
    """haproxy's own list of one kind: smp, cnv, acl or cfg."""
    run = subprocess.run([*command_of("haproxy"), f"-dK{kind}", "-q", "-c", "-f", str(empty)], capture_output=True, text=True)
    lines = [line.strip() for line in run.stdout.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 50, run.stderr
    return lines


def names_of(kind: str) -> set[str]:
    # Of a fetch, where it may stand comes first: `[ Y . Y ] name(arguments): type`.
    found = {re.split(r"[ (=:]", re.sub(r"^\[.*\] ", "", line))[0] for line in registered(kind)}
    return {name for name in found if name and not FOREIGN.search(name)}


def fetches_in(expressions: Iterator[str]) -> set[str]:
    return {match[0] for text in expressions if (match := re.match(r"[\w.+-]+", text))}


@cache
def literals() -> str:
    """Every text of these tests' sources that is no docstring, for configurations that are written out."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and node.body and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found.append(node.value)
    return "\n".join(found)


def missing(kind: str, have: set[str], covered: set[str]) -> list[str]:
    unknown = sorted(names_of(kind) - have)
    assert not unknown, f"not in fastlb's tables: {unknown}"
    return sorted((names_of(kind) & have) - covered)


def test_every_fetch_has_a_case():
    groups = (*fetch_cases.REQUESTS, fetch_cases.RESPONSES, fetch_cases.BYTES)
    expressions = [expression for group in groups for expression in group.expressions]
    expressions += [case.expression for case in state_cases.CASES if not case.newer]
    expressions += [*rule_cases.LOOKS, *acl_cases.BYTES]
    covered = {case.name for case in every_case()} | fetches_in(iter(expressions))
    unsupported = {row.name for row in FETCHES.values() if row.status != "supported"}
    assert missing("smp", set(FETCHES), covered | unsupported) == []


def test_every_converter_has_a_case():
    cases = [
        case
        for table in (converter_cases, hash_cases)
        for name in vars(table)
        if name.endswith("_CASES") and name != "NEW_CASES"
        for case in getattr(table, name)
    ]
    covered = {case.name for case in cases} | {case.name for case in every_case()}
    covered |= {word.partition("(")[0] for case in state_cases.CASES if not case.newer for word in case.expression.split(",")[1:]}
    unsupported = {row.name for row in CONVERTERS.values() if row.status != "supported"}
    assert missing("cnv", set(CONVERTERS), covered | unsupported) == []


def test_every_word_of_an_acl_has_a_case():
    conditions = [*acl_cases.REQUEST, *acl_cases.RESPONSE, *acl_cases.BYTES, *acl_cases.SECURE]
    assert missing("acl", set(ACL_FETCHES), fetches_in(iter(conditions))) == []
    assert {method for method in METHODS if not any(f"-m {method} " in f"{text} " for text in conditions)} == UNWRITABLE
    assert [flag for flag in FLAGS if not any(f" {flag} " in f" {text} " for text in conditions)] == []
    assert [word for word in OPERATORS if not any(f" {word} " in text for text in conditions)] == []
    newer = {"HTTP_2.0", "HTTP_3.0"}
    assert set(PREDEFINED) - newer <= set(acl_cases.PREDEFINED)


def actions() -> Iterator[tuple[str, str, str]]:
    """Letter of the rule set, its keyword, and the action's name: of haproxy's list and those it reads by itself."""
    lines = [line.removesuffix("*") for line in registered("cfg")]
    lines += [f"{keyword} {name}" for keyword, names in BUILT_IN.items() for name in names.split()]
    for letter, (keyword, _) in RULE_SETS.items():
        for line in lines:
            name = line.removeprefix(f"{keyword} ")
            if name != line and " " not in name and not FOREIGN.search(name):
                yield letter, keyword, name


def test_every_action_has_a_case_in_each_of_its_rule_sets():
    covered = {
        (case.letter, re.match(r"[\w-]+", line)[0])  # type: ignore[index]
        for case in rule_cases.CASES
        for line in case.lines
    }
    known = [(letter, keyword, name) for letter, keyword, name in actions() if keyword != "stats http-request"]
    assert len(known) > 100
    unknown = [f"{keyword} {name}" for letter, keyword, name in known if (letter, name) not in ACTIONS]
    assert unknown == []
    left = [
        f"{keyword} {name}"
        for letter, keyword, name in known
        if ACTIONS[letter, name].status == "supported"
        and (letter, name) not in covered
        and not re.search(rf"{keyword}\s+{re.escape(name)}(?![\w-])", literals())
    ]
    assert left == []


def test_every_alias_of_a_log_format_has_a_case():
    forms = " ".join(case.form for case in FORMATS)
    assert [
        name
        for name, alias in ALIASES.items()
        if not alias.since and not re.search(rf"%(\{{[^}}]*\}})?{re.escape(name)}(?!\w)", forms)
    ] == []
