# What `cookie` says of a backend, and the server that a cookie's value names, in the program's memory.
#
# Knows the values and a hash of the servers' own. Must not know messages or when a cookie is sent.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.server cimport lb_t, srv_t

cdef enum:                       # persist_t.flags
    PERSIST_REWRITE = 0x01
    PERSIST_INSERT = 0x02
    PERSIST_PREFIX = 0x04
    PERSIST_INDIRECT = 0x08
    PERSIST_NOCACHE = 0x10
    PERSIST_POSTONLY = 0x20
    PERSIST_PRESERVE = 0x40
    # haproxy: without one of these, cookies choose servers but nothing is logged of it.
    PERSIST_LOGGED = 0x0f

cdef enum:
    COOKIE_DELIM = 124           # `|`, before a date
    PREFIX_DELIM = 126           # `~`, behind the server in a prefixed cookie

cdef enum:
    COOKIE_ROOM = 17             # bytes that srv_cookie may write: 16 digits and PREFIX_DELIM

cdef struct persist_t:
    slice_t name                 # owned (program memory)
    uint32_t flags               # PERSIST_*
    uint32_t max_idle_s          # 0: no limit
    uint32_t max_life_s
    slice_t attributes           # owned (program memory): what stands behind `; path=/`
    uint32_t mask                # slots - 1
    uint32_t* slots              # owned (program memory): [mask + 1], lb_index + 1 of the first server of a chain, 0: none
    uint32_t* next               # owned (program memory): [slots / 2], the next one of a chain, in configuration's order

# What `dynamic` makes of a backend's key and a server's address; 0 for one that is no IP address.
cdef uint64_t persist_hash(slice_t key, const srv_t* srv) noexcept nogil
# The server's cookie with PREFIX_DELIM behind it: its own, else the dynamic one, written into `room`; empty without either.
cdef slice_t srv_cookie(const srv_t* srv, char* room) noexcept nogil
# Puts the backend's servers that have a cookie into the hash, whose memory is there and zeroed.
cdef void persist_index(persist_t* conf, const lb_t* lb) noexcept nogil
# The first server with this cookie that is up, or with even_down the first one whatever its state; NULL: there is none.
# is_known: some server has that cookie.
cdef srv_t* persist_find(
    const persist_t* conf, const lb_t* lb, slice_t value, bint even_down, bint* is_known
) noexcept nogil
