# Bandwidth limitation: implementation.
#
# What went is counted in a window that slides over two periods, as in stick tables: a burst of one period at the start, then an
# even flow.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.program.expr cimport ARG_EXPR, expr_eval, expr_t
from fastlb_core.program.sample cimport sample_t
from fastlb_core.proxy.stick_data cimport stick_add, stick_rate_add, stick_rate_read, stick_rate_wait
from fastlb_core.proxy.stick_key cimport stick_key_of, stick_key_t
from fastlb_core.proxy.stick_store cimport stick_drop, stick_get, stick_lock, stick_unlock
from fastlb_core.proxy.stick_table cimport STICK_BYTES_IN_RATE, STICK_BYTES_OUT_RATE

cdef enum:
    STEP_MS = 20                 # what this time gives is sent at once: fewer, larger packets and wake-ups


cdef bint _share(limiter_t* lim, eval_t* ev, const rule_t* filter) noexcept nogil:
    """Finds the entry whose count it shares."""
    cdef const stick_table_t* table = <const stick_table_t*> filter.args[<uint32_t> BWLIM_TABLE].ptr
    cdef sample_t smp
    cdef stick_key_t key
    memset(&smp, 0, sizeof(smp))
    if table == NULL or not expr_eval(ev, <const expr_t*> filter.args[<uint32_t> BWLIM_KEY].ptr, &smp) or \
            not stick_key_of(table, ev, &smp, &key):
        return False
    lim.entry = stick_get(table, &key, ev.now_ms, True)
    if lim.entry == NULL:
        return False
    lim.table = table
    lim.period_ms = table.period_ms[lim.rate_type]
    return True


cdef bint limiter_enable(limiter_t* lim, eval_t* ev, const rule_t* filter, uint64_t limit, uint32_t period_ms) noexcept nogil:
    cdef uint64_t step
    limiter_disable(lim)
    lim.rate_type = STICK_BYTES_OUT_RATE if filter.args[0].num else STICK_BYTES_IN_RATE
    lim.limit = limit if limit else <uint64_t> filter.args[<uint32_t> BWLIM_LIMIT].num
    lim.period_ms = period_ms if period_ms else <uint32_t> filter.args[<uint32_t> BWLIM_PERIOD].num
    if filter.args[<uint32_t> BWLIM_KEY].type == ARG_EXPR and not _share(lim, ev, filter):
        return False
    step = <uint64_t> (<double> lim.limit / <double> lim.period_ms * STEP_MS)
    lim.least = <uint64_t> filter.args[<uint32_t> BWLIM_MIN_SIZE].num
    if lim.least < step:
        lim.least = step
    if lim.least > lim.limit:
        # More than a period gives would never come together.
        lim.least = lim.limit
    if lim.least == 0:
        lim.least = 1
    lim.filter = filter
    return True


cdef void limiter_disable(limiter_t* lim) noexcept nogil:
    if lim.entry != NULL:
        stick_drop(lim.table, lim.entry)
    memset(lim, 0, sizeof(limiter_t))


cdef inline stick_rate_t* _rate_of(limiter_t* lim) noexcept nogil:
    if lim.table == NULL:
        return &lim.rate
    return <stick_rate_t*> (<char*> lim.entry + lim.table.offset[lim.rate_type])


cdef inline uint64_t _least(const limiter_t* lim, uint64_t n_users) noexcept nogil:
    """What is worth a send. Half of everyone's part at most: all of it would never be there while others send."""
    cdef uint64_t part = lim.limit // (2 * n_users)
    if n_users == 1 or lim.least <= part:
        return lim.least
    return part if part else 1


cdef uint64_t limiter_allows(limiter_t* lim, uint64_t rest, uint64_t now_ms, uint64_t* wait_ms) noexcept nogil:
    cdef stick_rate_t* rate = _rate_of(lim)
    cdef uint64_t used, left, least, wanted
    cdef uint64_t n_users = 1
    if lim.table != NULL:
        stick_lock(lim.table, lim.entry)
        n_users = lim.entry.n_refs if lim.entry.n_refs else 1
    least = _least(lim, n_users)
    used = stick_rate_read(rate, lim.period_ms, now_ms)
    # Everyone takes a part of what is left, so that the others find theirs whenever they come.
    left = (lim.limit - used + n_users - 1) // n_users if used < lim.limit else 0
    if left < least and not 0 < rest <= left:
        wanted = (rest if 0 < rest < least else least) * n_users
        wait_ms[0] = stick_rate_wait(rate, lim.period_ms, lim.limit - wanted if wanted < lim.limit else 0, now_ms)
        if wait_ms[0] == 0:
            wait_ms[0] = 1
        left = 0
    if lim.table != NULL:
        stick_unlock(lim.table, lim.entry)
    return left


cdef void limiter_count(limiter_t* lim, uint64_t n, uint64_t now_ms) noexcept nogil:
    if lim.table == NULL:
        stick_rate_add(&lim.rate, lim.period_ms, n, now_ms)
        return
    stick_lock(lim.table, lim.entry)
    stick_add(lim.table, lim.entry, lim.rate_type, 0, n, now_ms)
    stick_unlock(lim.table, lim.entry)
