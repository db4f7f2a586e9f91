# Clocks and calendars. Externs only.

from libc.stdint cimport int64_t

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    ctypedef int clockid_t

    cdef struct timespec:
        time_t tv_sec
        long tv_nsec

    cdef struct tm:
        int tm_sec
        int tm_min
        int tm_hour
        int tm_mday
        int tm_mon
        int tm_year
        int tm_wday
        int tm_yday
        int tm_isdst
        long tm_gmtoff

    const clockid_t CLOCK_MONOTONIC
    const clockid_t CLOCK_MONOTONIC_COARSE
    const clockid_t CLOCK_REALTIME
    const clockid_t CLOCK_REALTIME_COARSE

    int clock_gettime(clockid_t clock, timespec* ts)
    tm* gmtime_r(const time_t* at, tm* result)
    tm* localtime_r(const time_t* at, tm* result)
