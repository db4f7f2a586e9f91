# Variables; contracts in vars.pxd.

from libc.string cimport memcmp, memcpy, memmove, memset

from fastlb_core.base.buf cimport pool_destroy, pool_give, pool_init, pool_take
from fastlb_core.base.slice cimport slice_of
from fastlb_core.http.message cimport METHOD_OTHER
from fastlb_core.program.changes cimport CHANGE_UNSET, CHANGE_VAR, changes_add
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, ARG_VAR
from fastlb_core.program.sample cimport (
    SMP_F_CONST, SMP_T_BIN, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, SMP_T_SINT, SMP_T_STR, smp_cast,
)

cdef uint32_t* CLASS_BYTES = [64, 256, 1024, 4096, 16384, 65536]


cdef void vars_pools_init(vars_pools_t* pools, uint32_t max_cached) noexcept nogil:
    cdef int i
    for i in range(VARS_N_CLASSES):
        pool_init(&pools.classes[i], CLASS_BYTES[i], max_cached)


cdef void vars_pools_destroy(vars_pools_t* pools) noexcept nogil:
    cdef int i
    for i in range(VARS_N_CLASSES):
        pool_destroy(&pools.classes[i])


cdef char* take(vars_pools_t* pools, uint64_t size, uint8_t* size_class) noexcept nogil:
    """A block of at least `size` bytes; NULL when it is too large or memory is short."""
    cdef uint8_t i = 0
    while i < VARS_N_CLASSES and CLASS_BYTES[i] < size:
        i += 1
    if i == VARS_N_CLASSES:
        return NULL
    size_class[0] = i
    return pool_take(&pools.classes[i])


cdef void vars_init(vars_t* vars, vars_pools_t* pools, vars_t* parent, uint32_t n_slots, uint64_t limit) noexcept nogil:
    memset(vars, 0, sizeof(vars_t))
    vars.pools = pools
    vars.parent = parent
    vars.n_slots = n_slots
    vars.limit = limit


# ---- accounting

cdef bint may_grow(const vars_t* vars, uint64_t size) noexcept nogil:
    while vars != NULL:
        if vars.limit and vars.used + size > vars.limit:
            return False
        vars = vars.parent
    return True


cdef void count(vars_t* vars, uint64_t more, uint64_t less) noexcept nogil:
    while vars != NULL:
        vars.used = vars.used + more - less
        vars = vars.parent


# ---- slots

cdef uint64_t size_of(const var_t* var) noexcept nogil:
    return VARS_OVERHEAD + var.len if var.type else 0


cdef bint take_slots(vars_t* vars) noexcept nogil:
    cdef uint8_t size_class = 0
    cdef uint64_t size = <uint64_t> vars.n_slots * sizeof(var_t)
    if vars.slots == NULL:
        vars.slots = <var_t*> take(vars.pools, size, &size_class)
        if vars.slots == NULL:
            return False
        vars.size_class = size_class
        memset(vars.slots, 0, size)
    return True


cdef void forget(vars_t* vars, var_t* var) noexcept nogil:
    count(vars, 0, size_of(var))
    if var.bytes != NULL:
        pool_give(&vars.pools.classes[var.size_class], var.bytes)
    memset(var, 0, sizeof(var_t))


cdef void vars_reset(vars_t* vars) noexcept nogil:
    cdef uint32_t i
    if vars.slots == NULL:
        return
    for i in range(vars.n_slots):
        forget(vars, &vars.slots[i])
    pool_give(&vars.pools.classes[vars.size_class], <char*> vars.slots)
    vars.slots = NULL


cdef var_t* slot_of(eval_t* ev, int scope, uint32_t slot) noexcept nogil:
    """The variable's slot, set or not; NULL where the store has none yet."""
    cdef vars_t* vars = <vars_t*> ev.vars[scope]
    if vars == NULL or vars.slots == NULL or slot >= vars.n_slots:
        return NULL
    return &vars.slots[slot]


# ---- set, unset, get

cdef bint has_bytes(const sample_t* smp) noexcept nogil:
    return smp.type == SMP_T_STR or smp.type == SMP_T_BIN or (smp.type == SMP_T_METH and smp.num == METHOD_OTHER)


cdef bint conditions_hold(const vars_t* vars, const var_t* var, const sample_t* smp, uint32_t conditions) noexcept nogil:
    """haproxy: a variable exists while it is set; those of the scope proc always do (manual, section 7.3.1 set-var)."""
    cdef bint is_set = var.type != 0
    cdef bint exists = is_set or vars.is_proc
    cdef bint is_empty = (smp.type == SMP_T_STR or smp.type == SMP_T_BIN) and smp.str.len == 0
    cdef bint are_numbers = var.type == SMP_T_SINT and smp.type == SMP_T_SINT
    if conditions & VAR_C_IFEXISTS and not exists or conditions & VAR_C_IFNOTEXISTS and exists:
        return False
    if conditions & VAR_C_IFEMPTY and not is_empty or conditions & VAR_C_IFNOTEMPTY and is_empty:
        return False
    if conditions & VAR_C_IFSET and not is_set or conditions & VAR_C_IFNOTSET and is_set:
        return False
    if are_numbers and conditions & VAR_C_IFGT and var.num <= smp.num:
        return False
    return not (are_numbers and conditions & VAR_C_IFLT and var.num >= smp.num)


cdef bint store(vars_t* vars, var_t* var, sample_t* smp) noexcept nogil:
    cdef uint32_t length = smp.str.len if has_bytes(smp) else 0
    cdef uint64_t size = VARS_OVERHEAD + length
    cdef uint64_t before = size_of(var)
    cdef char* bytes = NULL
    cdef uint8_t size_class = 0
    if size > before and not may_grow(vars, size - before):
        return False
    if length:
        bytes = take(vars.pools, length, &size_class)
        if bytes == NULL:
            return False
        # The sample may stand in the block that is given back below: copied first.
        memmove(bytes, smp.str.ptr, length)
    forget(vars, var)
    var.type = smp.type
    var.size_class = size_class
    var.len = length
    var.num = smp.num
    memcpy(var.ip, smp.ip, 16)
    var.bytes = bytes
    count(vars, size, 0)
    if length:
        smp.str = slice_of(bytes, length)
        smp.flags |= SMP_F_CONST
        smp.room = 0
    return True


cdef bint is_same(const var_t* var, const sample_t* smp) noexcept nogil:
    if var.type != smp.type:
        return False
    if smp.type == SMP_T_IPV4 or smp.type == SMP_T_IPV6:
        return memcmp(var.ip, smp.ip, 4 if smp.type == SMP_T_IPV4 else 16) == 0
    if has_bytes(smp):
        return var.len == smp.str.len and memcmp(var.bytes, smp.str.ptr, var.len) == 0
    return var.num == smp.num


cdef bint store_and_log(vars_t* vars, uint32_t slot, sample_t* smp) noexcept nogil:
    """A value that is there already is no change: rules set the same one again and again."""
    cdef var_t* var = &vars.slots[slot]
    cdef var_value_t value
    cdef bint is_new = not is_same(var, smp)
    if not store(vars, var, smp):
        return False
    if is_new:
        memset(&value, 0, sizeof(value))
        value.num = var.num
        value.type = var.type
        memcpy(value.ip, var.ip, 16)
        changes_add(vars.changes, CHANGE_VAR, slot, slice_of(<const char*> &value, sizeof(value)), slice_of(var.bytes, var.len))
    return True


cdef bint var_set(eval_t* ev, int scope, uint32_t slot, sample_t* smp, uint32_t conditions) noexcept nogil:
    cdef vars_t* vars = <vars_t*> ev.vars[scope]
    if vars == NULL or slot >= vars.n_slots or not take_slots(vars):
        return False
    if not conditions_hold(vars, &vars.slots[slot], smp, conditions):
        return False
    if vars.changes != NULL:
        return store_and_log(vars, slot, smp)
    return store(vars, &vars.slots[slot], smp)


cdef void var_unset(eval_t* ev, int scope, uint32_t slot) noexcept nogil:
    cdef vars_t* vars = <vars_t*> ev.vars[scope]
    cdef var_t* var = slot_of(ev, scope, slot)
    if var == NULL:
        return
    if vars.changes != NULL and var.type:
        changes_add(vars.changes, CHANGE_UNSET, slot, slice_of(NULL, 0), slice_of(NULL, 0))
    forget(vars, var)


cdef bint var_get(eval_t* ev, int scope, uint32_t slot, sample_t* smp) noexcept nogil:
    cdef var_t* var = slot_of(ev, scope, slot)
    if var == NULL or var.type == 0:
        return False
    smp.type = var.type
    smp.flags |= SMP_F_CONST
    smp.room = 0
    smp.num = var.num
    memcpy(smp.ip, var.ip, 16)
    smp.str = slice_of(var.bytes, var.len)
    return True


# ---- arguments

cdef bint arg_int(eval_t* ev, const arg_t* arg, int64_t* number) noexcept nogil:
    cdef sample_t smp
    number[0] = 0
    if arg.type == ARG_SINT:
        number[0] = arg.num
    elif arg.type == ARG_VAR:
        memset(&smp, 0, sizeof(smp))
        if not var_get(ev, <int> arg.num, <uint32_t> arg.num2, &smp) or not smp_cast(ev, &smp, SMP_T_SINT):
            return False
        number[0] = smp.num
    return True


cdef bint arg_text(eval_t* ev, const arg_t* arg, slice_t* text) noexcept nogil:
    cdef sample_t smp
    text[0] = slice_of(NULL, 0)
    if arg.type == ARG_STR:
        text[0] = arg.str
    elif arg.type == ARG_VAR:
        memset(&smp, 0, sizeof(smp))
        if not var_get(ev, <int> arg.num, <uint32_t> arg.num2, &smp) or not smp_cast(ev, &smp, SMP_T_STR):
            return False
        text[0] = smp.str
    return True
