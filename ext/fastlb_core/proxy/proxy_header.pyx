# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# PROXY headers to servers: implementation. Section numbers are those of proxy-protocol.txt.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.address cimport addr_write_u32
from fastlb_core.net.conn cimport conn_local
from fastlb_core.net.proxy_protocol cimport PP_V2_HEAD, pp_checksum, pp_encode
from fastlb_core.net.tls cimport TLS_F_CERT_SEEN, tls_of, tls_t
from fastlb_core.program.link cimport PP_V_CHECKSUM, PP_V_KEY, PP_V_TLS, PP_V_UNIQUE_ID, link_t, pp_tlv_t
from fastlb_core.program.logformat cimport lf_text
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.unique_id cimport unique_id_of
from fastlb_core.sys.libssl cimport SSL_get0_peer_certificate, SSL_get_certificate, SSL_get_verify_result, X509_get0_pubkey
from fastlb_core.sys.openssl cimport (
    EVP_PKEY, EVP_PKEY_DSA, EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_get_base_id, EVP_PKEY_get_bits,
)

cdef enum:
    TLV_HEAD = 3                 # type and length
    TLS_HEAD = 5                 # what stands before the extensions within that of TLS: client and verify (2.2.6)
    CLIENT_TLS = 1
    CLIENT_CERT_CONN = 2
    CLIENT_CERT_SESS = 4
    TEXT_MAX = 1024              # bytes of a value that a format makes
    CHECKSUM_LEN = 4
    KEY_TEXT = 16

# The header that is being written.
cdef struct writer_t:
    uint8_t* dst
    uint32_t len
    uint32_t capacity
    uint32_t checksum_at         # 0: there is none
    uint32_t tls_at              # of the TLS extension that is open; 0: none


cdef inline void _put_length(uint8_t* at, uint32_t length) noexcept nogil:
    at[0] = <uint8_t> (length >> 8)
    at[1] = <uint8_t> length


cdef uint8_t* _add(writer_t* out, uint8_t type, uint32_t length) noexcept nogil:
    """Room for a value behind its type and length, or NULL where none is left."""
    cdef uint8_t* at = out.dst + out.len
    if out.capacity - out.len < TLV_HEAD + length:
        return NULL
    at[0] = type
    _put_length(at + 1, length)
    out.len += TLV_HEAD + length
    return at + TLV_HEAD


cdef void _add_text(writer_t* out, uint8_t type, slice_t text) noexcept nogil:
    """haproxy: an extension without a value is not sent."""
    cdef uint8_t* at = _add(out, type, text.len) if text.len else NULL
    if at != NULL:
        memcpy(at, text.ptr, text.len)


cdef void _close_tls(writer_t* out) noexcept nogil:
    if out.tls_at:
        _put_length(out.dst + out.tls_at + 1, out.len - out.tls_at - TLV_HEAD)
        out.tls_at = 0


cdef void _open_tls(writer_t* out, uint8_t type, const tls_t* tls) noexcept nogil:
    """Whether the client speaks TLS and has shown a certificate, now or when the session began, and what that was worth."""
    cdef uint32_t at = out.len
    cdef uint8_t* head = _add(out, type, TLS_HEAD)
    cdef uint8_t client = 0
    cdef uint32_t verify = 0
    if head == NULL:
        return
    out.tls_at = at
    memset(head, 0, TLS_HEAD)
    if tls != NULL:
        client = CLIENT_TLS
        if tls.flags & TLS_F_CERT_SEEN:
            client |= CLIENT_CERT_CONN | CLIENT_CERT_SESS
        elif SSL_get0_peer_certificate(tls.ssl) != NULL:
            client |= CLIENT_CERT_SESS
        if client & CLIENT_CERT_SESS:
            verify = <uint32_t> SSL_get_verify_result(tls.ssl)
    head[0] = client
    _put_length(head + 1, verify >> 16)
    _put_length(head + 3, verify)


cdef slice_t _key_text(const tls_t* tls, char* room) noexcept nogil:
    """Kind and bits of the key of our certificate: RSA2048."""
    cdef EVP_PKEY* key = X509_get0_pubkey(SSL_get_certificate(tls.ssl)) if SSL_get_certificate(tls.ssl) != NULL else NULL
    cdef slice_t name
    cdef int kind
    if key == NULL:
        return slice_of(NULL, 0)
    kind = EVP_PKEY_get_base_id(key)
    name = slice_of(b"RSA", 3) if kind == EVP_PKEY_RSA else slice_of(b"EC", 2) if kind == EVP_PKEY_EC else \
        slice_of(b"DSA", 3) if kind == EVP_PKEY_DSA else slice_of(NULL, 0)
    if name.len == 0:
        return name
    memcpy(room, name.ptr, name.len)
    return slice_of(room, name.len + addr_write_u32(room + name.len, <uint32_t> EVP_PKEY_get_bits(key)))


cdef void _add_tlv(writer_t* out, stream_t* strm, const pp_tlv_t* tlv) noexcept nogil:
    cdef const tls_t* tls = tls_of(strm.front)
    cdef char room[KEY_TEXT]
    cdef eval_t ev
    cdef slice_t text
    cdef uint8_t* at
    if not tlv.is_nested:
        _close_tls(out)
    if tlv.value == PP_V_TLS:
        _open_tls(out, tlv.type, tls)
    elif tlv.value == PP_V_CHECKSUM:
        at = _add(out, tlv.type, CHECKSUM_LEN)
        if at != NULL:
            out.checksum_at = <uint32_t> (at - out.dst)
    elif tlv.value == PP_V_UNIQUE_ID:
        _add_text(out, tlv.type, unique_id_of(strm))
    elif tlv.value == PP_V_KEY:
        if tls != NULL:
            _add_text(out, tlv.type, _key_text(tls, room))
    else:
        eval_stream(&ev, strm, EVAL_O_FINAL)
        ev.scratch.used = 0
        if lf_text(&ev, tlv.format, TEXT_MAX, &text):
            _add_text(out, tlv.type, text)


cdef uint32_t proxy_header(stream_t* strm, uint8_t* dst, uint32_t capacity) noexcept nogil:
    cdef const link_t* link = <const link_t*> strm.srv.link
    cdef writer_t out
    cdef uint32_t i
    out.dst = dst
    out.capacity = capacity if capacity < PROXY_HEADER_MAX else PROXY_HEADER_MAX
    out.len = pp_encode(strm.srv.send_proxy, dst, capacity, &strm.front.peer, conn_local(strm.front))
    if strm.srv.send_proxy != 2 or link == NULL or link.n_tlvs == 0 or out.len == 0:
        return out.len
    out.checksum_at = out.tls_at = 0
    for i in range(link.n_tlvs):
        _add_tlv(&out, strm, &link.tlvs[i])
    _close_tls(&out)
    _put_length(dst + PP_V2_HEAD - 2, out.len - PP_V2_HEAD)
    if out.checksum_at:
        pp_checksum(dst, out.len, out.checksum_at)
    return out.len
