# Entries of a stick table into another one; contracts in stick_copy.pxd.
#
# The oldest goes first: a table's lists are in order of age, and what has no room pushes out the oldest.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcpy

from fastlb_core.proxy.stick_data cimport stick_text, stick_text_set
from fastlb_core.proxy.stick_key cimport stick_key_raw, stick_key_t
from fastlb_core.proxy.stick_store cimport stick_find_or_make, stick_lock, stick_next, stick_touch, stick_unlock
from fastlb_core.proxy.stick_table cimport (
    STICK_KIND_RATE, STICK_KIND_TEXT, STICK_SERVER_ID, STICK_TYPES, stick_entry_t, stick_key_bytes, stick_kind, stick_rate_t,
)

cdef enum:
    FIRST_ROOM = 1024            # entries

# A place in the old table. Whatever stands there later belongs to the same stripe.
cdef struct aged_t:
    uint64_t touched_ms
    const stick_entry_t* entry   # borrowed (the table)


cdef bint stick_is_alike(const stick_table_t* a, const stick_table_t* b) noexcept nogil:
    return a.key_type == b.key_type and a.key_size == b.key_size


cdef int _by_age(const void* a, const void* b) noexcept nogil:
    cdef uint64_t first = (<const aged_t*> a).touched_ms
    cdef uint64_t second = (<const aged_t*> b).touched_ms
    return -1 if first < second else 1 if first > second else 0


cdef int64_t _collect(const stick_table_t* source, uint64_t since_ms, uint64_t now_ms, aged_t** found) noexcept nogil:
    """The places of the entries, for the caller to free; -1 when memory is short."""
    cdef int64_t n = 0, room = 0
    cdef uint64_t at = 0
    cdef stick_entry_t* entry
    cdef aged_t* grown
    while True:
        entry = stick_next(source, &at, now_ms)
        if entry == NULL:
            return n
        if n == room:
            room = 2 * room if room else FIRST_ROOM
            grown = <aged_t*> realloc(found[0], room * sizeof(aged_t))
            if grown == NULL:
                stick_unlock(source, entry)
                return -1
            found[0] = grown
        # What is being tracked stays young until that ends.
        found[0][n].touched_ms = now_ms if entry.n_refs else entry.touched_ms
        found[0][n].entry = entry
        if found[0][n].touched_ms >= since_ms:
            n += 1
        stick_unlock(source, entry)


cdef uint64_t _server_now(const stick_servers_t* servers, uint64_t id) noexcept nogil:
    if servers == NULL:
        return id
    return servers.now_ids[id] if id < servers.n else 0


cdef void _copy_values(
        const stick_table_t* to, stick_entry_t* entry, const stick_table_t* source, const stick_entry_t* old,
        const stick_servers_t* servers) noexcept nogil:
    cdef uint32_t type, size, n
    cdef uint8_t kind
    cdef char* slot
    for type in range(STICK_TYPES):
        n = min(to.count[type], source.count[type])
        kind = stick_kind(type)
        if n == 0 or kind == STICK_KIND_RATE and to.period_ms[type] != source.period_ms[type]:
            continue
        if kind == STICK_KIND_TEXT:
            if to.flags == source.flags:
                stick_text_set(to, entry, stick_text(source, old))
            continue
        size = sizeof(stick_rate_t) if kind == STICK_KIND_RATE else sizeof(uint64_t)
        slot = <char*> entry + to.offset[type]
        memcpy(slot, <const char*> old + source.offset[type], n * size)
        if type == STICK_SERVER_ID:
            (<uint64_t*> slot)[0] = _server_now(servers, (<uint64_t*> slot)[0])


cdef bint _copy_one(
        const stick_table_t* to, const stick_table_t* source, const aged_t* aged, char* copy, uint64_t since_ms,
        const stick_servers_t* servers) noexcept nogil:
    cdef const stick_entry_t* old = <const stick_entry_t*> copy
    cdef stick_key_t key
    cdef stick_entry_t* entry
    cdef bint is_newer
    stick_lock(source, aged.entry)
    memcpy(copy, aged.entry, source.entry_size)
    stick_unlock(source, aged.entry)
    if not old.is_used or not stick_key_raw(to, stick_key_bytes(source, old), old.key_len, &key):
        return False
    entry = stick_find_or_make(to, &key, aged.touched_ms)
    if entry == NULL:
        return False
    # One that was made just now has the age of the old one.
    is_newer = since_ms != 0 and (entry.n_refs != 0 or entry.touched_ms > aged.touched_ms)
    if not is_newer:
        _copy_values(to, entry, source, old, servers)
        stick_touch(to, entry, aged.touched_ms)
    stick_unlock(to, entry)
    return not is_newer


cdef int64_t stick_copy(
        const stick_table_t* to, const stick_table_t* source, uint64_t since_ms, const stick_servers_t* servers,
        uint64_t now_ms) noexcept nogil:
    cdef aged_t* found = NULL
    cdef char* copy = <char*> malloc(source.entry_size)
    cdef int64_t n = _collect(source, since_ms, now_ms, &found) if copy != NULL else -1
    cdef int64_t i, copied = 0
    if n > 0:
        qsort(found, n, sizeof(aged_t), _by_age)
    for i in range(n):
        if _copy_one(to, source, &found[i], copy, since_ms, servers):
            copied += 1
    free(found)
    free(copy)
    return -1 if n < 0 else copied
