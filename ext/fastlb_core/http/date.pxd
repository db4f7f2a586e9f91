# Dates as HTTP and the logs write them, made once a second.
# Knows calendars; must not read a clock: its owner hands the time in.

from libc.stdint cimport int64_t, uint32_t

ctypedef struct date_cache_t:
    int64_t http_at         # the second http was made for; 0 (never a real one) at the start
    int64_t log_at          # the second log was made for
    char http[32]           # inline: `Sun, 06 Nov 1994 08:49:37 GMT`, 29 bytes
    char log[32]            # inline: `06/Nov/1994:08:49:37`, 20 bytes, local time

# Zeroes the cache.
cdef void date_init(date_cache_t* cache) noexcept nogil
# 29 bytes of an IMF-fixdate (RFC 9110 5.6.7) for this second since 1970, valid until the next call.
cdef const char* date_http(date_cache_t* cache, int64_t now_s) noexcept nogil
# 20 bytes of HAProxy's log date in local time, without the milliseconds, valid until the next call.
cdef const char* date_log(date_cache_t* cache, int64_t now_s) noexcept nogil
