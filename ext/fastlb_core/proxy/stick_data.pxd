# The values of a stick table's entry: counters, tags, rates, the server that it sticks to.
#
# Knows what each data type counts as. Must not know keys or lists. Everything here wants the entry's stripe locked by the
# caller (stick_find, stick_lock in stick_store).

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.proxy.stick_table cimport stick_entry_t, stick_rate_t, stick_table_t

# Events over the last period (ms), seen at now_ms. haproxy: a lone event of the last period counts in full until it is over.
cdef uint64_t stick_rate_read(const stick_rate_t* rate, uint32_t period_ms, uint64_t now_ms) noexcept nogil
# ms until stick_rate_read answers `most` or less, if nothing is added meanwhile; 0: it does now.
cdef uint64_t stick_rate_wait(const stick_rate_t* rate, uint32_t period_ms, uint64_t most, uint64_t now_ms) noexcept nogil
cdef void stick_rate_add(stick_rate_t* rate, uint32_t period_ms, uint64_t n, uint64_t now_ms) noexcept nogil

# Element `index` of a value; the caller has asked stick_stores. Texts read as 0.
cdef int64_t stick_value(
    const stick_table_t* table, const stick_entry_t* entry, uint32_t type, uint32_t index, uint64_t now_ms) noexcept nogil
# Adds n to a counter or n events to a rate, and returns the new value; nothing and 0 where it is not stored.
cdef int64_t stick_add(
    const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, uint64_t n, uint64_t now_ms) noexcept nogil
# Sets a counter; a rate reads `value` for a period, and decays then. False where it is not stored or is a text.
cdef bint stick_set(
    const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, int64_t value,
    uint64_t now_ms) noexcept nogil
# The connection of worker `worker` that is tracked begins (+1) or ends (-1) to count in conn_cur.
cdef void stick_cur_add(const stick_table_t* table, stick_entry_t* entry, uint32_t worker, int32_t n) noexcept nogil
# server_key; longer ones are cut at STICK_TEXT_MAX bytes, when read and compared too.
cdef slice_t stick_text(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil
cdef void stick_text_set(const stick_table_t* table, stick_entry_t* entry, slice_t text) noexcept nogil
# gpc0, gpc1, gpt0 and their rates live in the arrays where the table has those instead: changes *type and *index then.
# Returns whether the value is stored.
cdef bint stick_resolve(const stick_table_t* table, uint32_t* type, uint32_t* index) noexcept nogil
