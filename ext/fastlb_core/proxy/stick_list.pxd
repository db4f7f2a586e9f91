# The lists of one stripe of a stick table: buckets, ages and free entries, and how they are made anew.
#
# Knows links. Must not know locks, expiry nor the table's total. The caller holds the stripe.

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.proxy.stick_table cimport stick_entry_t, stick_stripe_t, stick_table_t

# index + 1 of an entry of this stripe.
cdef uint32_t stick_at(const stick_table_t* table, const stick_stripe_t* stripe, const stick_entry_t* entry) noexcept nogil
# Appends to, or takes from, the list of unreferenced entries by age.
cdef void stick_age_append(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil
cdef void stick_age_remove(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil
# Head of the bucket for this hash.
cdef uint32_t* stick_bucket(const stick_table_t* table, const stick_stripe_t* stripe, uint64_t hash) noexcept nogil
# Makes a used, unlinked entry findable and counts it; and the reverse, after which it is free.
cdef void stick_link(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil
cdef void stick_unlink(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil
# A free entry taken out of the list, or one that was never used; NULL when the stripe is full.
cdef stick_entry_t* stick_take_free(const stick_table_t* table, stick_stripe_t* stripe) noexcept nogil
# All lists, n_used and n_refs anew from is_used, hash, touched_ms and held[] of the entries.
cdef void stick_rebuild(const stick_table_t* table, stick_stripe_t* stripe) noexcept nogil
# For tests: the lists agree with the entries.
cdef bint stick_lists_agree(const stick_table_t* table, const stick_stripe_t* stripe) noexcept nogil
