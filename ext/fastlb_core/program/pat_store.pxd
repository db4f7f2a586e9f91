# What the indexes of patterns are made of: entries, nodes, stores, and what a kind of index must be able to do.
#
#     pat_set_t ── entries in order ──► pat_entry_t ── nodes ──► pat_node_t, one for each index
#                                                                   │ linked in
#     pat_index_t ── live ──► pat_store_t (table, or list) ◄────────┘
#
# Knows the types only. Must not know the kinds (pat_*.pyx, each with one pat_store_ops_t) nor how sets change (pattern.pyx).

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.list cimport list_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.regex cimport regex_t
from fastlb_core.program.sample cimport eval_t, sample_t

cdef enum pat_method_t:
    PAT_M_FOUND = 0              # no patterns: there is a sample
    PAT_M_BOOL = 1               # no patterns: it is not zero
    PAT_M_INT = 2                # 5, 1:9, 1:, :9
    PAT_M_DOT = 3                # the same for versions: 3.1 is 3 << 16 | 1 (req.ssl_ver)
    PAT_M_IP = 4
    PAT_M_BIN = 5
    PAT_M_LEN = 6
    PAT_M_STR = 7
    PAT_M_BEG = 8
    PAT_M_END = 9
    PAT_M_SUB = 10
    PAT_M_DIR = 11
    PAT_M_DOM = 12
    PAT_M_REG = 13
    PAT_M_METH = 14
    PAT_M_AUTH = 15              # groups of the user that http_auth_group has found
    PAT_M_COUNT = 16

cdef enum pat_output_t:          # what the values are read as
    PAT_OUT_NONE = 0             # an ACL: they are not read
    PAT_OUT_STR = 1
    PAT_OUT_INT = 2
    PAT_OUT_IP = 3
    PAT_OUT_KEY = 4              # the pattern itself is the result

cdef enum:                       # flags of an index
    PAT_F_ICASE = 1
    PAT_F_CAPTURE = 2            # map_regm: \1 in the value is a group of the regex

cdef enum:
    PAT_ERROR_MAX = 384

cdef struct pat_error_t:
    char text[PAT_ERROR_MAX]     # HAProxy's words, cut when too long
    uint32_t line                # of the entry at fault, where pat_ref_add was given one

# One line of a file, one word of an ACL, one `add map`. Its bytes are its own until it is removed.
cdef struct pat_entry_t:
    list_t link                  # of pat_set_t.entries, first
    uint64_t id                  # grows: also says which of two comes first
    uint32_t line                # of its file, 0: none
    uint8_t has_value
    uint8_t ip_len               # PAT_OUT_IP: 4, 16, or 0 where no index asked
    uint8_t ip[16]
    int64_t num                  # PAT_OUT_INT
    slice_t key                  # owned
    slice_t value                # owned
    pat_node_t* nodes            # owned: the first is that of its set's `keys`, then one for each store

cdef struct pat_length_t:
    uint32_t length              # a network's prefix length, else bytes
    uint32_t count               # nodes that have it

# Zeroed memory is an empty table.
cdef struct pat_table_t:
    pat_node_t** buckets         # owned
    uint32_t n_buckets           # a power of two, or 0
    uint32_t n_keys              # different ones
    pat_length_t* lengths        # owned, ascending
    uint32_t n_lengths
    uint32_t max_lengths

# An entry as one store sees it.
cdef struct pat_node_t:
    pat_entry_t* entry           # borrowed
    pat_store_t* store           # borrowed; NULL in a set's `keys`
    pat_node_t* sibling          # owned: the entry's next node
    pat_node_t* next             # table: next key of the bucket; list: next in order
    pat_node_t* prev             # list
    pat_node_t* same             # table: next entry with an equal key
    pat_node_t* last_same        # table: of a bucket's node the last of them
    uint32_t hash                # table
    uint32_t extra               # table: what must be equal besides the bytes; a network's prefix length
    slice_t bytes                # what is compared: part of entry.key, `raw`, or owned
    uint8_t owns_bytes
    uint8_t raw[16]              # network address
    int64_t low                  # ranges, and IPv4 address and mask of networks that are no prefix
    int64_t high
    regex_t* regex               # owned

# One version of one index.
cdef struct pat_store_t:
    const pat_store_ops_t* ops   # borrowed (static)
    pat_store_t* next            # owned: the set's store for the next index
    uint8_t method               # pat_method_t
    uint8_t flags                # PAT_F_*
    uint8_t output               # pat_output_t
    pat_table_t table            # inline
    pat_table_t table6           # inline: IPv6 networks
    pat_node_t* first            # list, in order
    pat_node_t* last

# A kind of index.
cdef struct pat_store_ops_t:
    const char* name             # "tree" or "list": how the runtime API calls it
    # Reads node.entry.key into the node; False with the reason in `error`. The node is zeroed but for entry and store.
    bint (*parse)(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil
    # Puts a parsed node in as the last; False when memory is short.
    bint (*insert)(pat_store_t* store, pat_node_t* node) noexcept nogil
    void (*remove)(pat_store_t* store, pat_node_t* node) noexcept nogil
    # The node that matches as HAProxy would choose it, or NULL. The sample has the method's type.
    pat_node_t* (*match)(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil

# Gives the node its own copy of `text`, in lower case where asked, to compare with. False when memory is short.
cdef bint pat_node_own(pat_node_t* node, slice_t text, bint is_lower) noexcept nogil
# Frees what a node owns besides itself.
cdef void pat_node_release(pat_node_t* node) noexcept nogil
# Links a node behind the last of the store's list; takes it out again.
cdef void pat_list_add(pat_store_t* store, pat_node_t* node) noexcept nogil
cdef void pat_list_remove(pat_store_t* store, pat_node_t* node) noexcept nogil
