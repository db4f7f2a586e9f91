# What `compression` says of a proxy, in the program's memory. Knows fields only; must not know when anything is compressed.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t

cdef enum:                       # comp_conf_t.directions
    COMP_DIR_RES = 1
    COMP_DIR_REQ = 2

cdef struct comp_conf_t:
    uint8_t directions           # COMP_DIR_*: what is compressed
    uint8_t algos[4]             # of answers: coding_t (http/packer.pxd), the last one first, as haproxy tries them
    uint8_t n_algos
    uint8_t offload              # Accept-Encoding does not reach the server
    uint32_t n_types
    slice_t* types               # owned (program memory): beginnings of media types
    uint32_t minsize             # answers whose length is known to be less stay as they are
    uint8_t algo_req             # coding_t of requests, 0: none
    uint32_t n_types_req
    slice_t* types_req           # owned (program memory)
    uint32_t minsize_req
