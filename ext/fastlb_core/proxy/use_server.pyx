# `use-server` and `monitor fail`: implementation.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport same_bytes, slice_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.lb.shared cimport srv_is_reachable
from fastlb_core.program.acl cimport COND_TRUE, cond_eval
from fastlb_core.program.expr cimport ARG_SERVER
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport RULES_USE_SERVER, px_rules, rule_set_t, rule_t, rules_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.persist cimport persist_is_forced
from fastlb_core.proxy.stream cimport stream_t

cdef enum:
    NAME_MAX = 1024              # bytes of a server's name that a format makes


cdef srv_t* _named_server(const px_t* be, slice_t name) noexcept nogil:
    cdef uint32_t i
    cdef srv_t* srv
    for i in range(be.lb.n_servers):
        srv = be.lb.servers[i]
        if srv.name.len == name.len and same_bytes(srv.name.ptr, name.ptr, name.len):
            return srv
    return NULL


cdef bint _holds(eval_t* ev, const rule_t* rule) noexcept nogil:
    ev.scratch.used = 0
    return rule.cond == NULL or cond_eval(ev, rule.cond) == COND_TRUE


cdef srv_t* use_server(stream_t* strm) noexcept nogil:
    cdef const rules_t* rules = px_rules(strm.be, RULES_USE_SERVER)
    cdef const rule_t* rule
    cdef eval_t ev
    cdef slice_t name
    cdef srv_t* srv
    cdef uint32_t i
    if rules == NULL:
        return NULL
    eval_stream(&ev, strm, EVAL_O_FINAL)
    for i in range(rules.n_items):
        rule = &rules.items[i]
        if not _holds(&ev, rule):
            continue
        if rule.args[0].type == ARG_SERVER:
            srv = <srv_t*> rule.args[0].ptr
        else:
            ev.scratch.used = 0
            if not lf_text(&ev, <const logformat_t*> rule.args[0].ptr, NAME_MAX, &name):
                return NULL
            srv = _named_server(strm.be, name)
            if srv == NULL:
                # haproxy: a name that no server has ends the search; balancing decides.
                return NULL
        if srv_is_reachable(srv.sh) or persist_is_forced(strm):
            return srv
        # haproxy: a server that is down leaves the choice to the next rule (manual, "use-server").
    return NULL


cdef const rule_t* rule_that_holds(stream_t* strm, const px_t* px, rule_set_t set) noexcept nogil:
    cdef const rules_t* rules = px_rules(px, set)
    cdef eval_t ev
    cdef uint32_t i
    if rules == NULL:
        return NULL
    eval_stream(&ev, strm, EVAL_O_FINAL)
    for i in range(rules.n_items):
        if _holds(&ev, &rules.items[i]):
            return &rules.items[i]
    return NULL
