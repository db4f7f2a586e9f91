# The rules for heads that are complete: one reading or none.
# Knows RFC 9110 and 9112 and reference/REFUSED-INPUTS.md; must not know how the lines were found or who asks.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport lower_byte, lower_in_place, slice_eq, slice_eq_nocase, slice_next_token, slice_t
from fastlb_core.http.h1 cimport H1_F_ANY_PAYLOAD, H1_F_RELAXED
from fastlb_core.http.message cimport (
    BODY_CHUNKED, BODY_LENGTH, BODY_NONE, BODY_TUNNEL, BODY_UNTIL_CLOSE,
    HDR_CONNECTION, HDR_CONTENT_LENGTH, HDR_EXPECT, HDR_F_CANON, HDR_HOST, HDR_SEC_WEBSOCKET_KEY,
    HDR_TRANSFER_ENCODING, HDR_UPGRADE, METHOD_CONNECT, METHOD_DELETE, METHOD_GET, METHOD_HEAD,
    MSG_F_AUTHORITY, MSG_F_CL_DROPPED, MSG_F_CONN_CLOSE, MSG_F_CONN_KEEP_ALIVE, MSG_F_CONN_UPGRADE, MSG_F_EDITED,
    MSG_F_EXPECT_100, MSG_F_HAS_CL, MSG_F_HAS_TE, MSG_F_HTTP10, MSG_F_INTERIM, MSG_F_KEEP_ALIVE, MSG_F_UPGRADE,
    MSG_F_UPGRADE_H2C, MSG_F_UPGRADE_WS,
    hdr_t, http_msg_t, msg_find, msg_find_next, msg_hdr_del, msg_hdr_del_all, msg_hdr_value, msg_index, msg_target,
)
from fastlb_core.http.uri cimport (
    URI_ABSOLUTE, URI_ASTERISK, URI_AUTHORITY, uri_host_port, uri_split, uri_t,
)

cdef enum:
    SP = 32
    TAB = 9
    CR = 13
    LF = 10
    COLON = 58


cdef void fill_tables() noexcept nogil:
    cdef uint32_t c
    cdef const char* specials = b"!#$%&'*+-.^_`|~"
    cdef uint32_t i = 0
    for c in range(256):
        if 48 <= c <= 57 or 97 <= c <= 122 or 65 <= c <= 90:
            token_lower[c] = lower_byte(<uint8_t> c)
        target_bytes[c] = 33 <= c <= 126 and c != 35
    while specials[i]:
        token_lower[<uint8_t> specials[i]] = <uint8_t> specials[i]
        i += 1


cdef bint refuse(h1_refusal_t* refusal, uint16_t status, uint32_t off, const char* reason) noexcept nogil:
    refusal.status = status
    refusal.off = off
    refusal.reason = reason
    return False


# Trims the value and says whether the line stands as `name: value⏎`.
cdef inline bint trim_line(const char* area, hdr_t* hdr) noexcept nogil:
    cdef const char* value = area + hdr.value_off
    cdef uint32_t n = hdr.value_len
    cdef const char* colon = area + hdr.name_off + hdr.name_len
    while n and (value[n - 1] == SP or value[n - 1] == TAB):
        n -= 1
    while n and (value[0] == SP or value[0] == TAB):
        value += 1
        n -= 1
    if n == 0:
        # llhttp places an empty value behind its line.
        value = colon + 2
        hdr.value_off = hdr.name_off + hdr.name_len + 2
    else:
        hdr.value_off = <uint32_t> (value - area)
    hdr.value_len = n
    return colon[1] == SP and value == colon + 2 and value[n] == CR and value[n + 1] == LF


# One pass over the header lines: names, values, index.
cdef bint normalise_headers(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    cdef char* area = msg.area
    cdef uint32_t i
    cdef char last
    cdef hdr_t* hdr
    for i in range(msg.n_hdrs):
        hdr = &msg.hdrs[i]
        # llhttp has let only token bytes through, but for white space before the colon (h1_bind checks that it does).
        last = area[hdr.name_off + hdr.name_len - 1]
        if last == SP or last == TAB:
            return refuse(refusal, 400, hdr.name_off + hdr.name_len - 1, "white space behind a header name")
        lower_in_place(area + hdr.name_off, hdr.name_len)
        if trim_line(area, hdr):
            hdr.flags = HDR_F_CANON
        else:
            msg.flags |= MSG_F_EDITED
        msg_index(msg, i)
    return True


# A digit string as a number; False for anything else, an empty one too, and from 2^63 on.
# RFC 9110 8.6: 1*DIGIT, so no sign, no white space, no underscore, no other script's digits.
cdef bint parse_length(slice_t digits, uint64_t* value) noexcept nogil:
    cdef uint64_t largest = 0x7fffffffffffffff
    cdef uint64_t n = 0
    cdef uint32_t i
    cdef uint8_t d
    if digits.len == 0:
        return False
    for i in range(digits.len):
        d = <uint8_t> (digits.ptr[i] - 48)
        if d > 9 or n > (largest - d) // 10:
            return False
        n = n * 10 + d
    value[0] = n
    return True


# Every Content-Length, lines and list elements, must be the same number; one without leading zeros is kept.
cdef bint decide_length(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    cdef int first = msg_find(msg, HDR_CONTENT_LENGTH)
    cdef int i = first
    cdef uint64_t n
    cdef slice_t rest, token, kept
    cdef hdr_t* hdr
    if first < 0:
        return True
    kept.ptr = NULL
    kept.len = 0
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if not parse_length(token, &n):
                return refuse(refusal, 400, msg.hdrs[i].value_off, "invalid Content-Length")
            if kept.ptr == NULL:
                kept = token
                msg.content_length = n
            elif n != msg.content_length:
                return refuse(refusal, 400, msg.hdrs[i].value_off, "Content-Length given twice and different")
        if i != first:
            msg_hdr_del(msg, i)
        i = msg_find_next(msg, i)
    while kept.len > 1 and kept.ptr[0] == 48:
        kept.ptr += 1
        kept.len -= 1
    hdr = &msg.hdrs[first]
    if kept.len != hdr.value_len:
        hdr.value_off = <uint32_t> (kept.ptr - msg.area)
        hdr.value_len = kept.len
        hdr.flags &= <uint8_t> ~HDR_F_CANON
        msg.flags |= MSG_F_EDITED
    msg.flags |= MSG_F_HAS_CL
    return True


# Transfer-Encoding must be exactly `chunked`. Other codings before it are well-formed but nothing fastlb can pass on
# (422, as HAProxy says); everything else has more than one reading (RFC 9112 6.3-4) or no meaning.
cdef bint decide_transfer_encoding(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    cdef int i = msg_find(msg, HDR_TRANSFER_ENCODING)
    cdef uint32_t n_chunked = 0, n_other = 0, at, off = 0
    cdef bint chunked_is_last = False
    cdef slice_t rest, token
    if i < 0:
        return True
    while i >= 0:
        off = msg.hdrs[i].value_off
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if token.len == 0:
                return refuse(refusal, 400, off, "empty Transfer-Encoding")
            for at in range(token.len):
                if token_lower[<uint8_t> token.ptr[at]] == 0:
                    return refuse(refusal, 400, off, "invalid Transfer-Encoding")
            chunked_is_last = slice_eq_nocase(token, "chunked", 7)
            if chunked_is_last:
                n_chunked += 1
            else:
                n_other += 1
        i = msg_find_next(msg, i)
    if not chunked_is_last or n_chunked != 1:
        return refuse(refusal, 400, off, "Transfer-Encoding that does not end in one chunked")
    if n_other:
        return refuse(refusal, 422, off, "Transfer-Encoding other than chunked")
    msg.flags |= MSG_F_HAS_TE
    return True


# Notes the tokens of Connection and whether the sender lets its connection live on (RFC 9112 9.3).
cdef void decide_connection(http_msg_t* msg) noexcept nogil:
    cdef int i = msg_find(msg, HDR_CONNECTION)
    cdef slice_t rest, token
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if slice_eq_nocase(token, "close", 5):
                msg.flags |= MSG_F_CONN_CLOSE
            elif slice_eq_nocase(token, "keep-alive", 10):
                msg.flags |= MSG_F_CONN_KEEP_ALIVE
            elif slice_eq_nocase(token, "upgrade", 7):
                msg.flags |= MSG_F_CONN_UPGRADE
        i = msg_find_next(msg, i)
    if not msg.flags & MSG_F_CONN_CLOSE and (not msg.flags & MSG_F_HTTP10 or msg.flags & MSG_F_CONN_KEEP_ALIVE):
        msg.flags |= MSG_F_KEEP_ALIVE


# Content-Length loses against Transfer-Encoding (RFC 9112 6.3-3) and is not passed on; the connection closes afterwards.
cdef void drop_length_under_chunked(http_msg_t* msg) noexcept nogil:
    if msg.flags & MSG_F_HAS_TE and msg.flags & MSG_F_HAS_CL:
        msg_hdr_del_all(msg, HDR_CONTENT_LENGTH)
        msg.content_length = 0
        msg.flags &= ~<uint32_t> (MSG_F_HAS_CL | MSG_F_KEEP_ALIVE)
        msg.flags |= MSG_F_CL_DROPPED


cdef bint decide_framing(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    # memchr sees a NUL that llhttp lets through in its lenient mode (RFC 9110 5.5).
    cdef const char* nul = <const char*> memchr(msg.area + msg.start_off, 0, msg.head_len - msg.start_off)
    if nul != NULL:
        return refuse(refusal, 400, <uint32_t> (nul - msg.area), "NUL in the head")
    if not normalise_headers(msg, refusal):
        return False
    if msg.area[msg.head_len - 2] != CR:
        msg.flags |= MSG_F_EDITED
    decide_connection(msg)
    if not decide_length(msg, refusal) or not decide_transfer_encoding(msg, refusal):
        return False
    drop_length_under_chunked(msg)
    return True


# The port that an empty one stands for; 0 where there is no such port.
cdef inline uint32_t effective_port(uint32_t port, uint32_t default_port) noexcept nogil:
    return port if port else default_port


# RFC 9112 3.2: exactly one Host with HTTP/1.1, at most one with 1.0, and a valid one.
cdef bint decide_host(http_msg_t* msg, slice_t* host, uint16_t* port, h1_refusal_t* refusal) noexcept nogil:
    cdef int i = msg_find(msg, HDR_HOST)
    cdef slice_t value
    host.ptr = NULL
    host.len = 0
    port[0] = 0
    if i < 0:
        if msg.flags & MSG_F_HTTP10:
            return True
        return refuse(refusal, 400, msg.hdrs_off, "no Host")
    if msg_find_next(msg, i) >= 0:
        return refuse(refusal, 400, msg.hdrs[msg_find_next(msg, i)].name_off, "more than one Host")
    value = msg_hdr_value(msg, i)
    # An empty Host is what a target without an authority has.
    if value.len and not uri_host_port(value, host, port):
        return refuse(refusal, 400, msg.hdrs[i].value_off, "invalid Host")
    if value.len == 0:
        host[0] = value
    return True


# The target's form must suit the method, and an authority in it must be Host's (RFC 9112 3.2.2: a difference is an attack).
cdef bint decide_target(http_msg_t* msg, slice_t host, uint16_t port, h1_refusal_t* refusal) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef uri_t uri
    cdef slice_t name
    cdef uint16_t own_port = 0
    cdef uint32_t default_port = 0, n
    if target.ptr[0] == 47 and msg.method != METHOD_CONNECT:
        return True
    uri = uri_split(target)
    if msg.method == METHOD_CONNECT:
        if uri.form != URI_AUTHORITY:
            return refuse(refusal, 400, msg.target_off, "CONNECT without host:port")
    elif uri.form != URI_ABSOLUTE and uri.form != URI_ASTERISK:
        return refuse(refusal, 400, msg.target_off, "invalid request target")
    if uri.form == URI_ASTERISK:
        return True
    msg.flags |= MSG_F_AUTHORITY
    if not uri_host_port(uri.authority, &name, &own_port):
        return refuse(refusal, 400, msg.target_off, "invalid authority")
    if msg.method == METHOD_CONNECT and own_port == 0:
        return refuse(refusal, 400, msg.target_off, "CONNECT without port")
    if host.ptr == NULL:
        return True
    if slice_eq_nocase(uri.scheme, "https", 5) or own_port == 443:
        default_port = 443
    elif slice_eq_nocase(uri.scheme, "http", 4) or own_port == 80:
        default_port = 80
    if name.len != host.len or effective_port(own_port, default_port) != effective_port(port, default_port):
        return refuse(refusal, 400, msg.target_off, "authority differs from Host")
    for n in range(name.len):
        if lower_byte(<uint8_t> name.ptr[n]) != lower_byte(<uint8_t> host.ptr[n]):
            return refuse(refusal, 400, msg.target_off, "authority differs from Host")
    return True


# RFC 9110 7.8: Upgrade counts with HTTP/1.1 and when Connection names it. h2c is never passed on (RFC 9113 3.1).
cdef bint decide_upgrade(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    cdef int i = msg_find(msg, HDR_UPGRADE)
    cdef slice_t rest, token
    cdef bint is_named = msg.flags & MSG_F_CONN_UPGRADE and not msg.flags & MSG_F_HTTP10
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if slice_eq_nocase(token, "h2c", 3):
                msg.flags |= MSG_F_UPGRADE_H2C
            elif token.len and is_named:
                msg.flags |= MSG_F_UPGRADE
                if slice_eq_nocase(token, "websocket", 9):
                    msg.flags |= MSG_F_UPGRADE_WS
        i = msg_find_next(msg, i)
    if msg.flags & MSG_F_UPGRADE_WS and msg.method == METHOD_GET and msg_find(msg, HDR_SEC_WEBSOCKET_KEY) < 0:
        return refuse(refusal, 400, msg.hdrs_off, "websocket upgrade without key")
    return True


cdef inline bint is_bodiless(uint8_t method) noexcept nogil:
    return method == METHOD_GET or method == METHOD_HEAD or method == METHOD_DELETE


# With the option a Host may be missing or anything, and differ from the target's (haproxy: the same); two different ones are
# still two readings.
cdef bint decide_relaxed(http_msg_t* msg, h1_refusal_t* refusal) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef uri_t uri = uri_split(target)
    cdef int first = msg_find(msg, HDR_HOST)
    cdef int i = msg_find_next(msg, first) if first >= 0 else -1
    cdef slice_t host, other
    while i >= 0:
        host = msg_hdr_value(msg, first)
        other = msg_hdr_value(msg, i)
        if not slice_eq(other, host.ptr, host.len):
            return refuse(refusal, 400, msg.hdrs[i].name_off, "more than one Host")
        msg_hdr_del(msg, i)
        i = msg_find_next(msg, i)
    if uri.form == URI_ABSOLUTE or uri.form == URI_AUTHORITY and msg.method == METHOD_CONNECT:
        msg.flags |= MSG_F_AUTHORITY
    return True


cdef bint h1_decide_request(http_msg_t* msg, uint32_t flags, h1_refusal_t* refusal) noexcept nogil:
    cdef slice_t host
    cdef uint16_t port = 0
    cdef int expect
    if not decide_framing(msg, refusal):
        return False
    if msg.flags & MSG_F_HAS_TE and msg.flags & MSG_F_HTTP10:
        # RFC 9112 6.1: its framing is faulty. haproxy: forwards it.
        return refuse(refusal, 400, msg.hdrs_off, "Transfer-Encoding with HTTP/1.0")
    if flags & H1_F_RELAXED:
        if not decide_relaxed(msg, refusal):
            return False
    elif not decide_host(msg, &host, &port, refusal) or not decide_target(msg, host, port, refusal):
        return False
    if msg_find(msg, HDR_UPGRADE) >= 0 and not decide_upgrade(msg, refusal):
        return False
    expect = msg_find(msg, HDR_EXPECT)
    if expect >= 0 and not msg.flags & MSG_F_HTTP10 and slice_eq_nocase(msg_hdr_value(msg, expect), "100-continue", 12):
        msg.flags |= MSG_F_EXPECT_100
    if msg.flags & MSG_F_HAS_TE:
        msg.body = BODY_CHUNKED
    elif msg.content_length:
        msg.body = BODY_LENGTH
    if msg.body != BODY_NONE and msg.flags & MSG_F_HTTP10 and is_bodiless(msg.method) and not flags & H1_F_ANY_PAYLOAD:
        # haproxy: the same. Old servers do not look for it there, and would take it for the next request.
        return refuse(refusal, 413, msg.hdrs_off, "payload of an HTTP/1.0 request that usually has none")
    return True


# 101 must have been asked for and say what it switches to, else the bytes behind it could be anybody's.
cdef bint decide_switch(http_msg_t* msg, bint upgrade_asked, h1_refusal_t* refusal) noexcept nogil:
    if not upgrade_asked:
        return refuse(refusal, 502, msg.start_off, "101 that was not asked for")
    if not msg.flags & MSG_F_CONN_UPGRADE or msg_find(msg, HDR_UPGRADE) < 0:
        return refuse(refusal, 502, msg.start_off, "101 without Upgrade")
    msg.flags |= MSG_F_UPGRADE
    msg.body = BODY_TUNNEL
    return True


# These have no body whatever their headers say, and must not carry framing headers (RFC 9110 8.6, 6.1).
cdef void drop_framing(http_msg_t* msg) noexcept nogil:
    if msg.flags & (MSG_F_HAS_CL | MSG_F_HAS_TE):
        msg_hdr_del_all(msg, HDR_CONTENT_LENGTH)
        msg_hdr_del_all(msg, HDR_TRANSFER_ENCODING)
        msg.content_length = 0
        msg.flags &= ~<uint32_t> (MSG_F_HAS_CL | MSG_F_HAS_TE)


cdef bint h1_decide_response(http_msg_t* msg, uint8_t method, bint upgrade_asked, h1_refusal_t* refusal) noexcept nogil:
    if not decide_framing(msg, refusal):
        return False
    if msg.status == 101:
        drop_framing(msg)
        return decide_switch(msg, upgrade_asked, refusal)
    if msg.status < 200:
        drop_framing(msg)
        msg.flags |= MSG_F_INTERIM
    elif msg.status == 204:
        drop_framing(msg)
    elif method == METHOD_CONNECT and msg.status < 300:
        drop_framing(msg)
        msg.body = BODY_TUNNEL
    elif method == METHOD_HEAD or msg.status == 304:
        msg.body = BODY_NONE
    elif msg.flags & MSG_F_HAS_TE:
        msg.body = BODY_CHUNKED
        if msg.flags & MSG_F_HTTP10:
            # haproxy: passes it on, too; RFC 9112 6.1: the connection must not be used again.
            msg.flags &= ~<uint32_t> MSG_F_KEEP_ALIVE
    elif msg.flags & MSG_F_HAS_CL:
        msg.body = BODY_LENGTH if msg.content_length else BODY_NONE
    else:
        msg.body = BODY_UNTIL_CLOSE
        msg.flags &= ~<uint32_t> MSG_F_KEEP_ALIVE
    return True


fill_tables()
