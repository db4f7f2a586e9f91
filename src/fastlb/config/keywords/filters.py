"""`filter` (manual, section 9): bandwidth limitation, compression, trace.

Knows how a filter's line is written. Must not know what a filter does (ext/fastlb_core/proxy/filters.pxd). A filter is a rule of
the set "filter" without a condition; its first argument is its kind, FILTER_* of the core.
"""

from __future__ import annotations

from collections.abc import Callable

from ..actions.row import ActionFault, ActionReader
from ..model import Proxy
from ..rule import Rule, RuleValue
from ..rules import fail_at
from ..samples.values import TableRef
from ..values import TimeFault, ValueFault, parse_size
from .fcgi import use_app
from .row import NOT_YET, ProxyKeyword, Statement

BWLIM_IN, BWLIM_OUT, COMPRESSION, TRACE = range(4)
BWLIMS = {"bwlim-in": BWLIM_IN, "bwlim-out": BWLIM_OUT}
COMPRESSIONS = ("compression", "comp-req", "comp-res")
# Filters of HAProxy that change what passes, so that leaving them out would be no help.
OTHERS = ("cache", "opentracing", "spoe")
TRACE_FLAGS = {"quiet": 1, "random-forwarding": 2, "hexdump": 4}
MAX_SIZE = 2**46
# Of a bandwidth limitation, behind the kind: see BWLIM_* of ext/fastlb_core/proxy/bandwidth.pxd.
Arguments = tuple[RuleValue, ...]


def filters_of(px: Proxy) -> list[Rule]:
    return px.rules.get("filter", [])


def bwlim_name(rule: Rule) -> str:
    """The name of a bandwidth limitation, "" for another filter."""
    return str(rule.arguments[-1]) if rule.core in BWLIMS else ""


def is_shared(rule: Rule) -> bool:
    """Whether a bandwidth limitation counts in a stick table."""
    return isinstance(rule.arguments[5], TableRef)


# --- bandwidth limitation ---


def _argument(st: Statement, at: int) -> str:
    if at + 1 >= len(st.words) or not st.words[at + 1]:
        raise st.fail(f"'{st.words[1]}' : missing value for option '{st.words[at]}'.", at + 1, "missing-argument")
    return st.words[at + 1]


def _size(st: Statement, at: int) -> int:
    word = _argument(st, at)
    try:
        size = parse_size(word)
    except ValueFault:
        size = 0
    if not 0 < size <= MAX_SIZE:
        what = f"invalid value '{word}' for option '{st.words[at]}' (unexpected character or null value)"
        raise st.fail(f"'{st.words[1]}' : {what}.", at + 1, "bad-size", "bytes, or with k, m, g: 100k")
    return size


def _time(st: Statement, at: int) -> int:
    word = _argument(st, at)
    try:
        period = st.milliseconds(word)
    except TimeFault:
        period = 0
    if period <= 0:
        what = f"invalid value '{word}' for option '{st.words[at]}' (unexpected character or null value)"
        raise st.fail(f"'{st.words[1]}' : {what}.", at + 1, "bad-time", "a time: 1s, 500ms")
    return period


def _read_bwlim(st: Statement, px: Proxy) -> Arguments:
    keyword, name = st.words[1], st.argument(1)
    if not name:
        raise st.fail(f"'{keyword}' : a name is expected as first argument.", 2, "missing-argument")
    if any(bwlim_name(rule) == name for rule in filters_of(px)):
        raise st.fail(f"'{keyword}' : name '{name}' is already used by another bwlim filter of {px.title} '{px.name}'.", 2)
    reader = ActionReader(st, "H", 3, aliases=st.reading.format_aliases)
    given: dict[str, RuleValue] = {}
    while reader.at < len(st.words):
        at = reader.at
        option = st.words[at]
        if option in ("limit", "default-limit", "min-size"):
            given[option] = _size(st, at)
        elif option == "default-period":
            given[option] = _time(st, at)
        elif option == "table":
            given[option] = _argument(st, at)
        elif option == "key":
            _argument(st, at)
            reader.at += 1
            given[option] = _key(st, reader)
            continue
        else:
            raise st.fail(f"'{keyword}' : unknown option '{option}'.", at, "unexpected-argument")
        reader.at += 2
    _check_options(st, keyword, given)
    is_behind = any(_compresses(rule, keyword) for rule in filters_of(px))
    table = TableRef(str(given.get("table", ""))) if "key" in given else None
    limit = given.get("limit", given.get("default-limit"))
    return limit, given.get("default-period", 0), given.get("min-size", 0), given.get("key"), table, is_behind, name


def _key(st: Statement, reader: ActionReader) -> RuleValue:
    try:
        return reader.expression_anywhere()
    except ActionFault as fault:
        raise fail_at(st, f"'{st.words[1]}' : {fault.message}.", max(fault.word, 0), fault) from None


def _check_options(st: Statement, keyword: str, given: dict[str, RuleValue]) -> None:
    """Those of a limit per stream, or those of a shared one."""
    own, shared = given.keys() & {"default-limit", "default-period"}, given.keys() & {"limit", "key", "table"}
    at = len(st.words)
    if own and shared:
        both = f"'{min(own)}' and '{min(shared)}' cannot be used together"
        raise st.fail(f"'{keyword}' : {both}: a limit is per stream or shared.", at, "conflict")
    if shared and not {"limit", "key"} <= shared:
        raise st.fail(f"'{keyword}' : a shared limit needs 'limit' and 'key'.", at, "missing-argument", "limit 1m key src")
    if not shared and len(own) < 2:
        hint = "default-limit 1m default-period 1s, or limit 1m key src"
        raise st.fail(f"'{keyword}' : 'default-limit' and 'default-period' must be set.", at, "missing-argument", hint)


def _compresses(rule: Rule, keyword: str) -> bool:
    """Whether the filter compresses what a bandwidth limitation behind it will see."""
    return rule.core in ("compression", "comp-req" if keyword == "bwlim-in" else "comp-res")


# --- the others ---


def _read_compression(st: Statement, px: Proxy) -> Arguments:
    name = st.words[1]
    if any(rule.core == name for rule in filters_of(px)):
        raise st.fail(f"'filter' : '{px.name}: Proxy supports only one compression filter", 1, "already-specified")
    if st.argument(1):
        raise st.fail(f"'filter {name}' : unknown keyword '{st.argument(1)}'.", 2, "unexpected-argument")
    return ()


def _read_trace(st: Statement, px: Proxy) -> Arguments:
    name, flags, at = "TRACE", 0, 2
    while at < len(st.words):
        word = st.words[at]
        if word == "name":
            name = st.words[at + 1] if at + 1 < len(st.words) else ""
            if not name:
                raise st.fail("'filter' : ''trace' : 'name' option without value'", at + 1, "missing-argument")
            at += 1
        elif word in TRACE_FLAGS:
            flags |= TRACE_FLAGS[word]
        else:
            hint = f"one of name, {', '.join(TRACE_FLAGS)}"
            raise st.fail(f"'filter trace' : unknown keyword '{word}'.", at, "unexpected-argument", hint)
        at += 1
    return flags, name


def _use_app(st: Statement, px: Proxy) -> None:
    """There is no order: an application makes the answer, which the filters get."""
    if not st.argument(1):
        raise st.fail("'filter' : 'fcgi-app : expects a <name> argument'", 1, "missing-argument", "filter fcgi-app <name>")
    if st.argument(2):
        message = f"'filter fcgi-app {st.argument(1)}' : unknown keyword '{st.argument(2)}'."
        raise st.fail(message, 3, "unexpected-argument")
    use_app(st, px, 2)


_READERS: dict[str, tuple[int, Callable[[Statement, Proxy], Arguments]]] = {
    **{name: (kind, _read_bwlim) for name, kind in BWLIMS.items()},
    **dict.fromkeys(COMPRESSIONS, (COMPRESSION, _read_compression)),
    "trace": (TRACE, _read_trace),
}


def set_filter(st: Statement, px: Proxy) -> None:
    name = st.argument(0)
    if px.kind == "defaults":
        raise st.fail("filter is not allowed in a 'default' section.", 0, "wrong-section", "move it to the sections that need it")
    if not name:
        hint = f"one of {', '.join(_READERS)}"
        raise st.fail(f"missing argument for 'filter' in {px.title} '{px.name}'.", 1, "missing-argument", hint)
    if name in OTHERS:
        raise st.fail(f"'filter {name}': {NOT_YET}", 1, "unsupported-keyword")
    if name == "fcgi-app":
        _use_app(st, px)
        return
    if name not in _READERS:
        raise st.fail(f"'filter' : unknown keyword '{name}'.", 1, "unknown-keyword", f"one of {', '.join(_READERS)}")
    kind, read = _READERS[name]
    arguments = (kind, *read(st, px))
    px.rules.setdefault("filter", []).append(Rule(st.line_location(), f"filter {name}", name, arguments))


GRAMMAR = (
    "{bwlim-in | bwlim-out} <name> {default-limit <size> default-period <time> | limit <size> key <expr> [table <table>]}"
    " [min-size <size>] | {compression | comp-req | comp-res} | fcgi-app <name> |"
    " trace [name <name>] [quiet] [random-forwarding] [hexdump]"
)

PROXY: tuple[ProxyKeyword, ...] = (ProxyKeyword("filter", "filter", "DFLB", GRAMMAR, manual="9", apply=set_filter),)
