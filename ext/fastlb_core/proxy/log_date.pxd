# Dates of log lines in local time, each made once a second.
#
# Knows calendars and the time zone of the process. Must not read a clock: the caller hands the time in.

from libc.stdint cimport int64_t, uint32_t

cdef enum:
    LOG_DATE_SLOTS = 8           # seconds whose accept dates are kept; a power of two
    LOG_DATE_LEN = 20            # 23/Nov/2026:09:01:35
    LOG_SYSLOG_LEN = 15          # Nov 23 09:01:35, the day padded with a space
    LOG_ISO_LEN = 19             # 2026-11-23T09:01:35
    LOG_FULL_LEN = 26            # 23/Nov/2026:09:01:35 +0000
    LOG_ZONE_LEN = 6             # +01:00

cdef struct log_dates_t:
    int64_t accept_at[8]         # seconds since 1970 of the slot below
    char accept[8][20]           # inline
    int64_t now_at               # of the three below
    char syslog[15]              # inline
    char iso[19]                 # inline
    char zone[6]                 # inline

# No date is known yet.
cdef void log_dates_init(log_dates_t* dates) noexcept nogil
# LOG_DATE_LEN bytes of the accept date in this second since 1970, valid until the next call.
cdef const char* log_dates_accept(log_dates_t* dates, int64_t second) noexcept nogil
# LOG_FULL_LEN bytes: date, time and zone of this second, in Greenwich or here.
cdef void log_date_full(char* into, int64_t second, bint is_gmt) noexcept nogil
# Makes syslog, iso and zone those of this second.
cdef void log_dates_now(log_dates_t* dates, int64_t second) noexcept nogil
