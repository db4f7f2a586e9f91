"""Cases of test_checks: the lines of a backend, and what its server does; both programs shall say the same in their logs.

Knows what to try. Must not know what either program does with it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from support.origin import OriginConnection, reply

Serve = Callable[[OriginConnection], None]


def http(raw: bytes) -> Serve:
    """Reads one request, sends `raw`, closes."""

    def serve(conn: OriginConnection) -> None:
        conn.read_request()
        conn.send(raw)

    return serve


def banner(raw: bytes, stays: bool = False) -> Serve:
    """Sends `raw` at once; says that nothing follows, or keeps the connection open.

    What the check sent is read in any case: a connection that is closed before would be reset.
    """

    def serve(conn: OriginConnection) -> None:
        conn.send(raw)
        if not stays:
            conn.sock.shutdown(socket.SHUT_WR)
        conn.read_to_end()

    return serve


def dialogue(*turns: tuple[bytes, bytes]) -> Serve:
    """For each (wanted, answer): reads until `wanted` came, sends the answer."""

    def serve(conn: OriginConnection) -> None:
        for wanted, answer in turns:
            while wanted not in bytes(conn.received):
                if not conn.fill():
                    return
            conn.received.clear()
            conn.position = 0
            conn.send(answer)
        conn.read_to_end()

    return serve


def dribble(*pieces: bytes) -> Serve:
    """Reads one request, then sends the pieces, each on its own, and closes."""

    def serve(conn: OriginConnection) -> None:
        conn.read_request()
        for piece in pieces:
            conn.send(piece)
            conn.sock.settimeout(0.05)
            try:
                conn.sock.recv(1)
            except TimeoutError:
                continue
            except OSError:
                return

    return serve


def mute(conn: OriginConnection) -> None:
    conn.read_to_end()


def cut(conn: OriginConnection) -> None:
    """Closes after the first bytes."""
    conn.fill()


def reset(conn: OriginConnection) -> None:
    conn.fill()
    conn.reset()


OK = http(reply(b"hello world", headers=["X-Name: one, two", "Set-Cookie: sessid=1"]))
TEAPOT = http(reply(b"teapot", "418 I'm a teapot"))
MISSING = http(reply(b"", "404 Not Found"))


@dataclass(frozen=True)
class Case:
    """lines: of the backend. serve: what its server does, None where it refuses connections."""

    id: str
    lines: str
    serve: Serve | None = OK


def httpchk(id: str, lines: str, serve: Serve | None = OK) -> Case:
    return Case(id, "option httpchk\n" + lines, serve)


def tcp(id: str, lines: str, serve: Serve | None) -> Case:
    return Case(id, "option tcp-check\n" + lines, serve)


HTTP_CASES = (
    httpchk("plain", ""),
    httpchk("refused", "", None),
    httpchk("teapot", "", TEAPOT),
    httpchk("mute", "", mute),
    httpchk("cut", "", cut),
    httpchk("reset", "", reset),
    httpchk("garbage", "", http(b"garbage\r\n\r\n")),
    httpchk("half_head", "", http(b"HTTP/1.1 200 OK\r\nX: y\r\n")),
    httpchk("huge_head", "", http(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000)),
    httpchk("bad_length", "", http(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")),
    httpchk("status", "http-check expect status 200"),
    httpchk("status_range", "http-check expect status 100,300-310,418", TEAPOT),
    httpchk("status_wrong", "http-check expect status 201,300-310"),
    httpchk("not_status", "http-check expect ! status 200"),
    httpchk("not_status_ok", "http-check expect ! status 500-599"),
    httpchk("rstatus", "http-check expect rstatus ^4..$", TEAPOT),
    httpchk("rstatus_wrong", "http-check expect rstatus ^5"),
    httpchk("not_rstatus", "http-check expect ! rstatus ^2"),
    httpchk("string", "http-check expect string world"),
    httpchk("string_wrong", "http-check expect string moon"),
    httpchk("string_not", "http-check expect ! string moon"),
    httpchk("string_not_wrong", "http-check expect ! string world"),
    httpchk("string_other_status", "http-check expect string teapot", TEAPOT),
    httpchk("string_empty", "http-check expect string x", MISSING),
    httpchk("string_dribble", "http-check expect string world", dribble(b"HTTP/1.0 200 OK\r\n\r\nhello wo", b"rld")),
    httpchk("string_short", "http-check expect string world", http(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello w")),
    httpchk(
        "string_chunked",
        "http-check expect string abcdef",
        http(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
    ),
    httpchk("string_huge", "http-check expect string zz", http(reply(b"a" * 60_000 + b"zz"))),
    httpchk("rstring", "http-check expect rstring w.*d"),
    httpchk("rstring_wrong", "http-check expect rstring ^world"),
    httpchk("rstring_not", "http-check expect ! rstring w.*d"),
    httpchk("string_lf", "http-check set-var(check.w) str(world)\nhttp-check expect string-lf %[var(check.w)]"),
    httpchk("string_lf_wrong", "http-check set-var(check.w) str(moon)\nhttp-check expect string-lf %[var(check.w)]"),
    httpchk("hdr", "http-check expect hdr name x-name"),
    httpchk("hdr_wrong", "http-check expect hdr name x-other"),
    httpchk("hdr_not", "http-check expect ! hdr name x-other"),
    httpchk("hdr_value", "http-check expect hdr name X-Name value two"),
    httpchk("hdr_value_wrong", "http-check expect hdr name X-Name value three"),
    httpchk("hdr_value_beg", "http-check expect hdr name X-Name value -m beg tw"),
    httpchk("fhdr_value", "http-check expect fhdr name x-name value two"),
    httpchk("fhdr_value_full", 'http-check expect fhdr name x-name value "one, two"'),
    httpchk("fhdr_value_reg", "http-check expect fhdr name -m beg x- value -m reg ^one.*two$"),
    httpchk("fhdr_end_sub", "http-check expect fhdr name -m end cookie value -m sub ssid"),
    httpchk(
        "hdr_lf", "http-check set-var(check.w) str(x-name)\nhttp-check expect hdr name-lf %[var(check.w)] value-lf t%[str(wo)]"
    ),
    httpchk("min_recv", "http-check expect min-recv 5 string hello"),
    httpchk("comment", 'http-check comment "the comment"\nhttp-check expect status 201'),
    httpchk("expect_comment", 'http-check expect comment "its comment" status 201'),
    httpchk("error_status", "http-check expect error-status L7OKC status 201"),
    httpchk("error_status_l6", "http-check expect error-status L6RSP string moon"),
    httpchk("tout_status", "http-check expect tout-status L6TOUT status 200", mute),
    httpchk("ok_status", "http-check expect ok-status L6OK status 200"),
    httpchk("ok_status_c", "http-check expect ok-status L7OKC status 200"),
    httpchk("on_success", 'http-check expect on-success "fine %[res.hdr(set-cookie)] %[status]" status 200'),
    httpchk("on_error", 'http-check expect on-error "bad %[status]" status 201'),
    httpchk("status_code", "http-check expect status-code int(77) status 200"),
    httpchk("status_code_err", "http-check expect status-code status,add(1) status 201"),
    httpchk("disable_404", "http-check disable-on-404", MISSING),
    httpchk("disable_404_expect", "http-check disable-on-404\nhttp-check expect status 200", MISSING),
    httpchk(
        "two_steps",
        "http-check connect\nhttp-check send uri /a\nhttp-check expect status 200\n"
        "http-check connect\nhttp-check send uri /b\nhttp-check expect status 201",
    ),
    httpchk(
        "two_steps_ok",
        "http-check connect\nhttp-check send uri /a\nhttp-check expect status 200\nhttp-check connect\nhttp-check send uri /b",
    ),
    httpchk("connect_comment", "http-check connect comment first\nhttp-check send", None),
    httpchk("connect_closed_port", "http-check connect port 1\nhttp-check send"),
    httpchk("expect_then_body", "http-check expect status 200\nhttp-check expect string world"),
    httpchk("expect_then_wrong", "http-check expect status 200\nhttp-check expect string moon"),
)

PING_QUIT = "tcp-check send PING\\r\\n\ntcp-check expect string +PONG\ntcp-check send QUIT\\r\\n\ntcp-check expect string +"

TCP_CASES = (
    tcp("no_rule", "", banner(b"x", True)),
    tcp("refused", "", None),
    tcp("connect", "tcp-check connect", banner(b"x", True)),
    tcp("connect_refused", "tcp-check connect", None),
    tcp("connect_refused_comment", "tcp-check comment one\ntcp-check connect comment two", None),
    tcp("connect_port", "tcp-check connect port 1", banner(b"x", True)),
    tcp("connect_port_comment", "tcp-check connect\ntcp-check connect port 1 comment second", banner(b"x", True)),
    tcp("connect_port_var", "tcp-check set-var(check.p) int(1)\ntcp-check connect port var(check.p)", banner(b"x", True)),
    tcp("connect_addr", "tcp-check connect addr 127.0.0.1:1", banner(b"x", True)),
    tcp("connect_linger", "tcp-check connect linger\ntcp-check expect string x", banner(b"x", True)),
    tcp("string", "tcp-check expect string +OK", banner(b"+OK hello\r\n", True)),
    tcp("string_wrong", "tcp-check expect string +OK", banner(b"-ERR hello\r\n")),
    tcp("string_wrong_stays", "tcp-check expect string +OK", banner(b"-ERR hello\r\n", True)),
    tcp("string_not", "tcp-check expect ! string ERR", banner(b"-ERR hello\r\n", True)),
    tcp("string_not_ok", "tcp-check expect ! string ERR", banner(b"+OK hello\r\n")),
    tcp("string_not_stays", "tcp-check expect ! string ERR", banner(b"+OK hello\r\n", True)),
    tcp("min_recv", "tcp-check expect min-recv 3 string +OK", banner(b"-ERR\r\n", True)),
    tcp("min_recv_0", "tcp-check expect min-recv 0 rstring ^OK", banner(b"-ERR\r\n", True)),
    tcp("rstring", "tcp-check expect rstring ^.OK.*lo", banner(b"+OK hello\r\n", True)),
    tcp("rstring_wrong", "tcp-check expect rstring ^OK", banner(b"+OK hello\r\n")),
    tcp("binary", "tcp-check expect binary 2b4f4b", banner(b"+OK hello\r\n", True)),
    tcp("binary_wrong", "tcp-check expect binary 2b4f4c", banner(b"+OK hello\r\n")),
    tcp("rbinary", "tcp-check expect rbinary ^2B4F", banner(b"+OK hello\r\n", True)),
    tcp("rbinary_wrong", "tcp-check expect rbinary ^2F", banner(b"+OK hello\r\n")),
    tcp("string_lf", "tcp-check set-var(check.x) str(OK)\ntcp-check expect string-lf +%[var(check.x)]", banner(b"+OK\r\n", True)),
    tcp("string_lf_wrong", "tcp-check set-var(check.x) str(NO)\ntcp-check expect string-lf +%[var(check.x)]", banner(b"+OK\r\n")),
    tcp(
        "binary_lf",
        "tcp-check set-var(check.x) str(OK),hex\ntcp-check expect binary-lf 2b%[var(check.x)]",
        banner(b"+OK\r\n", True),
    ),
    tcp("binary_lf_wrong", "tcp-check expect binary-lf 2b%[str(N),hex]", banner(b"+OK\r\n")),
    tcp("comment", "tcp-check comment why\ntcp-check expect string +OK", banner(b"-ERR\r\n")),
    tcp("own_comment", "tcp-check expect comment own string +OK", banner(b"-ERR\r\n")),
    tcp(
        "two_steps",
        PING_QUIT + "BYE",
        dialogue((b"PING\r\n", b"+PONG\r\n"), (b"QUIT\r\n", b"+OK\r\n")),
    ),
    tcp(
        "two_steps_ok",
        PING_QUIT + "OK",
        dialogue((b"PING\r\n", b"+PONG\r\n"), (b"QUIT\r\n", b"+OK\r\n")),
    ),
    tcp("mute", "tcp-check send PING\\r\\n\ntcp-check expect string +PONG", mute),
    tcp("mute_comment", "tcp-check comment waiting\ntcp-check send PING\ntcp-check expect string +PONG comment for", mute),
    tcp("mute_status", "tcp-check expect tout-status L4TOUT string +PONG", mute),
    tcp("cut", "tcp-check send PING\\r\\n\ntcp-check expect string +PONG", cut),
    tcp("reset", "tcp-check send PING\\r\\n\ntcp-check expect string +PONG", reset),
    tcp("send_binary", "tcp-check send-binary 50494e47\ntcp-check expect string K", dialogue((b"PING", b"OK"))),
    tcp("send_lf", "tcp-check send-lf P%[str(ING)]\ntcp-check expect string K", dialogue((b"PING", b"OK"))),
    tcp("send_binary_lf", "tcp-check send-binary-lf 50%[str(ING),hex]\ntcp-check expect string K", dialogue((b"PING", b"OK"))),
    tcp(
        "set_var_fmt",
        "tcp-check set-var-fmt(check.x) P%[str(ING)]\ntcp-check send-lf %[var(check.x)]\ntcp-check expect string K",
        dialogue((b"PING", b"OK")),
    ),
    tcp(
        "unset_var",
        "tcp-check set-var(check.x) str(a)\ntcp-check unset-var(check.x)\ntcp-check send-lf PING%[var(check.x)]\n"
        "tcp-check expect string K",
        dialogue((b"PING", b"OK")),
    ),
    tcp(
        "payload",
        "tcp-check expect string K\ntcp-check set-var(check.x) res.payload(0,2)\ntcp-check send-lf %[var(check.x)]\n"
        "tcp-check expect string fine",
        dialogue((b"", b"OK..."), (b"OK", b"fine")),
    ),
    tcp("error_status", "tcp-check expect error-status L7STS string x", banner(b"-ERR\r\n")),
    tcp("ok_status", "tcp-check expect ok-status L4OK string ERR", banner(b"-ERR\r\n")),
    tcp("on_success", "tcp-check expect on-success got:%[res.payload(0,4)] string ERR", banner(b"-ERR\r\n")),
    tcp("on_error", "tcp-check expect on-error got:%[res.payload(0,4)] string OK", banner(b"-ERR\r\n")),
    tcp("status_code", "tcp-check expect status-code int(12) string ERR", banner(b"-ERR\r\n")),
    tcp("status_code_err", "tcp-check expect status-code int(12) string OK", banner(b"-ERR\r\n")),
    tcp("big", "tcp-check expect string zz", banner(b"a" * 70_000, True)),
    tcp("huge_cut", "tcp-check expect string zz", banner(b"a" * 70_000)),
    tcp("long_pattern", "tcp-check expect string " + "b" * 100, banner(b"-ERR\r\n")),
    tcp("l7_after_send", "tcp-check send x", banner(b"x", True)),
)


def _mysql(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


_GREETING = _mysql(0, b"\x0a5.7.1-log\0" + b"\1\2\3\4" + b"a" * 8 + b"\0" + b"\xff\xf7!" + b"\2\0" * 5)
_BLOCKED = _mysql(0, b"\xff\x6a\x04Host blocked")
_DENIED = _mysql(2, b"\xff\x15\x04#28000Access denied for joe")
_WELCOME = _mysql(2, b"\0\0\0\2\0\0\0")
_BOUND = bytes.fromhex("300c02010161070a010004000400")
# By option: what a server says at once; each is tried with a connection that stays and with one that is closed behind it.
_ANSWERS = {
    "mysql-check": (b"", _GREETING, _BLOCKED, _GREETING[:10], b"hello there", b"\0" * 20, b"ab"),
    "mysql-check user joe": (_GREETING + _WELCOME, _GREETING + _DENIED, _BLOCKED, _GREETING, _GREETING + _WELCOME[:3]),
    "pgsql-check user joe": (
        b"R\0\0\0\x08\0\0\0\0",
        b"E\0\0\0\x2cSFATAL\0C28000\0Mno such role\0\0",
        b"R\0\0",
        b"E\0\0",
        b"hello",
    ),
    "redis-check": (b"+PONG\r\n", b"+PON", b"-NOAUTH Authentication required.\r\n", b"+PONG hi\r\n", b"\0" * 20),
    "smtpchk": (b"hello world\r\n", b"554 go\r\n", b"ab", b"\0" * 20),
    "ldap-check": (_BOUND, _BOUND.replace(b"\x0a\1\0", b"\x0a\1\x31"), _BOUND.replace(b"a\7", b"e\7"), _BOUND[:9], b"hello"),
    "ssl-hello-chk": (b"\x16\3\0\0\2ab", b"\x15\3\0\0\2\2\x28", b"\x16\3\0\0", b"\x17\3\0\0\2ab", b""),
}
_SMTP = dialogue((b"", b"220 hi there\r\n"), (b"HELO localhost", b"250 ok\r\n"), (b"QUIT", b"221 bye\r\n"))
_SMTP_NO = dialogue((b"", b"220 hi there\r\n"), (b"EHLO a.test\r\n", b"500 no\r\n"))
PROTOCOL_CASES = (
    *(
        Case(f"{option.replace(' ', '_')}_{number}{'_stays' if stays else ''}", f"option {option}", banner(raw, stays))
        for option, answers in _ANSWERS.items()
        for number, raw in enumerate(answers)
        for stays in (False, True)
    ),
    Case("smtp_good", "option smtpchk", _SMTP),
    Case("smtp_no", "option smtpchk EHLO a.test", _SMTP_NO),
    *(Case(f"{option.split()[0]}_mute", f"option {option}", mute) for option in _ANSWERS),
    *(
        Case(f"{option.split()[0]}_cut", f"option {option}", cut)
        for option in ("pgsql-check user a", "redis-check", "ldap-check")
    ),
)

# What the server receives; `date` and ports are taken out by the test.
REQUEST_CASES = tuple(
    httpchk(f"request_{number}", lines)
    for number, lines in enumerate(
        (
            "",
            "http-check send hdr Host a.b",
            "http-check send hdr Host a.b body foo ver HTTP/1.1 meth PATCH",
            "http-check send meth PUT uri /y ver HTTP/1.0 hdr X-A b",
            "http-check connect\nhttp-check send hdr A b",
            "http-check send-state",
            "http-check send-state\nhttp-check send meth POST hdr X y",
            "http-check send meth GET uri-lf /%[str(a)]/%b hdr X-S %s body-lf id=%[int(5)]",
            "http-check send ver HTTP/1.1 hdr Connection keep-alive hdr Content-Length 3 hdr Transfer-Encoding chunked hdr UP C",
            "http-check set-var(check.x) str(1)\nhttp-check send hdr X %[var(check.x)]",
            "http-check send meth GET uri http://foo/bar ver HTTP/1.1 hdr host other",
            "http-check send hdr a %[srv_name]/%[be_name]/%[srv_id]/%[nbsrv]",
            "http-check send hdr a %b|%s|%f|%H",
        )
    )
)
