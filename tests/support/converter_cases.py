"""Converters on inputs with edges: one table for the core alone, for Debian's haproxy, and for whole programs.

A case is a converter, the value that goes in, and its arguments as they are written. `expression` is the case in a
configuration's words; `arguments` are what its row makes of them. What comes out is compared as hexadecimal bytes, which
show the type of numbers and addresses as well. Cases of rows that 2.6 does not have carry what is expected.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import product

from fastlb.config.samples import CONVERTERS
from fastlb.config.samples.check_words import number_of
from fastlb.config.samples.row import ConverterRow
from fastlb.config.samples.values import Unset, Value

Input = bool | int | str | bytes
HAPROXY = object()
INT_MAX, INT_MIN = 2**63 - 1, -(2**63)
PLAIN = set((string.ascii_letters + string.digits + "_-.:;/*").encode())

# Set before every case: name, the expression in the configuration, the value.
VARIABLES: tuple[tuple[str, str, Input], ...] = (
    ("txn.five", "int(5)", 5),
    ("txn.neg", "int(-3)", -3),
    ("txn.zero", "int(0)", 0),
    ("txn.yes", "bool(1)", True),
    ("txn.abc", "str(abc)", "abc"),
    ("txn.num", "str(12)", "12"),
    ("txn.empty", "str()", ""),
    ("txn.data", "bin(616200ff)", b"ab\0\xff"),
    ("txn.b64", "str(MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=)", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
)


@dataclass(frozen=True)
class Case:
    """expected: what must come out, None for nothing; HAPROXY where Debian's haproxy says it."""

    name: str
    value: Input
    written: tuple[str, ...] = ()
    expected: object = HAPROXY

    @property
    def row(self) -> ConverterRow:
        return CONVERTERS[self.name]

    @property
    def arguments(self) -> list[Value]:
        return arguments_of(self.row, self.written)

    @property
    def expression(self) -> str:
        words = ",".join(f'"{word}"' if set(word.encode()) - PLAIN else word for word in self.written)
        return f"{fetch_of(self.value)},{self.name}" + (f"({words})" if self.written else "")

    def __str__(self) -> str:
        return self.expression if len(self.expression) < 100 else f"{self.expression[:90]}[{len(self.expression)}]"


def fetch_of(value: Input) -> str:
    """An expression that yields the value; bytes that a configuration cannot hold go through `url_dec`."""
    if isinstance(value, bool):
        return f"bool({int(value)})"
    if isinstance(value, int):
        return f"int({value})"
    if isinstance(value, bytes):
        return f"bin({value.hex()})" if value else "str(),b64dec"
    data = value.encode("utf-8", "surrogateescape")
    if set(data) <= PLAIN:
        return f"str({value})"
    return "str({}),url_dec".format("".join(f"%{c:02x}" if c not in PLAIN else chr(c) for c in data))


def argument_of(kind: str, word: str) -> Value:
    if kind == "int":
        number = number_of(word)
        assert number is not None, word
        return number
    if kind == "mask4":
        return IPv4Address(word) if "." in word else IPv4Network(f"0.0.0.0/{word}").netmask
    if kind == "mask6":
        return IPv6Address(word) if ":" in word else IPv6Network(f"::/{word}").netmask
    assert kind in ("str", "any"), kind
    return word


def arguments_of(row: ConverterRow, written: Iterable[str]) -> list[Value]:
    """The row's arguments, through its check."""
    kinds = [kind.rstrip("?") for kind in row.arguments.split()]
    values: list[Value] = [
        Unset() if word == "" and kind not in ("str", "any") else argument_of(kind, word)
        for kind, word in zip(kinds, written, strict=False)
    ]
    return row.check(values) if row.check else values


def cases(name: str, values: Iterable[Input], *written: str) -> list[Case]:
    """Every value with every list of arguments, written as `a|b` ("" for none)."""
    return [
        Case(name, value, tuple(words.split("|")) if words else ()) for value, words in product(values, written or ("",))
    ]


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


NUMBERS = (7, -7, 0, INT_MAX, INT_MIN)
OPERANDS = (
    "", "3", "-3", "0", "+5", "010", str(INT_MAX), str(INT_MIN), "99999999999999999999", "-99999999999999999999", "1", "-1",
    "-", "+",
    "txn.five", "txn.neg", "txn.zero", "txn.yes", "txn.abc", "txn.num", "txn.empty", "txn.data", "txn.none",
)  # fmt: skip
NUMERIC_TEXTS = ("abc", "12", "", "12x", "-", "+", "-5", "+5", " 5", "0x10", "--5", "9" * 20, "-" + "9" * 20, "010", "+-5")
EVERY_BYTE = text(bytes(range(1, 256)))
TEXTS = ("f1_f2_f3__f5", "_a_b_", "", "___", "abc", "a b_c", "_", "a__")
INDEXES = ("1", "2", "4", "5", "-1", "-2", "-4", "9", "-9")
COUNTS = ("", "|0", "|2", "|3", "|9", "|-1")
BLOBS = (b"", b"\0", b"\0\1", b"\0\1\2", b"\xfb\xff", b"\xff\xff\xff\0", bytes(range(1, 8)), bytes(range(256)), b"x" * 3000)
ENCODED = (
    "", "AA==", "AA=", "AA", "A", "AAE=", "AAE", "AAEC", "+/8=", "-_8=", "-_8", "AAEC====", "AA==AA==", "AA E", "aGVsbG8",
    "aGVsbG8=", "!!!!", "AAAA=", "AB==", "=", "====", "AAECAw", "aGVsbG8%", "A===", "A=A=", "AA=A", "QUJD" * 500,
)  # fmt: skip
UTF8 = [
    text(data)
    for data in (
        b"h\xc3\xa9llo", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80z", b"\xc0\x80", b"\xc1\x81", b"\xe0\x80\xaf", b"\xed\xa0\x80",
        b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xef\xbf\xbdx", b"\xef\xb7\x90", b"\x80a",
        b"\xc3", b"\xc3a", b"\xc3(b", b"\xe2\x82", b"\xe2\x82a", b"\xe2(\xa1", b"\xe2a\x82b", b"\xfe\xffb", b"\xf8a",
        b"\xf8\x88\x80\x80\x80", b"\xf8\x80\x80\x81\x81", b"\xfc\x80\x80\x80\x81\x81", b"\xf0\x82\x82\xac",
        b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xfd\xbf\xbf\xbf\xbf\xbfz", b"a/b\"\\\b\f\n\r\t\x01\x7f", b"x" * 2000,
    )
]  # fmt: skip
LANGUAGES = (
    "fr", "fr-FR,fr;q=0.8,en;q=0.5", "en-US,en;q=0.9,fr;q=0.8", "de", "", "*", "fr;q=0,en;q=0.1", "fr;q=0,en,es",
    "fr;q=0 ,en", "fr;q=0;,en", "fr;q=0,,en", "fr;q=0.0,en", "en;q=0.5,fr;q=0.5", "fr-CA", "EN", "en;q=abc", "en;q=1.5",
    "en;q=0.1234,fr;q=0.12", "en ; q=0.3 , fr;q=0.4", "en;level=1", "en;x=1;q=0.1,fr;q=0.5", " en", "en-", "fr_FR", "e",
    "es;q=0.001,fr;q=0.002", "english", "en;Q=0.5,fr;q=0.6", "en;q=2,fr", "fr;q=.5,en;q=0.4", "en;q=00.5,fr;q=0.4",
    "en;q=.,fr;q=0.4", "en;q=0.,fr;q=0.9", "en;q=1.,fr;q=0.9", "en;q =0.5,fr;q=0.6", "en;q= 0.5,fr;q=0.6", "en fr",
    "fr en;q=0.1,es;q=0.5", ",en", ",,en", "en;", "en;,fr", "en-GB-oed", "en-GBx", "en;q=0.5;q=0.9,fr;q=0.7", "en;q=0.5x",
    "en;q=0.05,fr;q=0.1", "en;q=-1,fr;q=0.5",
)  # fmt: skip
SECONDS = (0, 784111777, -1, 253402300800, 99999999999999, INT_MAX, 67768036191676799, -62135596801, 951782400)
FORMATS = (
    "", "%Y%m%d%H%M%S", "%Y|31536000", "%Y|-86400", "%H:%M:%S %z", "abc", "%c %Z %s %j", "%Q", "%", "%Y-%", "%EY %Od %-d",
    "%%n", "%3N %N",
)  # fmt: skip
ADDRESSES = (
    "1.2.3.4", "255.255.255.255", "2001:db8:1:2:3:4:5:6", "::1", "::ffff:1.2.3.4", "2002:102:304::", "64:ff9b::1.2.3.4",
    "x", "", "1.2.3",
)  # fmt: skip
JOINS = (
    "x", "x|txn.abc", "x|txn.abc|y", "|txn.abc", "x|txn.none|y", "<|txn.five|>", "<|txn.data|>", "<|txn.empty|>",
    "<|txn.yes|>", "||y", ",|txn.abc|)",
)  # fmt: skip

# haproxy 2.6 says INT_MAX where two negative numbers are added, or a positive one is taken from a negative one.
DEVIATIONS = {
    ("add", -7, "-3"): -10, ("add", -7, "-1"): -8, ("add", -7, "txn.neg"): -10, ("sub", -7, "3"): -10, ("sub", -7, "1"): -8,
    ("sub", -7, "+5"): -12, ("sub", -7, "010"): -17, ("sub", -7, "txn.five"): -12, ("sub", -7, "txn.yes"): -8,
    ("sub", -7, "txn.num"): -19,
}  # fmt: skip


def arithmetic() -> list[Case]:
    names = ("add", "sub", "mul", "div", "mod", "and", "or", "xor")
    found = [case for name in names for case in cases(name, NUMBERS, *OPERANDS)]
    return [
        replace(case, expected=DEVIATIONS.get((case.name, case.value, *case.written), case.expected)) for case in found
    ]


NUMBER_CASES = [
    *arithmetic(),
    *cases("add", NUMERIC_TEXTS, "0"),
    *[case for op in ("not", "bool", "odd", "even") for case in cases(op, (*NUMBERS, 4, -3, True, False))],
    *[case for op in ("neg", "cpl") for case in cases(op, (*NUMBERS, 5))],
    *cases("iif", (True, False, 0, 5, -1, "1", "x", "1x", "-", ""), "a|b", "|b", "a|"),
]
ENCODE_CASES = [
    *[case for name in ("hex", "base64", "ub64enc") for case in cases(name, (*BLOBS, "text", 5, -5, True))],
    *[case for name in ("b64dec", "ub64dec") for case in cases(name, ENCODED)],
    *cases("hex2i", ("ff", "fFfF", "0x1", "xyz", "", "7" + "f" * 15, "8" + "0" * 15, "1" + "f" * 16, "f f", "12g", "-1", "a")),
    *cases("htonl", (1, 4294967296, -1, 305419896, 0)),
    *cases("be2dec", BLOBS[:8], ":|2", "-|2|1", "|2|1", ".|1", ".|8", "ab|3|0", ".|8|1"),
    *cases("be2hex", BLOBS[:8], "", ":|2", "--|2|1", "|3|1", ":|100", ":|100|1", "|0", "|2", "|-1", "|0|0"),
    *cases("url_enc", (EVERY_BYTE, "", "a b", "é", "x" * 1500), "", "query"),
    *cases(
        "url_dec",
        ("%41%zz", "%4", "%", "a+b?c+d%20%2b", "a+b?c+d?e+f", "a%00b", "%4G", "a%41%4", "%%41", "", "%FF%fe"),
        "", "1", "0", "-1",
    ),
    *cases("json", ("", EVERY_BYTE, *UTF8), "", "ascii", "utf8", "utf8s", "utf8p", "utf8ps"),
]  # fmt: skip
TEXT_CASES = [
    *cases("lower", ("AbC", EVERY_BYTE, "", b"AB", 5)),
    *cases("upper", ("aBc", EVERY_BYTE, "", b"ab", b"a\0b", 5)),
    *cases("length", ("abc", "", 123, b"\1\2", b"a\0b", True, "x" * 3000)),
    *cases("cut_crlf", ("abc", "a\nb", "a\r\nb", "\n", "", "a\tb\r")),
    *[case for name in ("ltrim", "rtrim") for case in cases(name, ("  a  ", "aabcab", "aaa", "", "b"), "", "a", " ", "ab")],
    *[case for name in ("field", "word") for case in cases(name, TEXTS, *(f"{i}|_{n}" for i in INDEXES for n in COUNTS))],
    *cases("field", ("a,b c,d",), "2|,", "2|, ", "-1|, |2"),
    *cases("word", (",a,b c,d",), "2|,", "2|, ", "-1|, |2", "9223372036854775807|,", "-9223372036854775808|,"),
    *cases("bytes", (b"\1\2\3\4", "abcd", b"", 5), "0", "1", "4", "5", "0|2", "0|0", "1|9", "-1", "1|-1", "4294967297"),
    *cases("language", LANGUAGES, "es;fr;en", "es;fr;en|xx", "fr-FR;en-US;en-GB", "en;en-GB", "en-GB;en", ";en;", "|xx", ""),
]
JOIN_CASES = [
    *cases("concat", ("in", "", 5, True, b"ab\0c", "x" * 3000), "", *JOINS),
    *cases("add_item", ("in", "", 5, b"ab\0c"), *JOINS[1:]),
    *cases("strcmp", ("abc", "abd", "abb", "ab", "abcd", "", "zz", "\udcff", "A"), "txn.abc", "txn.empty", "txn.none",
           "txn.data"),
    *cases("strcmp", ("5", "6", "1", "ab", "6162"), "txn.five", "txn.yes", "txn.data"),
    *cases("secure_memcmp", ("abc", "abd", "ab", "", 5, b"ab\0\xff", b"\0" * 7 + b"\5"), *(f"txn.{n}" for n in ("abc", "five",
           "empty", "none", "data"))),
    *cases("debug", ("a", 5, b"\0\1"), "", "prefix", "prefix|buf0"),
]  # fmt: skip
DATE_CASES = [
    *cases("http_date", SECONDS, "", "3600", "-3600", "0|s"),
    *cases("http_date", (784111777123, 784111777123456, -1500, 5, 0), "0|ms", "0|us", "1000|ms", "-1000|us"),
    *[case for name in ("utime", "ltime") for case in cases(name, SECONDS, *FORMATS)],
]
HOSTS = (
    *("A.test", "a.test", "a.test:80", "127.0.0.1:80", "[::1]", "[::1]:80", "", "a.test:", ":80", "a:", "a:65536", "a:0"),
    *("[::1]:8080", "a:b", "::1", "a:80:90", "[a", "a]:1"),
)
ADDRESS_CASES = [
    *cases("host_only", HOSTS),
    *cases("port_only", HOSTS),
    *cases("ipmask", ADDRESSES, "24", "0", "32", "17", "255.0.255.0", "24|64", "24|0", "24|33", "24|128", "24|ffff::"),
    *cases("ipmask", (16909060, -1), "24"),
]
SUBSTITUTIONS = (
    "X|y", "X|y|g", "x|y|gi", "x|y", "z*|-|g", "b*|-|g", "b*|-", "^a|x|g", "(a)(.)|<\\2\\1>|g", "b|\\9", "b|\\0\\0|g", ".|",
    "$|x|g", "a|\\x41|g", "(z)?a|[\\1]|g", "b$|x|g", "\\b|.|g", "c*$|-|g", ".*|-|g",
)  # fmt: skip
REGEX_CASES = cases("regsub", ("aXbXc", "abc", "", "b", "aab", "foo12", "bbb", "x" * 2000, "a b"), *SUBSTITUTIONS)
CONDITIONS = (
    "", "|ifexists", "|ifnotexists", "|ifempty", "|ifnotempty", "|ifset", "|ifnotset", "|ifgt", "|iflt", "|ifset|iflt",
    "|ifset|ifnotempty|ifexists|ifgt",
)  # fmt: skip
VARIABLE_CASES = [
    *cases("set-var", (3, 9, 5, "", "a", b"\0\1", True, "y" * 500), *(f"txn.{v}{c}" for v in ("five", "abc", "none")
           for c in CONDITIONS)),
    *cases("unset-var", (3, "a", b"\1"), "txn.five", "txn.abc", "txn.none"),
]  # fmt: skip


def known(name: str, *outcomes: tuple[Input, str, object]) -> list[Case]:
    """Cases of a row that 2.6 does not have: value, arguments, what comes out."""
    return [Case(name, value, tuple(words.split("|")) if words else (), expected) for value, words, expected in outcomes]


def several(name: str, written: str, outcomes: dict[str, object]) -> list[Case]:
    return known(name, *((value, written, expected) for value, expected in outcomes.items()))


V6 = IPv6Address("2001:db8::1")
V4 = IPv4Address("127.0.0.1")
NODES = {
    "127.0.0.1": (V4, None), "127.0.0.1:9999": (V4, 9999), "[2001:db8::1]": (V6, None), "[2001:db8::1]:80": (V6, 80),
    "unknown": ("unknown", None), "unknown:80": ("unknown", 80), "_name:_port": ("_name", "_port"),
    "_a.b-c_d": ("_a.b-c_d", None),
    "": (None, None), "_": (None, None), "2001:db8::1": (None, None), "[2001:db8::1": (None, None), "[::1]x": (None, None),
    "127.0.0.1:": (V4, None), "127.0.0.1:65536": (V4, None), "127.0.0.1:x": (V4, None), "a.test": (None, None),
    "_a b": (None, None),
}  # fmt: skip
FORWARDED = {
    "for=127.0.0.1;proto=http": True, "proto=custom": False, "": False, "for=127.0.0.1": True, "FOR=_x;Proto=HTTPS": True,
    'for="[2001:db8::1]:80";by=unknown;host="a.test:80"': True, "for=127.0.0.1:80": False, "for=": False, "for": False,
    "for=1.2.3.4;for=1.2.3.5": False, "for=1.2.3.4, for=1.2.3.5": True, "for=1.2.3.4;": False, 'for="1.2.3.4': False,
    "proto=http x": False, 'host="a b"': False, "secret=x;for=_y": True, ",": False,
}  # fmt: skip
ELEMENT = 'proto=https;host="haproxy.org:80";for="127.0.0.1:9999", for=_next;by=_proxy'
NEW_CASES = [
    *known("base2", (b"\1\xff", "", "0000000111111111"), (b"", "", ""), (5, "", "0" * 61 + "101")),
    *known("le2dec", (bytes(range(1, 8)), ":|2", "513:1027:1541:7"), (bytes(range(1, 8)), "-|2|1", "513-1027-1541")),
    *known("le2dec", (b"\x7f\0\0\1", ".|1", "127.0.0.1"), (b"\1" + bytes(7) + b"\1", ",|8", "1,1"), (b"", ":|2", "")),
    *several("has_ctl", "", {"abc é": False, "a\tb": True, "\0": True, "\x7f": True, "": False, "~ ": False}),
    *several("reverse", "", {"abc": "cba", "": "", "a": "a"}),
    *several("reverse_dom", "", {"www.example.com": "com.example.www", "a": "a", "": "", "a.b.": ".b.a", ".": "."}),
    *several("param", "a", {"a=b&c=d&a=r": "b", "a&b=c": "", "b=&c=a": None, "": None, "aa=1": None, "a": "", "x&a=1=2": "1=2"}),
    *known("param", ("a=1;b=2;c=4", "b|;", "2"), ("a=1;b=2", "c|;", None), ("x", "a|,", None)),
    *several(
        "date", "",
        {
            "Sun, 06 Nov 1994 08:49:37 GMT": 784111777, "Sunday, 06-Nov-94 08:49:37 GMT": 784111777,
            "Sun Nov  6 08:49:37 1994": 784111777, "Thu, 01 Jan 1970 00:00:00 GMT": 0, "": None, "x": None,
            "Sun, 06 Nov 1994 08:49:37 CET": None, "Sun, 06 Nov 1994 08:49:37 GMTx": None, "x" * 100: None,
        },
    ),
    *known("ms_utime", (784111777123, "%H:%M:%S.%3N", "08:49:37.123"), (784111777007, "%S.%N|1000", "38.007000000")),
    *known("ms_utime", (784111777123, "%%N", "%N"), (-1, "%1N", "9"), (5, "", ""), (784111777123, "%s%", "784111777%")),
    *known("ms_ltime", (784111777123, "%H:%M:%S.%6N", "08:49:37.123000")),
    *known("us_utime", (784111777123456, "%H:%M:%S.%6N", "08:49:37.123456"), (784111777123456, "%2N|-3456", "12")),
    *known("us_ltime", (784111777123456, "%Y %9N", "1994 123456000")),
    *several("rfc7239_is_valid", "", dict(FORWARDED)),
    *known("rfc7239_field", (ELEMENT, "proto", "https"), (ELEMENT, "host", "haproxy.org:80"), (ELEMENT, "for", "127.0.0.1:9999")),
    *known("rfc7239_field", (ELEMENT, "by", "_proxy"), ("for=_a", "by", None), ("", "for", None), ("for", "for", None)),
    *[Case(name, node, (), pair[0]) for name in ("rfc7239_n2nn", "rfc7239_nn") for node, pair in NODES.items()],
    *[Case(name, node, (), pair[1]) for name in ("rfc7239_n2np", "rfc7239_np") for node, pair in NODES.items()],
    *known("x509_v_err_str", (0, "", "X509_V_OK"), (10, "", "X509_V_ERR_CERT_HAS_EXPIRED"), (94, "",
           "X509_V_ERR_EC_KEY_EXPLICIT_PARAMS"), (95, "", "95"), (-1, "", "-1")),
    *known("bytes", (b"\1\2\3", "txn.yes", b"\2\3"), (b"\1\2\3", "txn.zero|txn.yes", b"\1"), (b"\1", "txn.none", None)),
]  # fmt: skip
OLD_CASES = [
    *NUMBER_CASES, *ENCODE_CASES, *TEXT_CASES, *JOIN_CASES, *DATE_CASES, *ADDRESS_CASES, *VARIABLE_CASES, *REGEX_CASES,
]  # fmt: skip
