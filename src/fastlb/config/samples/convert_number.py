"""Converters of numbers, encodings, dates and addresses (manual, section 7.3.1).

Knows their types and arguments. Must not know how they are computed (ext/fastlb_core/program/conv_number.pyx and its kin).
"""

from __future__ import annotations

from .check_words import int_or_variable, is_given, one_of, padded
from .row import ConverterRow
from .types import ADDR, ANY, BIN, BOOL, SINT, STR
from .values import ArgumentFault, Value

_UNITS = {"s": 1, "ms": 1000, "us": 1000000}
_RFC7239_FIELDS = {"proto": 0, "host": 0, "for": 0, "by": 0}


def _count(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _truncate(value: Value) -> None:
    if _count(value) not in (0, 1):
        raise ArgumentFault(f"Unsupported truncate value ({_count(value)})")


def _decimals(values: list[Value]) -> list[Value]:
    separator, chunk, truncate = padded(values, 3)
    if not 1 <= _count(chunk) <= 8:
        raise ArgumentFault(f"chunk_size out of [1..8] range ({_count(chunk)})")
    _truncate(truncate)
    return [separator, chunk, truncate]


def _hexadecimals(values: list[Value]) -> list[Value]:
    separator, chunk, truncate = padded(values, 3)
    if _count(chunk) <= 0 and (is_given(separator) or _count(truncate)):
        raise ArgumentFault(f"chunk_size needs to be positive ({_count(chunk)})")
    _truncate(truncate)
    return [separator, chunk, truncate]


def _http_date(values: list[Value]) -> list[Value]:
    """The offset, and how many units a second has."""
    units = 1
    if len(values) > 1:
        word = values[1] if isinstance(values[1], str) else ""
        units = one_of(word, _UNITS, f"expects 's', 'ms' or 'us', got '{word}'")
    return [padded(values, 1)[0], units]


def _format(values: list[Value]) -> list[Value]:
    return padded(values, 2)


def _mask(values: list[Value]) -> list[Value]:
    return padded(values, 2)


def _query(values: list[Value]) -> list[Value]:
    if values and is_given(values[0]):
        one_of(values[0], {"query": 0}, "Unexpected encode type. Allowed value is 'query'")
    return []


def _rfc7239_field(values: list[Value]) -> list[Value]:
    one_of(values[0], _RFC7239_FIELDS, "invalid field, expected 'proto', 'host', 'for' or 'by'")
    return values


_NUMBERS: tuple[ConverterRow, ...] = (
    *(
        ConverterRow(name, SINT, SINT, "any?", check=int_or_variable)
        for name in ("add", "and", "div", "mod", "mul", "or", "sub", "xor")
    ),
    ConverterRow("bool", SINT, BOOL),
    ConverterRow("cpl", SINT, SINT),
    ConverterRow("even", SINT, BOOL),
    ConverterRow("neg", SINT, SINT),
    ConverterRow("not", SINT, BOOL),
    ConverterRow("odd", SINT, BOOL),
    ConverterRow("x509_v_err_str", SINT, STR, since="2.7 or later"),
)
_ENCODINGS: tuple[ConverterRow, ...] = (
    ConverterRow("b64dec", STR, BIN),
    ConverterRow("base2", BIN, STR, since="2.7 or later"),
    ConverterRow("base64", BIN, STR),
    ConverterRow("be2dec", BIN, STR, "str? int? int?", check=_decimals),
    ConverterRow("be2hex", BIN, STR, "str? int? int?", check=_hexadecimals),
    ConverterRow("hex", BIN, STR),
    ConverterRow("hex2i", STR, SINT),
    ConverterRow("htonl", SINT, BIN),
    ConverterRow("le2dec", BIN, STR, "str? int? int?", since="2.7 or later", check=_decimals),
    ConverterRow("ub64dec", STR, BIN),
    ConverterRow("ub64enc", BIN, STR),
    ConverterRow("url_dec", STR, STR, "int?"),
    ConverterRow("url_enc", STR, STR, "str?", check=_query),
)
_DATES: tuple[ConverterRow, ...] = (
    ConverterRow("date", STR, SINT, since="2.7 or later"),
    ConverterRow("http_date", SINT, STR, "int? str?", check=_http_date),
    ConverterRow("ltime", SINT, STR, "str? int?", check=_format),
    ConverterRow("ms_ltime", SINT, STR, "str? int?", since="2.7 or later", check=_format),
    ConverterRow("ms_utime", SINT, STR, "str? int?", since="2.7 or later", check=_format),
    ConverterRow("us_ltime", SINT, STR, "str? int?", since="2.7 or later", check=_format),
    ConverterRow("us_utime", SINT, STR, "str? int?", since="2.7 or later", check=_format),
    ConverterRow("utime", SINT, STR, "str? int?", check=_format),
)
_ADDRESSES: tuple[ConverterRow, ...] = (
    ConverterRow("host_only", STR, STR),
    ConverterRow("ipmask", ADDR, ADDR, "mask4 mask6?", check=_mask),
    ConverterRow("port_only", STR, SINT),
    ConverterRow("rfc7239_field", STR, STR, "str", since="2.8", check=_rfc7239_field),
    ConverterRow("rfc7239_is_valid", STR, BOOL, since="2.8"),
    ConverterRow("rfc7239_n2nn", STR, ANY, since="2.8"),
    ConverterRow("rfc7239_n2np", STR, ANY, since="2.8"),
    ConverterRow("rfc7239_nn", STR, ANY, since="2.8"),
    ConverterRow("rfc7239_np", STR, ANY, since="2.8"),
)
CONVERTERS: tuple[ConverterRow, ...] = (*_NUMBERS, *_ENCODINGS, *_DATES, *_ADDRESSES)
