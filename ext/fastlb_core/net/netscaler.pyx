# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# NetScaler's Client IP insertion: the parser. Both forms begin with the magic number and a length, each of 4 bytes:
#
#     old    magic  length of the rest     IP header  TCP header
#     new    magic  length of the header   type (1)  length of the rest  IP header  TCP header      2 bytes each
#
# haproxy: tells them apart by the IP version that follows the first length, and goes by the length of the rest in both. Stricter
# than haproxy: both headers must lie inside that length, and the type must be 1.

from libc.stdint cimport uint16_t
from libc.string cimport memcpy, memset

from fastlb_core.net.conn_err cimport CONN_ERR_CIP_FAMILY, CONN_ERR_CIP_MAGIC
from fastlb_core.net.proxy_protocol cimport PP_ERROR, PP_NEED_MORE, PP_OK
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, htons, sockaddr_in, sockaddr_in6

cdef enum:
    OLD_HEAD = 8
    NEW_HEAD = 12
    NEW_TYPE = 1
    V4_MIN = 20
    V6_LEN = 40
    TCP_MIN = 20
    PROTOCOL_TCP = 6


cdef inline uint32_t _u16(const uint8_t* at) noexcept nogil:
    return <uint32_t> at[0] << 8 | at[1]


cdef inline uint32_t _u32(const uint8_t* at) noexcept nogil:
    return _u16(at) << 16 | _u16(at + 2)


cdef void _put(void* out, int family, const uint8_t* host, const uint8_t* port) noexcept nogil:
    memset(out, 0, sizeof(sockaddr_in6))
    if family == AF_INET:
        (<sockaddr_in*> out).sin_family = AF_INET
        memcpy(&(<sockaddr_in*> out).sin_addr, host, 4)
    else:
        (<sockaddr_in6*> out).sin6_family = AF_INET6
        memcpy(&(<sockaddr_in6*> out).sin6_addr, host, 16)
    (<sockaddr_in*> out).sin_port = htons(<uint16_t> _u16(port))


cdef bint _packet(const uint8_t* ip, uint32_t length, void* src, void* dst) noexcept nogil:
    """Takes the addresses out of `length` bytes of IP and TCP headers."""
    cdef uint32_t ip_len
    cdef const uint8_t* tcp
    if length < V4_MIN:
        return False
    if ip[0] >> 4 == 4:
        ip_len = (ip[0] & 15) * 4
        if ip_len < V4_MIN or ip[9] != PROTOCOL_TCP or length < ip_len + TCP_MIN:
            return False
        tcp = ip + ip_len
        _put(src, AF_INET, ip + 12, tcp)
        _put(dst, AF_INET, ip + 16, tcp + 2)
        return True
    if ip[0] >> 4 != 6 or ip[6] != PROTOCOL_TCP or length < V6_LEN + TCP_MIN:
        return False
    tcp = ip + V6_LEN
    _put(src, AF_INET6, ip + 8, tcp)
    _put(dst, AF_INET6, ip + 24, tcp + 2)
    return True


cdef pp_result_t cip_parse(const uint8_t* data, uint32_t length, uint32_t magic, uint32_t* used, void* src,
                           void* dst) noexcept nogil:
    cdef uint32_t head = OLD_HEAD, rest
    cdef uint8_t version
    cdef uint32_t i
    for i in range(4 if length > 4 else length):
        if data[i] != <uint8_t> (magic >> (24 - 8 * i)):
            return PP_ERROR
    if length < NEW_HEAD:
        # The shortest header is longer than this.
        return PP_NEED_MORE
    version = data[OLD_HEAD] >> 4
    rest = _u32(data + 4)
    if version != 4 and version != 6:
        head = NEW_HEAD
        if _u16(data + 8) != NEW_TYPE:
            return PP_ERROR
        rest = _u16(data + 10)
    if rest < V4_MIN + TCP_MIN or rest > CIP_MAX_LEN:
        return PP_ERROR
    if length < head + rest:
        return PP_NEED_MORE
    if not _packet(data + head, rest, src, dst):
        return PP_ERROR
    used[0] = head + rest
    return PP_OK


cdef conn_err_t cip_fault(const uint8_t* data, uint32_t length, uint32_t magic) noexcept nogil:
    return CONN_ERR_CIP_FAMILY if length >= 4 and _u32(data) == magic else CONN_ERR_CIP_MAGIC
