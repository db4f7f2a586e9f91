# Sample fetches of raw bytes: blocks, RDP cookies, distcc messages (manual, section 7.3.5).

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_starts_nocase, slice_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, arg_t, args_count, fetch_fn
from fastlb_core.program.http_values cimport seen_request
from fastlb_core.program.sample cimport (
    EVAL_O_RESPONSE, SMP_F_MAY_CHANGE, SMP_T_BIN, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str,
)

cdef fetch_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_payload_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint not_yet(sample_t* smp) noexcept nogil:
    smp.flags |= SMP_F_MAY_CHANGE
    return False


cdef bint set_bytes(sample_t* smp, const char* ptr, uint32_t length) noexcept nogil:
    smp_set_str(smp, ptr, length)
    smp.type = SMP_T_BIN
    return True


cdef bint length_of(slice_t bytes, sample_t* smp) noexcept nogil:
    smp.flags |= SMP_F_MAY_CHANGE
    return smp_set_int(smp, bytes.len)


# offset, length (0: all that is there and may still come).
cdef bint block(slice_t bytes, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t offset = args[0].num, length = args[1].num
    if offset < 0 or length < 0:
        return False
    if offset > bytes.len or length > bytes.len - offset:
        return not_yet(smp)
    if length == 0:
        smp.flags |= SMP_F_MAY_CHANGE
        length = bytes.len - offset
    return set_bytes(smp, bytes.ptr + offset, <uint32_t> length)


# Where the size stands, its bytes, the data's offset, and whether that counts from behind the size.
cdef bint sized_block(slice_t bytes, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t at = args[0].num, width = args[1].num, offset = 0
    cdef uint64_t size = 0
    cdef int64_t i
    cdef bint is_relative = True
    if args_count(args) > 3 and args[2].type == ARG_SINT:
        offset = args[2].num
        is_relative = args[3].num != 0
    if at < 0 or width <= 0:
        return False
    if at > bytes.len or width > bytes.len - at:
        return not_yet(smp)
    for i in range(width):
        size = size << 8 | <uint8_t> bytes.ptr[at + i]
        if size > 0xffffffffu:
            return False
    if is_relative:
        offset += at + width
    if size == 0 or offset < 0:
        return False
    if offset > bytes.len or size > <uint64_t> (bytes.len - offset):
        return not_yet(smp)
    return set_bytes(smp, bytes.ptr + offset, <uint32_t> size)


cdef bint req_len(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return length_of(ev.req_bytes, smp)


cdef bint res_len(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return length_of(ev.res_bytes, smp)


cdef bint req_payload(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return block(ev.req_bytes, args, smp)


cdef bint res_payload(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return block(ev.res_bytes, args, smp)


cdef bint payload(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return block(ev.res_bytes if ev.options & EVAL_O_RESPONSE else ev.req_bytes, args, smp)


cdef bint req_payload_lv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return sized_block(ev.req_bytes, args, smp)


cdef bint res_payload_lv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return sized_block(ev.res_bytes, args, smp)


cdef bint payload_lv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return sized_block(ev.res_bytes if ev.options & EVAL_O_RESPONSE else ev.req_bytes, args, smp)


# ---- HTTP, seen from outside

# haproxy: no value rather than false.
cdef bint proto_http(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return seen_request(ev, smp) != NULL and smp_set_bool(smp, True)


# ---- RDP: a TPKT header of 4 bytes, a COTP connection request of 7, then `Cookie: name=value CR LF`

cdef enum:
    RDP_HEADERS = 11
    RDP_COOKIE = 8               # "Cookie: "


cdef bint rdp_cookie_find(slice_t bytes, slice_t name, slice_t* value, bint* is_short) noexcept nogil:
    cdef slice_t text
    cdef uint32_t equals = RDP_COOKIE, end, i
    is_short[0] = bytes.len < RDP_HEADERS + RDP_COOKIE
    if is_short[0]:
        return False
    if memcmp(bytes.ptr, b"\x03\x00", 2) != 0 or <uint8_t> bytes.ptr[5] != 0xe0 or memcmp(bytes.ptr + 6, b"\0\0\0\0\0", 5) != 0:
        return False
    text = slice_of(bytes.ptr + RDP_HEADERS, bytes.len - RDP_HEADERS)
    if not slice_starts_nocase(text, b"cookie: ", RDP_COOKIE):
        return False
    while equals < text.len and text.ptr[equals] != b'=' and text.ptr[equals] != b'\r':
        equals += 1
    end = equals
    while end < text.len and text.ptr[end] != b'\r':
        end += 1
    is_short[0] = end + 1 >= text.len
    if is_short[0] or equals == end or text.ptr[end + 1] != b'\n':
        return False
    if name.len:
        if equals - RDP_COOKIE != name.len:
            return False
        for i in range(name.len):
            if lower_byte(<uint8_t> text.ptr[RDP_COOKIE + i]) != lower_byte(<uint8_t> name.ptr[i]):
                return False
    value[0] = slice_of(text.ptr + equals + 1, end - equals - 1)
    return True


cdef bint rdp_find(eval_t* ev, const arg_t* args, sample_t* smp, slice_t* value) noexcept nogil:
    cdef slice_t name = args[0].str if args[0].type == ARG_STR else slice_of(NULL, 0)
    cdef bint is_short
    if rdp_cookie_find(ev.req_bytes, name, value, &is_short):
        return True
    return not_yet(smp) if is_short else False


cdef bint rdp_cookie(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return rdp_find(ev, args, smp, &value) and smp_set_str(smp, value.ptr, value.len)


# haproxy: at most one, the first is all that is looked at.
cdef bint rdp_cookie_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    cdef bint found = rdp_find(ev, args, smp, &value)
    if smp.flags & SMP_F_MAY_CHANGE:
        return False
    return smp_set_int(smp, 1 if found else 0)


# ---- distcc: tokens of four letters and eight hexadecimal digits; some have as many bytes behind them

cdef int64_t distcc_number(const char* digits) noexcept nogil:
    cdef int64_t number = 0
    cdef uint32_t i
    cdef uint8_t c
    for i in range(8):
        c = <uint8_t> digits[i]
        if 48 <= c <= 57:
            number = number * 16 + c - 48
        elif 97 <= (c | 32) <= 102:
            number = number * 16 + (c | 32) - 87
        else:
            return -1
    return number


# These have a number only.
cdef bint distcc_has_body(const char* token) noexcept nogil:
    return not (
        memcmp(token, b"DIST", 4) == 0 or memcmp(token, b"ARGC", 4) == 0 or memcmp(token, b"NFIL", 4) == 0
        or memcmp(token, b"DONE", 4) == 0 or memcmp(token, b"STAT", 4) == 0
    )


# The token's number, and in *at where its body begins. -1: not there, or not yet (flags).
cdef int64_t distcc_find(slice_t bytes, const arg_t* args, sample_t* smp, uint32_t* at) noexcept nogil:
    cdef int64_t occurrence = 1, number
    cdef uint32_t i = 0
    if args_count(args) > 1 and args[1].type == ARG_SINT and args[1].num > 0:
        occurrence = args[1].num
    while bytes.len - i >= 12:
        number = distcc_number(bytes.ptr + i + 4)
        if number < 0:
            return -1
        if args[0].str.len == 4 and memcmp(bytes.ptr + i, args[0].str.ptr, 4) == 0:
            occurrence -= 1
            if occurrence == 0:
                at[0] = i + 12
                return number
        if distcc_has_body(bytes.ptr + i):
            if number > bytes.len - i - 12:
                break
            i += <uint32_t> number
        i += 12
    smp.flags |= SMP_F_MAY_CHANGE
    return -1


cdef bint distcc_param(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t at = 0
    cdef slice_t bytes = ev.res_bytes if ev.options & EVAL_O_RESPONSE else ev.req_bytes
    cdef int64_t number = distcc_find(bytes, args, smp, &at)
    return number >= 0 and smp_set_int(smp, number)


cdef bint distcc_body(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t at = 0
    cdef slice_t bytes = ev.res_bytes if ev.options & EVAL_O_RESPONSE else ev.req_bytes
    cdef int64_t number = distcc_find(bytes, args, smp, &at)
    if number < 0 or not distcc_has_body(args[0].str.ptr):
        return False
    if number > bytes.len - at:
        return not_yet(smp)
    return set_bytes(smp, bytes.ptr + at, <uint32_t> number)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"req.len", req_len)
add(b"res.len", res_len)
add(b"req.payload", req_payload)
add(b"res.payload", res_payload)
add(b"payload", payload)
add(b"req.payload_lv", req_payload_lv)
add(b"res.payload_lv", res_payload_lv)
add(b"payload_lv", payload_lv)
add(b"req.proto_http", proto_http)
add(b"req.rdp_cookie", rdp_cookie)
add(b"req.rdp_cookie_cnt", rdp_cookie_cnt)
add(b"distcc_param", distcc_param)
add(b"distcc_body", distcc_body)
