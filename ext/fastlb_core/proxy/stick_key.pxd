# Keys of stick tables: from a sample to the bytes under which an entry is kept, and their hash.
#
# Knows what each type of table makes of a value (manual, section 4.2 "stick-table"). Must not know entries.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastlb_core.program.sample cimport eval_t, sample_t
from fastlb_core.proxy.stick_table cimport stick_table_t

cdef struct stick_key_t:
    const char* ptr              # borrowed: own, the sample's bytes or the scratch area; valid until the rule ends
    uint32_t len                 # bytes, at most the table's key_size
    uint64_t hash
    uint8_t own[16]              # inline: addresses and integers

# Casts a copy of the sample to the table's type; strings are cut at key_size, data is cut or padded with zeros. False: the
# value cannot be such a key, or there is no room to pad it. The key must not be moved: it may point into itself.
cdef bint stick_key_of(const stick_table_t* table, eval_t* ev, const sample_t* smp, stick_key_t* key) noexcept nogil
# A key from bytes that are as the table keeps them (of an entry, or made by control). False: a length that cannot be.
cdef bint stick_key_raw(const stick_table_t* table, const char* ptr, uint32_t length, stick_key_t* key) noexcept nogil
# The smp_type_t that a sample is cast to for this table.
cdef uint8_t stick_key_sample_type(const stick_table_t* table) noexcept nogil
# What stands in an entry as a sample: for sc_key. bytes: borrowed by the sample.
cdef void stick_key_sample(const stick_table_t* table, const char* bytes, uint32_t length, sample_t* smp) noexcept nogil
