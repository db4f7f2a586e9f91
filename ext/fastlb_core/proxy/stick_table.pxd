# Stick tables: what a table is, how it lies in the arena, and what every entry holds.
#
# Knows types, offsets and the memory's shape (manual, section 4.2 "stick-table"). Must not know how entries are found or thrown
# away (stick_store), what their values mean (stick_data), nor streams.
#
#     arena piece:  ┌ stick_shared_t ┬ stick_stripe_t[n_stripes] ┬ stripe 0 ┬ stripe 1 ┬ ...
#     a stripe:     ┌ buckets: index + 1 of the first entry ┬ entries, made from the left as they are needed ┬ never touched
#     an entry:     ┌ stick_entry_t ┬ key ┬ values (offset[]) ┬ held[n_workers] ┬ cur[n_workers], with conn_cur only
#
# A key belongs to one stripe for ever. Everything of a stripe is read and written under its lock, which is held for some tens
# of ns. The mapping costs only the pages that were touched: a table of 1m entries with 10 of them is small.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.arena cimport arena_t, shlock_t
from fastlb_core.base.slice cimport slice_t

cdef enum stick_key_type_t:      # the numbers are also those of config/stick_types.py
    STICK_K_IPV4 = 0             # 4 bytes
    STICK_K_IPV6 = 1             # 16 bytes
    STICK_K_INT = 2              # 4 bytes, native order
    STICK_K_STR = 3              # up to key_size bytes
    STICK_K_BIN = 4              # key_size bytes, padded with zeros

cdef enum stick_type_t:          # in the order in which `show table` writes them; also config/stick_types.py's numbers
    STICK_SERVER_ID = 0
    STICK_GPT0 = 1
    STICK_GPC0 = 2
    STICK_GPC0_RATE = 3
    STICK_CONN_CNT = 4
    STICK_CONN_RATE = 5
    STICK_CONN_CUR = 6
    STICK_SESS_CNT = 7
    STICK_SESS_RATE = 8
    STICK_HTTP_REQ_CNT = 9
    STICK_HTTP_REQ_RATE = 10
    STICK_HTTP_ERR_CNT = 11
    STICK_HTTP_ERR_RATE = 12
    STICK_BYTES_IN_CNT = 13
    STICK_BYTES_IN_RATE = 14
    STICK_BYTES_OUT_CNT = 15
    STICK_BYTES_OUT_RATE = 16
    STICK_GPC1 = 17
    STICK_GPC1_RATE = 18
    STICK_SERVER_KEY = 19
    STICK_HTTP_FAIL_CNT = 20
    STICK_HTTP_FAIL_RATE = 21
    STICK_GPT = 22               # array
    STICK_GPC = 23               # array
    STICK_GPC_RATE = 24          # array
    STICK_GLITCH_CNT = 25
    STICK_GLITCH_RATE = 26
    STICK_TYPES = 27

cdef enum stick_kind_t:
    STICK_KIND_U32 = 0           # stored in 8 bytes, wraps as 32 bits
    STICK_KIND_U64 = 1
    STICK_KIND_RATE = 2          # stick_rate_t
    STICK_KIND_TEXT = 3          # stick_text_t
    STICK_KIND_CUR = 4           # the int64 that `set table` put there plus cur[] of all workers

cdef enum:                       # stick_table_t.flags
    STICK_F_NOPURGE = 0x01       # a full table refuses new keys
    STICK_F_SRVKEY_ADDR = 0x02   # server_key is the server's address, not its name

cdef enum:
    STICK_MAX_STRIPES = 1024
    STICK_TEXT_MAX = 63          # bytes kept of a server key
    STICK_ARRAY_MAX = 100        # elements of gpt, gpc, gpc_rate

# Events in a sliding window: those of the running period and of the one before, the latter weighted by what is left of it.
cdef struct stick_rate_t:
    uint64_t tick_ms             # when the running period began
    uint64_t current
    uint64_t previous

cdef struct stick_text_t:
    uint8_t len
    char bytes[63]

cdef struct stick_entry_t:       # under its stripe's lock
    uint32_t is_used             # the last store of a new entry and the first of one thrown away: what a rebuild goes by
    uint32_t n_refs              # sum of held[]: while it is not 0 the entry is in no list of age and stays
    uint32_t next                # index + 1 of the next one in the bucket, or in the list of free ones
    uint32_t older               # index + 1 in the list of age
    uint32_t newer
    uint32_t key_len             # bytes
    uint64_t hash
    uint64_t touched_ms          # monotonic; created, tracked or matched: `expire` counts from here

cdef struct stick_stripe_t:      # a cache line
    shlock_t lock
    uint32_t generation          # lock.generation + 1 with which the lists below were built
    uint32_t n_made              # entries [0, n_made) have been used once; the others' memory was never touched
    uint32_t n_used
    uint32_t free                # index + 1
    uint32_t oldest              # index + 1; unreferenced entries by touched_ms
    uint32_t newest
    uint32_t victim              # the stripe that is asked next for room
    uint32_t spare[7]

cdef struct stick_shared_t:
    uint64_t n_used              # atomic; changed by who holds the entry's stripe
    uint64_t seed[2]             # of the hash: nobody can choose keys that meet in one bucket
    uint64_t sweep               # atomic; the stripe that is swept next
    uint64_t spare[4]

# The description, in program memory; immutable after stick_layout and stick_init.
cdef struct stick_table_t:
    slice_t name                 # borrowed (program)
    uint8_t key_type             # stick_key_type_t
    uint8_t flags                # STICK_F_*
    uint32_t key_size            # bytes of a key at most
    uint32_t expire_ms           # 0: never
    uint32_t size                # entries at most
    uint16_t count[27]           # by stick_type_t: elements, 0 where it is not stored. Set before stick_layout.
    uint32_t period_ms[27]       # of rates
    # by stick_layout
    uint32_t offset[27]          # bytes from the entry's start
    uint32_t key_offset
    uint32_t held_offset
    uint32_t cur_offset          # 0 without conn_cur
    uint32_t entry_size
    uint32_t n_workers
    uint32_t n_stripes           # a power of two
    uint32_t n_buckets           # per stripe, a power of two
    uint32_t capacity            # entries per stripe
    uint64_t stripe_bytes
    # by stick_init
    stick_shared_t* sh           # shared, arena

# stick_kind_t of a data type.
cdef uint8_t stick_kind(uint32_t type) noexcept nogil
# Computes everything up to stripe_bytes from name..period_ms. False: the size is too large for this machine's addresses.
cdef bint stick_layout(stick_table_t* table, uint32_t n_workers) noexcept nogil
# Bytes that stick_init will take from the arena, lines included; after stick_layout.
cdef uint64_t stick_bytes(const stick_table_t* table) noexcept nogil
# Takes the table's piece of the arena, before the fork. seed: 16 random bytes. False: the arena is full.
cdef bint stick_init(stick_table_t* table, arena_t* arena, uint64_t seed0, uint64_t seed1) noexcept nogil

cdef inline stick_stripe_t* stick_stripes(const stick_table_t* table) noexcept nogil:
    return <stick_stripe_t*> (<char*> table.sh + sizeof(stick_shared_t))

cdef inline stick_stripe_t* stick_stripe_of(const stick_table_t* table, uint64_t hash) noexcept nogil:
    return stick_stripes(table) + (hash & (table.n_stripes - 1))

cdef inline uint32_t* stick_buckets(const stick_table_t* table, const stick_stripe_t* stripe) noexcept nogil:
    cdef uint64_t index = stripe - stick_stripes(table)
    return <uint32_t*> (<char*> stick_stripes(table) + table.n_stripes * sizeof(stick_stripe_t) + index * table.stripe_bytes)

# at: index + 1, never 0.
cdef inline stick_entry_t* stick_entry(const stick_table_t* table, const stick_stripe_t* stripe, uint32_t at) noexcept nogil:
    cdef char* entries = <char*> (stick_buckets(table, stripe) + table.n_buckets)
    return <stick_entry_t*> (entries + <uint64_t> (at - 1) * table.entry_size)

cdef inline char* stick_key_bytes(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    return <char*> entry + table.key_offset

cdef inline uint32_t* stick_held(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    return <uint32_t*> (<char*> entry + table.held_offset)

# NULL without conn_cur.
cdef inline uint32_t* stick_cur(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    return <uint32_t*> (<char*> entry + table.cur_offset) if table.cur_offset else NULL

cdef inline bint stick_stores(const stick_table_t* table, uint32_t type, uint32_t index) noexcept nogil:
    return type < STICK_TYPES and index < table.count[type]
