# Externs of libcrypto's digests whose state stands in the caller's memory. OpenSSL 3 calls them old, and its newer interface
# makes a state anew on the heap for each use: what works on every request cannot have that. A module that calls them says that
# it links the C libraries. Must not hold logic.

cdef extern from *:
    """
    #pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    #include <openssl/md5.h>
    #include <openssl/ripemd.h>
    #include <openssl/sha.h>
    """
    ctypedef struct MD5_CTX:
        pass
    ctypedef struct RIPEMD160_CTX:
        pass
    ctypedef struct SHA_CTX:
        pass
    ctypedef struct SHA256_CTX:
        pass
    ctypedef struct SHA512_CTX:
        pass

# The state is one of the structs above; `void*` so that one table has them all.
ctypedef int (*init_fn)(void* state) noexcept nogil
ctypedef int (*update_fn)(void* state, const void* data, size_t length) noexcept nogil
ctypedef int (*final_fn)(unsigned char* out, void* state) noexcept nogil

cdef extern from * nogil:
    int MD5_Init(MD5_CTX* state) noexcept
    int MD5_Update(MD5_CTX* state, const void* data, size_t length) noexcept
    int MD5_Final(unsigned char* out, MD5_CTX* state) noexcept
    int RIPEMD160_Init(RIPEMD160_CTX* state) noexcept
    int RIPEMD160_Update(RIPEMD160_CTX* state, const void* data, size_t length) noexcept
    int RIPEMD160_Final(unsigned char* out, RIPEMD160_CTX* state) noexcept
    int SHA1_Init(SHA_CTX* state) noexcept
    int SHA1_Update(SHA_CTX* state, const void* data, size_t length) noexcept
    int SHA1_Final(unsigned char* out, SHA_CTX* state) noexcept
    int SHA224_Init(SHA256_CTX* state) noexcept
    int SHA224_Update(SHA256_CTX* state, const void* data, size_t length) noexcept
    int SHA224_Final(unsigned char* out, SHA256_CTX* state) noexcept
    int SHA256_Init(SHA256_CTX* state) noexcept
    int SHA256_Update(SHA256_CTX* state, const void* data, size_t length) noexcept
    int SHA256_Final(unsigned char* out, SHA256_CTX* state) noexcept
    int SHA384_Init(SHA512_CTX* state) noexcept
    int SHA384_Update(SHA512_CTX* state, const void* data, size_t length) noexcept
    int SHA384_Final(unsigned char* out, SHA512_CTX* state) noexcept
    int SHA512_Init(SHA512_CTX* state) noexcept
    int SHA512_Update(SHA512_CTX* state, const void* data, size_t length) noexcept
    int SHA512_Final(unsigned char* out, SHA512_CTX* state) noexcept
