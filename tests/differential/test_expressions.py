"""Whole programs: what fastlb answers with an expression in a configuration is what Debian's haproxy answers.

The cases are those of test_converters, test_hash_converters and test_fetches_http, which compare the core alone; here they
go through fastlb's own reader, compiler and engine as well.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fastlb.config import load_text
from support import converter_cases, hash_cases
from support.converter_cases import Case
from support.converter_run import in_program
from support.expression_cases import SYNTAX, quoted
from support.proxy import HTTP, Proxy, command_of

# Those that answer with the time of day, at random, or with what a program calls itself.
UNSTABLE = ("rand", "uuid", "date", "env(")
# 2.6 does not have them.
NEWER = {"str(1),date"}
HEADERS = "x: a, b, c\r\n"


def families() -> list[list[Case]]:
    numbers = ("NUMBER", "ENCODE", "TEXT", "JOIN", "DATE", "ADDRESS", "VARIABLE", "REGEX")
    hashes = ("HASH", "DIGEST", "CIPHER", "JSON", "JWT", "PROTOBUF", "FIX", "MQTT")
    every = [getattr(converter_cases, f"{name}_CASES") for name in numbers]
    every += [getattr(hash_cases, f"{name}_CASES") for name in hashes]
    return [[case for case in cases if case.expected is converter_cases.HAPROXY] for cases in every]


def test_converters_in_a_configuration_yield_what_haproxy_yields() -> None:
    """haproxy: a converter without arguments may see those of an earlier line's, so that families are not mixed there."""
    cases = [case for family in families() for case in family]
    theirs = [answer for family in families() for answer in in_program("haproxy", family)]
    assert different(map(str, cases), theirs, in_program("fastlb", cases)) == ""


def different(names: Iterable[str], theirs: Iterable[object], ours: Iterable[object]) -> str:
    pairs = zip(names, theirs, ours, strict=True)
    return "\n".join(f"{name}: haproxy {them!r}, fastlb {us!r}" for name, them, us in pairs if them != us)


def rules(expressions: list[str]) -> str:
    lines = [HTTP, "frontend fe", "    bind fd@fe", "    http-request set-var(txn.text) str(some)"]
    lines += [
        f"    http-request return status 200 content-type a/b lf-string %[{quoted(expression)},hex,concat(.)] if {{ path /{i} }}"
        for i, expression in enumerate(expressions)
    ]
    return "\n".join(lines)


def answers(program: str, expressions: list[str], headers: str = HEADERS) -> list[str]:
    proxy = Proxy(program, rules(expressions))
    try:
        client = proxy.client()
        return [client.request(f"/{i}?a=1&B=2", headers=headers).body.decode() for i in range(len(expressions))]
    finally:
        proxy.finish()


def is_valid_for_haproxy(expression: str, path: Path) -> bool:
    path.write_text(rules([expression]).replace("fd@fe", "127.0.0.1:1") + "\n")
    done = subprocess.run([*command_of("haproxy"), "-c", "-f", str(path)], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def is_valid_here(expression: str) -> bool:
    return load_text(rules([expression]).replace("fd@fe", "127.0.0.1:1") + "\n")[0] is not None


def test_arguments_are_quoted_escaped_and_left_out_as_in_haproxy(tmp_path: Path) -> None:
    expressions = [expression for expression in SYNTAX if expression not in NEWER]
    paths = [tmp_path / f"{number}.cfg" for number in range(len(expressions))]
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(is_valid_for_haproxy, expressions, paths))
    ours = [is_valid_here(expression) for expression in expressions]
    assert different(expressions, theirs, ours) == ""
    valid = [e for e, is_valid in zip(expressions, theirs, strict=True) if is_valid and not any(w in e for w in UNSTABLE)]
    assert different(valid, answers("haproxy", valid), answers("fastlb", valid)) == ""


# Converters by what comes in and what goes out; {n} is a small number, {i} any integer, {s} a short text.
# haproxy: optional arguments are written, because a converter without any may see those of an earlier line's.
STEPS = {
    ("str", "str"): "upper lower field({n},-) word({n},-) bytes({n},{n}) concat(-{s},,x) url_enc(query) hex base64 "
    "regsub(b,{s},g) ltrim(a) rtrim(b) json(utf8s) url_dec(1) ub64enc b64dec,hex",
    ("str", "int"): "length crc32(1) crc32c(1) djb2(1) sdbm(1) wt6(1) xxh32({n}) xxh64({n}) hex2i strcmp(txn.text)",
    ("str", "bin"): "sha1 sha2(256) digest(md5) digest(sha512) hmac(sha256,Zm9vYmFy) b64dec",
    ("bin", "str"): "hex base64 ub64enc be2hex(:,{n})",
    ("bin", "int"): "length crc32(0) djb2(0) sdbm(0) wt6(0) xxh32({n}) xxh64({n}) xxh3({n})",
    # haproxy: 2.6 adds two negative numbers to the largest one; sums are in converter_cases, without that.
    ("int", "int"): "mul({i}) div({i}) mod({i}) and({i}) or({i}) xor({i}) neg cpl",
    # haproxy: arithmetic on a boolean stays a boolean there, so that these end a chain.
    ("int", "bool"): "bool not odd even",
    ("int", "str"): "http_date(0,s) hex concat(-{s},,x) ltime(%Y%m%d%H%M%S) utime(%s)",
    ("ip", "ip"): "ipmask({m},64)",
    ("ip", "str"): "concat(-{s},,x) hex",
}
LETTERS = "abAB-xyz019._"
PRINTABLE = "".join(map(chr, range(33, 127))) + " \u00e9"
NUMBERS = st.one_of(st.integers(-9, 9), st.integers(-(2**63), 2**63 - 1))
WORDS = {
    "{n}": st.integers(1, 4).map(str),
    "{i}": NUMBERS.map(str),
    "{s}": st.text(LETTERS, min_size=1, max_size=12),
    "{m}": st.integers(0, 32).map(str),
}
SOURCES = {
    "str": st.one_of(WORDS["{s}"].map("str({})".format), st.just("req.hdr(x-v)")),
    "bin": st.binary(min_size=1, max_size=40).map(lambda data: f"bin({data.hex()})"),
    "int": NUMBERS.map("int({})".format),
    "ip": st.one_of(st.ip_addresses(v=4).map("ipv4({})".format), st.ip_addresses(v=6).map("ipv6({})".format), st.just("src")),
}


@st.composite
def chains(draw: st.DrawFn) -> str:
    """A value of any type and converters that fit one behind the other."""
    kind = draw(st.sampled_from(sorted(SOURCES)))
    text = draw(SOURCES[kind])
    for _ in range(draw(st.integers(1, 5))):
        possible = [after for before, after in STEPS if before == kind]
        if not possible:
            break
        into = draw(st.sampled_from(possible))
        step = draw(st.sampled_from(STEPS[kind, into].split()))
        while (at := step.find("{")) >= 0:
            step = step[:at] + draw(WORDS[step[at : at + 3]]) + step[at + 3 :]
        text += "," + step
        kind = into
    return text


@settings(max_examples=3, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(chains(), min_size=100, max_size=100), st.text(PRINTABLE, min_size=1, max_size=60))
def test_chains_of_converters_yield_what_haproxy_yields(expressions: list[str], value: str) -> None:
    theirs, ours = (answers(program, expressions, f"x-v: {value.strip() or 'x'}\r\n") for program in ("haproxy", "fastlb"))
    assert different(expressions, theirs, ours) == ""
