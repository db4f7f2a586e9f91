# The values of a stick table's entry; contracts in stick_data.pxd.
#
# Knows counters and sliding rates. Must not know keys, lists or locks.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.proxy.stick_table cimport (
    STICK_GPC, STICK_GPC0, STICK_GPC0_RATE, STICK_GPC1, STICK_GPC1_RATE, STICK_GPC_RATE, STICK_GPT, STICK_GPT0,
    STICK_KIND_CUR, STICK_KIND_RATE, STICK_KIND_TEXT, STICK_KIND_U32, STICK_SERVER_KEY, STICK_TEXT_MAX, stick_cur, stick_kind,
    stick_stores, stick_text_t)


cdef uint64_t stick_rate_read(const stick_rate_t* rate, uint32_t period_ms, uint64_t now_ms) noexcept nogil:
    cdef uint64_t period = period_ms
    cdef uint64_t elapsed = now_ms - rate.tick_ms if now_ms > rate.tick_ms else 0
    cdef uint64_t current = rate.current
    cdef uint64_t past = rate.previous
    if elapsed >= period:
        past = current if elapsed < 2 * period else 0
        current = 0
        elapsed -= period
    if elapsed >= period or (past <= 1 and current == 0):
        return past
    # past * left / period without overflow
    elapsed = period - elapsed
    return current + past // period * elapsed + past % period * elapsed // period


cdef inline uint64_t _share(uint64_t part, uint64_t whole, uint64_t period) noexcept nogil:
    """part / whole of the period; sizes are too large to be multiplied as integers."""
    return <uint64_t> (<double> part / <double> whole * <double> period)


cdef uint64_t stick_rate_wait(const stick_rate_t* rate, uint32_t period_ms, uint64_t most, uint64_t now_ms) noexcept nogil:
    cdef uint64_t period = period_ms
    cdef uint64_t elapsed = now_ms - rate.tick_ms if now_ms > rate.tick_ms else 0
    cdef uint64_t current = rate.current
    cdef uint64_t past = rate.previous
    cdef uint64_t left
    if elapsed >= period:
        past = current if elapsed < 2 * period else 0
        current = 0
        elapsed -= period
    left = period - elapsed if elapsed < period else 0
    if current + past <= most:
        return 0
    if current <= most:
        # The last period's count for less and less.
        past = _share(most - current, past, period)
        return left - past if left > past else 0
    return left + period - _share(most, current, period)


cdef void stick_rate_add(stick_rate_t* rate, uint32_t period_ms, uint64_t n, uint64_t now_ms) noexcept nogil:
    cdef uint64_t elapsed = now_ms - rate.tick_ms if now_ms > rate.tick_ms else 0
    if elapsed >= period_ms:
        # A process that dies between these stores leaves one rate that is off for one period, never out of bounds.
        rate.previous = rate.current if elapsed < 2 * <uint64_t> period_ms else 0
        rate.current = 0
        rate.tick_ms = rate.tick_ms + period_ms if elapsed < 2 * <uint64_t> period_ms else now_ms
    rate.current += n


cdef inline char* _slot(const stick_table_t* table, const stick_entry_t* entry, uint32_t type, uint32_t index,
                        uint8_t kind) noexcept nogil:
    cdef uint32_t size = 8
    if kind == STICK_KIND_RATE:
        size = sizeof(stick_rate_t)
    return <char*> entry + table.offset[type] + index * size


cdef int64_t _connections(const stick_table_t* table, const stick_entry_t* entry, int64_t base) noexcept nogil:
    cdef const uint32_t* cur = stick_cur(table, entry)
    cdef uint32_t i
    for i in range(table.n_workers):
        base += cur[i]
    return base


cdef int64_t stick_value(const stick_table_t* table, const stick_entry_t* entry, uint32_t type, uint32_t index,
                         uint64_t now_ms) noexcept nogil:
    cdef uint8_t kind = stick_kind(type)
    cdef char* slot = _slot(table, entry, type, index, kind)
    cdef int64_t value
    if kind == STICK_KIND_RATE:
        return <int64_t> stick_rate_read(<stick_rate_t*> slot, table.period_ms[type], now_ms)
    if kind == STICK_KIND_TEXT:
        return 0
    value = (<int64_t*> slot)[0]
    if kind == STICK_KIND_CUR:
        value = _connections(table, entry, value)
        return value if value > 0 else 0
    return value


cdef int64_t stick_add(const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, uint64_t n,
                       uint64_t now_ms) noexcept nogil:
    cdef uint8_t kind = stick_kind(type)
    cdef char* slot
    cdef uint64_t value
    if not stick_stores(table, type, index) or kind == STICK_KIND_TEXT:
        return 0
    slot = _slot(table, entry, type, index, kind)
    if kind == STICK_KIND_RATE:
        stick_rate_add(<stick_rate_t*> slot, table.period_ms[type], n, now_ms)
        return <int64_t> stick_rate_read(<stick_rate_t*> slot, table.period_ms[type], now_ms)
    value = (<uint64_t*> slot)[0] + n
    if kind == STICK_KIND_U32:
        value = <uint32_t> value
    (<uint64_t*> slot)[0] = value
    return <int64_t> value


cdef bint stick_set(const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, int64_t value,
                    uint64_t now_ms) noexcept nogil:
    cdef uint8_t kind = stick_kind(type)
    cdef char* slot
    cdef stick_rate_t* rate
    if not stick_stores(table, type, index) or kind == STICK_KIND_TEXT:
        return False
    slot = _slot(table, entry, type, index, kind)
    if kind == STICK_KIND_RATE:
        rate = <stick_rate_t*> slot
        rate.tick_ms = now_ms
        # haproxy: as if so many had just come.
        rate.current = <uint64_t> value
        rate.previous = 0
        return True
    if kind == STICK_KIND_CUR:
        value -= _connections(table, entry, 0)
    elif kind == STICK_KIND_U32:
        value = <uint32_t> value
    (<int64_t*> slot)[0] = value
    return True


cdef void stick_cur_add(const stick_table_t* table, stick_entry_t* entry, uint32_t worker, int32_t n) noexcept nogil:
    cdef uint32_t* cur = stick_cur(table, entry)
    if cur != NULL:
        cur[worker] += <uint32_t> n


cdef slice_t stick_text(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    cdef stick_text_t* text = <stick_text_t*> (<char*> entry + table.offset[<uint32_t> STICK_SERVER_KEY])
    if not table.count[<uint32_t> STICK_SERVER_KEY] or text.len == 0:
        return slice_of(NULL, 0)
    return slice_of(text.bytes, text.len)


cdef void stick_text_set(const stick_table_t* table, stick_entry_t* entry, slice_t text) noexcept nogil:
    cdef stick_text_t* stored = <stick_text_t*> (<char*> entry + table.offset[<uint32_t> STICK_SERVER_KEY])
    cdef uint32_t length = text.len if text.len < STICK_TEXT_MAX else STICK_TEXT_MAX
    if table.count[<uint32_t> STICK_SERVER_KEY]:
        # 0 while the bytes change: half a name is no server's.
        stored.len = 0
        if length:
            memcpy(stored.bytes, text.ptr, length)
        stored.len = <uint8_t> length


cdef inline bint _in_array(const stick_table_t* table, uint32_t array, uint32_t at, uint32_t* type,
                           uint32_t* index) noexcept nogil:
    if not stick_stores(table, array, at):
        return False
    type[0] = array
    index[0] = at
    return True


cdef bint stick_resolve(const stick_table_t* table, uint32_t* type, uint32_t* index) noexcept nogil:
    if stick_stores(table, type[0], index[0]):
        return True
    if type[0] == STICK_GPC0 or type[0] == STICK_GPC1:
        return _in_array(table, STICK_GPC, 1 if type[0] == STICK_GPC1 else 0, type, index)
    if type[0] == STICK_GPC0_RATE or type[0] == STICK_GPC1_RATE:
        return _in_array(table, STICK_GPC_RATE, 1 if type[0] == STICK_GPC1_RATE else 0, type, index)
    return type[0] == STICK_GPT0 and _in_array(table, STICK_GPT, 0, type, index)
