# Password hashing of the C library's companion, libcrypt (crypt(3)). Knows its prototypes; must not know users.

cdef extern from "<crypt.h>" nogil:
    cdef struct crypt_data:      # 32 KiB; zeroed memory is ready for the first call
        char initialized

    # The hash of `phrase` with the method and salt of `setting`, inside *data; NULL or a text with a leading '*' on failure.
    char* crypt_r(const char* phrase, const char* setting, crypt_data* data) noexcept
