# Checking users' passwords; contracts in userlist.pxd.
# fastlb: links the C libraries

from libc.string cimport memchr, memcpy, strlen

from fastlb_core.base.slice cimport slice_eq
from fastlb_core.sys.crypt cimport crypt_data, crypt_r

cdef enum:
    PHRASE_MAX = 512             # CRYPT_MAX_PASSPHRASE_SIZE: libcrypt takes no longer one


# Takes as long for a wrong first byte as for a wrong last one.
cdef bint same_secret(const char* a, uint32_t a_len, const char* b, uint32_t b_len) noexcept nogil:
    cdef uint8_t differs = 0
    cdef uint32_t i
    if a_len != b_len:
        return False
    for i in range(a_len):
        differs |= <uint8_t> a[i] ^ <uint8_t> b[i]
    return differs == 0


cdef bint hash_matches(const user_t* user, slice_t password) noexcept nogil:
    cdef crypt_data data
    cdef char[PHRASE_MAX] phrase
    cdef const char* found
    if password.len >= PHRASE_MAX or (password.len and memchr(password.ptr, 0, password.len) != NULL):
        return False
    if password.len:
        memcpy(phrase, password.ptr, password.len)
    phrase[password.len] = 0
    data.initialized = 0
    found = crypt_r(phrase, user.password.ptr, &data)
    if found == NULL or found[0] == b'*':
        return False
    return same_secret(found, <uint32_t> strlen(found), user.password.ptr, user.password.len)


cdef const user_t* userlist_check(const userlist_t* users, slice_t name, slice_t password) noexcept nogil:
    cdef const user_t* user
    cdef uint32_t i
    for i in range(users.n_users):
        user = &users.users[i]
        if not slice_eq(name, user.name.ptr, user.name.len):
            continue
        # haproxy: names are unique, a user without password never matches.
        if user.password.len == 0:
            return NULL
        if user.is_plain:
            return user if same_secret(password.ptr, password.len, user.password.ptr, user.password.len) else NULL
        return user if hash_matches(user, password) else NULL
    return NULL


cdef bint user_in_group(const user_t* user, slice_t group) noexcept nogil:
    cdef uint32_t i
    for i in range(user.n_groups):
        if slice_eq(group, user.groups[i].ptr, user.groups[i].len):
            return True
    return False
