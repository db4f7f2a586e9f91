# Converters between bytes and their encodings: hexadecimal, decimal, binary, base64, percent (manual, section 7.3.1).

from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_BIN, SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_int, smp_set_own,
)

cdef const char* HEX_UPPER = b"0123456789ABCDEF"
cdef const char* BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef const char* BASE64_URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

cdef conv_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_encode_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef int hex_value(char c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    if 65 <= c <= 70:
        return c - 55
    return c - 87 if 97 <= c <= 102 else -1


cdef char* take(eval_t* ev, uint64_t n) noexcept nogil:
    return scratch_take(ev, <uint32_t> n) if n <= UINT32_MAX else NULL


# ---- digits

cdef bint hex_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t data = smp.str
    cdef char* out = take(ev, 2 * <uint64_t> data.len)
    cdef uint32_t i
    if out == NULL:
        return False
    for i in range(data.len):
        out[2 * i] = HEX_UPPER[<uint8_t> data.ptr[i] >> 4]
        out[2 * i + 1] = HEX_UPPER[<uint8_t> data.ptr[i] & 15]
    return smp_set_own(smp, SMP_T_STR, out, 2 * data.len, 2 * data.len)


cdef bint base2(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t data = smp.str
    cdef char* out = take(ev, 8 * <uint64_t> data.len)
    cdef uint32_t i, bit
    if out == NULL:
        return False
    for i in range(data.len):
        for bit in range(8):
            out[8 * i + bit] = <char> (48 + (<uint8_t> data.ptr[i] >> (7 - bit) & 1))
    return smp_set_own(smp, SMP_T_STR, out, 8 * data.len, 8 * data.len)


cdef bint hex2i(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: "" is 0, and digits beyond the sixteenth push the first ones out."""
    cdef uint64_t number = 0
    cdef uint32_t i
    cdef int value
    for i in range(smp.str.len):
        value = hex_value(smp.str.ptr[i])
        if value < 0:
            return False
        number = number << 4 | <uint64_t> value
    return smp_set_int(smp, <int64_t> number)


cdef bint htonl(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t number = <uint32_t> smp.num, i
    cdef char* out = scratch_take(ev, 4)
    if out == NULL:
        return False
    for i in range(4):
        out[i] = <char> (number >> (24 - 8 * i))
    return smp_set_own(smp, SMP_T_BIN, out, 4, 4)


# ---- chunks: args are the separator, the bytes of a chunk, and whether an incomplete last chunk is dropped

cdef bint put_separator(char* out, uint32_t room, uint32_t* at, const arg_t* arg) noexcept nogil:
    cdef uint32_t i
    if arg.type != ARG_STR:
        return True
    if arg.str.len > room - at[0]:
        return False
    for i in range(arg.str.len):
        out[at[0] + i] = arg.str.ptr[i]
    at[0] += arg.str.len
    return True


cdef uint32_t decimal(char* out, uint64_t number) noexcept nogil:
    cdef char digits[20]
    cdef uint32_t n = 0, i
    while True:
        digits[n] = <char> (48 + number % 10)
        n += 1
        number //= 10
        if number == 0:
            break
    for i in range(n):
        out[i] = digits[n - 1 - i]
    return n


cdef uint64_t chunk_of(const arg_t* args, uint64_t total) noexcept nogil:
    """Bytes of one chunk; without one asked for, all."""
    if args[0].type == 0 or args[1].type != ARG_SINT or args[1].num <= 0:
        return total if total else 1
    return <uint64_t> args[1].num


cdef bint is_truncating(const arg_t* args) noexcept nogil:
    return args[0].type != 0 and args[1].type != 0 and args[2].type == ARG_SINT and args[2].num != 0


cdef bint to_decimals(eval_t* ev, const arg_t* args, sample_t* smp, bint is_little) noexcept nogil:
    cdef slice_t data = smp.str
    cdef uint32_t room, at = 0, start = 0, n, i
    cdef uint64_t chunk = chunk_of(args, 8), number
    cdef char* out = scratch_rest(ev, &room)
    if chunk > 8:
        return False
    while start < data.len:
        n = <uint32_t> chunk if data.len - start >= chunk else data.len - start
        if n < chunk and is_truncating(args):
            break
        if start and not put_separator(out, room, &at, args):
            return False
        if room - at < 20:
            return False
        number = 0
        for i in range(n):
            number = number << 8 | <uint8_t> data.ptr[start + (n - 1 - i if is_little else i)]
        at += decimal(out + at, number)
        start += n
    scratch_take(ev, at)
    return smp_set_own(smp, SMP_T_STR, out, at, at)


cdef bint be2dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return to_decimals(ev, args, smp, False)


cdef bint le2dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return to_decimals(ev, args, smp, True)


cdef bint be2hex(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t data = smp.str
    cdef uint64_t chunk = chunk_of(args, data.len)
    cdef uint32_t room, at = 0, end = data.len, i
    cdef char* out = scratch_rest(ev, &room)
    if is_truncating(args):
        end -= <uint32_t> (data.len % chunk)
    for i in range(end):
        if i and i % chunk == 0 and not put_separator(out, room, &at, args):
            return False
        if room - at < 2:
            return False
        out[at] = HEX_UPPER[<uint8_t> data.ptr[i] >> 4]
        out[at + 1] = HEX_UPPER[<uint8_t> data.ptr[i] & 15]
        at += 2
    scratch_take(ev, at)
    return smp_set_own(smp, SMP_T_STR, out, at, at)


# ---- base64 (RFC 4648): padded with the standard letters, unpadded with those for URLs

cdef bint encode64(eval_t* ev, sample_t* smp, const char* letters, bint is_padded) noexcept nogil:
    cdef slice_t data = smp.str
    cdef uint64_t size = (<uint64_t> data.len + 2) // 3 * 4
    cdef char* out = take(ev, size)
    cdef uint32_t at = 0, i = 0, n, j, three
    if out == NULL:
        return False
    while i < data.len:
        n = data.len - i if data.len - i < 3 else 3
        three = 0
        for j in range(3):
            three = three << 8 | (<uint8_t> data.ptr[i + j] if j < n else 0)
        for j in range(4):
            if j <= n:
                out[at] = letters[three >> (18 - 6 * j) & 63]
                at += 1
            elif is_padded:
                out[at] = b'='
                at += 1
        i += n
    return smp_set_own(smp, SMP_T_STR, out, at, <uint32_t> size)


cdef int letter64(char c, bint is_url) noexcept nogil:
    if 65 <= c <= 90:
        return c - 65
    if 97 <= c <= 122:
        return c - 71
    if 48 <= c <= 57:
        return c + 4
    if c == b'+' or c == b'-':
        return 62 if is_url == (c == b'-') else -1
    if c == b'/' or c == b'_':
        return 63 if is_url == (c == b'_') else -1
    return -1


cdef bint b64dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: whole groups of four only, each of them may be padded; `A===` holds no byte."""
    cdef slice_t text = smp.str
    cdef char* out = scratch_take(ev, text.len)
    cdef uint32_t at = 0, i, j, n_letters, four
    cdef int value
    if out == NULL or text.len % 4:
        return False
    for i in range(0, text.len, 4):
        four = 0
        n_letters = 4
        while n_letters and text.ptr[i + n_letters - 1] == b'=':
            n_letters -= 1
        if n_letters == 0:
            return False
        for j in range(4):
            value = letter64(text.ptr[i + j], False) if j < n_letters else 0
            if value < 0:
                return False
            four = four << 6 | <uint32_t> value
        for j in range(n_letters - 1):
            out[at] = <char> (four >> (16 - 8 * j))
            at += 1
    return smp_set_own(smp, SMP_T_BIN, out, at, text.len)


cdef bint ub64dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: there is no padding here, and an equal sign counts as the letter `_`."""
    cdef slice_t text = smp.str
    cdef char* out = scratch_take(ev, text.len)
    cdef uint32_t at = 0, i = 0, j, n, four
    cdef int value
    if out == NULL or text.len % 4 == 1:
        return False
    while i < text.len:
        n = text.len - i if text.len - i < 4 else 4
        four = 0
        for j in range(4):
            value = 0
            if j < n:
                value = 63 if text.ptr[i + j] == b'=' else letter64(text.ptr[i + j], True)
            if value < 0:
                return False
            four = four << 6 | <uint32_t> value
        for j in range(n - 1):
            out[at] = <char> (four >> (16 - 8 * j))
            at += 1
        i += n
    return smp_set_own(smp, SMP_T_BIN, out, at, text.len)


cdef bint base64(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return encode64(ev, smp, BASE64, True)


cdef bint ub64enc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return encode64(ev, smp, BASE64_URL, False)


# ---- percent encoding (RFC 3986 2.1)

cdef bint is_unreserved(char c) noexcept nogil:
    return (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == b'-' or c == b'.' or c == b'_' or c == b'~')


cdef bint url_enc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t text = smp.str
    cdef uint32_t room, at = 0, i
    cdef char* out = scratch_rest(ev, &room)
    for i in range(text.len):
        if room - at < 3:
            return False
        if is_unreserved(text.ptr[i]):
            out[at] = text.ptr[i]
            at += 1
            continue
        out[at] = b'%'
        out[at + 1] = HEX_UPPER[<uint8_t> text.ptr[i] >> 4]
        out[at + 2] = HEX_UPPER[<uint8_t> text.ptr[i] & 15]
        at += 3
    scratch_take(ev, at)
    return smp_set_own(smp, SMP_T_STR, out, at, at)


cdef bint url_dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: not 0 for a form. `+` is a blank in a form and behind a question mark. False for a bad escape."""
    cdef slice_t text = smp.str
    cdef bint in_form = args[0].type == ARG_SINT and args[0].num != 0
    cdef char* out = scratch_take(ev, text.len)
    cdef uint32_t at = 0, i = 0
    cdef int high, low
    if out == NULL:
        return False
    while i < text.len:
        out[at] = text.ptr[i]
        if text.ptr[i] == b'%':
            if text.len - i < 3:
                return False
            high, low = hex_value(text.ptr[i + 1]), hex_value(text.ptr[i + 2])
            if high < 0 or low < 0:
                return False
            out[at] = <char> (high << 4 | low)
            i += 2
        elif text.ptr[i] == b'+' and in_form:
            out[at] = b' '
        elif text.ptr[i] == b'?':
            in_form = True
        i += 1
        at += 1
    return smp_set_own(smp, SMP_T_STR, out, at, text.len)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"hex", hex_)
add(b"base2", base2)
add(b"hex2i", hex2i)
add(b"htonl", htonl)
add(b"be2dec", be2dec)
add(b"le2dec", le2dec)
add(b"be2hex", be2hex)
add(b"base64", base64)
add(b"ub64enc", ub64enc)
add(b"b64dec", b64dec)
add(b"ub64dec", ub64dec)
add(b"url_enc", url_enc)
add(b"url_dec", url_dec)
