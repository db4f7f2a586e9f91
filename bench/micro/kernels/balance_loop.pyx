# Loops over the balancing algorithms for bench/micro. Built by bench/micro/build.py, not part of the product.
# Knows lb/balance and where a program keeps a backend.

from libc.stdint cimport uint32_t

from fastlb_core.bridge.builder cimport Program
from fastlb_core.lb.balance cimport lb_pick, lb_release, lb_set_process
from fastlb_core.lb.server cimport PICK_OK, lb_t, srv_t


def pick_and_release(Program program, int proxy, int pid, uint32_t rounds):
    """Picks a server for a new stream and gives its slot back, `rounds` times; returns how often one was found."""
    cdef lb_t* lb = &program.ptr.proxies[proxy].lb
    cdef srv_t* srv = NULL
    cdef uint32_t i, found = 0
    with nogil:
        lb_set_process(pid, 0)
        for i in range(rounds):
            if lb_pick(lb, i * <uint32_t> 2654435761, NULL, &srv) == PICK_OK:
                found += 1
                lb_release(lb, srv)
    return found
