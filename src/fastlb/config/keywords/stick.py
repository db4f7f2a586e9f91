"""`stick-table` (manual, section 4.2).

Knows how a table is written. Must not know its memory (ext/fastlb_core/proxy/stick_table.pxd).
"""

from __future__ import annotations

from collections.abc import Callable

from ..actions.row import ActionFault, ActionReader
from ..expressions import unavailable
from ..model import Proxy, StickData, StickTable
from ..rule import Rule
from ..rules import condition_behind, fail_at
from ..samples.ast import Expression
from ..samples.types import Point
from ..samples.values import TableRef
from ..stick_types import (
    ALIASES,
    ARRAYS,
    DATA_NUMBERS,
    DEFAULT_LENGTH,
    EXCLUSIONS,
    KEY_TYPES,
    MAX_ELEMENTS,
    is_rate,
)
from ..values import TimeFault, ValueFault, parse_leading_integer, parse_size, parse_time
from .row import NOT_YET, ProxyKeyword, SetProxy, Statement

MAX_SIZE = 2**32 - 1
MAX_LENGTH = 2**31 - 1
# Each takes the statement, the table and the place of its word, and returns the place behind its arguments.
Reader = Callable[[Statement, StickTable, int], int]


def _word(st: Statement, at: int) -> str:
    return st.words[at] if at < len(st.words) else ""


def _argument(st: Statement, at: int) -> str:
    """The word behind the one at `at`, which must be there."""
    word = _word(st, at + 1)
    if not word:
        raise st.fail(f"stick-table: missing argument after '{st.words[at]}'.", at + 1)
    return word


def _read_type(st: Statement, table: StickTable, at: int) -> int:
    name = _word(st, at + 1)
    if name not in KEY_TYPES:
        raise st.fail(f"stick-table: unknown type '{name}'.", at + 1, hint=f"one of {', '.join(KEY_TYPES)}")
    table.type = name
    table.length = KEY_TYPES[name][1] or DEFAULT_LENGTH
    at += 2
    if KEY_TYPES[name][1] == 0 and _word(st, at) == "len":
        # haproxy: reads the number at the beginning of the word.
        table.length = min(parse_leading_integer(_word(st, at + 1)), MAX_LENGTH)
        if table.length <= 0:
            raise st.fail(f"stick-table: unknown type '{_word(st, at + 1)}'.", at + 1, hint="len <number of bytes>")
        at += 2
    return at


def _read_size(st: Statement, table: StickTable, at: int) -> int:
    word = _argument(st, at)
    try:
        size = parse_size(word)
    except ValueFault:
        rest = word.lstrip("0123456789")
        rest = rest[1:] if rest[:1] in tuple("kKmMgG") and len(rest) > 1 and rest != word else rest
        size, bad = 0, rest[:1]
    else:
        bad = word[-1] if size > MAX_SIZE else ""
    if bad:
        raise st.fail(f"stick-table: unexpected character '{bad}' in argument of 'size'.", at + 1, "bad-size")
    table.size = size
    return at + 2


def _read_expire(st: Statement, table: StickTable, at: int) -> int:
    word = _argument(st, at)
    try:
        table.expire_ms = st.milliseconds(word)
    except TimeFault as fault:
        if not fault.is_overflow:
            raise st.fail(
                f"stick-table: unexpected character '{fault.character}' in argument of 'expire'.", at + 1, "bad-time"
            ) from None
        message = (
            f"stick-table: timer overflow in argument <{word}> to <expire>, maximum value is 2147483647 ms (~24.8 days)."
        )
        st.alert(message, at + 1, "bad-time", lead=f"parsing [{st.location()}]: ")
        raise st.reported() from None
    return at + 2


def _read_nopurge(st: Statement, table: StickTable, at: int) -> int:
    table.nopurge = True
    return at + 1


def _read_peers(st: Statement, table: StickTable, at: int) -> int:
    _argument(st, at)
    raise st.fail(f"'stick-table ... peers': {NOT_YET}", at, "unsupported-keyword")


def _read_brates(st: Statement, table: StickTable, at: int) -> int:
    raise st.fail(f"'stick-table ... brates-factor': {NOT_YET}", at, "unsupported-keyword")


def _read_srvkey(st: Statement, table: StickTable, at: int) -> int:
    word = _word(st, at + 1)
    if word not in ("addr", "name"):
        raise st.fail(f"stick-table : unknown server key type '{word}'.", at + 1, hint="srvkey addr, or srvkey name")
    table.srvkey = word
    return at + 2


def _read_write_to(st: Statement, table: StickTable, at: int) -> int:
    # Concerns what peers send, and so nothing yet.
    table.write_to = _argument(st, at)
    return at + 2


def _read_recv_only(st: Statement, table: StickTable, at: int) -> int:
    table.recv_only = True
    return at + 1


def _read_store(st: Statement, table: StickTable, at: int) -> int:
    rest = _word(st, at + 1)
    while rest:
        name, rest = _split_option(st, rest, at + 1)
        _add_data(st, table, name, at + 1)
    return at + 2


def _split_option(st: Statement, text: str, at: int) -> tuple[str, str]:
    """The first option with its arguments, and what stands behind the comma."""
    name, _, _ = text.partition(",")
    if "(" not in name:
        return name, text[len(name) + 1 :]
    close = text.find(")")
    if close < 0:
        name = name[: name.index("(")]
        raise st.fail(f"stick-table: missing closing parenthesis after store option '{name}'.", at)
    return text[: close + 1], text[close + 1 :].removeprefix(",")


def _add_data(st: Statement, table: StickTable, option: str, at: int) -> None:
    name, parenthesis, arguments = option.partition("(")
    kind = ALIASES.get(name, name)
    if kind not in DATA_NUMBERS:
        raise st.fail(f"stick-table: unknown store option '{name}'.", at, hint=f"one of {', '.join(DATA_NUMBERS)}")
    words = arguments.removesuffix(")").split(",") if parenthesis else []
    wanted = (1 if kind in ARRAYS else 0) + (1 if is_rate(kind) else 0)
    if len(words) < wanted:
        raise st.fail(f"stick-table: missing argument to store option '{name}'.", at)
    if len(words) > wanted:
        raise st.fail(f"stick-table: unexpected argument to store option '{name}'.", at)
    data = StickData(kind)
    if kind in ARRAYS:
        data.elements = parse_leading_integer(words[0])
        if not 1 <= data.elements <= MAX_ELEMENTS:
            message = f"stick-table: array size is out of allowed range (1-{MAX_ELEMENTS}) for store option '{name}'."
            raise st.fail(message, at)
    if is_rate(kind):
        try:
            data.period_ms = parse_time(words[-1])
        except TimeFault:
            hint = f"a period: {name}({'1,' if kind in ARRAYS else ''}10s)"
            raise st.fail(f"stick-table: error when processing store option '{name}'.", at, "bad-time", hint) from None
    if any(known.name == kind for known in table.store):
        lead = f"parsing [{st.location()}]: "
        st.warn(f"stick-table: store option '{name}' already enabled, ignored.", at, lead=lead)
        return
    table.store.append(data)


_READERS: dict[str, Reader] = {
    "type": _read_type,
    "size": _read_size,
    "expire": _read_expire,
    "nopurge": _read_nopurge,
    "peers": _read_peers,
    "srvkey": _read_srvkey,
    "write-to": _read_write_to,
    "recv-only": _read_recv_only,
    "brates-factor": _read_brates,
    "store": _read_store,
}


def _refuse_both(st: Statement, table: StickTable) -> None:
    """An array and its single forms in one table."""
    stored = {data.name for data in table.store}
    for array, singles, words in EXCLUSIONS:
        if array in stored and not stored.isdisjoint(singles):
            raise st.fail(
                f"stick-table: simultaneous usage of '{array}' and '{words}' in a same table is not permitted"
                f" as '{array}' overrides '{words}'."
            )


def set_stick_table(st: Statement, px: Proxy) -> None:
    table = StickTable(st.line_location())
    at = 1
    while at < len(st.words):
        reader = _READERS.get(st.words[at])
        if reader is None:
            raise st.fail(f"stick-table: unknown argument '{st.words[at]}'.", at, hint=f"one of {', '.join(_READERS)}")
        at = reader(st, table, at)
    if not table.size:
        raise st.fail("stick-table: missing size.", len(st.words), hint="size <number of entries>")
    if not table.type:
        raise st.fail("stick-table: missing type.", len(st.words), hint=f"type {' | '.join(KEY_TYPES)}")
    _refuse_both(st, table)
    px.stick_table = table


# STICK_A_* flags of ext/fastlb_core/proxy/stick_rules.pyx: 1 looks the server up, 2 remembers it.
_STICK_RULES = {"on": 3, "match": 1, "store-request": 2, "store-response": 2}


def _stick_key(st: Statement, reader: ActionReader, is_response: bool) -> Expression:
    if not reader.has_word():
        raise st.fail("'stick' expects a fetch method.", len(st.words), "missing-argument", "stick on src")
    try:
        expression = reader.expression_anywhere()
    except ActionFault as fault:
        raise fail_at(st, f"'stick': {fault.message}", max(fault.word, 0), fault) from None
    if missing := unavailable(expression, Point.RESPONSE_HEADERS if is_response else Point.REQUEST_HEADERS):
        when = "response" if is_response else "request"
        name = expression.row.name
        what = f"extracts information from '{missing}', none of which is available during {when}"
        raise st.fail(f"'stick': fetch method '{name}' {what}.", 2, "wrong-place")
    return expression


def _stick_rule(how: str, flags: int) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        is_response = how == "store-response"
        reader = ActionReader(st, "R" if is_response else "H", 2, aliases=st.reading.format_aliases)
        key = _stick_key(st, reader, is_response)
        table = ""
        if reader.peek() == "table":
            reader.at += 1
            if not reader.has_word():
                raise st.fail("'stick': missing table name.", reader.at, "missing-argument")
            table = reader.word("missing table name")
        condition = condition_behind(st, px, reader.at, "'stick': unknown keyword '{0}'.", "a 'stick' condition")
        rule = Rule(st.line_location(), "stick", "stick", (flags, key, TableRef(table)), condition)
        px.rules.setdefault("stick store" if is_response else "stick", []).append(rule)

    return apply


GRAMMAR = (
    "type {ip | ipv6 | integer | string [len <n>] | binary [len <n>]} size <n> [expire <time>] [nopurge]"
    " [srvkey {addr | name}] [write-to <table>] [recv-only] [store <data>[,<data>]*]*"
)

PROXY: tuple[ProxyKeyword, ...] = (
    *(
        ProxyKeyword(
            f"stick {how}",
            "stick",
            "LB",
            "<pattern> [table <table>] [{if | unless} <cond>]",
            manual="4.2",
            apply=_stick_rule(how, flags),
        )
        for how, flags in _STICK_RULES.items()
    ),
    ProxyKeyword("stick-table", "stick", "FLB", GRAMMAR, manual="4.2", apply=set_stick_table, strict=True),
)

_EXPECTED = "'stick' expects 'on', 'match', or 'store'."
SECOND_WORD = {"stick": (_EXPECTED, _EXPECTED)}
