# cython: language_level=3
# Testing access to one bandwidth limiter that counts by itself, driven from Python with a clock from outside.
#
# Knows how a filter's arguments lie. Must not be imported outside tests/.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.program.expr cimport ARG_UNSET, arg_t
from fastlb_core.program.rules cimport rule_t
from fastlb_core.proxy.bandwidth cimport (
    BWLIM_IS_BEHIND, BWLIM_KEY, BWLIM_LIMIT, BWLIM_MIN_SIZE, BWLIM_PERIOD, limiter_allows, limiter_count, limiter_disable,
    limiter_enable, limiter_t,
)


cdef class Limiter:
    """A limit of bytes in a period (ms). Times in ms."""

    cdef arg_t args[7]
    cdef rule_t filter
    cdef limiter_t limiter

    def __cinit__(self, limit: int, period_ms: int, min_size: int = 0):
        memset(self.args, 0, sizeof(self.args))
        self.args[<uint32_t> BWLIM_LIMIT].num = limit
        self.args[<uint32_t> BWLIM_PERIOD].num = period_ms
        self.args[<uint32_t> BWLIM_MIN_SIZE].num = min_size
        self.args[<uint32_t> BWLIM_KEY].type = ARG_UNSET
        self.args[<uint32_t> BWLIM_IS_BEHIND].num = 0
        self.filter.args = self.args
        limiter_enable(&self.limiter, NULL, &self.filter, 0, 0)

    def __dealloc__(self):
        limiter_disable(&self.limiter)

    def allows(self, now_ms: int, rest: int = 0) -> tuple[int, int]:
        """(bytes, ms to wait): rest: bytes known to be the last ones."""
        cdef uint64_t wait_ms = 0
        cdef uint64_t allowed = limiter_allows(&self.limiter, rest, now_ms, &wait_ms)
        return allowed, wait_ms

    def count(self, n: int, now_ms: int) -> None:
        limiter_count(&self.limiter, n, now_ms)
