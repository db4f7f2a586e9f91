# Fetches and converters of stick tables (manual, sections 7.3.1 and 7.3.3).
#
# Knows what each answers where the key, the counter or the data type is not there (seen on 2.6): an unknown key is 0, a data
# type that is not stored is no value. Must not know names.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.program.expr cimport ARG_SINT, ARG_TABLE, arg_t, conv_fn, fetch_fn
from fastlb_core.program.sample cimport (
    SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int)
from fastlb_core.proxy.stick_data cimport stick_add, stick_resolve, stick_set, stick_value
from fastlb_core.proxy.stick_key cimport stick_key_of, stick_key_sample, stick_key_t
from fastlb_core.proxy.stick_store cimport (
    stick_expires_in, stick_find, stick_find_or_make, stick_lock, stick_touch, stick_unlock, stick_used)
from fastlb_core.proxy.stick_table cimport STICK_CONN_CNT, stick_entry_t, stick_key_bytes, stick_stores, stick_table_t
from fastlb_core.proxy.track cimport gpc_add, stkctr_t, track_of, trackers_t
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr_in, sockaddr_in6

# Arguments of the three functions.
cdef enum:
    ARG_OP = 0                   # track_op_t
    ARG_TYPE = 1                 # stick_type_t
    ARG_INDEX = 2                # of an array's element
    SC_COUNTER = 3
    SC_OTHER = 4                 # another table than the tracked one, optional
    KEY_IN = 3                   # the table
    KEY_DEFAULT = 4              # of table_expire and table_idle, optional

cdef fetch_entry_t[4] fetches
cdef uint32_t n_fetches = 0
cdef conv_entry_t[1] convs
cdef uint32_t n_convs = 0


cdef const fetch_entry_t* fetch_track_entries(uint32_t* n) noexcept nogil:
    n[0] = n_fetches
    return fetches


cdef const conv_entry_t* conv_track_entries(uint32_t* n) noexcept nogil:
    n[0] = n_convs
    return convs


# -- answers

cdef bint _change(const stick_table_t* table, stick_entry_t* entry, const arg_t* args, uint64_t now_ms,
                  sample_t* smp) noexcept nogil:
    """The ops that write; the entry is locked."""
    cdef uint32_t op = <uint32_t> args[<uint32_t> ARG_OP].num
    cdef uint32_t type = <uint32_t> args[<uint32_t> ARG_TYPE].num
    cdef uint32_t index = <uint32_t> args[<uint32_t> ARG_INDEX].num
    cdef int64_t value
    if op == TRACK_OP_UPDATE:
        if not stick_stores(table, STICK_CONN_CNT, 0):
            return False
        value = stick_add(table, entry, STICK_CONN_CNT, 0, 1, now_ms)
    elif op == TRACK_OP_INC:
        value = gpc_add(table, entry, type, index, 1, now_ms)
    else:
        if not stick_resolve(table, &type, &index):
            return False
        value = stick_value(table, entry, type, index, now_ms)
        stick_set(table, entry, type, index, 0, now_ms)
    stick_touch(table, entry, now_ms)
    return smp_set_int(smp, value)


cdef bint _answer(const stick_table_t* table, stick_entry_t* entry, const arg_t* args, uint64_t now_ms,
                  sample_t* smp) noexcept nogil:
    """What the locked entry says."""
    cdef uint32_t op = <uint32_t> args[<uint32_t> ARG_OP].num
    cdef uint32_t type = <uint32_t> args[<uint32_t> ARG_TYPE].num
    cdef uint32_t index = <uint32_t> args[<uint32_t> ARG_INDEX].num
    cdef int64_t value
    if op == TRACK_OP_INC or op == TRACK_OP_CLR or op == TRACK_OP_UPDATE:
        return _change(table, entry, args, now_ms, smp)
    if op == TRACK_OP_TRACKED or op == TRACK_OP_IN:
        return smp_set_bool(smp, True)
    if op == TRACK_OP_TRACKERS:
        return smp_set_int(smp, entry.n_refs)
    if op == TRACK_OP_EXPIRE:
        return smp_set_int(smp, <int64_t> stick_expires_in(table, entry, now_ms))
    if op == TRACK_OP_IDLE:
        # haproxy: counted from the delay, so 0 in a table without one.
        value = <int64_t> table.expire_ms - <int64_t> stick_expires_in(table, entry, now_ms)
        return smp_set_int(smp, value)
    if not stick_resolve(table, &type, &index):
        return False
    value = stick_value(table, entry, type, index, now_ms)
    return smp_set_int(smp, value >> 10 if op == TRACK_OP_KBYTES else value)


cdef bint _absent(const arg_t* args, const arg_t* otherwise, sample_t* smp) noexcept nogil:
    """What a key that is not in the table is."""
    cdef uint32_t op = <uint32_t> args[<uint32_t> ARG_OP].num
    if op == TRACK_OP_TRACKED or op == TRACK_OP_IN:
        return smp_set_bool(smp, False)
    if op == TRACK_OP_KEY:
        return False
    if op == TRACK_OP_EXPIRE or op == TRACK_OP_IDLE:
        return otherwise != NULL and otherwise.type == ARG_SINT and smp_set_int(smp, otherwise.num)
    return smp_set_int(smp, 0)


cdef bint _by_key(eval_t* ev, const stick_table_t* table, const sample_t* value, bint creates, const arg_t* args,
                  const arg_t* otherwise, sample_t* smp) noexcept nogil:
    cdef stick_key_t key
    cdef stick_entry_t* entry
    cdef bint found
    if not stick_key_of(table, ev, value, &key):
        return False
    entry = stick_find_or_make(table, &key, ev.now_ms) if creates else stick_find(table, &key, ev.now_ms)
    if entry == NULL:
        # haproxy: a full table has no value to give, which is not the same as 0.
        return not creates and _absent(args, otherwise, smp)
    found = _answer(table, entry, args, ev.now_ms, smp)
    stick_unlock(table, entry)
    return found


# -- sc_*: of tracked counters

cdef bint _key_of(eval_t* ev, const stkctr_t* ctr, sample_t* smp) noexcept nogil:
    """The tracked key, copied: the entry may go before the rule ends."""
    cdef char* copy = scratch_take(ev, ctr.table.key_size)
    if copy == NULL:
        return False
    memcpy(copy, stick_key_bytes(ctr.table, ctr.entry), ctr.table.key_size)
    stick_key_sample(ctr.table, copy, ctr.entry.key_len, smp)
    return True


cdef bint sc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const stkctr_t* ctr = track_of(<const trackers_t*> ev.trackers, <uint32_t> args[<uint32_t> SC_COUNTER].num)
    cdef const arg_t* other = args + <uint32_t> SC_OTHER
    cdef uint32_t op = <uint32_t> args[<uint32_t> ARG_OP].num
    cdef sample_t key
    cdef bint found
    if ctr == NULL:
        return op == TRACK_OP_TRACKED and smp_set_bool(smp, False)
    if op == TRACK_OP_KEY:
        return _key_of(ev, ctr, smp)
    if other.type == ARG_TABLE and other.ptr != NULL and other.ptr != <const void*> ctr.table:
        memset(&key, 0, sizeof(key))
        return _key_of(ev, ctr, &key) and _by_key(ev, <const stick_table_t*> other.ptr, &key, op == TRACK_OP_INC, args, NULL, smp)
    stick_lock(ctr.table, ctr.entry)
    found = _answer(ctr.table, ctr.entry, args, ev.now_ms, smp)
    stick_unlock(ctr.table, ctr.entry)
    return found


# -- src_*: of the source address

cdef bint _source(eval_t* ev, sample_t* smp) noexcept nogil:
    memset(smp, 0, sizeof(sample_t))
    if ev.front == NULL:
        return False
    if ev.front.peer.family == AF_INET:
        memcpy(smp.ip, &(<const sockaddr_in*> &ev.front.peer).sin_addr, 4)
        smp.type = SMP_T_IPV4
        return True
    if ev.front.peer.family == AF_INET6:
        memcpy(smp.ip, &(<const sockaddr_in6*> &ev.front.peer).sin6_addr, 16)
        smp.type = SMP_T_IPV6
        return True
    return False


cdef bint src_in(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const stick_table_t* table = <const stick_table_t*> args[<uint32_t> KEY_IN].ptr
    cdef uint32_t op = <uint32_t> args[<uint32_t> ARG_OP].num
    cdef sample_t source
    cdef bint creates = op == TRACK_OP_INC or op == TRACK_OP_CLR or op == TRACK_OP_UPDATE
    if table == NULL or (op == TRACK_OP_UPDATE and not stick_stores(table, STICK_CONN_CNT, 0)):
        return False
    return _source(ev, &source) and _by_key(ev, table, &source, creates, args, NULL, smp)


# -- table_*: of any value

cdef bint key_in(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const stick_table_t* table = <const stick_table_t*> args[<uint32_t> KEY_IN].ptr
    cdef sample_t value
    if table == NULL:
        return False
    memcpy(&value, smp, sizeof(sample_t))
    return _by_key(ev, table, &value, False, args, args + <uint32_t> KEY_DEFAULT, smp)


# -- the table itself

cdef bint table_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const stick_table_t* table = <const stick_table_t*> args[0].ptr
    return table != NULL and smp_set_int(smp, <int64_t> stick_used(table))


cdef bint table_avl(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const stick_table_t* table = <const stick_table_t*> args[0].ptr
    return table != NULL and smp_set_int(smp, <int64_t> table.size - <int64_t> stick_used(table))


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_fetches
    fetches[n_fetches].name = name
    fetches[n_fetches].fn = fn
    n_fetches += 1


cdef void add_conv(const char* name, conv_fn fn) noexcept nogil:
    global n_convs
    convs[n_convs].name = name
    convs[n_convs].fn = fn
    n_convs += 1


add(b"sc", sc)
add(b"src_in", src_in)
add(b"table_cnt", table_cnt)
add(b"table_avl", table_avl)
add_conv(b"key_in", key_in)
