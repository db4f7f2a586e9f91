# Entries of stick tables; contracts in stick_store.pxd.
#
# Knows locks, expiry and room. Must not know values' meaning.
#
# A process may be killed anywhere. Lists are rebuilt from the entries (stick_list); an entry counts from the last store that
# makes it (is_used) to the first that unmakes it. The table's n_used may then be off until the master has counted again, which
# it does with all stripes locked (stick_recover).

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport shlock_free_of, shlock_lock, shlock_lock_parent, shlock_trylock, shlock_unlock
from fastlb_core.base.atomic cimport add_fetch_u64, load_u64, store_u32, store_u64, sub_fetch_u64
from fastlb_core.base.bug cimport flb_bug_on, flb_unlikely
from fastlb_core.proxy.stick_list cimport (
    stick_age_append, stick_age_remove, stick_bucket, stick_link, stick_lists_agree, stick_rebuild, stick_take_free,
    stick_unlink)
from fastlb_core.proxy.stick_table cimport (
    STICK_F_NOPURGE, stick_cur, stick_entry, stick_held, stick_key_bytes, stick_stripe_of, stick_stripe_t, stick_stripes)

cdef enum:
    SWEPT_PER_INSERT = 4         # expired entries thrown away for each new one: the table shrinks faster than it grows
    OTHERS_ASKED = 64            # stripes that are asked for room when the own one has none
    TRIES_FOR_ROOM = 16          # times that others may take the room that was just made

cdef int32_t process_pid = 0
cdef int32_t process_worker = -1


cdef void stick_set_process(int32_t pid, int32_t worker) noexcept nogil:
    global process_pid, process_worker
    # 0 in a lock means free: never sign with it.
    process_pid = pid if pid > 0 else getpid()
    process_worker = worker


cdef int32_t stick_worker() noexcept nogil:
    return process_worker


# -- locks

cdef inline bint _is_built(const stick_stripe_t* stripe) noexcept nogil:
    return stripe.generation == stripe.lock.generation + 1


cdef inline void _lock(const stick_table_t* table, stick_stripe_t* stripe) noexcept nogil:
    """Afterwards the lists are sound, even if the last owner died."""
    if flb_unlikely(process_pid == 0):
        stick_set_process(getpid(), -1)
    shlock_lock(&stripe.lock, process_pid)
    if flb_unlikely(not _is_built(stripe)):
        stick_rebuild(table, stripe)


cdef void stick_lock(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    _lock(table, stick_stripe_of(table, entry.hash))


cdef void stick_unlock(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    shlock_unlock(&stick_stripe_of(table, entry.hash).lock)


# -- age

cdef inline bint _is_expired(const stick_table_t* table, const stick_entry_t* entry, uint64_t now_ms) noexcept nogil:
    return table.expire_ms and entry.n_refs == 0 and now_ms >= entry.touched_ms + table.expire_ms


cdef uint64_t stick_expires_in(const stick_table_t* table, const stick_entry_t* entry, uint64_t now_ms) noexcept nogil:
    cdef uint64_t end = entry.touched_ms + table.expire_ms
    return end - now_ms if table.expire_ms and end > now_ms else 0


cdef void stick_touch(const stick_table_t* table, stick_entry_t* entry, uint64_t now_ms) noexcept nogil:
    cdef stick_stripe_t* stripe = stick_stripe_of(table, entry.hash)
    cdef stick_entry_t* newest
    if entry.n_refs == 0:
        stick_age_remove(table, stripe, entry)
    # Processes read the clock once a turn: the list stays in order although one may be a little behind.
    if stripe.newest:
        newest = stick_entry(table, stripe, stripe.newest)
        if newest.touched_ms > now_ms:
            now_ms = newest.touched_ms
    entry.touched_ms = now_ms
    if entry.n_refs == 0:
        stick_age_append(table, stripe, entry)


cdef void stick_hold(const stick_table_t* table, stick_entry_t* entry) noexcept nogil:
    flb_bug_on(process_worker < 0)
    if entry.n_refs == 0:
        stick_age_remove(table, stick_stripe_of(table, entry.hash), entry)
    stick_held(table, entry)[process_worker] += 1
    entry.n_refs += 1


cdef void stick_let(const stick_table_t* table, stick_entry_t* entry) noexcept nogil:
    flb_bug_on(process_worker < 0 or entry.n_refs == 0 or stick_held(table, entry)[process_worker] == 0)
    stick_held(table, entry)[process_worker] -= 1
    entry.n_refs -= 1
    if entry.n_refs == 0:
        _back_to_age(table, entry)


cdef void _back_to_age(const stick_table_t* table, stick_entry_t* entry) noexcept nogil:
    """A reference that is given back without a touch: not older than what is there, so that the list stays in order."""
    cdef stick_stripe_t* stripe = stick_stripe_of(table, entry.hash)
    cdef uint64_t youngest = stick_entry(table, stripe, stripe.newest).touched_ms if stripe.newest else 0
    if entry.touched_ms < youngest:
        entry.touched_ms = youngest
    stick_age_append(table, stripe, entry)


# -- throwing away

cdef void _discard(const stick_table_t* table, stick_stripe_t* stripe, stick_entry_t* entry) noexcept nogil:
    """An unreferenced entry of a locked stripe."""
    stick_age_remove(table, stripe, entry)
    stick_unlink(table, stripe, entry)
    sub_fetch_u64(&table.sh.n_used, 1)


cdef bint _discard_oldest(const stick_table_t* table, stick_stripe_t* stripe, uint64_t now_ms, bint only_expired) noexcept nogil:
    cdef stick_entry_t* entry
    if stripe.oldest == 0:
        return False
    entry = stick_entry(table, stripe, stripe.oldest)
    if only_expired and not _is_expired(table, entry, now_ms):
        return False
    _discard(table, stripe, entry)
    return True


cdef bint _ask_others(const stick_table_t* table, stick_stripe_t* own, uint64_t now_ms, bint only_expired) noexcept nogil:
    """Room from another stripe. Only those that are free at once: two that waited for each other would wait for ever."""
    cdef stick_stripe_t* other
    cdef uint32_t asked = 0
    cdef bint found
    while asked < OTHERS_ASKED:
        asked += 1
        own.victim = (own.victim + 1) & (table.n_stripes - 1)
        other = stick_stripes(table) + own.victim
        if other == own or not shlock_trylock(&other.lock, process_pid):
            continue
        found = _is_built(other) and _discard_oldest(table, other, now_ms, only_expired)
        shlock_unlock(&other.lock)
        if found:
            return True
    return False


cdef bint stick_remove(const stick_table_t* table, stick_entry_t* entry) noexcept nogil:
    if entry.n_refs:
        return False
    _discard(table, stick_stripe_of(table, entry.hash), entry)
    return True


cdef bint stick_clear(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil:
    cdef stick_entry_t* entry = stick_find(table, key, now_ms)
    cdef bint is_gone
    if entry == NULL:
        return True
    is_gone = stick_remove(table, entry)
    stick_unlock(table, entry)
    return is_gone


# -- finding and making

cdef stick_entry_t* _search(const stick_table_t* table, stick_stripe_t* stripe, const stick_key_t* key) noexcept nogil:
    cdef uint32_t at = stick_bucket(table, stripe, key.hash)[0]
    cdef stick_entry_t* entry
    while at:
        entry = stick_entry(table, stripe, at)
        if entry.hash == key.hash and entry.key_len == key.len \
                and memcmp(stick_key_bytes(table, entry), key.ptr, key.len) == 0:
            return entry
        at = entry.next
    return NULL


cdef stick_entry_t* _live(const stick_table_t* table, stick_stripe_t* stripe, const stick_key_t* key,
                          uint64_t now_ms) noexcept nogil:
    cdef stick_entry_t* entry = _search(table, stripe, key)
    if entry != NULL and _is_expired(table, entry, now_ms):
        _discard(table, stripe, entry)
        return NULL
    return entry


cdef bint _reserve(const stick_table_t* table, stick_stripe_t* stripe, uint64_t now_ms) noexcept nogil:
    """Counts one more entry; throws others away where the table is full. False: there is no room."""
    cdef bint only_expired = table.flags & STICK_F_NOPURGE
    cdef uint32_t tries = 0
    while tries < TRIES_FOR_ROOM:
        tries += 1
        if add_fetch_u64(&table.sh.n_used, 1) <= table.size:
            return True
        sub_fetch_u64(&table.sh.n_used, 1)
        if not _discard_oldest(table, stripe, now_ms, only_expired) and not _ask_others(table, stripe, now_ms, only_expired):
            return False
    return False


cdef stick_entry_t* _take(const stick_table_t* table, stick_stripe_t* stripe, uint64_t now_ms) noexcept nogil:
    cdef stick_entry_t* entry = stick_take_free(table, stripe)
    if entry == NULL and _discard_oldest(table, stripe, now_ms, table.flags & STICK_F_NOPURGE):
        entry = stick_take_free(table, stripe)
    return entry


cdef stick_entry_t* _make(const stick_table_t* table, stick_stripe_t* stripe, const stick_key_t* key,
                          uint64_t now_ms) noexcept nogil:
    cdef stick_entry_t* entry
    cdef uint32_t swept = 0
    while swept < SWEPT_PER_INSERT and _discard_oldest(table, stripe, now_ms, True):
        swept += 1
    if not _reserve(table, stripe, now_ms):
        return NULL
    entry = _take(table, stripe, now_ms)
    if entry == NULL:
        sub_fetch_u64(&table.sh.n_used, 1)
        return NULL
    memset(stick_key_bytes(table, entry), 0, table.entry_size - table.key_offset)
    if key.len:
        memcpy(stick_key_bytes(table, entry), key.ptr, key.len)
    entry.key_len = key.len
    entry.hash = key.hash
    entry.n_refs = 0
    entry.older = 0
    entry.newer = 0
    if stripe.newest and stick_entry(table, stripe, stripe.newest).touched_ms > now_ms:
        now_ms = stick_entry(table, stripe, stripe.newest).touched_ms
    entry.touched_ms = now_ms
    store_u32(&entry.is_used, 1)
    stick_link(table, stripe, entry)
    stick_age_append(table, stripe, entry)
    return entry


cdef stick_entry_t* stick_find(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil:
    cdef stick_stripe_t* stripe = stick_stripe_of(table, key.hash)
    cdef stick_entry_t* entry
    _lock(table, stripe)
    entry = _live(table, stripe, key, now_ms)
    if entry == NULL:
        shlock_unlock(&stripe.lock)
    return entry


cdef stick_entry_t* stick_find_or_make(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms) noexcept nogil:
    cdef stick_stripe_t* stripe = stick_stripe_of(table, key.hash)
    cdef stick_entry_t* entry
    _lock(table, stripe)
    entry = _live(table, stripe, key, now_ms)
    if entry == NULL:
        entry = _make(table, stripe, key, now_ms)
    if entry == NULL:
        shlock_unlock(&stripe.lock)
    return entry


cdef stick_entry_t* stick_get(const stick_table_t* table, const stick_key_t* key, uint64_t now_ms, bint create) noexcept nogil:
    cdef stick_entry_t* entry = stick_find_or_make(table, key, now_ms) if create else stick_find(table, key, now_ms)
    if entry != NULL:
        stick_hold(table, entry)
        stick_unlock(table, entry)
    return entry


cdef void stick_drop(const stick_table_t* table, stick_entry_t* entry) noexcept nogil:
    stick_lock(table, entry)
    stick_let(table, entry)
    stick_unlock(table, entry)


cdef uint64_t stick_used(const stick_table_t* table) noexcept nogil:
    cdef uint64_t used = load_u64(&table.sh.n_used)
    # Somebody who is just making room has counted himself already.
    return used if used < table.size else table.size


# -- walking

cdef uint32_t stick_sweep(const stick_table_t* table, uint32_t budget, uint64_t now_ms) noexcept nogil:
    cdef uint32_t done = 0
    cdef uint32_t visited = 0
    cdef stick_stripe_t* stripe
    if table.expire_ms == 0:
        return 0
    while visited < table.n_stripes:
        visited += 1
        stripe = stick_stripes(table) + (add_fetch_u64(&table.sh.sweep, 1) & (table.n_stripes - 1))
        if not shlock_trylock(&stripe.lock, process_pid):
            continue
        while done < budget and _is_built(stripe) and _discard_oldest(table, stripe, now_ms, True):
            done += 1
        shlock_unlock(&stripe.lock)
        if done >= budget:
            break
    return done


cdef stick_entry_t* stick_next(const stick_table_t* table, uint64_t* at, uint64_t now_ms) noexcept nogil:
    cdef stick_stripe_t* stripe
    cdef stick_entry_t* entry
    cdef uint64_t number
    cdef uint32_t index
    while at[0] < <uint64_t> table.n_stripes * table.capacity:
        number = at[0] // table.capacity
        index = <uint32_t> (at[0] % table.capacity)
        stripe = stick_stripes(table) + number
        _lock(table, stripe)
        while index < stripe.n_made:
            index += 1
            entry = stick_entry(table, stripe, index)
            if entry.is_used and not _is_expired(table, entry, now_ms):
                at[0] = number * table.capacity + index
                return entry
        shlock_unlock(&stripe.lock)
        at[0] = (number + 1) * table.capacity
    return NULL


# -- death of a process

cdef bint _lock_from_dead(const stick_table_t* table, stick_stripe_t* stripe, int32_t pid) noexcept nogil:
    cdef bint freed = shlock_free_of(&stripe.lock, pid)
    if shlock_lock_parent(&stripe.lock, process_pid):
        freed = True
    if not _is_built(stripe):
        stick_rebuild(table, stripe)
    return freed


cdef void _give_back(const stick_table_t* table, stick_entry_t* entry, int32_t worker, uint64_t now_ms) noexcept nogil:
    cdef uint32_t* held = stick_held(table, entry)
    cdef uint32_t* cur = stick_cur(table, entry)
    if cur != NULL:
        cur[worker] = 0
    if held[worker] == 0:
        return
    entry.n_refs -= held[worker]
    held[worker] = 0
    if entry.n_refs == 0:
        # haproxy: an entry's age begins anew when what tracked it ends.
        entry.touched_ms = now_ms
        _back_to_age(table, entry)


cdef uint32_t stick_recover(const stick_table_t* table, int32_t pid, int32_t worker, uint64_t now_ms) noexcept nogil:
    cdef uint32_t n_freed = 0
    cdef uint32_t i, at
    cdef uint64_t used = 0
    cdef stick_stripe_t* stripe
    if process_pid == 0:
        stick_set_process(getpid(), -1)
    for i in range(table.n_stripes):
        stripe = stick_stripes(table) + i
        n_freed += _lock_from_dead(table, stripe, pid)
        for at in range(1, stripe.n_made + 1 if worker >= 0 else 1):
            if stick_entry(table, stripe, at).is_used:
                _give_back(table, stick_entry(table, stripe, at), worker, now_ms)
        shlock_unlock(&stripe.lock)
    # n_used changes only under a stripe's lock: with all of them it can be counted. Nobody else waits for a second one.
    for i in range(table.n_stripes):
        _lock_from_dead(table, stick_stripes(table) + i, pid)
        used += stick_stripes(table)[i].n_used
    store_u64(&table.sh.n_used, used)
    for i in range(table.n_stripes):
        shlock_unlock(&stick_stripes(table)[i].lock)
    return n_freed


cdef bint stick_is_sound(const stick_table_t* table) noexcept nogil:
    cdef uint64_t used = 0
    cdef uint32_t i
    cdef bint is_sound = True
    cdef stick_stripe_t* stripe
    for i in range(table.n_stripes):
        stripe = stick_stripes(table) + i
        _lock(table, stripe)
        is_sound = is_sound and stick_lists_agree(table, stripe)
        used += stripe.n_used
        shlock_unlock(&stripe.lock)
    return is_sound and used == load_u64(&table.sh.n_used)
