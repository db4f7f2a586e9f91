# The text of a finished stream's log line: default, tcplog and httplog (manual, sections 8.2.1 to 8.2.3).
#
# Knows the order of the fields and how each is shown. Must not know syslog headers, targets or sinks (log.pyx).

from libc.stdint cimport uint32_t
from fastlb_core.proxy.log cimport log_rec_t
from fastlb_core.proxy.log_date cimport log_dates_t
from fastlb_core.proxy.log_out cimport LOG_BODY_MAX

# Writes the line of rec.fe.log_kind, without line end, into LOG_BODY_MAX bytes; returns its length, 0 for LOG_K_NONE.
# `listener_id` stands for the port of a client on a unix socket.
cdef uint32_t log_line(char* into, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id) noexcept nogil
