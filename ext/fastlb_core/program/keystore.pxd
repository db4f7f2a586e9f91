# Public keys for `jwt_verify`, by the name that the configuration gives them: a file's path.
#
# Knows PEM. Must not know tokens, nor read files: the configuration's text of a key comes in as bytes. Filled in the master
# while a configuration is laid out, before the workers are forked; only read afterwards.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.sys.openssl cimport EVP_PKEY

# Adds the first public key or certificate in `pem`, or replaces the key of that name; both are copied. False: there is none,
# or memory is short.
cdef bint keystore_add(slice_t name, const char* pem, uint32_t length) noexcept nogil
# borrowed, or NULL
cdef EVP_PKEY* keystore_find(slice_t name) noexcept nogil
