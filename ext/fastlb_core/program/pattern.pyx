# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Refs, sets and indexes; contracts in pattern.pxd. The only file that links entries, and that knows all kinds of index.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strcmp

from fastlb_core.base.list cimport list_add_tail, list_del, list_init, list_is_empty, list_t
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.pat_affix cimport pat_affix_ops
from fastlb_core.program.pat_list cimport pat_list_ops
from fastlb_core.program.pat_network cimport pat_network_ops
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, PAT_M_BEG, PAT_M_BIN, PAT_M_BOOL, PAT_M_COUNT, PAT_M_DIR, PAT_M_DOM, PAT_M_DOT, PAT_M_END, PAT_M_FOUND,
    PAT_M_INT, PAT_M_IP, PAT_M_METH, PAT_M_STR, PAT_OUT_INT, PAT_OUT_IP, pat_entry_t, pat_error_t, pat_node_release, pat_node_t,
    pat_store_ops_t, pat_store_t,
)
from fastlb_core.program.pat_string cimport pat_string_ops
from fastlb_core.program.pat_table cimport pat_hash_whole, pat_table_add, pat_table_destroy, pat_table_find, pat_table_remove
from fastlb_core.program.pat_value cimport pat_read_int, pat_read_ip
from fastlb_core.program.pat_word cimport pat_word_ops
from fastlb_core.program.sample cimport (
    SMP_T_ADDR, SMP_T_ANY, SMP_T_BIN, SMP_T_BOOL, SMP_T_METH, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, smp_cast,
)

cdef pat_store_ops_t always_ops
cdef pat_entry_t anything
cdef pat_node_t any_node

cdef const char** METHOD_NAMES = [
    b"found", b"bool", b"int", b"dot", b"ip", b"bin", b"len", b"str", b"beg", b"end", b"sub", b"dir", b"dom", b"reg", b"meth",
    b"auth",
]


# ---- methods

cdef bint parse_nothing(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    return True


cdef bint insert_nowhere(pat_store_t* store, pat_node_t* node) noexcept nogil:
    return True


cdef void remove_nothing(pat_store_t* store, pat_node_t* node) noexcept nogil:
    pass


cdef pat_node_t* match_always(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    """found: whatever the patterns. bool: whatever the patterns, unless it is false."""
    return &any_node if store.method == PAT_M_FOUND or smp.num != 0 else NULL


cdef const pat_store_ops_t* ops_of(uint8_t method) noexcept nogil:
    if method == PAT_M_FOUND or method == PAT_M_BOOL:
        return &always_ops
    if method == PAT_M_IP:
        return pat_network_ops()
    if method == PAT_M_STR or method == PAT_M_BIN or method == PAT_M_METH:
        return pat_string_ops(method)
    if method == PAT_M_BEG or method == PAT_M_END:
        return pat_affix_ops(method)
    if method == PAT_M_DIR or method == PAT_M_DOM:
        return pat_word_ops()
    return pat_list_ops(method)


cdef int pat_method_of(const char* name) noexcept nogil:
    cdef int method
    for method in range(<int> PAT_M_COUNT):
        if strcmp(METHOD_NAMES[method], name) == 0:
            return method
    return -1


cdef uint8_t pat_sample_type(uint8_t method) noexcept nogil:
    if method == PAT_M_FOUND:
        return SMP_T_ANY
    if method == PAT_M_BOOL:
        return SMP_T_BOOL
    if method == PAT_M_INT or method == PAT_M_DOT:
        return SMP_T_SINT
    if method == PAT_M_IP:
        return SMP_T_ADDR
    if method == PAT_M_BIN:
        return SMP_T_BIN
    return SMP_T_METH if method == PAT_M_METH else SMP_T_STR


cdef bint pat_cast(uint8_t method, eval_t* ev, sample_t* smp) noexcept nogil:
    cdef uint8_t want = pat_sample_type(method)
    return (want == SMP_T_STR and smp.type == SMP_T_BIN) or smp_cast(ev, smp, want)


# ---- entries

cdef inline pat_entry_t* entry_of(const list_t* link) noexcept nogil:
    return <pat_entry_t*> link       # the link is the entry's first field


cdef bint read_value(pat_entry_t* entry, uint8_t output, slice_t value, char* error) noexcept nogil:
    """Reads `value` into the entry's number or address, if that output needs it. haproxy: its words."""
    cdef bint is_good = True
    if output == PAT_OUT_INT:
        is_good = pat_read_int(value, &entry.num)
    elif output == PAT_OUT_IP:
        entry.ip_len = pat_read_ip(value, entry.ip)
        is_good = entry.ip_len != 0
    if not is_good:
        snprintf(error, PAT_ERROR_MAX, "unable to parse '%.*s'", <int> value.len, value.ptr)
    return is_good


cdef bint read_values(const pat_ref_t* ref, pat_entry_t* entry, slice_t value, char* error) noexcept nogil:
    cdef const pat_index_t* index = ref.indexes
    while index != NULL:
        if not read_value(entry, index.output, value, error):
            return False
        index = index.next
    return True


cdef bint copy_slice(slice_t* copy, slice_t text) noexcept nogil:
    cdef char* bytes = <char*> malloc(<size_t> text.len + 1)
    if bytes == NULL:
        return False
    if text.len:
        memcpy(bytes, text.ptr, text.len)
    bytes[text.len] = 0
    copy[0] = slice_of(bytes, text.len)
    return True


cdef pat_entry_t* entry_new(slice_t key, slice_t value, uint32_t line) noexcept nogil:
    cdef pat_entry_t* entry = <pat_entry_t*> calloc(1, sizeof(pat_entry_t))
    if entry == NULL:
        return NULL
    list_init(&entry.link)
    entry.line = line
    entry.has_value = value.ptr != NULL
    if not copy_slice(&entry.key, key) or not copy_slice(&entry.value, value):
        free(<void*> entry.key.ptr)
        free(entry)
        return NULL
    return entry


cdef void drop_node(pat_set_t* set, pat_node_t* node) noexcept nogil:
    if node.store == NULL:
        pat_table_remove(&set.keys, node, 0)
    else:
        node.store.ops.remove(node.store, node)
    pat_node_release(node)
    free(node)


cdef bint add_node(pat_set_t* set, pat_entry_t* entry, pat_store_t* store, char* error) noexcept nogil:
    """Puts the entry into a store, or into the set's keys (store NULL). False, and nothing changed, with the reason."""
    cdef pat_node_t* node = <pat_node_t*> calloc(1, sizeof(pat_node_t))
    cdef pat_node_t** place = &entry.nodes
    cdef bint is_in = False
    snprintf(error, PAT_ERROR_MAX, "out of memory")
    if node == NULL:
        return False
    node.entry = entry
    node.store = store
    if store == NULL:
        node.bytes = entry.key
        node.hash = pat_hash_whole(entry.key.ptr, entry.key.len, False)
        is_in = pat_table_add(&set.keys, node, 0)
    else:
        is_in = store.ops.parse(store, node, error) and store.ops.insert(store, node)
    if not is_in:
        pat_node_release(node)
        free(node)
        return False
    while place[0] != NULL:
        place = &place[0].sibling
    place[0] = node
    return True


cdef void pat_remove(pat_set_t* set, pat_entry_t* entry) noexcept nogil:
    cdef pat_node_t* node = entry.nodes
    cdef pat_node_t* following
    while node != NULL:
        following = node.sibling
        drop_node(set, node)
        node = following
    list_del(&entry.link)
    free(<void*> entry.key.ptr)
    free(<void*> entry.value.ptr)
    free(entry)
    set.n_entries -= 1


cdef pat_entry_t* pat_add(
    pat_ref_t* ref, pat_set_t* set, slice_t key, slice_t value, uint32_t line, pat_error_t* error
) noexcept nogil:
    cdef pat_entry_t* entry = entry_new(key, value, line)
    cdef pat_store_t* store = set.stores
    cdef bint is_good
    error.line = line
    snprintf(error.text, PAT_ERROR_MAX, "out of memory")
    if entry == NULL:
        return NULL
    entry.id = ref.last_id + 1
    list_add_tail(&set.entries, &entry.link)
    set.n_entries += 1
    is_good = add_node(set, entry, NULL, error.text)
    while is_good and store != NULL:
        is_good = add_node(set, entry, store, error.text)
        store = store.next
    if not is_good or not read_values(ref, entry, entry.value, error.text):
        pat_remove(set, entry)
        return NULL
    ref.last_id = entry.id
    return entry


cdef bint pat_change(pat_ref_t* ref, pat_entry_t* entry, slice_t value, pat_error_t* error) noexcept nogil:
    cdef pat_entry_t before
    cdef slice_t copy = slice_of(NULL, 0)
    error.line = 0
    memcpy(&before, entry, sizeof(pat_entry_t))
    if not copy_slice(&copy, value):
        snprintf(error.text, PAT_ERROR_MAX, "out of memory")
        return False
    if not read_values(ref, entry, copy, error.text):
        free(<void*> copy.ptr)
        entry.num = before.num
        entry.ip_len = before.ip_len
        memcpy(entry.ip, before.ip, 16)
        return False
    free(<void*> entry.value.ptr)
    entry.value = copy
    entry.has_value = True
    return True


# ---- look-ups

cdef pat_entry_t* pat_find(const pat_set_t* set, slice_t key) noexcept nogil:
    cdef pat_node_t* node = pat_table_find(&set.keys, pat_hash_whole(key.ptr, key.len, False), key, 0, False)
    return node.entry if node != NULL else NULL


cdef pat_entry_t* pat_find_next(const pat_entry_t* entry) noexcept nogil:
    return entry.nodes.same.entry if entry.nodes.same != NULL else NULL


cdef pat_entry_t* pat_first(const pat_set_t* set) noexcept nogil:
    return NULL if list_is_empty(&set.entries) else entry_of(set.entries.next)


cdef pat_entry_t* pat_next(const pat_set_t* set, const pat_entry_t* entry) noexcept nogil:
    return NULL if entry.link.next == &set.entries else entry_of(entry.link.next)


cdef pat_entry_t* pat_find_id(const pat_set_t* set, uint64_t id) noexcept nogil:
    cdef pat_entry_t* entry = pat_first(set)
    while entry != NULL and entry.id != id:
        entry = pat_next(set, entry)
    return entry


cdef uint32_t pat_remove_key(pat_set_t* set, slice_t key) noexcept nogil:
    cdef uint32_t count = 0
    cdef pat_entry_t* entry = pat_find(set, key)
    while entry != NULL:
        pat_remove(set, entry)
        count += 1
        entry = pat_find(set, key)
    return count


cdef int pat_change_key(pat_ref_t* ref, pat_set_t* set, slice_t key, slice_t value, pat_error_t* error) noexcept nogil:
    cdef pat_entry_t* entry = pat_find(set, key)
    cdef int count = 0
    while entry != NULL:
        # What the first takes, all take; only memory can run out on the way.
        if not pat_change(ref, entry, value, error):
            return -1
        count += 1
        entry = pat_find_next(entry)
    return count


# ---- sets

cdef pat_store_t* store_new(const pat_index_t* index) noexcept nogil:
    cdef pat_store_t* store = <pat_store_t*> calloc(1, sizeof(pat_store_t))
    if store == NULL:
        return NULL
    store.ops = ops_of(index.method)
    store.method = index.method
    store.flags = index.flags
    store.output = index.output
    return store


cdef void store_free(pat_store_t* store) noexcept nogil:
    pat_table_destroy(&store.table)
    pat_table_destroy(&store.table6)
    free(store)


cdef void append_store(pat_set_t* set, pat_store_t* store) noexcept nogil:
    cdef pat_store_t** place = &set.stores
    while place[0] != NULL:
        place = &place[0].next
    place[0] = store


cdef void pat_clear(pat_set_t* set) noexcept nogil:
    cdef pat_entry_t* entry = pat_first(set)
    while entry != NULL:
        pat_remove(set, entry)
        entry = pat_first(set)


cdef void set_free(pat_set_t* set) noexcept nogil:
    cdef pat_store_t* store = set.stores
    cdef pat_store_t* following
    pat_clear(set)
    while store != NULL:
        following = store.next
        store_free(store)
        store = following
    pat_table_destroy(&set.keys)
    free(set)


cdef pat_set_t* set_new(const pat_ref_t* ref, uint32_t version) noexcept nogil:
    cdef pat_set_t* set = <pat_set_t*> calloc(1, sizeof(pat_set_t))
    cdef const pat_index_t* index = ref.indexes
    cdef pat_store_t* store
    if set == NULL:
        return NULL
    list_init(&set.entries)
    set.version = version
    while index != NULL:
        store = store_new(index)
        if store == NULL:
            set_free(set)
            return NULL
        append_store(set, store)
        index = index.next
    return set


cdef pat_set_t* pat_set_of(pat_ref_t* ref, uint32_t version) noexcept nogil:
    cdef pat_set_t* set = ref.pending
    if version == PAT_LIVE or version == ref.live.version:
        return ref.live
    while set != NULL and set.version != version:
        set = set.next
    return set


cdef pat_set_t* pat_prepare(pat_ref_t* ref) noexcept nogil:
    cdef pat_set_t* set = set_new(ref, ref.last_version + 1)
    cdef pat_set_t** place = &ref.pending
    if set == NULL:
        return NULL
    while place[0] != NULL:
        place = &place[0].next
    place[0] = set
    ref.last_version += 1
    return set


cdef void point_indexes(pat_ref_t* ref) noexcept nogil:
    cdef pat_index_t* index = ref.indexes
    cdef pat_store_t* store = ref.live.stores
    while index != NULL:
        index.live = store
        store = store.next
        index = index.next


cdef void pat_commit(pat_ref_t* ref, pat_set_t* set) noexcept nogil:
    cdef pat_set_t* old = ref.pending
    cdef pat_set_t* following
    while old != set:
        following = old.next
        set_free(old)
        old = following
    ref.pending = set.next
    set.next = NULL
    old = ref.live
    ref.live = set
    point_indexes(ref)
    set_free(old)


# ---- refs and indexes

cdef pat_ref_t* pat_ref_new(slice_t name, int32_t id, bint has_values) noexcept nogil:
    cdef pat_ref_t* ref = <pat_ref_t*> calloc(1, sizeof(pat_ref_t))
    if ref == NULL:
        return NULL
    ref.id = id
    ref.has_values = has_values
    if copy_slice(&ref.name, name):
        ref.live = set_new(ref, 0)
    if ref.live == NULL:
        pat_ref_free(ref)
        return NULL
    return ref


cdef void pat_ref_free(pat_ref_t* ref) noexcept nogil:
    cdef pat_set_t* following
    cdef pat_index_t* index
    if ref == NULL:
        return
    while ref.pending != NULL:
        following = ref.pending.next
        set_free(ref.pending)
        ref.pending = following
    if ref.live != NULL:
        set_free(ref.live)
    while ref.indexes != NULL:
        index = ref.indexes.next
        free(ref.indexes)
        ref.indexes = index
    free(<void*> ref.name.ptr)
    free(ref)


cdef void unlink_last_nodes(pat_set_t* set, pat_store_t* store) noexcept nogil:
    """Takes every entry's node of the newest store out again."""
    cdef pat_entry_t* entry = pat_first(set)
    cdef pat_node_t** place
    while entry != NULL:
        place = &entry.nodes
        while place[0] != NULL and place[0].store != store:
            place = &place[0].sibling
        if place[0] != NULL:
            drop_node(set, place[0])
            place[0] = NULL
        entry = pat_next(set, entry)


cdef void drop_last_store(pat_set_t* set) noexcept nogil:
    cdef pat_store_t** place = &set.stores
    while place[0].next != NULL:
        place = &place[0].next
    unlink_last_nodes(set, place[0])
    store_free(place[0])
    place[0] = NULL


cdef bint extend_set(pat_set_t* set, const pat_index_t* index, pat_error_t* error) noexcept nogil:
    """Gives the set a store for a new index, with all its entries; False, and nothing changed, with the reason."""
    cdef pat_store_t* store = store_new(index)
    cdef pat_entry_t* entry = pat_first(set)
    if store == NULL:
        return False
    append_store(set, store)
    while entry != NULL:
        if not add_node(set, entry, store, error.text) or not read_value(entry, index.output, entry.value, error.text):
            error.line = entry.line
            drop_last_store(set)
            return False
        entry = pat_next(set, entry)
    return True


cdef pat_index_t* pat_ref_attach(
    pat_ref_t* ref, uint8_t method, uint8_t flags, uint8_t output, pat_error_t* error
) noexcept nogil:
    cdef pat_index_t** place = &ref.indexes
    cdef pat_index_t* index
    cdef pat_set_t* set = ref.live
    while place[0] != NULL:
        index = place[0]
        if index.method == method and index.flags == flags and index.output == output:
            return index
        place = &index.next
    index = <pat_index_t*> calloc(1, sizeof(pat_index_t))
    snprintf(error.text, PAT_ERROR_MAX, "out of memory")
    error.line = 0
    if index == NULL:
        return NULL
    index.ref = ref
    index.method = method
    index.flags = flags
    index.output = output
    # The live set first, then those that are pending.
    while set != NULL:
        if not extend_set(set, index, error):
            shrink_sets(ref, set)
            free(index)
            return NULL
        set = ref.pending if set == ref.live else set.next
    place[0] = index
    point_indexes(ref)
    return index


cdef void shrink_sets(pat_ref_t* ref, const pat_set_t* end) noexcept nogil:
    """Takes back what extend_set did, up to the set at which it failed."""
    cdef pat_set_t* set = ref.live
    while set != end:
        drop_last_store(set)
        set = ref.pending if set == ref.live else set.next


always_ops.name = b"list"
always_ops.parse = parse_nothing
always_ops.insert = insert_nowhere
always_ops.remove = remove_nothing
always_ops.match = match_always
memset(&anything, 0, sizeof(anything))
memset(&any_node, 0, sizeof(any_node))
anything.key = slice_of(b"", 0)
anything.value = slice_of(b"", 0)
any_node.entry = &anything
