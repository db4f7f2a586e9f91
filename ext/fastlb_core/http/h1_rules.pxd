# What a complete HTTP/1 head must be to have one reading: names, Host, target, framing.
# Knows RFC 9110 and 9112 and reference/REFUSED-INPUTS.md; must not know how the lines were found (h1.pyx) or who asks.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastlb_core.http.message cimport http_msg_t

# Why a head is refused.
ctypedef struct h1_refusal_t:
    const char* reason      # static text; NULL: not refused
    uint32_t off            # where, bytes from the message's start
    uint16_t status         # for a client; an answer that is refused is a 502

# 0 for a byte that may not stand in a token (RFC 9110 5.6.2), else the byte in lower case.
cdef uint8_t[256] token_lower
# 1 for a byte that may stand in a request target: visible ASCII without '#' (RFC 9112 3.2, CVE-2023-45539).
cdef uint8_t[256] target_bytes

# Puts names into lower case, trims values, fills the index and decides the framing of a head that llhttp has split
# into lines; msg.head_len is set. flags: H1_F_*. False: refused.
cdef bint h1_decide_request(http_msg_t* msg, uint32_t flags, h1_refusal_t* refusal) noexcept nogil
# The same for an answer. method: method_t of its request; upgrade_asked: that asked for an upgrade.
cdef bint h1_decide_response(http_msg_t* msg, uint8_t method, bint upgrade_asked, h1_refusal_t* refusal) noexcept nogil
