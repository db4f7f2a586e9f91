# Formats dates, once a second.
# Knows calendars; must not read a clock.

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from fastlb_core.sys.time cimport gmtime_r, localtime_r, time_t, tm

cdef const char* DAYS = "SunMonTueWedThuFriSat"
cdef const char* MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


cdef inline void two_digits(char* dst, int n) noexcept nogil:
    dst[0] = <char> (48 + n // 10)
    dst[1] = <char> (48 + n % 10)


cdef inline void year_digits(char* dst, int year) noexcept nogil:
    two_digits(dst, year // 100)
    two_digits(dst + 2, year % 100)


cdef inline void clock_digits(char* dst, const tm* at) noexcept nogil:
    two_digits(dst, at.tm_hour)
    dst[2] = 58
    two_digits(dst + 3, at.tm_min)
    dst[5] = 58
    two_digits(dst + 6, at.tm_sec)


cdef void date_init(date_cache_t* cache) noexcept nogil:
    memset(cache, 0, sizeof(date_cache_t))


cdef const char* date_http(date_cache_t* cache, int64_t now_s) noexcept nogil:
    cdef time_t at = <time_t> now_s
    cdef tm parts
    if cache.http_at == now_s:
        return cache.http
    gmtime_r(&at, &parts)
    memcpy(cache.http, "Sun, 06 Nov 1994 08:49:37 GMT", 30)
    memcpy(cache.http, DAYS + 3 * parts.tm_wday, 3)
    two_digits(cache.http + 5, parts.tm_mday)
    memcpy(cache.http + 8, MONTHS + 3 * parts.tm_mon, 3)
    year_digits(cache.http + 12, parts.tm_year + 1900)
    clock_digits(cache.http + 17, &parts)
    cache.http_at = now_s
    return cache.http


cdef const char* date_log(date_cache_t* cache, int64_t now_s) noexcept nogil:
    cdef time_t at = <time_t> now_s
    cdef tm parts
    if cache.log_at == now_s:
        return cache.log
    localtime_r(&at, &parts)
    memcpy(cache.log, "06/Nov/1994:08:49:37", 21)
    two_digits(cache.log, parts.tm_mday)
    memcpy(cache.log + 3, MONTHS + 3 * parts.tm_mon, 3)
    year_digits(cache.log + 7, parts.tm_year + 1900)
    clock_digits(cache.log + 12, &parts)
    cache.log_at = now_s
    return cache.log
