# Sample fetches and converters of stick tables and tracked counters: their tables for bridge/registry.
#
# Three functions do for all names: what to do, the data type and the index are their first arguments, which the rows of
# config/samples/fetch_track.py supply.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport conv_entry_t, fetch_entry_t

cdef enum track_op_t:            # argument 0; the numbers are also those of config/samples/fetch_track.py
    TRACK_OP_GET = 0
    TRACK_OP_INC = 1             # a general purpose counter and its rate
    TRACK_OP_CLR = 2             # to 0; the value is what it was
    TRACK_OP_KBYTES = 3
    TRACK_OP_TRACKED = 4
    TRACK_OP_TRACKERS = 5
    TRACK_OP_KEY = 6
    TRACK_OP_EXPIRE = 7          # ms
    TRACK_OP_IDLE = 8            # ms
    TRACK_OP_IN = 9
    TRACK_OP_UPDATE = 10         # src_updt_conn_cnt

# The tables, and in *n how many entries they have. borrowed (static)
cdef const fetch_entry_t* fetch_track_entries(uint32_t* n) noexcept nogil
cdef const conv_entry_t* conv_track_entries(uint32_t* n) noexcept nogil
