# Entries of a stick table into the table of another program: what a reload carries over.
#
# Knows which values of two tables mean the same. Must not know programs or names. Both tables may be in use meanwhile: never two
# locks at a time.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from fastlb_core.proxy.stick_table cimport stick_table_t

# What became of the numbers of servers: by the old one. Behind `n` and where it says 0, the server is gone.
cdef struct stick_servers_t:
    const uint32_t* now_ids      # borrowed
    uint32_t n

# Whether keys of one can be keys of the other.
cdef bint stick_is_alike(const stick_table_t* a, const stick_table_t* b) noexcept nogil
# Copies the entries that were touched since since_ms (0: all) in the order of their age, all values that both tables store in the
# same way; connections that are open stay with who holds them. An entry that `to` has touched itself since then stays as it is.
# servers: NULL where all kept their numbers. Returns how many; -1 when memory is short.
cdef int64_t stick_copy(
    const stick_table_t* to, const stick_table_t* source, uint64_t since_ms, const stick_servers_t* servers,
    uint64_t now_ms) noexcept nogil
