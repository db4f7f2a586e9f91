# Random numbers that nobody has to keep secret: of fetches, of `balance random`.
#
# Knows splitmix64 and its seed. Must not know what the numbers are for.

from libc.stdint cimport int32_t, uint64_t

# 64 random bits. pid: of this process; after a fork the next call seeds anew, because memory was copied.
cdef uint64_t random_u64(int32_t pid) noexcept nogil
