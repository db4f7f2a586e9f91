# Filling an eval_t: implementation.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.buf cimport buf_data
from fastlb_core.base.slice cimport slice_of
from fastlb_core.http.message cimport msg_slice
from fastlb_core.http.packer cimport coding_setting
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport listener_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.compress cimport COMP_CHOSEN
from fastlb_core.proxy.stream cimport STRM_F_REQ_SENT, STRM_F_RES_OPEN, stream_t
from fastlb_core.proxy.worker cimport worker_t


cdef void _of_worker(eval_t* ev, worker_t* w) noexcept nogil:
    ev.program = w.program
    ev.worker = w.index
    ev.pid = w.pid
    ev.now_ms = w.loop.now_ms
    ev.real_us = w.loop.real_us
    ev.scratch = &w.scratch
    w.scratch.used = 0


cdef void _saved_line(eval_t* ev, const stream_t* strm) noexcept nogil:
    """The request line as it came, which outlives the head."""
    cdef uint32_t target = strm.log_line_len - strm.log_method_len - strm.log_version_len
    if strm.log_line_len == 0:
        return
    ev.log_method = slice_of(strm.log_line, strm.log_method_len)
    ev.log_uri = slice_of(strm.log_line + strm.log_method_len, target)
    ev.log_ver = slice_of(strm.log_line + strm.log_method_len + target, strm.log_version_len)


cdef void eval_stream(eval_t* ev, stream_t* strm, uint32_t options) noexcept nogil:
    cdef conn_t* front = strm.front
    cdef uint32_t skip
    memset(ev, 0, sizeof(eval_t))
    _of_worker(ev, strm.w)
    ev.strm = strm
    ev.front = front
    ev.back = strm.back
    ev.fe = strm.fe
    ev.be = strm.be
    ev.options = options
    ev.last_rule = &strm.last_rule
    if strm.req_msg.head_len and not strm.flags & STRM_F_REQ_SENT:
        # Once it has left, its bytes are no longer its own.
        ev.req = &strm.req_msg
    if strm.flags & STRM_F_RES_OPEN and strm.res_msg.head_len:
        ev.res = &strm.res_msg
        ev.server_status = strm.res_msg.status
        ev.log_res_ver = msg_slice(&strm.res_msg, strm.res_msg.version_off, strm.res_msg.version_len)
    ev.txn_status = strm.status
    if strm.comp_stage == COMP_CHOSEN:
        ev.res_comp = coding_setting(strm.coding)
    _saved_line(ev, strm)
    if front.rx.len:
        # Until the head has left it stands before the body's bytes.
        skip = 0 if strm.flags & STRM_F_REQ_SENT else strm.req_msg.head_len
        if skip < front.rx.len:
            ev.req_bytes = slice_of(buf_data(&front.rx) + skip, front.rx.len - skip)
    if strm.back != NULL and strm.back.rx.len:
        skip = ev.res.head_len if ev.res != NULL else 0
        if skip < strm.back.rx.len:
            ev.res_bytes = slice_of(buf_data(&strm.back.rx) + skip, strm.back.rx.len - skip)


cdef void eval_front(eval_t* ev, worker_t* w, conn_t* front) noexcept nogil:
    memset(ev, 0, sizeof(eval_t))
    _of_worker(ev, w)
    ev.front = front
    ev.fe = (<const listener_t*> front.origin).px
    ev.options = EVAL_O_FINAL
