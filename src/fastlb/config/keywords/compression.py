"""`compression` and its global limits (manual, sections 3.2 and 4.2).

Knows how they are written. Must not know what is compressed when (ext/fastlb_core/proxy/compress.pxd).
"""

from __future__ import annotations

from collections.abc import Callable

from ..model import Compression, Global, Proxy
from ..values import ValueFault, parse_integer, parse_leading_integer, parse_size
from .row import IGNORED, GlobalKeyword, ProxyKeyword, Statement

ALGORITHMS = ("identity", "deflate", "raw-deflate", "gzip")
DIRECTIONS = ("request", "response", "both")
MAX_LEVEL = 9
NO_CPU_LIMIT = 100
_UNUSED = "compression is not limited by it"


def _settings(px: Proxy) -> Compression:
    if px.compression is None:
        px.compression = Compression()
    return px.compression


def _algorithm(st: Statement, at: int) -> str:
    name = st.words[at]
    if name not in ALGORITHMS:
        hint = f"one of {', '.join(ALGORITHMS)}"
        raise st.fail(f"'compression' : '{name}' is not a supported algorithm.", at, hint=hint)
    return name


def _read_algorithms(st: Statement, px: Proxy) -> None:
    if len(st.words) < 3:
        raise st.fail("'compression' expects <algorithm>.", 2, "missing-argument", f"one or more of {', '.join(ALGORITHMS)}")
    _settings(px).algorithms += [_algorithm(st, at) for at in range(2, len(st.words))]


def _read_algorithm_of_requests(st: Statement, px: Proxy) -> None:
    if len(st.words) < 3:
        raise st.fail("'compression' expects <algorithm>.", 2, "missing-argument", f"one of {', '.join(ALGORITHMS)}")
    if len(st.words) > 3:
        raise st.fail("'compression algo-req' : requests are compressed with one algorithm.", 3, "unexpected-argument")
    _settings(px).algorithm_req = _algorithm(st, 2)


def _media_types(st: Statement) -> list[str]:
    if len(st.words) < 3:
        raise st.fail("'compression' expects <type>.", 2, "missing-argument", f"compression {st.words[1]} text/html text/plain")
    return st.words[2:]


def _read_types(st: Statement, px: Proxy) -> None:
    _settings(px).types += _media_types(st)


def _read_types_of_requests(st: Statement, px: Proxy) -> None:
    _settings(px).types_req += _media_types(st)


def _read_offload(st: Statement, px: Proxy) -> None:
    if px.kind == "defaults":
        st.warn("'compression' : 'offload' ignored in 'defaults' section.", 1, "wrong-section")
        return
    _settings(px).offload = True


def _size(st: Statement) -> int:
    word = st.words[2] if len(st.words) > 2 else ""
    try:
        size = parse_size(word)
    except ValueFault:
        size = -1
    if not 0 <= size < 2**32:
        hint = f"compression {st.words[1]} 1k"
        raise st.fail(f"'compression {st.words[1]}' expects a size, not '{word}'.", 2, hint=hint)
    return size


def _read_minsize(st: Statement, px: Proxy) -> None:
    _settings(px).minsize = _size(st)


def _read_minsize_of_requests(st: Statement, px: Proxy) -> None:
    _settings(px).minsize_req = _size(st)


def _read_direction(st: Statement, px: Proxy) -> None:
    word = st.words[2] if len(st.words) > 2 else ""
    if word not in DIRECTIONS:
        raise st.fail(f"'compression direction' expects 'request', 'response' or 'both', not '{word}'.", 2)
    _settings(px).direction = word


_READERS: dict[str, Callable[[Statement, Proxy], None]] = {
    "algo": _read_algorithms,
    "type": _read_types,
    "offload": _read_offload,
    "algo-res": _read_algorithms,
    "type-res": _read_types,
    "minsize-res": _read_minsize,
    "direction": _read_direction,
    "algo-req": _read_algorithm_of_requests,
    "type-req": _read_types_of_requests,
    "minsize-req": _read_minsize_of_requests,
}


def set_compression(st: Statement, px: Proxy) -> None:
    reader = _READERS.get(st.argument(0))
    if reader is None:
        raise st.fail("'compression' expects 'algo', 'type' or 'offload'", 1, hint=f"one of {', '.join(_READERS)}")
    reader(st, px)


def _number(st: Statement) -> int:
    """Argument 0 as HAProxy's atol reads it."""
    try:
        return parse_integer(st.argument(0))
    except ValueFault:
        return parse_leading_integer(st.argument(0))


def set_maxlevel(st: Statement, glob: Global) -> None:
    level = _number(st) if st.argument(0) else 0
    if not 1 <= level <= MAX_LEVEL:
        raise st.fail("'tune.comp.maxlevel' expects a numeric value between 1 and 9", 1)
    glob.comp_level = level


def set_maxzlibmem(st: Statement, glob: Global) -> None:
    glob.maxzlibmem = max(0, min(st.integer(0), 2**20))


def set_maxcomprate(st: Statement, glob: Global) -> None:
    glob.max_comp_rate = max(0, min(st.integer(0) * 1024, 2**32 - 1))


def set_maxcompcpuusage(st: Statement, glob: Global) -> None:
    percent = st.integer(0) if st.argument(0) else -1
    if not 0 <= percent <= NO_CPU_LIMIT:
        raise st.fail("'maxcompcpuusage' expects an integer argument between 0 and 100.", 1)
    if percent < NO_CPU_LIMIT:
        _note(st)


def _note(st: Statement) -> None:
    st.warn(f"'{st.keyword}' is ignored: {_UNUSED}.", 0, "ignored-keyword")


GRAMMAR = (
    "{{algo | algo-res} <algorithm>... | algo-req <algorithm> | {type | type-res | type-req} <media type>... | offload"
    " | {minsize-res | minsize-req} <size> | direction {request | response | both}}"
)

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("compression", "compression", "DFLB", GRAMMAR, manual="4.2", apply=set_compression),
)
GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword("tune.comp.maxlevel", "tuning", "G", "<1..9>", "1", "3.2", apply=set_maxlevel, arguments=(0, 1)),
    GlobalKeyword(
        "maxzlibmem",
        "tuning",
        "G",
        "<megabytes>",
        "no limit",
        "3.2",
        apply=set_maxzlibmem,
        arguments=(1, 1),
        missing="'maxzlibmem' expects an integer argument.",
    ),
    GlobalKeyword(
        "maxcomprate",
        "tuning",
        "G",
        "<kb/s>",
        "no limit",
        "3.2",
        apply=set_maxcomprate,
        arguments=(1, 1),
        missing="'maxcomprate' expects an integer argument in kb/s.",
    ),
    GlobalKeyword(
        "maxcompcpuusage",
        "tuning",
        "G",
        "<0..100>",
        "100",
        "3.2",
        status=IGNORED,
        note=_UNUSED,
        apply=set_maxcompcpuusage,
        arguments=(0, 1),
    ),
)
