"""Sample types, the casts between them, and where in a stream's life a fetch has something to look at.

Knows HAProxy's types (manual, section 7.3) and the points at which rules are evaluated. Must not know any fetch.
"""

from __future__ import annotations

from enum import Enum, Flag, IntEnum, auto


class SampleType(IntEnum):
    """The numbers are those of smp_type_t (ext/fastlb_core/program/sample.pxd)."""

    ANY = 0  # a converter's input: whatever comes
    SAME = 1  # a converter's output: the type that came in
    BOOL = 2
    SINT = 3
    ADDR = 4  # IPv4 or IPv6
    IPV4 = 5
    IPV6 = 6
    STR = 7
    BIN = 8
    METH = 9


ANY, SAME, BOOL, SINT, ADDR, IPV4, IPV6, STR, BIN, METH = SampleType
_EVERYTHING = frozenset(SampleType)
_CASTS: dict[SampleType, frozenset[SampleType]] = {
    ANY: _EVERYTHING,
    SAME: _EVERYTHING,
    BOOL: frozenset({BOOL, SINT, STR, BIN}),
    SINT: _EVERYTHING - {METH},
    ADDR: frozenset({ADDR, IPV4, IPV6, SINT, STR, BIN}),
    IPV4: frozenset({IPV4, ADDR, IPV6, SINT, STR, BIN}),
    IPV6: frozenset({IPV6, ADDR, IPV4, STR, BIN}),
    STR: _EVERYTHING,
    BIN: frozenset({BIN, STR, METH}),
    METH: frozenset({METH, STR, BIN}),
}


def can_cast(have: SampleType, want: SampleType) -> bool:
    """True when a value of type `have` may be used where `want` is expected; smp_can_cast in the core says the same."""
    return want in (ANY, SAME) or want in _CASTS[have]


class Point(Flag):
    """Where rules are evaluated, in the order of a stream's life; also what a fetch is valid at."""

    CONNECTION = auto()  # tcp-request connection
    SESSION = auto()  # tcp-request session
    REQUEST_CONTENT = auto()  # tcp-request content
    REQUEST_HEADERS = auto()  # http-request, redirect, use_backend of an HTTP frontend
    REQUEST_BODY = auto()
    SET_SERVER = auto()  # use-server, stick on, balance
    CONNECT_SERVER = auto()  # source, sni, the connection's making
    RESPONSE_CONTENT = auto()  # tcp-response content
    RESPONSE_HEADERS = auto()  # http-response, http-after-response
    RESPONSE_BODY = auto()
    LOG = auto()  # log-format, unique-id
    CHECK = auto()  # tcp-check, http-check
    CONFIG = auto()  # while the file is read, and the runtime API


_ALL = Point(0)
for _point in Point:
    _ALL |= _point
_TRAFFIC = _ALL & ~Point.CHECK & ~Point.CONFIG
_STREAM = _TRAFFIC & ~Point.CONNECTION & ~Point.SESSION
_REQUEST = Point.REQUEST_CONTENT | Point.REQUEST_HEADERS | Point.REQUEST_BODY | Point.SET_SERVER | Point.CONNECT_SERVER
_RESPONSE = Point.RESPONSE_CONTENT | Point.RESPONSE_HEADERS | Point.RESPONSE_BODY


class Source(Enum):
    """What a fetch looks at: (HAProxy's words for it, the points where that is there)."""

    INTERNAL = ("internal state", _ALL)
    LISTENER = ("listener", _TRAFFIC)
    FRONTEND = ("frontend", _TRAFFIC)
    CLIENT_ADDRESS = ("client address", _TRAFFIC)
    CLIENT_CONNECTION = ("client-side connection", _TRAFFIC & ~Point.CONNECTION)
    TRACK = ("track counters", _TRAFFIC)
    REQUEST_BUFFER = ("request buffer", _REQUEST)
    REQUEST_HEADERS = ("HTTP request headers", _REQUEST)
    REQUEST = ("HTTP request", _STREAM)  # what is remembered of its first line
    REQUEST_BODY = ("HTTP request body", _REQUEST)
    BACKEND = ("backend", _STREAM | Point.CHECK)
    SERVER = ("server", Point.CONNECT_SERVER | _RESPONSE | Point.LOG | Point.CHECK)
    SERVER_CONNECTION = ("server-side connection", Point.CONNECT_SERVER | _RESPONSE | Point.LOG | Point.CHECK)
    SERVER_ADDRESS = ("server address", Point.CONNECT_SERVER | _RESPONSE | Point.LOG | Point.CHECK)
    RESPONSE_BUFFER = ("response buffer", _RESPONSE | Point.CHECK)
    RESPONSE_HEADERS = ("HTTP response headers", _RESPONSE | Point.CHECK)
    RESPONSE = ("HTTP response", _RESPONSE | Point.LOG | Point.CHECK)
    RESPONSE_BODY = ("HTTP response body", _RESPONSE | Point.CHECK)
    REQUEST_END = ("request stream statistics", Point.LOG | _RESPONSE)
    SESSION_END = ("session statistics", Point.LOG)

    @property
    def words(self) -> str:
        return self.value[0]

    @property
    def points(self) -> Point:
        return self.value[1]
