# From collected values to a stick table's description and its piece of the arena.
#
# Knows what compile/stick.py hands over. Must not know where a table's description is kept.

from libc.stdint cimport uint32_t
from fastlb_core.base.arena cimport arena_t
from fastlb_core.proxy.stick_table cimport stick_table_t

# Fills everything but the name, from key_type, key_size, size, expire_ms (0: never), nopurge, srvkey_addr and store: a list of
# (stick_type_t, elements, period in ms). Then stick_bytes tells what the arena must hold. Raises MemoryError for a size that no
# address space has.
cdef int fill_table(stick_table_t* table, dict values, uint32_t n_workers) except -1
# Takes the table's piece of the arena. Raises MemoryError.
cdef int share_table(stick_table_t* table, arena_t* arena) except -1
