# Where everything of a stick table lies; contracts in stick_table.pxd.
#
# Knows sizes. Must not know keys nor values.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastlb_core.base.arena cimport arena_alloc, arena_t

cdef enum:
    ENTRIES_PER_STRIPE = 256     # at least: fewer would fill unevenly; a small table has one and loses exactly its oldest
    LINE = 64


cdef uint8_t stick_kind(uint32_t type) noexcept nogil:
    if type == STICK_CONN_CUR:
        return STICK_KIND_CUR
    if type == STICK_SERVER_KEY:
        return STICK_KIND_TEXT
    if type == STICK_BYTES_IN_CNT or type == STICK_BYTES_OUT_CNT:
        return STICK_KIND_U64
    if (type == STICK_GPC0_RATE or type == STICK_CONN_RATE or type == STICK_SESS_RATE or type == STICK_HTTP_REQ_RATE
            or type == STICK_HTTP_ERR_RATE or type == STICK_BYTES_IN_RATE or type == STICK_BYTES_OUT_RATE
            or type == STICK_GPC1_RATE or type == STICK_HTTP_FAIL_RATE or type == STICK_GPC_RATE
            or type == STICK_GLITCH_RATE):
        return STICK_KIND_RATE
    return STICK_KIND_U32


cdef uint32_t _kind_size(uint8_t kind) noexcept nogil:
    if kind == STICK_KIND_RATE:
        return sizeof(stick_rate_t)
    return sizeof(stick_text_t) if kind == STICK_KIND_TEXT else 8


cdef inline uint64_t _round_up(uint64_t size, uint64_t unit) noexcept nogil:
    return (size + unit - 1) & ~(unit - 1)


cdef uint64_t _root(uint64_t n) noexcept nogil:
    """Square root, rounded up to a power of two: how far a stripe's share strays."""
    cdef uint64_t root = 1
    while root * root < n:
        root *= 2
    return root


cdef void _lay_entry(stick_table_t* table) noexcept nogil:
    cdef uint32_t at = sizeof(stick_entry_t)
    cdef uint32_t type
    table.key_offset = at
    at += <uint32_t> _round_up(table.key_size, 8)
    for type in range(<uint32_t> STICK_TYPES):
        table.offset[type] = at
        at += table.count[type] * _kind_size(stick_kind(type))
    table.held_offset = at
    at += 4 * table.n_workers
    table.cur_offset = 0
    if table.count[<uint32_t> STICK_CONN_CUR]:
        table.cur_offset = at
        at += 4 * table.n_workers
    table.entry_size = <uint32_t> _round_up(at, 8)


cdef bint stick_layout(stick_table_t* table, uint32_t n_workers) noexcept nogil:
    cdef uint64_t each
    table.n_workers = n_workers
    _lay_entry(table)
    table.n_stripes = 1
    while table.n_stripes < STICK_MAX_STRIPES and table.size // (2 * table.n_stripes) >= ENTRIES_PER_STRIPE:
        table.n_stripes *= 2
    each = table.size
    if table.n_stripes > 1:
        # The hash deals keys out evenly, but for chance: six deviations more than the share, so that only `size` limits.
        each = each // table.n_stripes + 1
        each += 6 * _root(each) + 32
    table.capacity = <uint32_t> each
    table.n_buckets = 16
    while table.n_buckets < each:
        table.n_buckets *= 2
    table.stripe_bytes = _round_up(4 * <uint64_t> table.n_buckets + each * table.entry_size, LINE)
    return stick_bytes(table) < <uint64_t> 1 << 46


cdef uint64_t stick_bytes(const stick_table_t* table) noexcept nogil:
    return sizeof(stick_shared_t) + table.n_stripes * (sizeof(stick_stripe_t) + table.stripe_bytes) + LINE


cdef bint stick_init(stick_table_t* table, arena_t* arena, uint64_t seed0, uint64_t seed1) noexcept nogil:
    cdef uint32_t i
    table.sh = <stick_shared_t*> arena_alloc(arena, stick_bytes(table) - LINE)
    if table.sh == NULL:
        return False
    table.sh.seed[0] = seed0
    table.sh.seed[1] = seed1
    for i in range(table.n_stripes):
        stick_stripes(table)[i].generation = 1      # empty lists are sound
    return True
