# cython: language_level=3
# Python's view of the stick tables: entries out as plain tuples, changes by the runtime API in.
#
# Knows how an entry is read and written under its lock. Must not know how keys and values are spelled (control does).
# The process that uses it holds no references: stick_set_process with worker -1. Times are CLOCK_MONOTONIC ms.

from collections import namedtuple

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.bridge.builder cimport Program
from fastlb_core.program.program cimport program_t
from fastlb_core.proxy.stick_data cimport stick_set, stick_text, stick_text_set, stick_value
from fastlb_core.proxy.stick_key cimport stick_key_raw, stick_key_t
from fastlb_core.proxy.stick_store cimport (
    stick_clear, stick_expires_in, stick_find, stick_find_or_make, stick_next, stick_set_process, stick_touch, stick_unlock,
    stick_used)
from fastlb_core.proxy.stick_table cimport STICK_KIND_TEXT, STICK_TYPES, stick_entry_t, stick_key_bytes, stick_kind, stick_table_t

# key_type: stick_key_type_t; store: [(stick_type_t, elements, period in ms), ...] in the order of the types.
TableInfo = namedtuple("TableInfo", "index name key_type key_size size expire_ms store")
# values: {(stick_type_t, element): number, or bytes for a text}; uses: references; expires_ms: until it expires, 0: never.
TableEntry = namedtuple("TableEntry", "address key uses expires_ms values")


cdef uint64_t _now_ms() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    return <uint64_t> ts.tv_sec * 1000 + <uint64_t> ts.tv_nsec // 1000000


cdef class Tables:
    """The stick tables of one program, by index. Raises IndexError for one that is not there, ValueError for a bad key."""

    cdef readonly Program program
    cdef program_t* ptr          # borrowed (program, which this object keeps)
    cdef readonly tuple infos    # a TableInfo for each

    def __init__(self, program: Program):
        self.program = program
        self.ptr = program.ptr
        self.infos = tuple(self._info(index) for index in range(self.ptr.n_tables))

    cdef stick_table_t* _table(self, index) except NULL:
        if not 0 <= index < self.ptr.n_tables:
            raise IndexError(index)
        stick_set_process(getpid(), -1)
        return <stick_table_t*> self.ptr.tables[<uint32_t> index]

    def _info(self, index):
        cdef stick_table_t* table = self._table(index)
        cdef uint32_t i
        store = [(i, table.count[i], table.period_ms[i]) for i in range(STICK_TYPES) if table.count[i]]
        name = PyBytes_FromStringAndSize(table.name.ptr, table.name.len).decode("utf-8", "surrogateescape")
        return TableInfo(index, name, table.key_type, table.key_size, table.size, table.expire_ms, store)

    def used(self, index):
        """Entries in use."""
        return stick_used(self._table(index))

    cdef _entry(self, stick_table_t* table, stick_entry_t* entry, uint64_t now):
        """A copy of a locked entry."""
        cdef uint32_t type, i
        cdef slice_t text
        values = {}
        for type in range(STICK_TYPES):
            if table.count[type] and stick_kind(type) == STICK_KIND_TEXT:
                text = stick_text(table, entry)
                values[type, 0] = PyBytes_FromStringAndSize(text.ptr, text.len) if text.len else b""
                continue
            for i in range(table.count[type]):
                values[type, i] = stick_value(table, entry, type, i, now)
        key = PyBytes_FromStringAndSize(stick_key_bytes(table, entry), entry.key_len)
        return TableEntry(<uint64_t> entry, key, entry.n_refs, stick_expires_in(table, entry, now), values)

    def read(self, index, at, most):
        """Up to `most` live entries from position `at` on (0: the beginning), and the position behind them, None at the end."""
        cdef stick_table_t* table = self._table(index)
        cdef uint64_t now = _now_ms()
        cdef uint64_t position = at
        cdef stick_entry_t* entry
        found = []
        while len(found) < most:
            entry = stick_next(table, &position, now)
            if entry == NULL:
                return found, None
            try:
                found.append(self._entry(table, entry, now))
            finally:
                stick_unlock(table, entry)
        return found, position

    def find(self, index, bytes key):
        """The entry of the key, None where there is none."""
        cdef stick_table_t* table = self._table(index)
        cdef uint64_t now = _now_ms()
        cdef stick_key_t raw
        cdef stick_entry_t* entry
        _key(table, key, &raw)
        entry = stick_find(table, &raw, now)
        if entry == NULL:
            return None
        try:
            return self._entry(table, entry, now)
        finally:
            stick_unlock(table, entry)

    def set(self, index, bytes key, list values):
        """Sets [(stick_type_t, element, number or bytes), ...]; a new key gets an entry. False: the table is full."""
        cdef stick_table_t* table = self._table(index)
        cdef uint64_t now = _now_ms()
        cdef stick_key_t raw
        cdef stick_entry_t* entry
        _key(table, key, &raw)
        entry = stick_find_or_make(table, &raw, now)
        if entry == NULL:
            return False
        try:
            for type, element, value in values:
                if isinstance(value, bytes):
                    stick_text_set(table, entry, slice_of(<const char*> (<bytes> value), <uint32_t> len(value)))
                else:
                    stick_set(table, entry, type, element, value, now)
            stick_touch(table, entry, now)
        finally:
            stick_unlock(table, entry)
        return True

    def clear(self, index, bytes key):
        """Throws the key's entry away. False: it is in use."""
        cdef stick_table_t* table = self._table(index)
        cdef stick_key_t raw
        _key(table, key, &raw)
        return stick_clear(table, &raw, _now_ms())


cdef int _key(stick_table_t* table, bytes key, stick_key_t* out) except -1:
    if not stick_key_raw(table, <const char*> key, <uint32_t> len(key), out):
        raise ValueError(key)
    return 0
