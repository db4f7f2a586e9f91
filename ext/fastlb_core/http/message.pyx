# The message's header index and its edits.
# Knows the well-known names; must not know how a head is parsed or sent.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset, strlen

from fastlb_core.base.bug cimport flb_bug_on
from fastlb_core.base.slice cimport same_bytes, slice_of, slice_t

cdef enum:
    HASH_SIZE = 256

cdef extern from *:
    """
    /* In the order of hdr_id_t. */
    static const char *const flb_hdr_names[] = {
        "", "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te",
        "trailer", "expect", "cookie", "set-cookie", "set-cookie2",
        "x-forwarded-for", "cache-control", "user-agent", "accept", "accept-encoding", "content-type",
        "content-encoding", "authorization", "proxy-authorization",
        "proxy-authenticate", "referer", "origin", "location", "date", "server", "etag", "expires", "last-modified",
        "pragma", "vary", "forwarded", "http2-settings", "sec-websocket-key", "sec-websocket-accept",
    };
    /* In the order of method_t. */
    static const char *const flb_method_names[] = {
        "", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    };
    enum { FLB_HDR_NAMES = sizeof flb_hdr_names / sizeof *flb_hdr_names };
    """
    const char** hdr_names "flb_hdr_names"
    const char** method_names "flb_method_names"
    const uint32_t FLB_HDR_NAMES

cdef uint32_t[HDR_N] hdr_lens
cdef uint8_t[HASH_SIZE] hdr_hash


# Spreads the well-known names over hdr_hash without a collision (checked by fill_hash at import).
cdef inline uint32_t hash_of(const char* name, uint32_t length) noexcept nogil:
    cdef uint32_t mixed = length * 50 + <uint8_t> name[0] * 7
    mixed += <uint8_t> name[length - 1] * 56 + <uint8_t> name[length >> 1] * 16
    return mixed & (HASH_SIZE - 1)


cdef void fill_hash() noexcept nogil:
    cdef uint32_t i, at
    flb_bug_on(<int> FLB_HDR_NAMES != <int> HDR_N)
    for i in range(1, HDR_N):
        hdr_lens[i] = <uint32_t> strlen(hdr_names[i])
        at = hash_of(hdr_names[i], hdr_lens[i])
        flb_bug_on(hdr_hash[at] != 0)
        hdr_hash[at] = <uint8_t> i


cdef hdr_id_t hdr_id_of(const char* name, uint32_t length) noexcept nogil:
    cdef uint8_t id
    if length == 0:
        return HDR_OTHER
    id = hdr_hash[hash_of(name, length)]
    if id != 0 and hdr_lens[id] == length and same_bytes(hdr_names[id], name, length):
        return <hdr_id_t> id
    return HDR_OTHER


cdef method_t method_of(const char* name, uint32_t length) noexcept nogil:
    if length == 3:
        if memcmp(name, "GET", 3) == 0:
            return METHOD_GET
        return METHOD_PUT if memcmp(name, "PUT", 3) == 0 else METHOD_OTHER
    if length == 4:
        if memcmp(name, "POST", 4) == 0:
            return METHOD_POST
        return METHOD_HEAD if memcmp(name, "HEAD", 4) == 0 else METHOD_OTHER
    if length == 5:
        if memcmp(name, "PATCH", 5) == 0:
            return METHOD_PATCH
        return METHOD_TRACE if memcmp(name, "TRACE", 5) == 0 else METHOD_OTHER
    if length == 6 and memcmp(name, "DELETE", 6) == 0:
        return METHOD_DELETE
    if length == 7:
        if memcmp(name, "OPTIONS", 7) == 0:
            return METHOD_OPTIONS
        return METHOD_CONNECT if memcmp(name, "CONNECT", 7) == 0 else METHOD_OTHER
    return METHOD_OTHER


cdef slice_t method_name(int method) noexcept nogil:
    cdef const char* name = method_names[method]
    return slice_of(name, <uint32_t> strlen(name))


cdef void msg_init(http_msg_t* msg, hdr_t* hdrs, uint32_t max_hdrs) noexcept nogil:
    memset(msg, 0, sizeof(http_msg_t))
    msg.hdrs = hdrs
    msg.max_hdrs = <uint16_t> max_hdrs
    msg.cap_hdrs = <uint16_t> msg_cap_hdrs(max_hdrs)


cdef void msg_reset(http_msg_t* msg, char* area, uint32_t edit_off, uint32_t edit_cap) noexcept nogil:
    cdef hdr_t* hdrs = msg.hdrs
    cdef uint16_t max_hdrs = msg.max_hdrs
    cdef uint16_t cap_hdrs = msg.cap_hdrs
    memset(msg, 0, sizeof(http_msg_t))
    msg.hdrs = hdrs
    msg.max_hdrs = max_hdrs
    msg.cap_hdrs = cap_hdrs
    msg.area = area
    msg.edit_off = edit_off
    msg.edit_cap = edit_cap


cdef hdr_t* msg_add_entry(http_msg_t* msg, uint32_t name_off, uint32_t name_len) noexcept nogil:
    cdef hdr_t* hdr = &msg.hdrs[msg.n_hdrs]
    msg.n_hdrs += 1
    hdr.name_off = name_off
    hdr.name_len = name_len
    hdr.value_off = name_off + name_len
    hdr.value_len = 0
    hdr.next_same = 0
    hdr.id = HDR_OTHER
    hdr.flags = 0
    return hdr


cdef void msg_index(http_msg_t* msg, uint32_t i) noexcept nogil:
    cdef hdr_t* hdr = &msg.hdrs[i]
    hdr.id = <uint8_t> hdr_id_of(msg.area + hdr.name_off, hdr.name_len)
    if hdr.id == HDR_OTHER:
        return
    if msg.first[hdr.id] == 0:
        msg.first[hdr.id] = <uint16_t> (i + 1)
    else:
        msg.hdrs[msg.last[hdr.id] - 1].next_same = <uint16_t> (i + 1)
    msg.last[hdr.id] = <uint16_t> (i + 1)


# Follows the chain of equal ids from index + 1 `at` to the first header that is not deleted.
cdef inline int first_kept(const http_msg_t* msg, uint32_t at) noexcept nogil:
    while at != 0 and msg.hdrs[at - 1].flags & HDR_F_DELETED:
        at = msg.hdrs[at - 1].next_same
    return <int> at - 1


cdef int msg_find(const http_msg_t* msg, hdr_id_t id) noexcept nogil:
    return first_kept(msg, msg.first[<int> id])


cdef int msg_find_next(const http_msg_t* msg, int i) noexcept nogil:
    return first_kept(msg, msg.hdrs[i].next_same)


cdef int msg_find_name(const http_msg_t* msg, slice_t name, int start) noexcept nogil:
    cdef int i
    cdef const hdr_t* hdr
    for i in range(start, <int> msg.n_hdrs):
        hdr = &msg.hdrs[i]
        if (hdr.name_len == name.len and not hdr.flags & HDR_F_DELETED
                and same_bytes(msg.area + hdr.name_off, name.ptr, name.len)):
            return i
    return -1


cdef void msg_hdr_del(http_msg_t* msg, int i) noexcept nogil:
    msg.hdrs[i].flags |= HDR_F_DELETED
    msg.flags |= MSG_F_EDITED


cdef uint32_t msg_hdr_del_all(http_msg_t* msg, hdr_id_t id) noexcept nogil:
    cdef uint32_t n = 0
    cdef int i = msg_find(msg, id)
    while i >= 0:
        msg_hdr_del(msg, i)
        n += 1
        i = msg_find_next(msg, i)
    return n


# Room for n more bytes in the edit room: their offset, 0 when it is full (0 is never free: the start line stands there).
cdef uint32_t take_room(http_msg_t* msg, uint32_t n) noexcept nogil:
    cdef uint32_t off
    if msg.edit_cap - msg.edit_len < n:
        return 0
    off = msg.edit_off + msg.edit_len
    msg.edit_len += n
    return off


cdef bint msg_hdr_replace(http_msg_t* msg, int i, slice_t value) noexcept nogil:
    cdef hdr_t* hdr = &msg.hdrs[i]
    cdef uint32_t off = take_room(msg, value.len + 2)
    if off == 0:
        return False
    if value.len:
        memcpy(msg.area + off, value.ptr, value.len)
    memcpy(msg.area + off + value.len, "\r\n", 2)
    hdr.value_off = off
    hdr.value_len = value.len
    hdr.flags = (hdr.flags | HDR_F_EDIT) & <uint8_t> ~HDR_F_CANON
    msg.flags |= MSG_F_EDITED
    return True


cdef void msg_hdr_shorten(http_msg_t* msg, int i, uint32_t length) noexcept nogil:
    cdef hdr_t* hdr = &msg.hdrs[i]
    if length == 0:
        msg_hdr_del(msg, i)
        return
    if length == hdr.value_len:
        return
    # A byte was given up, and a line's end is one at least.
    memcpy(msg.area + hdr.value_off + length, "\r\n", 2)
    hdr.value_len = length
    hdr.flags = (hdr.flags | HDR_F_EDIT) & <uint8_t> ~HDR_F_CANON
    msg.flags |= MSG_F_EDITED


cdef bint msg_hdr_splice(http_msg_t* msg, int i, uint32_t at, uint32_t cut, slice_t text) noexcept nogil:
    cdef hdr_t* hdr = &msg.hdrs[i]
    cdef const char* old = msg.area + hdr.value_off
    cdef uint32_t length = hdr.value_len - cut + text.len
    cdef uint32_t off = take_room(msg, length + 2)
    cdef char* dst
    if off == 0:
        return False
    dst = msg.area + off
    memcpy(dst, old, at)
    memcpy(dst + at, text.ptr, text.len)
    memcpy(dst + at + text.len, old + at + cut, hdr.value_len - at - cut)
    memcpy(dst + length, "\r\n", 2)
    hdr.value_off = off
    hdr.value_len = length
    hdr.flags = (hdr.flags | HDR_F_EDIT) & <uint8_t> ~HDR_F_CANON
    msg.flags |= MSG_F_EDITED
    return True


cdef bint msg_hdr_append(http_msg_t* msg, slice_t name, slice_t value) noexcept nogil:
    cdef uint32_t off
    cdef hdr_t* hdr
    cdef char* dst
    if msg.n_hdrs >= msg.cap_hdrs:
        return False
    off = take_room(msg, name.len + value.len + 4)
    if off == 0:
        return False
    dst = msg.area + off
    memcpy(dst, name.ptr, name.len)
    memcpy(dst + name.len, ": ", 2)
    if value.len:
        memcpy(dst + name.len + 2, value.ptr, value.len)
    memcpy(dst + name.len + 2 + value.len, "\r\n", 2)
    hdr = msg_add_entry(msg, off, name.len)
    hdr.value_off = off + name.len + 2
    hdr.value_len = value.len
    hdr.flags = HDR_F_CANON | HDR_F_EDIT
    msg_index(msg, msg.n_hdrs - 1)
    msg.flags |= MSG_F_EDITED
    return True


# ---- the start line

cdef bint is_field_text(slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c, bad = 0
    for i in range(text.len):
        c = <uint8_t> text.ptr[i]
        bad |= c < 32 and c != 9 or c == 127
    return bad == 0


# What RFC 9110 5.6.2 allows in a token.
cdef inline bint is_token(slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    for i in range(text.len):
        c = <uint8_t> text.ptr[i]
        if not (48 <= c <= 57 or 65 <= c <= 90 or 94 <= c <= 122 or c == 33 or 35 <= c <= 39 or c == 42 or c == 43
                or c == 45 or c == 46 or c == 124 or c == 126):
            return False
    return text.len > 0


cdef bint msg_set_method(http_msg_t* msg, slice_t name) noexcept nogil:
    cdef uint32_t off
    if not is_token(name):
        return False
    off = take_room(msg, name.len + 1)
    if off == 0:
        return False
    memcpy(msg.area + off, name.ptr, name.len)
    msg.area[off + name.len] = 32
    msg.method_off = off
    msg.method_len = name.len
    msg.method = <uint8_t> method_of(name.ptr, name.len)
    msg.flags |= MSG_F_EDITED
    return True


# Copies with %20 for a space; returns where the copy ends.
cdef char* put_target(char* dst, slice_t text) noexcept nogil:
    cdef uint32_t i
    for i in range(text.len):
        if text.ptr[i] == 32:
            memcpy(dst, "%20", 3)
            dst += 3
            continue
        dst[0] = text.ptr[i]
        dst += 1
    return dst


# Bytes of the copy that put_target makes; 0 when it has bytes that may not stand in a request line.
cdef bint measure_target(slice_t text, uint32_t* total) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    for i in range(text.len):
        c = <uint8_t> text.ptr[i]
        if c < 32 or c == 127:
            return False
        total[0] += 3 if c == 32 else 1
    return True


cdef bint msg_set_target(http_msg_t* msg, slice_t begin, slice_t middle, slice_t end) noexcept nogil:
    cdef uint32_t total = 0, off
    cdef char* dst
    if not measure_target(begin, &total) or not measure_target(middle, &total) or not measure_target(end, &total):
        return False
    # ` HTTP/1.x⏎` follows, so that what leaves is one piece.
    off = take_room(msg, total + 11) if total else 0
    if off == 0:
        return False
    dst = put_target(put_target(put_target(msg.area + off, begin), middle), end)
    dst[0] = 32
    memcpy(dst + 1, msg.area + msg.version_off, 8)
    memcpy(dst + 9, "\r\n", 2)
    msg.target_off = off
    msg.target_len = total
    msg.version_off = off + total + 1
    msg.flags |= MSG_F_EDITED
    return True


cdef bint msg_set_status(http_msg_t* msg, uint16_t status, slice_t reason) noexcept nogil:
    cdef uint32_t off
    cdef char* dst
    if not is_field_text(reason):
        return False
    off = take_room(msg, reason.len + 15)
    if off == 0:
        return False
    dst = msg.area + off
    memcpy(dst, msg.area + msg.version_off, 8)
    dst[8] = 32
    dst[9] = <char> (48 + status // 100 % 10)
    dst[10] = <char> (48 + status // 10 % 10)
    dst[11] = <char> (48 + status % 10)
    dst[12] = 32
    if reason.len:
        memcpy(dst + 13, reason.ptr, reason.len)
    memcpy(dst + 13 + reason.len, "\r\n", 2)
    msg.version_off = off
    msg.reason_off = off + 13
    msg.reason_len = reason.len
    msg.status = status
    msg.flags |= MSG_F_EDITED
    return True


fill_hash()
