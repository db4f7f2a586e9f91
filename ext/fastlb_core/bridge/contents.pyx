# cython: language_level=3
# Python's view of what rules and the runtime API change in every worker: patterns, and variables of the scope `proc`.
#
# Knows the sets of program/pattern.pxd and the records of program/changes.pxd. Works on the calling process's own copy. Must not
# know who tells whom (control/contents.py, supervisor/replica.py), nor how the runtime API spells things.

from collections import namedtuple

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.bridge.builder cimport Program
from fastlb_core.program.changes cimport CHANGE_DEL, CHANGE_PUT, CHANGE_SET, CHANGE_UNSET, CHANGE_VAR, change_t
from fastlb_core.program.pat_store cimport (
    PAT_F_CAPTURE, PAT_F_ICASE, PAT_M_FOUND, PAT_M_STR, PAT_OUT_INT, PAT_OUT_IP, PAT_OUT_NONE, pat_entry_t, pat_error_t,
    pat_node_t,
)
from fastlb_core.program.pattern cimport (
    PAT_LIVE, pat_add, pat_cast, pat_change, pat_change_key, pat_clear, pat_commit, pat_find, pat_find_id, pat_find_next,
    pat_first, pat_index_t, pat_next, pat_prepare, pat_ref_t, pat_remove, pat_remove_key, pat_set_of, pat_set_t,
)
from fastlb_core.program.program cimport program_t
from fastlb_core.program.rules cimport rules_run, rules_t
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_CONST, SMP_T_STR, VARS_PROC, eval_t, sample_t, scratch_t,
)
from fastlb_core.program.vars cimport (
    var_get, var_set, var_value_t, vars_init, vars_pools_destroy, vars_pools_init, vars_pools_t, vars_reset, vars_t,
)

METHODS = ("found", "bool", "int", "int", "ip", "bin", "len", "str", "beg", "end", "sub", "dir", "dom", "reg", "meth", "auth")
KINDS = {CHANGE_PUT: "put", CHANGE_SET: "set", CHANGE_DEL: "del", CHANGE_VAR: "var", CHANGE_UNSET: "unset"}

# id: grows, never used again; value: None where there is none.
Entry = namedtuple("Entry", "id key value")
# What one index of a set says to a text. kind: "tree" or "list"; entry: None where nothing matches; type: of the value.
Match = namedtuple("Match", "method ignore_case kind entry type has_output")
# num, ip: what a value without bytes is; type: smp_type_t.
Value = namedtuple("Value", "type num ip bytes")


class ContentsError(ValueError):
    """A pattern or value that does not fit; the core's words."""


cdef slice_t _slice(bytes text):
    return slice_of(<const char*> text, <uint32_t> len(text))


cdef bytes _bytes(slice_t text):
    return text.ptr[:text.len] if text.len else b""


cdef object _entry(const pat_entry_t* entry):
    return Entry(entry.id, _bytes(entry.key), _bytes(entry.value) if entry.has_value else None)


cdef object _fault(const pat_error_t* error):
    return ContentsError((<bytes> error.text).decode("utf-8", "replace"))


cdef class Contents:
    """The sets of patterns of one program, by number. Raises IndexError for one that is not there."""

    cdef readonly Program program
    cdef program_t* ptr          # borrowed (program, which this object keeps)

    def __init__(self, program: Program):
        self.program = program
        self.ptr = program.ptr

    cdef pat_ref_t* _ref(self, number) except NULL:
        if not 0 <= number < self.ptr.n_pattern_refs:
            raise IndexError(number)
        return <pat_ref_t*> self.ptr.pattern_refs[<uint32_t> number]

    cdef pat_set_t* _set(self, number, version) except NULL:
        cdef pat_set_t* found = pat_set_of(self._ref(number), <uint32_t> PAT_LIVE if version is None else <uint32_t> version)
        if found == NULL:
            raise KeyError(version)
        return found

    @property
    def refs(self):
        """(id, name, whether entries have values) of each set."""
        cdef pat_ref_t* ref
        found = []
        for number in range(self.ptr.n_pattern_refs):
            ref = self._ref(number)
            found.append((ref.id, _bytes(ref.name).decode("utf-8", "surrogateescape"), bool(ref.has_values)))
        return found

    def versions(self, number):
        """The live version, the newest that was handed out, and the entries of all versions together."""
        cdef pat_ref_t* ref = self._ref(number)
        cdef pat_set_t* pending = ref.pending
        cdef uint64_t count = ref.live.n_entries
        while pending != NULL:
            count += pending.n_entries
            pending = pending.next
        return ref.live.version, ref.last_version, count

    def has_version(self, number, version):
        return pat_set_of(self._ref(number), <uint32_t> version) != NULL

    def entries(self, number, version=None):
        """All entries of a version (None: the live one) in order; KeyError for a version that is not there."""
        cdef pat_set_t* which = self._set(number, version)
        cdef pat_entry_t* entry = pat_first(which)
        found = []
        while entry != NULL:
            found.append(_entry(entry))
            entry = pat_next(which, entry)
        return found

    def find(self, number, bytes key):
        """The live entries with that very text."""
        cdef pat_entry_t* entry = pat_find(self._set(number, None), _slice(key))
        found = []
        while entry != NULL:
            found.append(_entry(entry))
            entry = pat_find_next(entry)
        return found

    def find_id(self, number, id):
        """The live entry with that id, or None."""
        cdef pat_entry_t* entry = pat_find_id(self._set(number, None), <uint64_t> id)
        return None if entry == NULL else _entry(entry)

    def add(self, number, bytes key, value=None, version=None):
        """Adds behind the others, a second time too. Raises ContentsError."""
        cdef pat_error_t error
        cdef slice_t content = slice_of(NULL, 0) if value is None else _slice(value)
        if pat_add(self._ref(number), self._set(number, version), _slice(key), content, 0, &error) == NULL:
            raise _fault(&error)

    def change(self, number, bytes key, bytes value):
        """Gives all live entries with that text a value; how many. Raises ContentsError."""
        cdef pat_error_t error
        cdef int count = pat_change_key(self._ref(number), self._set(number, None), _slice(key), _slice(value), &error)
        if count < 0:
            raise _fault(&error)
        return count

    def change_nth(self, number, bytes key, n, bytes value):
        """The same for the n-th entry with that text only."""
        cdef pat_error_t error
        cdef pat_entry_t* entry = self._nth(number, key, n)
        if entry != NULL and not pat_change(self._ref(number), entry, _slice(value), &error):
            raise _fault(&error)

    cdef pat_entry_t* _nth(self, number, bytes key, n) except? NULL:
        cdef pat_entry_t* entry = pat_find(self._set(number, None), _slice(key))
        while entry != NULL and n > 0:
            entry = pat_find_next(entry)
            n -= 1
        return entry

    def remove(self, number, bytes key):
        """Removes all live entries with that text; how many."""
        return pat_remove_key(self._set(number, None), _slice(key))

    def remove_nth(self, number, bytes key, n):
        cdef pat_entry_t* entry = self._nth(number, key, n)
        if entry != NULL:
            pat_remove(self._set(number, None), entry)

    def clear(self, number, version=None):
        pat_clear(self._set(number, version))

    def prepare(self, number):
        """A new empty version; its number."""
        cdef pat_set_t* made = pat_prepare(self._ref(number))
        if made == NULL:
            raise MemoryError
        return made.version

    def commit(self, number, version):
        """Makes a prepared version the live one; KeyError where it is not one."""
        cdef pat_ref_t* ref = self._ref(number)
        cdef pat_set_t* made = self._set(number, version)
        if made == ref.live:
            raise KeyError(version)
        pat_commit(ref, made)

    def match(self, number, bytes text):
        """What each index says to the text, a Match for each."""
        cdef pat_index_t* index = self._ref(number).indexes
        found = []
        while index != NULL:
            found.append(_matched(index, text))
            index = index.next
        return found


cdef object _matched(pat_index_t* index, bytes text):
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef pat_node_t* node = NULL
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    scratch.size = 65536
    scratch.used = 0
    scratch.area = <char*> malloc(scratch.size + 1)
    if scratch.area == NULL:
        raise MemoryError
    ev.scratch = &scratch
    ev.options = EVAL_O_FINAL
    smp.type = SMP_T_STR
    smp.flags = SMP_F_CONST
    smp.str = _slice(text)
    # haproxy: without patterns nothing is found by looking one up.
    if index.method != PAT_M_FOUND and pat_cast(index.method, &ev, &smp):
        node = index.live.ops.match(index.live, &ev, &smp)
    free(scratch.area)
    kind = index.live.ops.name.decode()
    if index.flags & PAT_F_ICASE and index.method == PAT_M_STR:
        kind = "list"  # haproxy: text whose case does not matter is no tree
    value_type = "str"
    if index.output == PAT_OUT_INT:
        value_type = "sint"
    elif index.output == PAT_OUT_IP and node != NULL:
        value_type = "ipv4" if node.entry.ip_len == 4 else "ipv6"
    method = "regm" if index.flags & PAT_F_CAPTURE else METHODS[index.method]
    return Match(method, bool(index.flags & PAT_F_ICASE), kind, None if node == NULL else _entry(node.entry),
                 value_type, index.output != PAT_OUT_NONE)


# ---- changes that rules made

def read_changes(bytes log):
    """The records of a worker's log: (kind, object, key, value) with the words of KINDS; of a variable the value is a Value."""
    return [
        (KINDS[kind], number, b"" if KINDS[kind] == "var" else key, _value(key, value) if KINDS[kind] == "var" else value)
        for kind, number, key, value in _records(log)
    ]


def read_questions(bytes log):
    """What rules of a worker ask (proxy/questions.pxd): (number, resolvers section, address family: 4 or 6, name)."""
    return [(number, resolvers, family, name) for family, number, resolvers, name in _records(log)]


cdef list _records(bytes log):
    cdef change_t head
    cdef const char* at = <const char*> log
    cdef const char* end = at + len(log)
    found = []
    while end - at >= <Py_ssize_t> sizeof(change_t):
        memcpy(&head, at, sizeof(change_t))
        at += sizeof(change_t)
        key = at[:head.key_len]
        at += head.key_len
        value = at[:head.value_len]
        at += head.value_len
        found.append((head.kind, head.object, key, value))
    return found


cdef object _value(bytes head, bytes text):
    cdef var_value_t value
    memcpy(&value, <const char*> head, sizeof(value))
    return Value(value.type, value.num, bytes((<const char*> value.ip)[:16]), text)


# ---- variables

cdef int put_value(sample_t* smp, value) except -1:
    """The value must outlive the sample."""
    cdef bytes ip = value.ip
    memset(smp, 0, sizeof(sample_t))
    smp.type = value.type
    smp.num = value.num
    smp.flags = SMP_F_CONST
    memcpy(smp.ip, <const char*> ip, min(len(ip), 16))
    smp.str = _slice(value.bytes)
    return 0


cdef object take_value(const sample_t* smp):
    return Value(smp.type, smp.num, bytes((<const char*> smp.ip)[:16]), _bytes(smp.str))


def evaluate(program: Program, dict known, slot):
    """What the program's rules of the start make of the process's variable `slot`, or None.

    known: the Value of each slot that is set before.
    """
    cdef program_t* ptr = program.ptr
    cdef vars_pools_t pools
    cdef vars_t variables
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef uint32_t next = 0
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    memset(&scratch, 0, sizeof(scratch))
    vars_pools_init(&pools, 1)
    vars_init(&variables, &pools, NULL, ptr.n_vars[<int> VARS_PROC], 0)
    scratch.size = 16 * ptr.bufsize
    scratch.area = <char*> malloc(scratch.size + 4 * ptr.bufsize)
    if scratch.area == NULL:
        raise MemoryError
    scratch.page = scratch.area + scratch.size
    scratch.page_size = 4 * ptr.bufsize
    ev.scratch = &scratch
    ev.program = ptr
    ev.options = EVAL_O_FINAL
    ev.vars[<int> VARS_PROC] = &variables
    try:
        for number, value in known.items():
            put_value(&smp, value)
            var_set(&ev, VARS_PROC, number, &smp, 0)
        rules_run(&ev, <const rules_t*> ptr.at_start, &next)
        memset(&smp, 0, sizeof(smp))
        return take_value(&smp) if var_get(&ev, VARS_PROC, slot, &smp) else None
    finally:
        vars_reset(&variables)
        vars_pools_destroy(&pools)
        free(scratch.area)
