# Sets of patterns: what an ACL, a map or a pattern file holds, and the indexes through which it is matched.
#
# One pat_ref_t for each file name or ACL; each use of it (match method, case, kind of value) attaches an index. What is added to
# or removed from the ref is in all its indexes at once. The runtime API may prepare further versions and then commit one.
# Knows nothing of files and commands. Memory is malloc's: it changes by the administrator's commands between two turns, and by
# rules (add-acl, set-map, del-*) within one; pat_match allocates nothing. The kinds of index are the files pat_*.pyx.
#
#     pat_ref_t ─ live ──► pat_set_t ─ stores ─► store ─► store          one store for each index, in the same order
#         │     ─ pending ► pat_set_t ─ stores ─► store ─► store          prepared versions
#         └── indexes ────► pat_index_t ──────► pat_index_t               .live: its store in the live set

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.list cimport list_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.changes cimport changes_t
from fastlb_core.program.pat_store cimport (
    pat_entry_t, pat_error_t, pat_node_t, pat_store_t, pat_table_t,
)
from fastlb_core.program.sample cimport eval_t, sample_t

cdef enum:
    PAT_LIVE = 0xffffffffu       # pat_set_of: the version that is matched

cdef struct pat_set_t:
    pat_set_t* next              # owned: pending sets, oldest first
    uint32_t version
    uint32_t n_entries
    list_t entries               # owned: pat_entry_t.link, in order
    pat_table_t keys             # inline: entries by their text
    pat_store_t* stores          # owned

cdef struct pat_index_t:
    pat_ref_t* ref               # borrowed: its owner
    pat_index_t* next            # owned
    pat_store_t* live            # borrowed (from ref.live), changes with a commit
    uint8_t method               # pat_method_t
    uint8_t flags                # PAT_F_*
    uint8_t output               # pat_output_t

cdef struct pat_ref_t:
    slice_t name                 # owned: the file's name, or empty
    int32_t id                   # as the runtime API numbers it; the caller's business
    uint8_t has_values           # two columns: a map, or an ACL with -M
    uint32_t number              # its place in program_t.pattern_refs
    changes_t* changes           # borrowed (worker): where rules log what they change, or NULL
    uint32_t last_version        # the newest that was handed out
    uint64_t last_id             # of an entry; ids are never used again
    pat_index_t* indexes         # owned
    pat_set_t* live              # owned
    pat_set_t* pending           # owned

# ---- life. owned by the caller; NULL when memory is short; free takes NULL.
cdef pat_ref_t* pat_ref_new(slice_t name, int32_t id, bint has_values) noexcept nogil
cdef void pat_ref_free(pat_ref_t* ref) noexcept nogil
# The index of ref with that method, flags and output: a new one if there was none, over all entries that are there. NULL with
# text and line in `error` when an entry does not fit it. borrowed: valid as long as ref.
cdef pat_index_t* pat_ref_attach(
    pat_ref_t* ref, uint8_t method, uint8_t flags, uint8_t output, pat_error_t* error
) noexcept nogil
# The names that configurations use: "beg" and so on ("meth" and "dot" are ours); -1 for an unknown one.
cdef int pat_method_of(const char* name) noexcept nogil
# The smp_type_t that a sample must be cast to before pat_match; see pat_cast.
cdef uint8_t pat_sample_type(uint8_t method) noexcept nogil

# ---- matching
# Casts the sample as the method needs it; False when it cannot be such a value. haproxy: binary samples are compared as they
# are, not as hexadecimal text.
cdef bint pat_cast(uint8_t method, eval_t* ev, sample_t* smp) noexcept nogil
# The entry that matches, as HAProxy would choose it, or NULL. borrowed: valid until the next command. found and bool give an
# entry without key and value. It may use ev.scratch and gives it back.
cdef inline const pat_entry_t* pat_match(const pat_index_t* index, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef pat_node_t* node = index.live.ops.match(index.live, ev, smp)
    return node.entry if node != NULL else NULL

# ---- what the runtime API does; sets are those of the ref
# PAT_LIVE, the live set's number or that of a prepared one; NULL for another.
cdef pat_set_t* pat_set_of(pat_ref_t* ref, uint32_t version) noexcept nogil
# Adds behind the others; key and value are copied. line: in its file, or 0. NULL, and nothing changed, with the reason in
# `error`.
cdef pat_entry_t* pat_add(
    pat_ref_t* ref, pat_set_t* set, slice_t key, slice_t value, uint32_t line, pat_error_t* error
) noexcept nogil
# The first entry with that very text, then the further ones; NULL at the end. key: as written, not what it means.
cdef pat_entry_t* pat_find(const pat_set_t* set, slice_t key) noexcept nogil
cdef pat_entry_t* pat_find_next(const pat_entry_t* entry) noexcept nogil
cdef pat_entry_t* pat_find_id(const pat_set_t* set, uint64_t id) noexcept nogil
# In order; NULL at the end.
cdef pat_entry_t* pat_first(const pat_set_t* set) noexcept nogil
cdef pat_entry_t* pat_next(const pat_set_t* set, const pat_entry_t* entry) noexcept nogil
# Removes and frees one entry.
cdef void pat_remove(pat_set_t* set, pat_entry_t* entry) noexcept nogil
# Removes all with that text; returns how many.
cdef uint32_t pat_remove_key(pat_set_t* set, slice_t key) noexcept nogil
# Gives one entry another value; False, and nothing changed, with the reason in `error`.
cdef bint pat_change(pat_ref_t* ref, pat_entry_t* entry, slice_t value, pat_error_t* error) noexcept nogil
# Gives all with that text another value; returns how many, or -1 with the reason in `error` and nothing changed.
cdef int pat_change_key(pat_ref_t* ref, pat_set_t* set, slice_t key, slice_t value, pat_error_t* error) noexcept nogil
cdef void pat_clear(pat_set_t* set) noexcept nogil
# A new empty version; its number is in set.version. NULL when memory is short.
cdef pat_set_t* pat_prepare(pat_ref_t* ref) noexcept nogil
# Makes a prepared set the live one. The set that was live and pending ones that are older are freed. `set` must be pending.
cdef void pat_commit(pat_ref_t* ref, pat_set_t* set) noexcept nogil
