# The lists of one stripe; contracts in stick_list.pxd.
#
# Knows links. A process may be killed between any two stores here: what a rebuild reads (is_used, hash, key, touched_ms, held)
# is never half written, see stick_store; all links are made from it again.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.atomic cimport store_u32
from fastlb_core.proxy.stick_table cimport stick_buckets, stick_entry, stick_held


cdef uint32_t stick_at(const stick_table_t* table, const stick_stripe_t* stripe, const stick_entry_t* entry) noexcept nogil:
    cdef uint64_t bytes = <const char*> entry - <const char*> stick_entry(table, stripe, 1)
    return <uint32_t> (bytes // table.entry_size) + 1


cdef void stick_age_append(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil:
    cdef uint32_t at = stick_at(table, stripe, entry)
    entry.older = stripe.newest
    entry.newer = 0
    if stripe.newest:
        stick_entry(table, stripe, stripe.newest).newer = at
    else:
        stripe.oldest = at
    stripe.newest = at


cdef void stick_age_remove(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil:
    if entry.older:
        stick_entry(table, stripe, entry.older).newer = entry.newer
    else:
        stripe.oldest = entry.newer
    if entry.newer:
        stick_entry(table, stripe, entry.newer).older = entry.older
    else:
        stripe.newest = entry.older
    entry.older = 0
    entry.newer = 0


cdef uint32_t* stick_bucket(const stick_table_t* table, const stick_stripe_t* stripe, uint64_t hash) noexcept nogil:
    # The low bits chose the stripe.
    return stick_buckets(table, stripe) + (hash >> 16 & (table.n_buckets - 1))


cdef void stick_link(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil:
    cdef uint32_t* head = stick_bucket(table, stripe, entry.hash)
    entry.next = head[0]
    head[0] = stick_at(table, stripe, entry)
    stripe.n_used += 1


cdef void stick_unlink(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil:
    cdef uint32_t* link = stick_bucket(table, stripe, entry.hash)
    cdef uint32_t at = stick_at(table, stripe, entry)
    store_u32(&entry.is_used, 0)
    while link[0] != at:
        link = &stick_entry(table, stripe, link[0]).next
    link[0] = entry.next
    entry.next = stripe.free
    stripe.free = at
    stripe.n_used -= 1


cdef stick_entry_t* stick_take_free(const stick_table_t* table, stick_stripe_t* stripe) noexcept nogil:
    cdef stick_entry_t* entry
    if stripe.free:
        entry = stick_entry(table, stripe, stripe.free)
        stripe.free = entry.next
        return entry
    if stripe.n_made >= table.capacity:
        return NULL
    stripe.n_made += 1
    return stick_entry(table, stripe, stripe.n_made)


# -- rebuilding

cdef uint32_t _merge(const stick_table_t* table, const stick_stripe_t* stripe, uint32_t a, uint32_t b) noexcept nogil:
    """Two chains over `newer`, each by age, become one; older links are set later."""
    cdef uint32_t head = 0
    cdef uint32_t* link = &head
    while a and b:
        if stick_entry(table, stripe, b).touched_ms < stick_entry(table, stripe, a).touched_ms:
            link[0] = b
            link = &stick_entry(table, stripe, b).newer
            b = link[0]
        else:
            link[0] = a
            link = &stick_entry(table, stripe, a).newer
            a = link[0]
    link[0] = a if a else b
    return head


cdef void _sort_by_age(const stick_table_t* table, stick_stripe_t* stripe, uint32_t chain) noexcept nogil:
    """Merge sort of a chain over `newer`, without memory of its own: runs[i] is a sorted chain of 2^i entries."""
    cdef uint32_t runs[32]
    cdef uint32_t at, i
    cdef stick_entry_t* entry
    memset(runs, 0, sizeof(runs))
    while chain:
        at = chain
        entry = stick_entry(table, stripe, at)
        chain = entry.newer
        entry.newer = 0
        i = 0
        while i < 31 and runs[i]:
            at = _merge(table, stripe, runs[i], at)
            runs[i] = 0
            i += 1
        runs[i] = at
    for i in range(32):
        chain = _merge(table, stripe, runs[i], chain)
    stripe.oldest = 0
    stripe.newest = 0
    while chain:
        entry = stick_entry(table, stripe, chain)
        chain = entry.newer
        stick_age_append(table, stripe, entry)


cdef uint32_t _count_refs(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    cdef const uint32_t* held = stick_held(table, entry)
    cdef uint32_t i, n = 0
    for i in range(table.n_workers):
        n += held[i]
    return n


cdef void stick_rebuild(const stick_table_t* table, stick_stripe_t* stripe) noexcept nogil:
    cdef uint32_t chain = 0
    cdef uint32_t at
    cdef stick_entry_t* entry
    memset(stick_buckets(table, stripe), 0, 4 * <uint64_t> table.n_buckets)
    stripe.free = 0
    stripe.n_used = 0
    if stripe.n_made > table.capacity:
        stripe.n_made = table.capacity
    # From the end, so that the free ones are used from the beginning and entries of one age stay in order.
    for at in range(stripe.n_made, 0, -1):
        entry = stick_entry(table, stripe, at)
        if not entry.is_used:
            entry.next = stripe.free
            stripe.free = at
            continue
        stick_link(table, stripe, entry)
        entry.older = 0
        entry.newer = 0
        entry.n_refs = _count_refs(table, entry)
        if entry.n_refs == 0:
            entry.newer = chain
            chain = at
    _sort_by_age(table, stripe, chain)
    stripe.generation = stripe.lock.generation + 1


# -- tests

cdef bint _ages_agree(const stick_table_t* table, const stick_stripe_t* stripe, uint32_t unreferenced) noexcept nogil:
    cdef uint32_t at = stripe.oldest
    cdef uint32_t before = 0
    cdef uint32_t n = 0
    cdef const stick_entry_t* entry
    while at and n <= stripe.n_made:
        entry = stick_entry(table, stripe, at)
        if not entry.is_used or entry.n_refs or entry.older != before:
            return False
        if before and stick_entry(table, stripe, before).touched_ms > entry.touched_ms:
            return False
        before = at
        at = entry.newer
        n += 1
    return stripe.newest == before and n == unreferenced


cdef bint stick_lists_agree(const stick_table_t* table, const stick_stripe_t* stripe) noexcept nogil:
    cdef uint32_t used = 0
    cdef uint32_t unreferenced = 0
    cdef uint32_t free = 0
    cdef uint32_t at, found
    cdef const stick_entry_t* entry
    for at in range(1, stripe.n_made + 1):
        entry = stick_entry(table, stripe, at)
        if not entry.is_used:
            continue
        used += 1
        if entry.n_refs != _count_refs(table, entry):
            return False
        if entry.n_refs == 0:
            unreferenced += 1
        found = stick_bucket(table, stripe, entry.hash)[0]
        while found and found != at:
            found = stick_entry(table, stripe, found).next
        if not found:
            return False
    at = stripe.free
    while at and free <= stripe.n_made:
        free += 1
        at = stick_entry(table, stripe, at).next
    return used == stripe.n_used and free + used == stripe.n_made and _ages_agree(table, stripe, unreferenced)
