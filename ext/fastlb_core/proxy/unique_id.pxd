# The stream's unique id (manual, section 4.2 "unique-id-format").
#
# Knows when it is made: at its first use, then it stays. Must not know who uses it.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.proxy.stream cimport stream_t

cdef enum:
    UNIQUE_ID_MAX = 127          # characters at most. haproxy: the same

# The id; empty without `unique-id-format`, or when memory is short. May use the scratch area, which is left as it was.
cdef slice_t unique_id_of(stream_t* strm) noexcept nogil
# Adds `unique-id-header` to the request. False when the edit room is full.
cdef bint unique_id_add_header(stream_t* strm) noexcept nogil
