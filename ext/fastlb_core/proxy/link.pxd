# The connection to a server that a request wants, beyond the server's name: from which address, under which name in the pool.
#
# Knows `usesrc` and `pool-conn-name` (manual, sections 4.2 "source" and 5.2). Must not know how it is opened (dial) or kept.

from libc.stdint cimport uint64_t

from fastlb_core.net.conn cimport peer_t
from fastlb_core.proxy.stream cimport stream_t

cdef struct link_wish_t:
    peer_t source                # what the server is to see; family 0: the configuration's
    uint64_t key                 # conn_t.pool_key

# What strm wants of strm.srv.
cdef void link_wish(stream_t* strm, link_wish_t* wish) noexcept nogil
