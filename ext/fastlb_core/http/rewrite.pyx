# Hop-by-hop rules and X-Forwarded-For, as HAProxy has them.
# Knows RFC 9110 7.6; must not know rules of the configuration.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_eq_nocase, slice_next_token, slice_of, slice_t
from fastlb_core.http.message cimport (
    HDR_CONNECTION, HDR_HTTP2_SETTINGS, HDR_TE, HDR_UPGRADE,
    MSG_F_CONN_UPGRADE, MSG_F_HTTP10, MSG_F_INTERIM, MSG_F_UPGRADE, MSG_F_UPGRADE_H2C,
    http_msg_t, msg_find, msg_find_next, msg_hdr_append, msg_hdr_del, msg_hdr_del_all, msg_hdr_replace,
    msg_hdr_value,
)
from fastlb_core.sys.socket cimport AF_INET

cdef enum:
    MAX_VALUE = 512         # a Connection or Upgrade value to be shortened; a longer one is dropped as a whole


# True for a Connection token that is never passed on: this hop's persistence, and with h2c what belongs to it.
cdef bint is_own_token(slice_t token, bint drop_upgrade) noexcept nogil:
    if slice_eq_nocase(token, "keep-alive", 10) or slice_eq_nocase(token, "close", 5):
        return True
    return drop_upgrade and (slice_eq_nocase(token, "upgrade", 7) or slice_eq_nocase(token, "http2-settings", 14))


cdef inline uint32_t add_token(char* dst, uint32_t at, slice_t token) noexcept nogil:
    if at:
        memcpy(dst + at, ", ", 2)
        at += 2
    memcpy(dst + at, token.ptr, token.len)
    return at + token.len


# Takes keep-alive and close out of one Connection line; deletes it when nothing remains. Other tokens, and with them the
# headers they name, are passed on (haproxy: the same; FORMATS.md, "Headers").
cdef bint shorten_connection(http_msg_t* msg, int i, bint drop_upgrade) noexcept nogil:
    cdef slice_t value = msg_hdr_value(msg, i)
    cdef slice_t rest = value
    cdef slice_t token
    cdef uint32_t n_own = 0, n_other = 0, at = 0
    cdef char[MAX_VALUE] kept
    while slice_next_token(&rest, &token):
        if is_own_token(token, drop_upgrade):
            n_own += 1
        elif token.len:
            n_other += 1
    if n_own == 0 and value.len:
        return True
    if n_other == 0 or value.len * 2 + 2 > MAX_VALUE:
        msg_hdr_del(msg, i)
        return True
    rest = value
    while slice_next_token(&rest, &token):
        if token.len and not is_own_token(token, drop_upgrade):
            at = add_token(kept, at, token)
    return msg_hdr_replace(msg, i, slice_of(kept, at))


cdef bint is_connection_kept(slice_t value) noexcept nogil:
    cdef slice_t rest = value
    cdef slice_t token
    while slice_next_token(&rest, &token):
        if is_own_token(token, False):
            return False
    return value.len > 0


cdef bint shorten_connections(http_msg_t* msg, bint drop_upgrade) noexcept nogil:
    cdef int i = msg_find(msg, HDR_CONNECTION)
    while i >= 0:
        if not shorten_connection(msg, i, drop_upgrade):
            return False
        i = msg_find_next(msg, i)
    return True


# TE names codings that this hop would have to undo; `trailers` is all that can be passed on (RFC 9110 10.1.4).
cdef bint cut_te(http_msg_t* msg) noexcept nogil:
    cdef int i = msg_find(msg, HDR_TE)
    cdef slice_t rest, token
    cdef bint has_trailers, has_others
    while i >= 0:
        has_trailers = False
        has_others = False
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if slice_eq_nocase(token, "trailers", 8):
                has_trailers = True
            else:
                has_others = True
        if not has_trailers:
            msg_hdr_del(msg, i)
        elif has_others and not msg_hdr_replace(msg, i, slice_of("trailers", 8)):
            return False
        i = msg_find_next(msg, i)
    return True


# h2c would let the bytes behind it pass unseen (RFC 9113 3.1 has abolished it): the element goes, and with it the
# header when nothing else stands in it. haproxy: passes it on.
cdef bint drop_h2c(http_msg_t* msg) noexcept nogil:
    cdef int i = msg_find(msg, HDR_UPGRADE)
    cdef slice_t rest, token
    cdef char[MAX_VALUE] kept
    cdef uint32_t at
    while i >= 0:
        at = 0
        rest = msg_hdr_value(msg, i)
        if rest.len * 2 + 2 <= MAX_VALUE:
            while slice_next_token(&rest, &token):
                if token.len and not slice_eq_nocase(token, "h2c", 3):
                    at = add_token(kept, at, token)
        if at == 0:
            msg_hdr_del(msg, i)
        elif not msg_hdr_replace(msg, i, slice_of(kept, at)):
            return False
        i = msg_find_next(msg, i)
    msg_hdr_del_all(msg, HDR_HTTP2_SETTINGS)
    return True


cdef inline bint append_connection(http_msg_t* msg, const char* value, uint32_t length) noexcept nogil:
    return msg_hdr_append(msg, slice_of("connection", 10), slice_of(value, length))


cdef bint request_hop_by_hop(http_msg_t* msg, bint keep_alive) noexcept nogil:
    cdef bint drop_upgrade = False
    if msg.flags & MSG_F_UPGRADE_H2C:
        if not drop_h2c(msg):
            return False
        drop_upgrade = not msg.flags & MSG_F_UPGRADE
    if msg_find(msg, HDR_CONNECTION) >= 0 and not shorten_connections(msg, drop_upgrade):
        return False
    if msg_find(msg, HDR_TE) >= 0 and not cut_te(msg):
        return False
    if msg.flags & MSG_F_HTTP10:
        # haproxy: nothing is added to an HTTP/1.0 request that wants an upgrade.
        if keep_alive and not msg.flags & MSG_F_CONN_UPGRADE:
            return append_connection(msg, "keep-alive", 10)
        return True
    if keep_alive or (msg.flags & MSG_F_UPGRADE and not drop_upgrade):
        return True
    return append_connection(msg, "close", 5)


cdef bint response_hop_by_hop(http_msg_t* msg, uint32_t client_flags, bint keep_alive) noexcept nogil:
    if msg.flags & MSG_F_INTERIM or msg.status == 101:
        return True
    if msg.flags & MSG_F_UPGRADE_H2C and not drop_h2c(msg):
        return False
    if msg_find(msg, HDR_CONNECTION) >= 0 and not shorten_connections(msg, False):
        return False
    if keep_alive:
        if (msg.flags | client_flags) & MSG_F_HTTP10:
            return append_connection(msg, "keep-alive", 10)
        return True
    # haproxy: an HTTP/1.0 answer says close by saying nothing.
    return msg.flags & MSG_F_HTTP10 or append_connection(msg, "close", 5)


# ---- addresses

cdef inline uint32_t put_decimal(char* dst, uint32_t n) noexcept nogil:
    cdef uint32_t at = 0
    if n >= 100:
        dst[at] = <char> (48 + n // 100)
        at += 1
    if n >= 10:
        dst[at] = <char> (48 + n // 10 % 10)
        at += 1
    dst[at] = <char> (48 + n % 10)
    return at + 1


cdef uint32_t format_ipv4(char* dst, const uint8_t* address) noexcept nogil:
    cdef uint32_t at = 0, i
    for i in range(4):
        if i:
            dst[at] = 46
            at += 1
        at += put_decimal(dst + at, address[i])
    return at


cdef inline uint32_t put_hex(char* dst, uint32_t group) noexcept nogil:
    cdef const char* digits = "0123456789abcdef"
    cdef uint32_t at = 0
    cdef int shift = 12
    while shift > 0 and (group >> shift) == 0:
        shift -= 4
    while shift >= 0:
        dst[at] = digits[(group >> shift) & 15]
        at += 1
        shift -= 4
    return at


# The longest run of two or more zero groups, the first among equals (RFC 5952 4.2): its start and length (0: none).
cdef uint32_t longest_zeros(const uint8_t* address, uint32_t* start) noexcept nogil:
    cdef uint32_t i, run = 0, best = 0
    for i in range(8):
        run = run + 1 if (address[2 * i] | address[2 * i + 1]) == 0 else 0
        if run > best:
            best = run
            start[0] = i + 1 - run
    return best if best > 1 else 0


cdef uint32_t format_ipv6(char* dst, const uint8_t* address) noexcept nogil:
    cdef uint32_t at = 0, i = 0, start = 8, n_zeros
    n_zeros = longest_zeros(address, &start)
    if n_zeros == 5 and start == 0 and address[10] == 255 and address[11] == 255:
        memcpy(dst, "::ffff:", 7)
        return 7 + format_ipv4(dst + 7, address + 12)
    while i < 8:
        if n_zeros and i == start:
            memcpy(dst + at, "::", 2)
            at += 2
            i += n_zeros
            continue
        if i and not (n_zeros and i == start + n_zeros):
            dst[at] = 58
            at += 1
        at += put_hex(dst + at, (<uint32_t> address[2 * i] << 8) | address[2 * i + 1])
        i += 1
    return at


cdef bint add_forwarded_for(http_msg_t* msg, slice_t name, int family, const uint8_t* address) noexcept nogil:
    cdef char[48] text
    cdef uint32_t length = format_ipv4(text, address) if family == AF_INET else format_ipv6(text, address)
    return msg_hdr_append(msg, name, slice_of(text, length))
