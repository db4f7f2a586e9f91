"""Whatever a configuration file holds, it is answered: never a traceback, never without end, never without a verdict.

Mutates real lines of the golden cases, and throws bytes. The invariant: `load_text` returns a model or at least one alert,
everything can be printed both ways, and what was kept stays within bounds.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fastlb.config import ConditionError, Resolver, evaluate, evaluate_argument, load_text
from fastlb.config.diagnostics import MAX_DIAGNOSTICS
from fastlb.config.dump import to_json
from fastlb.config.keywords import GLOBAL_ROWS, PROXY_ROWS

CASES = Path(__file__).parent.parent / "golden" / "cases"
LINES = sorted({line for path in CASES.glob("*.txt") for line in path.read_bytes().partition(b"----------\n")[0].split(b"\n")})
KEYWORDS = [row.name.encode() for row in (*GLOBAL_ROWS, *PROXY_ROWS)]
PIECES = [
    b'"',
    b"'",
    b"\\",
    b"#",
    b"${",
    b"}",
    b"$",
    b"[*]",
    b"\0",
    b"\r",
    b"\\x",
    b"@",
    b":",
    b"-",
    b",",
    b"(",
    b")",
    b" ",
    b"\t",
]
PIECES += [
    b"99999999999999999999",
    b"\xff\xfe",
    "\u00e9".encode(),
    b"no ",
    b"default ",
    b"from",
    b".if ",
    b".endif",
    b"/etc/passwd",
]
NOBODY = Resolver(lambda name, family: None)

pieces = st.one_of(st.sampled_from(PIECES), st.sampled_from(KEYWORDS), st.binary(max_size=6))


@st.composite
def mutated_lines(draw: st.DrawFn) -> bytes:
    line = draw(st.one_of(st.sampled_from(LINES), st.sampled_from(KEYWORDS)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        gone = draw(st.integers(0, 4))
        line = line[:at] + draw(pieces) + line[at + gone :]
    return line


def check(raw: bytes) -> None:
    configuration, diagnostics = load_text(raw, environment={"LIST": "a b", "X": "1"}, resolver=NOBODY)
    assert (configuration is None) == diagnostics.has_errors
    assert len(diagnostics) <= MAX_DIAGNOSTICS + 5
    diagnostics.render(pid=1).encode()
    diagnostics.to_json().encode()
    if configuration is not None:
        to_json(configuration).encode()


@given(st.lists(mutated_lines(), max_size=40))
def test_mutated_configurations_are_answered(lines: list[bytes]) -> None:
    check(b"\n".join([*lines, b""]))


@given(st.binary(max_size=2000))
def test_bytes_are_answered(raw: bytes) -> None:
    check(raw)


@given(
    st.sampled_from([*KEYWORDS, b"server s 10.0.0.1:80", b"bind :80", b"frontend", b"defaults"]), st.lists(pieces, max_size=70)
)
def test_any_arguments_of_any_keyword_are_answered(keyword: bytes, arguments: list[bytes]) -> None:
    statement = keyword + b" " + b" ".join(arguments)
    check(b"global\n" + statement + b"\nlisten l\n" + statement + b"\n")


@given(
    st.lists(
        st.sampled_from(["1", "0", "(", ")", "!", "&&", "||", "streq(", "defined(A)", ",", " ", '"', "\\", "'", "x"]), max_size=60
    )
)
def test_conditions_are_answered(tokens: list[str]) -> None:
    for condition in (evaluate, evaluate_argument):
        try:
            condition("".join(tokens), {"A": "1"})
        except ConditionError as error:
            assert error.position >= 1


def test_line_of_64_kilobytes_is_answered() -> None:
    for body in (b"x" * 65600, b"x " * 32800, b'"' + b"x" * 65600, b"${LIST[*]}" * 6000, b'"${LIST[*]}' * 6000 + b'"'):
        check(b"frontend f\n description " + body + b"\n")


def test_many_nested_blocks_are_answered() -> None:
    check(b".if 1\n" * 3000 + b".endif\n" * 3000)


def test_endless_continuation_is_answered() -> None:
    check(b'frontend f\n description "' + b"x\\\n" * 200_000 + b'"\n')
