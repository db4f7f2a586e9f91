# cython: language_level=3
# Testing access to stick tables: one table in an arena of its own, driven from Python with a clock from outside.
#
# Knows how to lay out a table without the program builder. Must not be imported outside tests/ and bench/.

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memset
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport arena_map, arena_t, arena_unmap, shlock_lock
from fastlb_core.base.atomic cimport add_fetch_u64
from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.layout_stick cimport fill_table, share_table
from fastlb_core.proxy.stick_data cimport (
    stick_add, stick_cur_add, stick_set, stick_text, stick_text_set, stick_value)
from fastlb_core.proxy.stick_key cimport stick_key_raw, stick_key_t
from fastlb_core.proxy.stick_store cimport (
    stick_clear, stick_expires_in, stick_find, stick_find_or_make, stick_hold, stick_is_sound, stick_let, stick_lock, stick_next,
    stick_recover, stick_set_process, stick_sweep, stick_touch, stick_unlock, stick_used, stick_worker)
from fastlb_core.proxy.stick_table cimport (
    STICK_K_BIN, STICK_K_INT, STICK_K_IPV4, STICK_K_IPV6, STICK_K_STR, stick_buckets, stick_bytes,
    stick_entry, stick_entry_t, stick_key_bytes, stick_stripe_of, stick_stripe_t, stick_table_t)

KEY_TYPES = {"ip": STICK_K_IPV4, "ipv6": STICK_K_IPV6, "integer": STICK_K_INT, "string": STICK_K_STR, "binary": STICK_K_BIN}
KEY_SIZES = {"ip": 4, "ipv6": 16, "integer": 4}


cdef class Table:
    """One stick table. `store` maps stick_type_t to (elements, period in ms). Keys are bytes as the table keeps them.

    compiled: what compile/stick.py says, instead of the other arguments.

    Raises KeyError for an unknown key type, ValueError for an unusable key, MemoryError. Times in ms.
    """

    cdef arena_t* arena          # owned
    cdef stick_table_t table

    def __cinit__(
        self, type: str, size: int, store: dict, *, length: int = 32, expire_ms: int = 0, nopurge: bool = False,
        n_workers: int = 8, compiled: dict | None = None,
    ):
        values = {
            "key_type": KEY_TYPES[type], "key_size": KEY_SIZES.get(type, length), "size": size, "expire_ms": expire_ms,
            "nopurge": nopurge, "srvkey_addr": False, "store": [(number, *what) for number, what in store.items()],
        }
        fill_table(&self.table, values | (compiled or {}), n_workers)
        self.arena = arena_map(stick_bytes(&self.table), n_workers)
        if self.arena == NULL:
            raise MemoryError
        share_table(&self.table, self.arena)
        stick_set_process(getpid(), 0)

    def __dealloc__(self):
        arena_unmap(self.arena)

    cdef int _key(self, bytes key, stick_key_t* out) except -1:
        if not stick_key_raw(&self.table, <const char*> key, <uint32_t> len(key), out):
            raise ValueError(key)
        return 0

    @property
    def table_address(self) -> int:
        """Of the stick_table_t, for an argument of a fetch or converter."""
        return <uint64_t> &self.table

    @property
    def used(self) -> int:
        return stick_used(&self.table)

    @property
    def shape(self) -> dict[str, int]:
        return {
            "stripes": self.table.n_stripes, "capacity": self.table.capacity, "entry": self.table.entry_size,
            "bytes": stick_bytes(&self.table), "stripe": sizeof(stick_stripe_t),
            "first": <uint64_t> stick_entry(&self.table, stick_stripe_of(&self.table, 0), 1),
        }

    def is_sound(self) -> bool:
        return stick_is_sound(&self.table)

    def enter(self, worker: int) -> None:
        """Makes this process worker `worker`; after a fork."""
        stick_set_process(getpid(), worker)

    def has(self, key: bytes, now_ms: int) -> bool:
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find(&self.table, &k, now_ms)
        if entry == NULL:
            return False
        stick_unlock(&self.table, entry)
        return True

    def add(self, key: bytes, type: int, n: int, now_ms: int, index: int = 0) -> int | None:
        """Adds to a value of the key's entry, which is made where it is missing and touched; None where there is no room."""
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find_or_make(&self.table, &k, now_ms)
        if entry == NULL:
            return None
        value = stick_add(&self.table, entry, type, index, n, now_ms)
        stick_touch(&self.table, entry, now_ms)
        stick_unlock(&self.table, entry)
        return value

    def set(self, key: bytes, type: int, value: int, now_ms: int, index: int = 0) -> bool:
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find_or_make(&self.table, &k, now_ms)
        if entry == NULL:
            return False
        done = stick_set(&self.table, entry, type, index, value, now_ms)
        stick_unlock(&self.table, entry)
        return done

    def value(self, key: bytes, type: int, now_ms: int, index: int = 0) -> int | None:
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find(&self.table, &k, now_ms)
        if entry == NULL:
            return None
        value = stick_value(&self.table, entry, type, index, now_ms)
        stick_unlock(&self.table, entry)
        return value

    def text(self, key: bytes, now_ms: int, new: bytes | None = None) -> bytes | None:
        """server_key of an entry, set to `new` first unless that is None."""
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find_or_make(&self.table, &k, now_ms)
        if entry == NULL:
            return None
        if new is not None:
            stick_text_set(&self.table, entry, slice_of(<const char*> new, <uint32_t> len(new)))
        found = stick_text(&self.table, entry)
        answer = found.ptr[:found.len] if found.len else b""
        stick_unlock(&self.table, entry)
        return answer

    def expires_in(self, key: bytes, now_ms: int) -> int:
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find(&self.table, &k, now_ms)
        if entry == NULL:
            return -1
        left = stick_expires_in(&self.table, entry, now_ms)
        stick_unlock(&self.table, entry)
        return left

    def hold(self, key: bytes, now_ms: int) -> int:
        """A reference and a connection of this worker; a handle for let(). 0 where there is no room."""
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find_or_make(&self.table, &k, now_ms)
        if entry == NULL:
            return 0
        stick_hold(&self.table, entry)
        stick_cur_add(&self.table, entry, self._worker(), 1)
        stick_touch(&self.table, entry, now_ms)
        stick_unlock(&self.table, entry)
        return <uint64_t> entry

    cdef uint32_t _worker(self):
        return <uint32_t> stick_worker()

    def let(self, handle: int, now_ms: int) -> None:
        cdef stick_entry_t* entry = <stick_entry_t*> <uint64_t> handle
        stick_lock(&self.table, entry)
        stick_cur_add(&self.table, entry, self._worker(), -1)
        stick_touch(&self.table, entry, now_ms)
        stick_let(&self.table, entry)
        stick_unlock(&self.table, entry)

    def refs(self, key: bytes, now_ms: int) -> int:
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_entry_t* entry = stick_find(&self.table, &k, now_ms)
        if entry == NULL:
            return -1
        n = entry.n_refs
        stick_unlock(&self.table, entry)
        return n

    def clear(self, key: bytes, now_ms: int) -> bool:
        cdef stick_key_t k
        self._key(key, &k)
        return stick_clear(&self.table, &k, now_ms)

    def sweep(self, budget: int, now_ms: int) -> int:
        return stick_sweep(&self.table, budget, now_ms)

    def keys(self, now_ms: int) -> list[bytes]:
        cdef uint64_t at = 0
        cdef stick_entry_t* entry
        found = []
        while True:
            entry = stick_next(&self.table, &at, now_ms)
            if entry == NULL:
                return found
            found.append(stick_key_bytes(&self.table, entry)[:entry.key_len])
            stick_unlock(&self.table, entry)

    def hammer(self, n: int, n_keys: int, type: int, first: int, now_ms: int, holding: bool = False) -> int:
        """`n` times one more of `type` for keys first..first+n_keys in turn, 4 byte keys, in C; how many found room."""
        cdef uint32_t total = n, keys = n_keys, start = first, i, number
        cdef uint32_t data = type
        cdef uint64_t now = now_ms, done = 0
        cdef bint holds = holding
        cdef stick_key_t k
        cdef stick_entry_t* entry
        with nogil:
            for i in range(total):
                number = start + i % keys
                stick_key_raw(&self.table, <const char*> &number, 4, &k)
                entry = stick_find_or_make(&self.table, &k, now)
                if entry == NULL:
                    continue
                stick_add(&self.table, entry, data, 0, 1, now)
                done += 1
                if holds:
                    stick_hold(&self.table, entry)
                    stick_unlock(&self.table, entry)
                    stick_lock(&self.table, entry)
                    stick_let(&self.table, entry)
                stick_touch(&self.table, entry, now)
                stick_unlock(&self.table, entry)
        return done

    def die_with_lock(self, key: bytes, damage: str) -> None:
        """Locks the key's stripe, leaves its lists as a process killed at `damage` does, and returns with the lock held.

        damage: "none", "lists" (links are nonsense), "made" (an entry counted but not linked), "unmade" (the reverse).
        """
        cdef stick_key_t k
        self._key(key, &k)
        cdef stick_stripe_t* stripe = stick_stripe_of(&self.table, k.hash)
        shlock_lock(&stripe.lock, getpid())
        if damage == "lists":
            memset(stick_buckets(&self.table, stripe), 0, 4 * self.table.n_buckets)
            stripe.oldest = stripe.newest = 1
            stripe.free = 1
            stripe.n_used = 77
        elif damage == "made":
            add_fetch_u64(&self.table.sh.n_used, 1)
            stripe.n_made += 1
        elif damage == "unmade":
            stick_entry(&self.table, stripe, 1).is_used = 0
            stick_entry(&self.table, stripe, 1).next = stick_entry(&self.table, stripe, 1).older = 0

    def recover(self, pid: int, worker: int, now_ms: int) -> int:
        stick_set_process(getpid(), 0)
        return stick_recover(&self.table, <int32_t> pid, <int32_t> worker, now_ms)
