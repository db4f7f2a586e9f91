# FastCGI records (specification 1.0, sections 3.3 and 8) as they come from an application, in fcgi_t.raw.
#
# Knows their headers, padding and which of them matter. Must not know what becomes of STDOUT (fcgi.pyx).

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_consume
from fastlb_core.http.fcgi cimport fcgi_t
from fastlb_core.net.conn cimport conn_t

cdef enum:
    FCGI_VERSION = 1
    FCGI_HEADER = 8              # bytes of a record's header
    FCGI_REQUEST_ID = 1          # of every request
    FCGI_TYPE_BEGIN_REQUEST = 1
    FCGI_TYPE_END_REQUEST = 3
    FCGI_TYPE_PARAMS = 4
    FCGI_TYPE_STDIN = 5
    FCGI_TYPE_STDOUT = 6
    FCGI_TYPE_STDERR = 7
    FCGI_TYPE_GET_VALUES = 9

cdef enum fcgi_step_t:           # what stands next in the records
    FCGI_STEP_HUNGRY = 0         # more must be received
    FCGI_STEP_OUTPUT = 1         # bytes of our STDOUT are at the front of `raw`
    FCGI_STEP_END = 2            # the answer ends: STDOUT does, or the request
    FCGI_STEP_BAD = 3            # these are no records

# Goes over the records up to what matters for the answer; STDERR is told on the way.
cdef fcgi_step_t fcgi_next(conn_t* conn, fcgi_t* f) noexcept nogil
# Adds up the STDOUT that has been received and not read. True: the answer's end has been received as well.
cdef bint fcgi_look_ahead(const fcgi_t* f, uint64_t* n_bytes) noexcept nogil

cdef inline void fcgi_take_output(fcgi_t* f, uint32_t n) noexcept nogil:
    """Takes n bytes of STDOUT from the front of `raw`."""
    buf_consume(&f.raw, n)
    f.record_left -= n
