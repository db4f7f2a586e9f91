"""Sample fetches of stick tables and tracked counters: `sc*_`, `src_*`, `table_*` (manual, section 7.3.3).

Knows their types, arguments and where they may be used. Must not know tables' memory.

All names are made from one table. The core has three functions, `sc`, `src_in` and `key_in`; what to do, with which data type
and element, are their first arguments (ext/fastlb_core/proxy/fetch_track.pxd).
"""

from __future__ import annotations

from ..stick_types import DATA_NUMBERS
from .row import Check, ConverterRow, FetchRow
from .types import ANY, BOOL, SINT, SampleType, Source
from .values import TableRef, Unset, Value

_GET, _INC, _CLR, _KBYTES, _TRACKED, _TRACKERS, _KEY, _EXPIRE, _IDLE, _IN, _UPDATE = range(11)
_LATER = "2.7 or later"
_OWN = TableRef("")
_MOST = 2**32 - 1

# What stands behind `sc_` and `src_`, and the data type and operation that it means.
_VALUES: dict[str, tuple[str, int]] = {
    **{name: (name, _GET) for name in DATA_NUMBERS if name.endswith(("_rate", "_cnt", "_cur")) and name != "gpc_rate"},
    "get_gpc0": ("gpc0", _GET),
    "get_gpc1": ("gpc1", _GET),
    "get_gpt0": ("gpt0", _GET),
    "inc_gpc0": ("gpc0", _INC),
    "inc_gpc1": ("gpc1", _INC),
    "clr_gpc0": ("gpc0", _CLR),
    "clr_gpc1": ("gpc1", _CLR),
    "kbytes_in": ("bytes_in_cnt", _KBYTES),
    "kbytes_out": ("bytes_out_cnt", _KBYTES),
}
for _name in ("bytes_in_cnt", "bytes_out_cnt"):  # read as kbytes only
    del _VALUES[_name]
_ELEMENTS: dict[str, tuple[str, int]] = {
    "get_gpc": ("gpc", _GET),
    "get_gpt": ("gpt", _GET),
    "gpc_rate": ("gpc_rate", _GET),
    "inc_gpc": ("gpc", _INC),
    "clr_gpc": ("gpc", _CLR),
}
# Operations that concern no data type: what a tracked counter says of itself, and what converters ask of a key.
_TRACKING: dict[str, tuple[SampleType, int]] = {"tracked": (BOOL, _TRACKED), "trackers": (SINT, _TRACKERS), "key": (ANY, _KEY)}


def _since(name: str) -> str:
    return _LATER if "glitch" in name or name == "key" else ""


def _number(value: Value) -> int:
    """An index or counter as the core has it; haproxy takes any number, and out of range is simply not there."""
    return value if isinstance(value, int) and 0 <= value < _MOST else _MOST


def _of_counter(op: int, data: str, *, counter: int | None, is_element: bool) -> Check:
    """Arguments `[index] [counter] [table]` as op, data type, index, counter, table."""

    def check(values: list[Value]) -> list[Value]:
        rest = list(values)
        index = _number(rest.pop(0)) if is_element else 0
        number = _number(rest.pop(0)) if counter is None else counter
        return [op, DATA_NUMBERS.get(data, 0), index, number, *rest]

    return check


def _of_key(op: int, data: str, *, is_element: bool = False) -> Check:
    """Arguments `[index] [table] [default]` as op, data type, index, table, default. No table is the proxy's own."""

    def check(values: list[Value]) -> list[Value]:
        rest = list(values)
        index = _number(rest.pop(0)) if is_element else 0
        table = rest.pop(0) if rest else _OWN
        return [op, DATA_NUMBERS.get(data, 0), index, _OWN if isinstance(table, Unset) else table, *rest]

    return check


def _own_table(values: list[Value]) -> list[Value]:
    return [_OWN] if not values or isinstance(values[0], Unset) else values


def _sc(name: str, output: SampleType, op: int, data: str, is_element: bool) -> list[FetchRow]:
    """`sc_NAME`, and where there are no elements `sc0_NAME` to `sc2_NAME`."""
    grammar = "int int table?" if is_element else "int table?"
    check = _of_counter(op, data, counter=None, is_element=is_element)
    rows = [FetchRow(f"sc_{name}", output, (Source.TRACK,), grammar, "7.3.3", _since(name), "sc", check=check)]
    for counter in () if is_element else range(3):
        check = _of_counter(op, data, counter=counter, is_element=False)
        rows.append(FetchRow(f"sc{counter}_{name}", output, (Source.TRACK,), "table?", "7.3.3", _since(name), "sc", check=check))
    return rows


def _src(name: str, op: int, data: str, grammar: str) -> FetchRow:
    check = _of_key(op, data, is_element=grammar.startswith("int"))
    return FetchRow(f"src_{name}", SINT, (Source.CLIENT_ADDRESS,), grammar, "7.3.3", _since(name), "src_in", check=check)


def _table(
    name: str, op: int, data: str = "", grammar: str = "table?", output: SampleType = SINT, since: str = ""
) -> ConverterRow:
    check = _of_key(op, data, is_element=grammar.startswith("int"))
    return ConverterRow(name, ANY, output, grammar, since=since or _since(name), core="key_in", check=check)


FETCHES: tuple[FetchRow, ...] = (
    *(row for name, (data, op) in _VALUES.items() for row in _sc(name, SINT, op, data, False)),
    *(row for name, (data, op) in _ELEMENTS.items() for row in _sc(name, SINT, op, data, True)),
    *(row for name, (output, op) in _TRACKING.items() for row in _sc(name, output, op, "", False)),
    # haproxy: registered, and in no manual.
    FetchRow(
        "sc1_clr_gpc",
        SINT,
        (Source.TRACK,),
        "int table?",
        "7.3.3",
        core="sc",
        check=_of_counter(_CLR, "gpc", counter=1, is_element=True),
    ),
    *(_src(name, op, data, "table?") for name, (data, op) in _VALUES.items()),
    *(_src(name, op, data, "int table") for name, (data, op) in _ELEMENTS.items()),
    _src("updt_conn_cnt", _UPDATE, "conn_cnt", "table?"),
    FetchRow("table_cnt", SINT, (Source.INTERNAL,), "table?", "7.3.2", check=_own_table),
    FetchRow("table_avl", SINT, (Source.INTERNAL,), "table?", "7.3.2", check=_own_table),
)

CONVERTERS: tuple[ConverterRow, ...] = (
    _table("in_table", _IN, output=BOOL),
    *(
        _table(f"table_{name.removeprefix('get_')}", op, data, since=_LATER if op in (_INC, _CLR) else "")
        for name, (data, op) in _VALUES.items()
    ),
    *(
        _table(f"table_{name.removeprefix('get_')}", op, data, "int table", since=_LATER if op in (_INC, _CLR) else "")
        for name, (data, op) in _ELEMENTS.items()
    ),
    _table("table_server_id", _GET, "server_id"),
    _table("table_trackers", _TRACKERS),
    _table("table_expire", _EXPIRE, grammar="table? int?"),
    _table("table_idle", _IDLE, grammar="table? int?"),
)
