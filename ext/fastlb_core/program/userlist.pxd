# User lists (manual, section 3.4): names, passwords and groups.
#
# Knows how a password is checked. Must not know HTTP. Nothing is cached: a hash that takes long takes long each time.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t

cdef struct user_t:
    slice_t name                 # borrowed (program memory), as all here
    slice_t password             # as configured; a NUL stands behind it (region_copy)
    uint8_t is_plain             # `insecure-password`: not a crypt(3) hash
    uint32_t n_groups
    const slice_t* groups        # borrowed (program memory): n_groups names

cdef struct userlist_t:
    slice_t name
    uint32_t n_users
    const user_t* users          # borrowed (program memory)

# The user with this name if the password is right, else NULL.
cdef const user_t* userlist_check(const userlist_t* users, slice_t name, slice_t password) noexcept nogil
# True when the user belongs to that group.
cdef bint user_in_group(const user_t* user, slice_t group) noexcept nogil
