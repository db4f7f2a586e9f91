# Entries of stick tables: found, created, kept alive, thrown away, and made good after a process died.
#
# Knows stripes, buckets, the list of age, references. Must not know what values mean, samples or streams.
#
# A call that returns an entry "locked" holds its stripe's lock: a few reads and writes, then stick_unlock. Never lock a second
# one meanwhile. An entry that is held (stick_get, stick_hold) stays where it is until stick_drop, across locks.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from fastlb_core.proxy.stick_key cimport stick_key_t
from fastlb_core.proxy.stick_table cimport stick_entry_t, stick_table_t

# Signs this process' locks, and says whose references it takes; worker -1: takes none (control, master). After the fork.
cdef void stick_set_process(int32_t pid, int32_t worker) noexcept nogil
# The worker of stick_set_process.
cdef int32_t stick_worker() noexcept nogil

# The key's entry, locked, or NULL with nothing locked. An expired one is none. Its age does not change.
cdef stick_entry_t* stick_find(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil
# stick_find, else a new one with all values 0, locked. NULL: the table is full of what must stay.
cdef stick_entry_t* stick_find_or_make(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil
# Locks the stripe of a held entry.
cdef void stick_lock(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil
cdef void stick_unlock(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil
# The entry's age begins anew. Locked.
cdef void stick_touch(const stick_table_t* table, stick_entry_t* entry, uint64_t now_ms) noexcept nogil
# One more reference of this worker, or one less. Locked. A worker's references die with it (stick_recover).
cdef void stick_hold(const stick_table_t* table, stick_entry_t* entry) noexcept nogil
cdef void stick_let(const stick_table_t* table, stick_entry_t* entry) noexcept nogil
# ms until it expires, 0 for a table without expiry or when it is due.
cdef uint64_t stick_expires_in(const stick_table_t* table, const stick_entry_t* entry, uint64_t now_ms) noexcept nogil

# The key's entry with a reference taken and nothing locked; created if `create`. NULL as above.
cdef stick_entry_t* stick_get(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms, bint create) noexcept nogil
# Gives that reference back.
cdef void stick_drop(const stick_table_t* table, stick_entry_t* entry) noexcept nogil

# Throws away the key's entry unless it is referenced. False: it is; True also when there is none.
cdef bint stick_clear(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil
# Throws away a locked entry unless it is referenced; unlock with stick_unlock all the same. True: it is gone.
cdef bint stick_remove(const stick_table_t* table, stick_entry_t* entry) noexcept nogil
# Entries in use, and room for more.
cdef uint64_t stick_used(const stick_table_t* table) noexcept nogil

# Throws away up to `budget` expired entries and returns how many: once a second from one worker. Waits for nobody.
cdef uint32_t stick_sweep(const stick_table_t* table, uint32_t budget, uint64_t now_ms) noexcept nogil
# The next live entry, locked, at or behind position *at (0 at the beginning; it is moved behind the entry); NULL at the end.
# Entries that come and go meanwhile may be missed; nothing is seen twice unless it went and came again.
cdef stick_entry_t* stick_next(const stick_table_t* table, uint64_t* at, uint64_t now_ms) noexcept nogil

# After process `pid` died, called by the master: frees its locks, rebuilds what it left half done, gives back the references
# and connections of `worker` (-1: it had none). Returns how many locks it had held.
cdef uint32_t stick_recover(const stick_table_t* table, int32_t pid, int32_t worker, uint64_t now_ms) noexcept nogil
# True when lists, buckets and counts of every stripe agree; for tests. Locks each stripe.
cdef bint stick_is_sound(const stick_table_t* table) noexcept nogil
