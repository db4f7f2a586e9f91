# Converters between numbers and dates (manual, section 7.3.1).
#
# Knows calendars and strftime(3). Must not read a clock: the time comes in the sample.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_int, smp_set_own,
)
from fastlb_core.sys.time cimport gmtime_r, localtime_r, time_t, tm

cdef extern from "<time.h>" nogil:
    size_t strftime(char* out, size_t size, const char* format, const tm* date)
    char* strptime(const char* text, const char* format, tm* date)
    time_t timegm(tm* date)

cdef extern from "<stdio.h>" nogil:
    int snprintf(char* out, size_t size, const char* format, ...)

cdef enum:
    HTTP_DATE_MAX = 64           # "Sun, 13 Jun 1141709097 06:26:07.-500000 GMT" and more
    NANO_DIGITS = 9

# haproxy: seconds beyond 55 bits are cut, so that the year has a name; a negative second is one of a far year.
cdef int64_t SECONDS_MASK = 0x007fffffffffffff
cdef const char** DAYS = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"]
cdef const char** MONTHS = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"]

cdef conv_entry_t[10] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_date_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef int64_t wrapped_sum(int64_t a, int64_t b) noexcept nogil:
    return <int64_t> (<uint64_t> a + <uint64_t> b)


# ---- text to number

cdef bint date(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Any of the three forms of RFC 9110 5.6.7."""
    cdef const char** forms = [b"%a, %d %b %Y %H:%M:%S GMT", b"%A, %d-%b-%y %H:%M:%S GMT", b"%a %b %d %H:%M:%S %Y"]
    cdef char text[HTTP_DATE_MAX]
    cdef const char* end
    cdef tm parts
    cdef int i
    if smp.str.len == 0 or smp.str.len >= HTTP_DATE_MAX:
        return False
    memcpy(text, smp.str.ptr, smp.str.len)
    text[smp.str.len] = 0
    for i in range(3):
        memset(&parts, 0, sizeof(parts))
        end = strptime(text, forms[i], &parts)
        if end == &text[smp.str.len]:
            return smp_set_int(smp, timegm(&parts))
    return False


# ---- number to HTTP date

cdef bint http_date(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: an offset, then how many of the sample's units a second has; with 1000 and more the rest is shown as well.

    haproxy: that rest has no leading zeros."""
    cdef int64_t at = smp.num, units = 1
    cdef time_t seconds
    cdef tm parts
    cdef int n
    cdef char* out
    if args[0].type == ARG_SINT:
        at = wrapped_sum(at, args[0].num)
    if args[0].type and args[1].type == ARG_SINT:
        units = args[1].num
    seconds = at // units & SECONDS_MASK
    out = scratch_take(ev, HTTP_DATE_MAX)
    if out == NULL or gmtime_r(&seconds, &parts) == NULL:
        return False
    n = snprintf(out, HTTP_DATE_MAX, b"%s, %02d %s %04d %02d:%02d:%02d", DAYS[parts.tm_wday], parts.tm_mday,
                 MONTHS[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec)
    if units > 1:
        n += snprintf(out + n, HTTP_DATE_MAX - n, b".%d", <int> (at % units))
    n += snprintf(out + n, HTTP_DATE_MAX - n, b" GMT")
    return smp_set_own(smp, SMP_T_STR, out, <uint32_t> n, HTTP_DATE_MAX)


# ---- number to any form: args are the format and an offset in the sample's unit

cdef uint32_t put_format(char* out, uint32_t room, slice_t format, int64_t nanos) noexcept nogil:
    """The format with `%N` and `%3N` replaced by nanoseconds and a NUL behind it (nanos below 0: left alone); returns its
    length, or `room` when it does not fit."""
    cdef char digits[NANO_DIGITS]
    cdef uint32_t i = 0, at = 0, width, skip, j
    for j in range(<uint32_t> NANO_DIGITS):
        digits[NANO_DIGITS - 1 - j] = <char> (48 + nanos % 10) if nanos >= 0 else 48
        nanos //= 10 if nanos >= 0 else 1
    while i < format.len:
        if room - at < NANO_DIGITS + 2:
            return room
        width = 0
        skip = 1
        if format.ptr[i] == b'%' and nanos >= 0 and i + 1 < format.len:
            width = NANO_DIGITS if format.ptr[i + 1] == b'N' else 0
            skip = 2
            if 49 <= format.ptr[i + 1] <= 57 and i + 2 < format.len and format.ptr[i + 2] == b'N':
                width = <uint32_t> (format.ptr[i + 1] - 48)
                skip = 3
        if width:
            memcpy(out + at, digits, width)
        else:
            width = skip
            memcpy(out + at, format.ptr + i, skip)
        at += width
        i += skip
    out[at] = 0
    return at


cdef bint formatted(eval_t* ev, const arg_t* args, sample_t* smp, int64_t units, bint is_local) noexcept nogil:
    """haproxy: the offset comes behind the cut to 55 bits. A format that yields nothing, or too much, is an empty text."""
    cdef uint32_t room, n
    cdef int64_t at = smp.num, nanos = -1
    cdef slice_t format = args[0].str if args[0].type == ARG_STR else slice_of(NULL, 0)
    cdef char* text = scratch_rest(ev, &room)
    cdef char* out
    cdef time_t seconds
    cdef tm parts
    if units == 1:
        at &= SECONDS_MASK
    if args[0].type and args[1].type == ARG_SINT:
        at = wrapped_sum(at, args[1].num)
    if units > 1:
        nanos = (at % units + units) % units * (1000000000 // units)
        at = (at // units - (1 if at % units < 0 else 0)) & SECONDS_MASK
    seconds = at
    if room == 0 or (localtime_r(&seconds, &parts) if is_local else gmtime_r(&seconds, &parts)) == NULL:
        return False
    n = put_format(text, room, format, nanos)
    if n == room:
        return False
    scratch_take(ev, n + 1)
    out = scratch_rest(ev, &room)
    n = <uint32_t> strftime(out, room, text, &parts) if room else 0
    scratch_take(ev, n)
    return smp_set_own(smp, SMP_T_STR, out, n, n)


cdef bint ltime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1, True)


cdef bint utime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1, False)


cdef bint ms_ltime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1000, True)


cdef bint ms_utime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1000, False)


cdef bint us_ltime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1000000, True)


cdef bint us_utime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return formatted(ev, args, smp, 1000000, False)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"date", date)
add(b"http_date", http_date)
add(b"ltime", ltime)
add(b"utime", utime)
add(b"ms_ltime", ms_ltime)
add(b"ms_utime", ms_utime)
add(b"us_ltime", us_ltime)
add(b"us_utime", us_utime)
