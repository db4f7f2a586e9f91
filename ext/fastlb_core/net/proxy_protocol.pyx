# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# PROXY protocol: parser and writer. Section numbers are those of proxy-protocol.txt; see proxy_protocol.pxd.
#
# haproxy: AF_UNIX and unspecified families with the PROXY command, datagrams and unknown commands are refused, as there.
# Stricter than haproxy, as the specification says: no leading zeros, no port above 65535 (haproxy takes it modulo 65536).

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.net.address cimport (
    addr_port, addr_read_port, addr_read_v4, addr_read_v6, addr_write_u32, addr_write_v4, addr_write_v6,
)
from fastlb_core.net.conn_err cimport CONN_ERR_PP_BAD, CONN_ERR_PP_FAMILY, CONN_ERR_PP_NONE
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, htonl, htons, sockaddr_in, sockaddr_in6

cdef enum:
    V2_LOCAL = 0x20
    V2_PROXY = 0x21
    V2_TCP4 = 0x11
    V2_TCP6 = 0x21
    V2_TCP4_LEN = 12
    V2_TCP6_LEN = 36
    TLV_CRC32C = 0x03
    CRC32C_POLY = 0x82F63B78

cdef const char* SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


# -- parsing

cdef pp_result_t pp_parse(const uint8_t* data, uint32_t length, uint32_t* used, void* src, void* dst) noexcept nogil:
    cdef uint32_t n = length if length < 12 else 12
    if n == 0:
        return PP_NEED_MORE
    if memcmp(data, SIGNATURE, n) == 0:
        return parse_v2(data, length, used, src, dst) if length >= PP_V2_HEAD else early_v2(data, length)
    n = length if length < 6 else 6
    if memcmp(data, b"PROXY ", n) != 0:
        return PP_ERROR
    return parse_v1(<const char*> data, length, used, src, dst)


cdef conn_err_t pp_fault(const uint8_t* data, uint32_t length) noexcept nogil:
    """haproxy: another version is no PROXY header, another word in the place of TCP4 a family."""
    cdef const char* word = <const char*> data + 6
    if length > 12 and memcmp(data, SIGNATURE, 12) == 0:
        return CONN_ERR_PP_BAD if data[12] >> 4 == 2 else CONN_ERR_PP_NONE
    if length < 6 or memcmp(data, b"PROXY ", 6) != 0:
        return CONN_ERR_PP_NONE
    if length >= 11 and (memcmp(word, b"TCP4 ", 5) == 0 or memcmp(word, b"TCP6 ", 5) == 0 or memcmp(word, b"UNKNO", 5) == 0):
        return CONN_ERR_PP_BAD
    return CONN_ERR_PP_FAMILY


cdef pp_result_t early_v2(const uint8_t* data, uint32_t length) noexcept nogil:
    """What is wrong already in the first bytes need not be waited for."""
    if length > 12 and data[12] != V2_LOCAL and data[12] != V2_PROXY:
        return PP_ERROR
    return PP_NEED_MORE


cdef pp_result_t parse_v1(const char* line, uint32_t length, uint32_t* used, void* src, void* dst) noexcept nogil:
    cdef uint32_t end = 0
    cdef uint32_t limit = length if length < PP_V1_MAX else PP_V1_MAX
    cdef bint is_known
    while end < limit and line[end] != b'\n':
        # a CR ends the line and nothing else (section 2.1)
        if end and line[end - 1] == b'\r':
            return PP_ERROR
        end += 1
    if end == limit:
        return PP_ERROR if length >= PP_V1_MAX else PP_NEED_MORE
    if end < 7 or line[end - 1] != b'\r':
        return PP_ERROR
    used[0] = end + 1
    end -= 1
    line += 6
    end -= 6
    if end >= 7 and memcmp(line, b"UNKNOWN", 7) == 0:
        # whatever follows must be ignored
        return PP_OK if end == 7 or line[7] == b' ' else PP_ERROR
    if end <= 5:
        return PP_ERROR
    if memcmp(line, b"TCP4 ", 5) == 0:
        is_known = read_v1_addresses(AF_INET, line + 5, end - 5, src, dst)
    elif memcmp(line, b"TCP6 ", 5) == 0:
        is_known = read_v1_addresses(AF_INET6, line + 5, end - 5, src, dst)
    else:
        return PP_ERROR
    return PP_OK if is_known else PP_ERROR


cdef bint read_v1_addresses(int family, const char* text, uint32_t length, void* src, void* dst) noexcept nogil:
    """`source SP destination SP source-port SP destination-port`, nothing more and nothing less."""
    cdef uint8_t addresses[2][16]
    cdef uint16_t ports[2]
    cdef uint32_t start = 0, end
    cdef int field, port
    for field in range(4):
        end = start
        while end < length and text[end] != b' ':
            end += 1
        if (end == length) != (field == 3):
            return False
        if field >= 2:
            port = addr_read_port(text + start, end - start)
            if port < 0:
                return False
            ports[field - 2] = htons(<uint16_t> port)
        elif family == AF_INET:
            if not addr_read_v4(addresses[field], text + start, end - start):
                return False
        elif not addr_read_v6(addresses[field], text + start, end - start):
            return False
        start = end + 1
    set_sockaddr(src, family, addresses[0], ports[0])
    set_sockaddr(dst, family, addresses[1], ports[1])
    return True


cdef void set_sockaddr(void* into, int family, const uint8_t* address, uint16_t port) noexcept nogil:
    """port in network order."""
    cdef sockaddr_in* v4 = <sockaddr_in*> into
    cdef sockaddr_in6* v6 = <sockaddr_in6*> into
    if family == AF_INET:
        memset(v4, 0, sizeof(sockaddr_in))
        v4.sin_family = AF_INET
        v4.sin_port = port
        memcpy(&v4.sin_addr, address, 4)
    else:
        memset(v6, 0, sizeof(sockaddr_in6))
        v6.sin6_family = AF_INET6
        v6.sin6_port = port
        memcpy(&v6.sin6_addr, address, 16)


cdef pp_result_t parse_v2(const uint8_t* data, uint32_t length, uint32_t* used, void* src, void* dst) noexcept nogil:
    cdef uint32_t total = PP_V2_HEAD + (<uint32_t> data[14] << 8 | data[15])
    cdef uint32_t fixed = V2_TCP4_LEN if data[13] == V2_TCP4 else V2_TCP6_LEN
    cdef int family = AF_INET if data[13] == V2_TCP4 else AF_INET6
    cdef uint32_t size = 4 if data[13] == V2_TCP4 else 16
    cdef uint16_t ports[2]
    if data[12] != V2_LOCAL and data[12] != V2_PROXY or total > PP_MAX_LEN:
        return PP_ERROR
    if data[12] == V2_PROXY and (data[13] != V2_TCP4 and data[13] != V2_TCP6 or total < PP_V2_HEAD + fixed):
        return PP_ERROR
    if length < total:
        return PP_NEED_MORE
    used[0] = total
    if data[12] == V2_LOCAL:
        # the sender speaks for itself: the whole block is skipped (section 2.2)
        return PP_OK
    if not are_tlvs_sound(data, PP_V2_HEAD + fixed, total):
        return PP_ERROR
    data += PP_V2_HEAD
    memcpy(ports, data + 2 * size, 4)
    set_sockaddr(src, family, data, ports[0])
    set_sockaddr(dst, family, data + size, ports[1])
    return PP_OK


cdef bint are_tlvs_sound(const uint8_t* data, uint32_t at, uint32_t total) noexcept nogil:
    """The extensions from `at` fill the header exactly, and a checksum among them is right (section 2.2.3)."""
    cdef uint32_t size, n_checksums = 0
    while at < total:
        if total - at < 3:
            return False
        size = <uint32_t> data[at + 1] << 8 | data[at + 2]
        if size > total - at - 3:
            return False
        if data[at] == TLV_CRC32C:
            # one only: each costs a pass over the header
            n_checksums += 1
            if n_checksums > 1 or size != 4 or not is_crc_right(data, at + 3, total):
                return False
        at += 3 + size
    return True


cdef const uint8_t* pp_tlvs(const uint8_t* header, uint32_t used, uint32_t* length) noexcept nogil:
    cdef uint32_t fixed
    length[0] = 0
    if used < PP_V2_HEAD or memcmp(header, SIGNATURE, 12) != 0 or header[12] != V2_PROXY:
        return NULL
    fixed = PP_V2_HEAD + (V2_TCP4_LEN if header[13] == V2_TCP4 else V2_TCP6_LEN)
    if used <= fixed:
        return NULL
    length[0] = used - fixed
    return header + fixed


cdef slice_t pp_tlv_find(const uint8_t* tlvs, uint32_t length, uint8_t kind) noexcept nogil:
    cdef slice_t found = slice_of(NULL, 0)
    cdef uint32_t at = 0, size
    while length - at >= 3:
        size = <uint32_t> tlvs[at + 1] << 8 | tlvs[at + 2]
        if size > length - at - 3:
            break
        if tlvs[at] == kind:
            found = slice_of(<const char*> tlvs + at + 3, size)
        at += 3 + size
    return found


cdef uint32_t crc_of(const uint8_t* data, uint32_t crc_at, uint32_t total) noexcept nogil:
    """CRC-32C over the whole header with the four bytes of the checksum as zeros."""
    cdef uint32_t crc = 0xFFFFFFFF, i, byte
    cdef int _bit
    for i in range(total):
        byte = 0 if crc_at <= i < crc_at + 4 else data[i]
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (CRC32C_POLY if crc & 1 else 0)
    return ~crc


cdef bint is_crc_right(const uint8_t* data, uint32_t crc_at, uint32_t total) noexcept nogil:
    cdef const uint8_t* at = data + crc_at
    return crc_of(data, crc_at, total) == (<uint32_t> at[0] << 24 | <uint32_t> at[1] << 16 | <uint32_t> at[2] << 8 | at[3])


cdef void pp_checksum(uint8_t* header, uint32_t length, uint32_t at) noexcept nogil:
    cdef uint32_t crc = htonl(crc_of(header, at, length))
    memcpy(header + at, &crc, 4)


# -- writing

cdef int common_family(const void* client, const void* local) noexcept nogil:
    """AF_INET when both are, AF_INET6 when both are IP, else 0."""
    cdef int a = (<const sockaddr_in*> client).sin_family
    cdef int b = (<const sockaddr_in*> local).sin_family
    if a != AF_INET and a != AF_INET6 or b != AF_INET and b != AF_INET6:
        return 0
    return AF_INET if a == AF_INET and b == AF_INET else AF_INET6


cdef void address_bytes(uint8_t* into, int family, const void* address) noexcept nogil:
    """4 or 16 bytes for `family`; an IPv4 address is mapped into IPv6."""
    cdef const sockaddr_in* v4 = <const sockaddr_in*> address
    cdef const sockaddr_in6* v6 = <const sockaddr_in6*> address
    if v4.sin_family == AF_INET6:
        memcpy(into, &v6.sin6_addr, 16)
    elif family == AF_INET:
        memcpy(into, &v4.sin_addr, 4)
    else:
        memset(into, 0, 10)
        into[10] = into[11] = 0xFF
        memcpy(into + 12, &v4.sin_addr, 4)


cdef uint32_t pp_encode(int version, uint8_t* dst, uint32_t capacity, const void* client, const void* local) noexcept nogil:
    cdef int family = common_family(client, local)
    cdef uint8_t src[16]
    cdef uint8_t to[16]
    if capacity < PP_ENCODED_MAX:
        return 0
    if family:
        address_bytes(src, family, client)
        address_bytes(to, family, local)
    if version == 1:
        return encode_v1(<char*> dst, family, src, to, addr_port(client), addr_port(local))
    return encode_v2(dst, family, src, to, htons(addr_port(client)), htons(addr_port(local)))


cdef uint32_t encode_v1(
    char* dst, int family, const uint8_t* src, const uint8_t* to, uint16_t src_port, uint16_t to_port
) noexcept nogil:
    cdef uint32_t n = 11
    if family == 0:
        memcpy(dst, b"PROXY UNKNOWN\r\n", 15)
        return 15
    memcpy(dst, b"PROXY TCP4 " if family == AF_INET else b"PROXY TCP6 ", 11)
    n += addr_write_v4(dst + n, src) if family == AF_INET else addr_write_v6(dst + n, src)
    dst[n] = b' '
    n += 1
    n += addr_write_v4(dst + n, to) if family == AF_INET else addr_write_v6(dst + n, to)
    dst[n] = b' '
    n += 1
    n += addr_write_u32(dst + n, src_port)
    dst[n] = b' '
    n += 1
    n += addr_write_u32(dst + n, to_port)
    dst[n] = b'\r'
    dst[n + 1] = b'\n'
    return n + 2


cdef uint32_t encode_v2(
    uint8_t* dst, int family, const uint8_t* src, const uint8_t* to, uint16_t src_port, uint16_t to_port
) noexcept nogil:
    """Ports in network order."""
    cdef uint32_t size = 4 if family == AF_INET else 16
    memcpy(dst, SIGNATURE, 12)
    dst[14] = 0
    if family == 0:
        dst[12] = V2_LOCAL
        dst[13] = 0
        dst[15] = 0
        return PP_V2_HEAD
    dst[12] = V2_PROXY
    dst[13] = V2_TCP4 if family == AF_INET else V2_TCP6
    dst[15] = <uint8_t> (2 * size + 4)
    memcpy(dst + 16, src, size)
    memcpy(dst + 16 + size, to, size)
    memcpy(dst + 16 + 2 * size, &src_port, 2)
    memcpy(dst + 18 + 2 * size, &to_port, 2)
    return PP_V2_HEAD + 2 * size + 4
