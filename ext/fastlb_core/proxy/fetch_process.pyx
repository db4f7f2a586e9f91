# Sample fetches of the process (manual, section 7.3.2): identifiers, clock, environment, random numbers, connections.
#
# Knows eval_t, the arena and libc. Must not know streams or proxies.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport getenv
from libc.string cimport memcpy, strlen

from fastlb_core.base.arena cimport WORKER_S_STOPPING
from fastlb_core.base.atomic cimport load_i32, load_i64
from fastlb_core.base.random cimport random_u64
from fastlb_core.program.acl cimport COND_TRUE, COND_UNKNOWN, acl_eval, acl_t, cond_result_t
from fastlb_core.program.expr cimport ARG_ACL, ARG_STOP, arg_t, fetch_fn
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_MAY_CHANGE, SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int, smp_set_own,
    smp_set_str,
)

cdef extern from "<unistd.h>" nogil:
    int gethostname(char* name, size_t size)

cdef extern from "<sys/random.h>" nogil:
    long getrandom(void* into, size_t n, unsigned int flags)

cdef enum date_unit_t:           # what config/samples/fetch_state.py gives for "s", "ms" and "us"
    UNIT_S = 0
    UNIT_MS = 1
    UNIT_US = 2

cdef enum:
    UUID_LEN = 36

cdef fetch_entry_t[32] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_process_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint date(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: offset in the unit, unit."""
    cdef uint64_t now = ev.real_us
    if args[1].num == UNIT_S:
        now //= 1000000
    elif args[1].num == UNIT_MS:
        now //= 1000
    return smp_set_int(smp, <int64_t> (now + <uint64_t> args[0].num))


cdef bint date_us(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, <int64_t> (ev.real_us % 1000000))


cdef bint env(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    # The program keeps strings without a NUL behind them.
    cdef char name[256]
    cdef const char* value
    if args[0].str.len >= sizeof(name):
        return False
    memcpy(name, args[0].str.ptr, args[0].str.len)
    name[args[0].str.len] = 0
    value = getenv(name)
    return value != NULL and smp_set_str(smp, value, <uint32_t> strlen(value))


cdef bint hostname(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef char* name = scratch_take(ev, 256)
    if name == NULL or gethostname(name, 255) != 0:
        return False
    name[255] = 0
    return smp_set_own(smp, SMP_T_STR, name, <uint32_t> strlen(name), 256)


cdef bint pid(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ev.pid)


cdef bint thread(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ev.worker)


cdef bint stopping(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, load_i32(&ev.program.arena.workers[ev.worker].state) == WORKER_S_STOPPING)


cdef bint uptime(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, <int64_t> ((ev.now_ms - ev.program.arena.start_ms) // 1000))


cdef bint act_conn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, load_i64(&ev.program.arena.n_conns))


cdef bint wait_end(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """True once no more bytes can change what the rules see; before that there is no answer yet."""
    if not ev.options & EVAL_O_FINAL:
        smp.flags |= SMP_F_MAY_CHANGE
        return False
    return smp_set_bool(smp, True)


cdef bint acl(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """True when all the named ACLs are (a `!` before a name negates it)."""
    cdef cond_result_t verdict
    cdef uint32_t i = 0
    while args[i].type == ARG_ACL:
        verdict = acl_eval(ev, <const acl_t*> args[i].ptr)
        if verdict == COND_UNKNOWN:
            smp.flags |= SMP_F_MAY_CHANGE
            return False
        if (verdict == COND_TRUE) == (args[i].num != 0):
            return smp_set_bool(smp, False)
        i += 1
    return smp_set_bool(smp, args[i].type == ARG_STOP)


# ---- random numbers

cdef bint rand(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: a range is taken as 32 bits without a sign; 0 gives 0."""
    cdef uint64_t value = random_u64(ev.pid) & <uint64_t> 0xFFFFFFFF
    if args[0].type != ARG_STOP:
        value = value * <uint32_t> args[0].num >> 32
    return smp_set_int(smp, <int64_t> value)


cdef bint uuid(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """RFC 9562: version 4, all random, or 7, which begins with the time in milliseconds."""
    cdef uint64_t halves[2]
    cdef char* text = scratch_take(ev, UUID_LEN)
    cdef uint64_t version = 7 if args[0].num == 7 else 4
    if text == NULL:
        return False
    if getrandom(halves, sizeof(halves), 0) != sizeof(halves):
        halves[0] = random_u64(ev.pid)
        halves[1] = random_u64(ev.pid)
    if version == 7:
        halves[0] = ev.real_us // 1000 << 16 | halves[0] & <uint64_t> 0xFFFF
    halves[0] = halves[0] & ~(<uint64_t> 0xF000) | version << 12
    halves[1] = halves[1] & <uint64_t> 0x3FFFFFFFFFFFFFFF | <uint64_t> 1 << 63
    _write_uuid(text, halves)
    return smp_set_own(smp, SMP_T_STR, text, UUID_LEN, UUID_LEN)


cdef void _write_uuid(char* text, const uint64_t* halves) noexcept nogil:
    cdef uint32_t nibble, at = 0
    for nibble in range(<uint32_t> 32):
        if nibble == 8 or nibble == 12 or nibble == 16 or nibble == 20:
            text[at] = b'-'
            at += 1
        text[at] = b"0123456789abcdef"[halves[nibble // 16] >> (60 - nibble % 16 * 4) & 15]
        at += 1


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"date", date)
add(b"date_us", date_us)
add(b"env", env)
add(b"hostname", hostname)
add(b"pid", pid)
add(b"thread", thread)
add(b"stopping", stopping)
add(b"uptime", uptime)
add(b"act_conn", act_conn)
add(b"wait_end", wait_end)
add(b"acl", acl)
add(b"rand", rand)
add(b"uuid", uuid)
