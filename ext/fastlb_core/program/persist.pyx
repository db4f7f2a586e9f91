# Servers by cookie; contracts in persist.pxd.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.atomic cimport load_u64
from fastlb_core.base.hash cimport hash_djb2
from fastlb_core.base.slice cimport same_bytes, slice_of, slice_t
from fastlb_core.base.xxhash cimport xxh64
from fastlb_core.lb.server cimport lb_t, srv_t
from fastlb_core.lb.shared cimport srv_is_reachable
from fastlb_core.net.address cimport addr_port
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, htonl, sockaddr_in, sockaddr_in6

cdef enum:
    DIGITS = 16                  # of a dynamic cookie
    KEY_MAX = 2048               # bytes of a key that count: a line of the configuration has no more


cdef uint64_t persist_hash(slice_t key, const srv_t* srv) noexcept nogil:
    """# haproxy: the key, the IP address and the port (or its offset) in 32 bits, as the network orders them."""
    cdef char text[KEY_MAX + 16 + 4]
    cdef const sockaddr_in* v4 = <const sockaddr_in*> srv.sh.addr
    cdef uint32_t n = key.len if key.len < KEY_MAX else KEY_MAX
    cdef uint32_t port = <uint32_t> (<int> addr_port(v4) + srv.port_offset)
    memcpy(text, key.ptr, n)
    if v4.sin_family == AF_INET:
        memcpy(text + n, &v4.sin_addr, 4)
        n += 4
    elif v4.sin_family == AF_INET6:
        memcpy(text + n, &(<const sockaddr_in6*> v4).sin6_addr, 16)
        n += 16
    else:
        return 0
    port = htonl(port)
    memcpy(text + n, &port, 4)
    return xxh64(text, n + 4, 0)


cdef slice_t srv_cookie(const srv_t* srv, char* room) noexcept nogil:
    cdef uint64_t value = 0 if srv.cookie.len else load_u64(&srv.sh.cookie)
    cdef int i = DIGITS
    if value == 0:
        return srv.cookie
    while i:
        i -= 1
        room[i] = b"0123456789abcdef"[value & 15]
        value >>= 4
    room[DIGITS] = PREFIX_DELIM
    return slice_of(room, DIGITS)


cdef uint64_t _read_dynamic(slice_t value) noexcept nogil:
    """The dynamic cookie that the text is, or 0."""
    cdef uint64_t number = 0
    cdef uint32_t i
    cdef uint8_t c
    if value.len != DIGITS:
        return 0
    for i in range(value.len):
        c = <uint8_t> value.ptr[i]
        if 48 <= c <= 57:
            number = number << 4 | <uint64_t> (c - 48)
        elif 97 <= c <= 102:
            number = number << 4 | <uint64_t> (c - 87)
        else:
            return 0
    return number


cdef srv_t* _find_dynamic(const lb_t* lb, uint64_t cookie, bint even_down, bint* is_known) noexcept nogil:
    cdef uint32_t i
    cdef srv_t* srv
    for i in range(lb.n_servers):
        srv = lb.servers[i]
        if load_u64(&srv.sh.cookie) == cookie:
            is_known[0] = True
            if even_down or srv_is_reachable(srv.sh):
                return srv
    return NULL


cdef inline uint32_t* slot_of(const persist_t* conf, slice_t value) noexcept nogil:
    return &conf.slots[hash_djb2(value.ptr, value.len) & conf.mask]


cdef void persist_index(persist_t* conf, const lb_t* lb) noexcept nogil:
    cdef uint32_t i = lb.n_servers
    cdef uint32_t* slot
    # From the last one, so that each chain begins with the first.
    while i:
        i -= 1
        if lb.servers[i].cookie.len:
            slot = slot_of(conf, lb.servers[i].cookie)
            conf.next[i] = slot[0]
            slot[0] = i + 1


cdef srv_t* persist_find(
    const persist_t* conf, const lb_t* lb, slice_t value, bint even_down, bint* is_known
) noexcept nogil:
    cdef uint32_t at
    cdef uint64_t dynamic
    cdef srv_t* srv
    is_known[0] = False
    if value.len == 0:
        return NULL
    at = slot_of(conf, value)[0]
    while at:
        srv = lb.servers[at - 1]
        at = conf.next[at - 1]
        if srv.cookie.len != value.len or not same_bytes(srv.cookie.ptr, value.ptr, value.len):
            continue
        is_known[0] = True
        if even_down or srv_is_reachable(srv.sh):
            return srv
    dynamic = _read_dynamic(value)
    return _find_dynamic(lb, dynamic, even_down, is_known) if dynamic else NULL
