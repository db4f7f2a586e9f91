# `stick` rules; contracts in stick_rules.pxd.
#
# A key that is to be stored has its entry, held, from the request on, because the request's bytes are gone once the server
# is known.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport same_bytes, slice_t
from fastlb_core.lb.server cimport SRV_F_NON_STICK, srv_t
from fastlb_core.program.expr cimport expr_eval, expr_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport (
    ACT_CONT, RULES_STICK, RULES_STICK_STORE, px_rules, rule_set_t, rules_run,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_RESPONSE, sample_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.stick_data cimport stick_set, stick_text, stick_text_set, stick_value
from fastlb_core.proxy.stick_key cimport stick_key_of, stick_key_t
from fastlb_core.proxy.stick_store cimport (
    stick_find, stick_get, stick_let, stick_lock, stick_remove, stick_touch, stick_unlock)
from fastlb_core.proxy.stick_table cimport (
    STICK_F_SRVKEY_ADDR, STICK_SERVER_ID, STICK_SERVER_KEY, STICK_TYPES, stick_entry_t, stick_table_t)
from fastlb_core.proxy.track cimport TRACK_STORES, stkctr_t

cdef enum:                       # the first argument
    STICK_A_MATCH = 1
    STICK_A_STORE = 2


cdef inline stkctr_t* _stores(stream_t* strm) noexcept nogil:
    return strm.trackers + strm.w.program.n_trackers


cdef srv_t* _by_key(const px_t* be, slice_t name) noexcept nogil:
    cdef uint32_t i
    cdef slice_t own
    for i in range(be.lb.n_servers):
        own = be.lb.servers[i].name
        if name.len and own.len == name.len and same_bytes(own.ptr, name.ptr, name.len):
            return be.lb.servers[i]
    return NULL


cdef srv_t* _by_id(const px_t* be, int64_t id) noexcept nogil:
    cdef uint32_t i
    for i in range(be.lb.n_servers):
        if id and <int64_t> be.lb.servers[i].id == id:
            return be.lb.servers[i]
    return NULL


cdef srv_t* _known_server(stream_t* strm, const stick_table_t* table, const stick_key_t* key) noexcept nogil:
    """The server of the key's entry, whose age begins anew; NULL where there is none."""
    cdef stick_entry_t* entry = stick_find(table, key, strm.w.loop.now_ms)
    cdef srv_t* srv = NULL
    if entry == NULL:
        return NULL
    if not table.flags & STICK_F_SRVKEY_ADDR:
        srv = _by_key(strm.be, stick_text(table, entry))
    if srv == NULL and table.count[<uint32_t> STICK_SERVER_ID]:
        srv = _by_id(strm.be, stick_value(table, entry, STICK_SERVER_ID, 0, strm.w.loop.now_ms))
    stick_touch(table, entry, strm.w.loop.now_ms)
    stick_unlock(table, entry)
    return srv


cdef act_t stick_rule(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef const stick_table_t* table = <const stick_table_t*> rule.args[2].ptr
    cdef uint32_t flags = <uint32_t> rule.args[0].num
    cdef sample_t smp
    cdef stick_key_t key
    cdef stkctr_t* store
    memset(&smp, 0, sizeof(smp))
    if table == NULL or not expr_eval(ev, <const expr_t*> rule.args[1].ptr, &smp) or not stick_key_of(table, ev, &smp, &key):
        return ACT_CONT
    if flags & STICK_A_MATCH and strm.stick_srv == NULL:
        strm.stick_srv = _known_server(strm, table, &key)
    if flags & STICK_A_STORE and strm.n_stores < TRACK_STORES:
        store = _stores(strm) + strm.n_stores
        store.entry = stick_get(table, &key, ev.now_ms, True)
        if store.entry != NULL:
            store.table = table
            strm.n_stores += 1
    return ACT_CONT


cdef void _run(stream_t* strm, rule_set_t set, uint32_t options) noexcept nogil:
    cdef eval_t ev
    cdef uint32_t at = 0
    if px_rules(strm.be, set) == NULL or strm.trackers == NULL:
        return
    eval_stream(&ev, strm, EVAL_O_FINAL | options)
    ev.last_rule = NULL
    rules_run(&ev, px_rules(strm.be, set), &at)


cdef void stick_find_server(stream_t* strm) noexcept nogil:
    _run(strm, RULES_STICK, 0)


cdef void stick_learn(stream_t* strm) noexcept nogil:
    cdef stkctr_t* stores = _stores(strm)
    cdef uint32_t i
    _run(strm, RULES_STICK_STORE, EVAL_O_RESPONSE)
    if strm.srv == NULL or strm.srv.flags & SRV_F_NON_STICK:
        return
    for i in range(strm.n_stores):
        stick_lock(stores[i].table, stores[i].entry)
        stick_set(stores[i].table, stores[i].entry, STICK_SERVER_ID, 0, strm.srv.id, strm.w.loop.now_ms)
        if not stores[i].table.flags & STICK_F_SRVKEY_ADDR:
            stick_text_set(stores[i].table, stores[i].entry, strm.srv.name)
        stick_touch(stores[i].table, stores[i].entry, strm.w.loop.now_ms)
        stick_unlock(stores[i].table, stores[i].entry)


cdef bint _is_blank(const stick_table_t* table, const stick_entry_t* entry) noexcept nogil:
    """It knows no server and counts nothing."""
    cdef uint32_t type
    for type in range(<uint32_t> STICK_TYPES):
        if type != STICK_SERVER_ID and type != STICK_SERVER_KEY and table.count[type]:
            return False
    return stick_value(table, entry, STICK_SERVER_ID, 0, 0) == 0


cdef void stick_forget(stream_t* strm) noexcept nogil:
    cdef stkctr_t* stores = _stores(strm)
    cdef uint32_t i
    for i in range(strm.n_stores):
        stick_lock(stores[i].table, stores[i].entry)
        stick_let(stores[i].table, stores[i].entry)
        if _is_blank(stores[i].table, stores[i].entry):
            stick_remove(stores[i].table, stores[i].entry)
        stick_unlock(stores[i].table, stores[i].entry)
    strm.n_stores = 0
