# Public keys for `jwt_verify` and `jwt_verify_cert`, private ones for `jwt_decrypt_cert` and `jwt_decrypt_jwk`, by the name that
# the configuration gives them: a file's path, an alias, or a JSON Web Key's text.
#
# Knows PEM and DER. Must not know tokens, nor read files: the configuration's text of a key comes in as bytes. Filled in the
# master while a configuration is laid out, before the workers are forked; only read afterwards.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.sys.openssl cimport EVP_PKEY

# Adds the first public key or certificate in `pem`, or replaces the key of that name; both are copied. False: there is none,
# or memory is short.
cdef bint keystore_add(slice_t name, const char* pem, uint32_t length) noexcept nogil
# borrowed, or NULL
cdef EVP_PKEY* keystore_find(slice_t name) noexcept nogil
# The same for private keys, as DER of PKCS#8. The public half gets the name as well, unless a file's key has it.
cdef bint keystore_add_private(slice_t name, const uint8_t* der, uint32_t length) noexcept nogil
# borrowed, or NULL
cdef EVP_PKEY* keystore_find_private(slice_t name) noexcept nogil
