# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Fills the structs of proxy/stick_table.pxd; contracts in layout_stick.pxd.

from libc.stdint cimport uint32_t

from fastlb_core.proxy.stick_table cimport STICK_F_NOPURGE, STICK_F_SRVKEY_ADDR, STICK_TYPES, stick_init, stick_layout

import os


cdef int fill_table(stick_table_t* table, dict values, uint32_t n_workers) except -1:
    table.key_type = values["key_type"]
    table.key_size = values["key_size"]
    table.size = values["size"]
    table.expire_ms = values["expire_ms"]
    table.flags = (STICK_F_NOPURGE if values["nopurge"] else 0) | (STICK_F_SRVKEY_ADDR if values["srvkey_addr"] else 0)
    for number, elements, period_ms in values["store"]:
        if not 0 <= number < STICK_TYPES:
            raise ValueError(number)
        table.count[<uint32_t> number] = elements
        table.period_ms[<uint32_t> number] = period_ms
    if not stick_layout(table, n_workers):
        raise MemoryError("a stick table is larger than the address space")
    return 0


cdef int share_table(stick_table_t* table, arena_t* arena) except -1:
    seed = os.urandom(16)
    if not stick_init(table, arena, int.from_bytes(seed[:8], "little"), int.from_bytes(seed[8:], "little")):
        raise MemoryError("the shared arena is too small")
    return 0
