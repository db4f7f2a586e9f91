# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# TLS of streams' two sides: implementation.

from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.conn_err cimport CONN_ERR_TLS_EMPTY, CONN_ERR_TLS_FAILED, CONN_ERR_TLS_TIMEOUT
from fastlb_core.net.tls cimport TLS_FAILED_CLOSED, tls_begin, tls_of, tls_set_name, tls_set_saved, tls_t
from fastlb_core.net.tls_conf cimport TLS_NAME_MAX, tls_bind_t, tls_ctx_t, tls_server_t
from fastlb_core.program.expr cimport expr_eval_as, expr_t
from fastlb_core.program.program cimport listener_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, SMP_T_STR, eval_t, sample_t, scratch_take
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.worker cimport srv_local_t
from fastlb_core.sys.libssl cimport SSL_set1_host

cdef inline void _size_records(tls_t* tls, const tls_ctx_t* conf) noexcept nogil:
    tls.max_record = conf.max_record
    tls.hard_record = conf.hard_record
    tls.idle_ms = conf.idle_ms


# -- clients

cdef bint secure_front(conn_t* front) noexcept nogil:
    cdef const tls_bind_t* bind = <const tls_bind_t*> (<const listener_t*> front.origin).tls
    # strict-sni goes without certificates: nobody is served then.
    if bind.first == NULL or not tls_begin(front, bind.first.ctx, True):
        return False
    _size_records(tls_of(front), bind.first)
    return True


cdef conn_err_t secure_error(const conn_t* front, bint is_timeout) noexcept nogil:
    if is_timeout:
        return CONN_ERR_TLS_TIMEOUT
    return CONN_ERR_TLS_EMPTY if tls_of(front).failure == TLS_FAILED_CLOSED else CONN_ERR_TLS_FAILED


# -- servers

cdef slice_t secure_name(stream_t* strm) noexcept nogil:
    cdef const tls_server_t* conf = <const tls_server_t*> strm.srv.tls
    cdef eval_t ev
    cdef sample_t smp
    cdef char* name
    if conf == NULL or conf.sni == NULL:
        return slice_of(NULL, 0)
    eval_stream(&ev, strm, EVAL_O_FINAL)
    ev.scratch.used = 0
    if not expr_eval_as(&ev, <const expr_t*> conf.sni, SMP_T_STR, &smp) or smp.str.len == 0 or smp.str.len > TLS_NAME_MAX:
        return slice_of(NULL, 0)
    name = scratch_take(&ev, smp.str.len + 1)
    if name == NULL:
        return slice_of(NULL, 0)
    memcpy(name, smp.str.ptr, smp.str.len)
    name[smp.str.len] = 0
    return slice_of(name, smp.str.len)


cdef bint secure_back(stream_t* strm, conn_t* back, slice_t name) noexcept nogil:
    cdef const tls_server_t* conf = <const tls_server_t*> strm.srv.tls
    if not tls_begin(back, conf.tls.ctx, False):
        return False
    _size_records(tls_of(back), conf.tls)
    if name.len:
        tls_set_name(back, name.ptr, name.len)
    if conf.verifies and (conf.verify_host.len or name.len):
        # haproxy: `verifyhost` comes before the name that was sent (manual, 5.2).
        if SSL_set1_host(tls_of(back).ssl, conf.verify_host.ptr if conf.verify_host.len else name.ptr) != 1:
            return False
    if conf.reuses:
        tls_set_saved(back, &(<srv_local_t*> strm.srv.local).tls)
    return True
