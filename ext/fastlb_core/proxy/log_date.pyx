# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Dates of log lines; contracts in log_date.pxd.

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastlb_core.sys.time cimport gmtime_r, localtime_r, time_t, tm

cdef const char* MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"


cdef inline void put2(char* into, int number) noexcept nogil:
    into[0] = <char> (48 + number // 10 % 10)
    into[1] = <char> (48 + number % 10)


cdef inline void put4(char* into, int number) noexcept nogil:
    put2(into, number // 100)
    put2(into + 2, number % 100)


cdef inline void put_clock(char* into, const tm* at) noexcept nogil:
    put2(into, at.tm_hour)
    into[2] = b':'
    put2(into + 3, at.tm_min)
    into[5] = b':'
    put2(into + 6, at.tm_sec)


cdef void log_dates_init(log_dates_t* dates) noexcept nogil:
    cdef int i
    memset(dates, 0, sizeof(log_dates_t))
    dates.now_at = -1
    for i in range(LOG_DATE_SLOTS):
        dates.accept_at[i] = -1


cdef const char* log_dates_accept(log_dates_t* dates, int64_t second) noexcept nogil:
    cdef int slot = <int> (second & (LOG_DATE_SLOTS - 1))
    cdef char* text = dates.accept[slot]
    cdef time_t at = <time_t> second
    cdef tm broken
    if dates.accept_at[slot] == second:
        return text
    memset(&broken, 0, sizeof(tm))
    localtime_r(&at, &broken)
    put_date(text, &broken)
    dates.accept_at[slot] = second
    return text


cdef void log_date_full(char* into, int64_t second, bint is_gmt) noexcept nogil:
    cdef time_t at = <time_t> second
    cdef tm broken
    cdef char zone[6]
    memset(&broken, 0, sizeof(tm))
    if is_gmt:
        gmtime_r(&at, &broken)
    else:
        localtime_r(&at, &broken)
    put_date(into, &broken)
    into[20] = b' '
    put_zone(zone, broken.tm_gmtoff)
    memcpy(into + 21, zone, 3)
    memcpy(into + 24, zone + 4, 2)


cdef inline void put_date(char* text, const tm* broken) noexcept nogil:
    put2(text, broken.tm_mday)
    text[2] = b'/'
    memcpy(text + 3, MONTHS + 3 * broken.tm_mon, 3)
    text[6] = b'/'
    put4(text + 7, broken.tm_year + 1900)
    text[11] = b':'
    put_clock(text + 12, broken)


cdef void log_dates_now(log_dates_t* dates, int64_t second) noexcept nogil:
    cdef time_t at = <time_t> second
    cdef tm broken
    if dates.now_at == second:
        return
    memset(&broken, 0, sizeof(tm))
    localtime_r(&at, &broken)
    memcpy(dates.syslog, MONTHS + 3 * broken.tm_mon, 3)
    dates.syslog[3] = b' '
    put2(dates.syslog + 4, broken.tm_mday)
    if broken.tm_mday < 10:
        dates.syslog[4] = b' '  # RFC 3164, 4.1.2
    dates.syslog[6] = b' '
    put_clock(dates.syslog + 7, &broken)
    put4(dates.iso, broken.tm_year + 1900)
    dates.iso[4] = b'-'
    put2(dates.iso + 5, broken.tm_mon + 1)
    dates.iso[7] = b'-'
    put2(dates.iso + 8, broken.tm_mday)
    dates.iso[10] = b'T'
    put_clock(dates.iso + 11, &broken)
    put_zone(dates.zone, broken.tm_gmtoff)
    dates.now_at = second


cdef void put_zone(char* into, long offset_s) noexcept nogil:
    """+hh:mm east of Greenwich."""
    cdef int minutes = <int> ((-offset_s if offset_s < 0 else offset_s) // 60)
    into[0] = b'-' if offset_s < 0 else b'+'
    put2(into + 1, minutes // 60)
    into[3] = b':'
    put2(into + 4, minutes % 60)
