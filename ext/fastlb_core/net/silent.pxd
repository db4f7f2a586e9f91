# Closing a TCP connection so that the peer does not learn of it.
#
# Knows socket options. Must not know why.

# Prepares fd for a close that sends no packet (TCP_REPAIR, where the process may), or one that dies on its way: a reset with
# `ttl` hops to live (1 where ttl is 0). manual, section 4.2 "http-request silent-drop"
cdef void silent_close_prepare(int fd, int ttl) noexcept nogil
# When it is closed, what the kernel still holds is thrown away and the peer gets a reset (`option nolinger`).
cdef void reset_on_close(int fd) noexcept nogil
