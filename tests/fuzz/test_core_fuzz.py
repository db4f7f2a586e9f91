"""Whatever reaches the core's evaluators, they end, stay within their memory and yield what their row promises, or nothing.

Converters and fetches get bytes that nobody sends on purpose, in scratch areas of any size; expressions, log formats and regular
expressions are put together from their own pieces and compiled down to the program. `make debug` runs this with sanitizers.
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Address, IPv6Address

import pytest
from fastlb_core.bridge import fetchkit
from fastlb_core.bridge.patternkit import Regex
from hypothesis import given
from hypothesis import strategies as st

from fastlb.compile.program import compile_program
from fastlb.compile.verify import verify
from fastlb.config import Resolver, load_text
from fastlb.config.samples import CONVERTERS, FETCHES
from fastlb.config.samples.types import ADDR, ANY, BIN, BOOL, IPV4, IPV6, SINT, STR, SampleType
from support import converter_cases, hash_cases, token_cases
from support.converter_cases import VARIABLES, Case, Input
from support.converter_run import convert
from support.expression_cases import SYNTAX
from support.fetch_cases import BYTES, REQUESTS, RESPONSES, USERS
from support.fetch_words import parse

NOBODY = Resolver(lambda name, family: None)
TYPES: dict[SampleType, tuple[type, ...]] = {
    BOOL: (bool,),
    SINT: (int,),
    IPV4: (IPv4Address,),
    IPV6: (IPv6Address,),
    ADDR: (IPv4Address, IPv6Address),
    # The core keeps what a converter got: text stays text where nothing was changed.
    STR: (str, bytes),
    BIN: (str, bytes),
}
# The message's field has a type of its own, which the next converter sees.
TYPE_OF_FIELD = ("protobuf", "ungrpc")
NUMBERS = st.one_of(st.integers(-10, 300), st.sampled_from((2**63 - 1, -(2**63), 2**31, 2**32 - 1)))


def cases_by_converter() -> dict[str, list[Case]]:
    found = defaultdict(list)
    for module in (converter_cases, hash_cases, token_cases):
        for name in dir(module):
            if name.endswith("_CASES"):
                for case in getattr(module, name):
                    found[case.name].append(case)
    return found


CASES = cases_by_converter()


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A seed with some bytes replaced, doubled or cut."""
    data = draw(st.one_of(st.sampled_from(seeds), st.binary(max_size=300)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.one_of(st.binary(max_size=4), st.just(data[at : at + 20])))
        data = data[:at] + piece + data[at + draw(st.integers(0, 6)) :]
    return data


@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data())
def test_converters_survive_any_bytes(name: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES[name]))
    seeds = [c.value for c in CASES[name] if isinstance(c.value, (str, bytes))]
    raw = [seed.encode("utf-8", "surrogateescape") if isinstance(seed, str) else seed for seed in seeds]
    value: Input = data.draw(st.one_of(mutated(raw or [b""]), NUMBERS, st.booleans()))
    if isinstance(value, bytes) and case.row.input not in (BIN, ANY):
        value = value.decode("utf-8", "surrogateescape")
    variables = {key: kept for key, _, kept in VARIABLES}
    room = data.draw(st.sampled_from((0, 1, 15, 64, 1000, 65536)))
    made = convert(Case(name, value, case.written), variables, room)
    assert made is None or name in TYPE_OF_FIELD or isinstance(made, TYPES.get(case.row.output, object))


@pytest.mark.parametrize("kind", ("request", "response", "bytes_in"))
@given(data=st.data())
def test_fetches_survive_any_message(kind: str, data: st.DataObject) -> None:
    group = {"request": data.draw(st.sampled_from(REQUESTS)), "response": RESPONSES, "bytes_in": BYTES}[kind]
    content = data.draw(mutated(list(group.inputs)))
    name, arguments = parse(data.draw(st.sampled_from(group.expressions)), fetchkit.Users(*USERS))
    options = {key: data.draw(st.booleans()) for key in ("iterate", "final")}
    room = data.draw(st.sampled_from((0, 1, 15, 64, 1000, 65536)))
    try:
        fetchkit.fetch(name, *arguments, room=room, **options, **{kind: content})
    except ValueError:
        assert kind != "bytes_in", "only a head can be malformed"


# ---- what the configuration says, down to the program

MARKS = r"""( ) , . " ' \ -1 0 7 txn.x req.x sess proc.y 1.2.3.4 ::1 a/b -m -i -f"""
WORDS = [*SYNTAX, *FETCHES, *CONVERTERS, *MARKS.split(), " "]
FORMAT_WORDS = (
    "%ci %cp %T %t %tr %Tt %HM %HU %r %ST %B %b %s %f %hr %hs %ID %o %{+Q}o %{+X,+E} %{+json}o %{+cbor} %% %[ ] % { } + -"
)
ALIASES = FORMAT_WORDS.split()
expressions = st.lists(st.one_of(st.sampled_from(WORDS), st.just(",")), min_size=1, max_size=8).map("".join)
formats = st.lists(st.one_of(st.sampled_from(ALIASES), expressions, expressions.map("%[{}]".format)), max_size=8).map("".join)


def compiled(line: str) -> None:
    """Reads and compiles a frontend with this line; what is refused has been answered."""
    text = f"frontend f\n    mode http\n    bind 127.0.0.1:1\n    unique-id-format %ci\n    {line}\n"
    configuration, diagnostics = load_text(text, resolver=NOBODY, verify=verify)
    assert (configuration is None) == diagnostics.has_errors
    if configuration is not None:
        compile_program(configuration, n_workers=1, listeners=[], service_address=b"\0s", message_address=b"\0m", log_pid=1)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(expressions)
def test_expressions_are_compiled_or_refused(expression: str) -> None:
    compiled("http-request set-var(txn.v) " + quoted(expression))


@given(expressions, st.lists(st.sampled_from([*WORDS, "1:5", "gt", "10.0.0.0/8"]).map(quoted), max_size=4))
def test_conditions_are_compiled_or_refused(expression: str, patterns: list[str]) -> None:
    compiled(f"http-request deny if {{ {quoted(expression)} {' '.join(patterns)} }}")


@given(formats)
def test_log_formats_are_compiled_or_refused(text: str) -> None:
    compiled("log-format " + quoted(text))


PATTERN_WORDS = r"""
a b . .* a+ (a+)+ (?:x|y)* [a-z] [^\n] \d \w \s \b ^ $ (?=a) (?!b) (?<n>a) \k<n> \1 {2,9} a{1000} | ( ) [ ] \ (?i) \p{L}
\x{ff} (?R) \K
"""
PIECES = PATTERN_WORDS.split()


@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.one_of(st.binary(max_size=200), st.text("ab\n", max_size=300).map(str.encode)),
    st.text("\\0123456789ab", max_size=20).map(str.encode),
    st.booleans(),
)
def test_regular_expressions_end(pattern: str, subject: bytes, template: bytes, ignores_case: bool) -> None:
    try:
        regex = Regex(pattern.encode(), ignores_case)
    except ValueError as error:
        assert str(error)
        return
    groups = regex.groups(subject)
    assert groups is None or regex.matches(subject)
    for room in (0, 3, 2000):
        made = regex.subst(subject, template, room)
        assert made is None or len(made) <= room


def test_every_converter_of_the_core_is_fuzzed() -> None:
    """Those that need a table, a map or a file have fuzzers or unit tests of their own kind."""
    elsewhere = {name for name in CONVERTERS if name.startswith(("table_", "map")) or CONVERTERS[name].status != "supported"}
    needs_proxies = {"in_table", "nbsrv", "srv_is_up", "srv_queue", "fe_exists", "capture-req", "capture-res", "debug", "when"}
    assert set(CONVERTERS) - elsewhere - needs_proxies - set(CASES) == set()
