# AES: the converters' table, and the operation itself for tokens.
#
# Knows modes, keys and tags. Must not know where they come from.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport conv_entry_t

cdef enum:
    AES_BLOCK = 16

cdef enum aes_mode_t:
    AES_GCM = 0
    AES_CBC = 1                  # PKCS#7 padding
    AES_WRAP = 2                 # key wrap (RFC 3394)

cdef struct aes_t:
    slice_t nonce                # empty for AES_WRAP
    slice_t key                  # at least as long as the cipher's
    slice_t tag                  # of a decryption with AES_GCM
    slice_t aad                  # empty but for AES_GCM
    uint8_t[16] made             # the tag of an encryption with AES_GCM

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_cipher_entries(uint32_t* n) noexcept nogil
# Encrypts (encrypts=1) or decrypts `text` into `out`, which has room for text.len + AES_BLOCK bytes; *length: bytes written.
# bits: 128, 192 or 256. False: the text, nonce, padding or tag is wrong.
cdef bint aes_run(
    int encrypts, aes_mode_t mode, uint32_t bits, aes_t* aes, slice_t text, uint8_t* out, uint32_t* length
) noexcept nogil
