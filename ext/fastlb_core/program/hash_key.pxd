# The key of a keyed `balance`: what of a request is hashed, and with which function.
#
# Knows `balance source|uri|url_param|hdr|rdp-cookie|hash` and the functions of `hash-type` (manual, section 4.2). Must not
# know servers: lb/ turns a key into one.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport METHOD_POST, http_msg_t
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.sample cimport eval_t

cdef enum:                       # hash_key_t.flags
    KEY_WHOLE = 1                # uri: the query string counts
    KEY_PATH_ONLY = 2            # uri: without scheme and authority
    KEY_DOMAIN = 4               # hdr: use_domain_only
    KEY_POST = 8                 # url_param: check_post, a POST's body is searched as well

ctypedef uint32_t (*hash_fn)(const char* bytes, uint32_t length) noexcept nogil
# The bytes to hash, where they stand; False: the request has none.
ctypedef bint (*key_fn)(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil

cdef struct hash_key_t:
    key_fn fn                    # NULL: the client's address, which is not hashed
    hash_fn hash
    bint avalanche
    uint32_t flags               # KEY_*
    uint32_t max_len             # uri: 0 no limit
    uint32_t depth               # uri: 0 no limit
    slice_t name                 # of the parameter or header (lower case); borrowed (program)
    const expr_t* expr           # hash; owned (program memory)

# The functions by HAProxy's names; False: there is none of that name.
cdef bint key_find(const char* name, key_fn* fn) noexcept nogil
cdef hash_fn key_hash_find(const char* name) noexcept nogil
# 32 bits, or LB_NO_KEY. Where key_wants_body, what of the body stands in the buffer is searched.
cdef uint64_t hash_key(const hash_key_t* conf, eval_t* ev) noexcept nogil

# Whether the request's body must stand in the buffer before its key is asked for. conf may be NULL.
cdef inline bint key_wants_body(const hash_key_t* conf, const http_msg_t* req) noexcept nogil:
    return conf != NULL and conf.flags & KEY_POST and req.method == METHOD_POST
