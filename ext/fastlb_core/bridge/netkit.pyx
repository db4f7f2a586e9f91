# cython: language_level=3
# Test shim: the PROXY protocol, address texts and splice pipes of net/, callable from pytest.
#
# Knows only how to hand bytes over. Must not be imported by anything but tests and benchmarks.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.net.address cimport (
    ADDR_TEXT_MAX, addr_read_port, addr_read_v4, addr_read_v6, addr_write_ip, addr_write_u32, addr_write_v4, addr_write_v6,
)
from fastlb_core.net.netscaler cimport cip_parse
from fastlb_core.net.pipe cimport pipe_give, pipe_pool_destroy, pipe_pool_init, pipe_pool_t, pipe_t, pipe_take
from fastlb_core.net.proxy_protocol cimport (
    PP_ERROR, PP_NEED_MORE, PP_OK, pp_encode, pp_parse, pp_result_t,
)

OK = PP_OK
NEED_MORE = PP_NEED_MORE
ERROR = PP_ERROR


def parse(bytes data, magic=None):
    """(result, bytes used, source sockaddr, destination sockaddr); sockaddrs of 28 bytes, untouched ones are 28 x 0xEE.

    magic: of NetScaler's header; None: a PROXY header is read.

    The bytes are copied to a heap block of exactly their length, so that a sanitizer sees a read past the end.
    """
    cdef uint8_t src[28]
    cdef uint8_t dst[28]
    cdef uint32_t used = 0
    cdef uint8_t* copy = <uint8_t*> malloc(len(data) or 1)
    if copy == NULL:
        raise MemoryError
    memcpy(copy, <const char*> data, len(data))
    memset(src, 0xEE, 28)
    memset(dst, 0xEE, 28)
    cdef pp_result_t result
    if magic is None:
        result = pp_parse(copy, <uint32_t> len(data), &used, src, dst)
    else:
        result = cip_parse(copy, <uint32_t> len(data), magic, &used, src, dst)
    free(copy)
    return result, used, (<char*> src)[:28], (<char*> dst)[:28]


def encode(int version, bytes client, bytes local, uint32_t capacity=256):
    """The header that pp_encode writes; b"" where `capacity` is too small."""
    cdef uint8_t into[256]
    cdef uint32_t n = pp_encode(version, into, capacity, <const char*> client, <const char*> local)
    return (<char*> into)[:n]


def write_v4(bytes address):
    cdef char into[ADDR_TEXT_MAX]
    return into[:addr_write_v4(into, <const uint8_t*> <const char*> address)]


def write_v6(bytes address):
    cdef char into[ADDR_TEXT_MAX]
    return into[:addr_write_v6(into, <const uint8_t*> <const char*> address)]


def write_ip(bytes sockaddr):
    cdef char into[ADDR_TEXT_MAX]
    return into[:addr_write_ip(into, <const char*> sockaddr)]


def write_u32(uint32_t number):
    cdef char into[16]
    return into[:addr_write_u32(into, number)]


def read_v4(bytes text):
    cdef uint8_t address[4]
    return (<char*> address)[:4] if addr_read_v4(address, <const char*> text, <uint32_t> len(text)) else None


def read_v6(bytes text):
    cdef uint8_t address[16]
    return (<char*> address)[:16] if addr_read_v6(address, <const char*> text, <uint32_t> len(text)) else None


def read_port(bytes text):
    return addr_read_port(<const char*> text, <uint32_t> len(text))


cdef class PipePool:
    """A pool of splice pipes; taken pipes are known by their read descriptor."""

    cdef pipe_pool_t pool
    cdef dict taken

    def __cinit__(self, max_used):
        pipe_pool_init(&self.pool, max_used)
        self.taken = {}

    def __dealloc__(self):
        pipe_pool_destroy(&self.pool)

    def take(self):
        """(read descriptor, write descriptor, size), or None when there is none to be had."""
        cdef pipe_t* pipe = pipe_take(&self.pool)
        if pipe == NULL:
            return None
        self.taken[pipe.fd_read] = <size_t> pipe
        return pipe.fd_read, pipe.fd_write, pipe.size

    def give(self, fd_read, n_left=0):
        cdef size_t pipe = self.taken.pop(fd_read)
        pipe_give(&self.pool, <pipe_t*> pipe, n_left)

    def destroy(self):
        pipe_pool_destroy(&self.pool)

    @property
    def counts(self):
        """(free, used, opened)."""
        return self.pool.n_free, self.pool.n_used, self.pool.n_opened
