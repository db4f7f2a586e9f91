# `http-after-response` over answers of our own: implementation.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.base.buf cimport pool_give, pool_t, pool_take
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.h1 cimport H1_DONE, h1_init_response, h1_parse_head, h1_parser_t
from fastlb_core.http.head_out cimport head_copy
from fastlb_core.http.message cimport (
    HDR_CONNECTION, MSG_F_CONN_CLOSE, http_msg_t, msg_find, msg_hdr_del_all, msg_hdr_value, msg_reset,
)
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport ACT_CONT, ACT_STOP, RULES_HTTP_AFTER, act_t, px_rules, rules_run
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_RESPONSE, eval_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.stream cimport STRM_F_CLOSE_FRONT, STRM_F_LAX, STRM_F_OWN_PAGE, STRM_F_RES_OPEN, stream_t


cdef bint after_rules_wanted(const stream_t* strm) noexcept nogil:
    return px_rules(strm.fe, RULES_HTTP_AFTER) != NULL or strm.be != NULL and px_rules(strm.be, RULES_HTTP_AFTER) != NULL


cdef void after_rules_free(stream_t* strm, edited_t* edited) noexcept nogil:
    cdef pool_t* pool = &strm.w.loop.bufs
    pool_give(pool, edited.area)
    pool_give(pool, edited.out)
    edited.area = NULL
    edited.out = NULL


cdef bint _open(stream_t* strm, slice_t head, char* area, uint32_t size) noexcept nogil:
    """Reads the head into res_msg. Of a server's answer, which it replaces, nothing is needed any more."""
    cdef http_msg_t* msg = &strm.res_msg
    cdef h1_parser_t parser
    if head.len >= size:
        return False
    memcpy(area, head.ptr, head.len)
    msg_reset(msg, area, head.len, size - head.len)
    h1_init_response(&parser, msg, strm.req_msg.method, 0)
    strm.flags |= STRM_F_RES_OPEN
    return h1_parse_head(&parser, head.len) == H1_DONE


cdef bint _run(stream_t* strm, eval_t* ev, const px_t* px) noexcept nogil:
    cdef uint32_t next = 0
    cdef act_t act
    strm.flags &= ~(<uint32_t> STRM_F_LAX)
    act = rules_run(ev, px_rules(px, RULES_HTTP_AFTER), &next)
    return act == ACT_CONT or act == ACT_STOP


cdef void _settle_connection(stream_t* strm, http_msg_t* msg) noexcept nogil:
    """haproxy: a page that names `close` closes; its line is counted, and replaced by the connection's own."""
    cdef int i = msg_find(msg, HDR_CONNECTION)
    if i >= 0 and msg.flags & MSG_F_CONN_CLOSE:
        strm.flags |= STRM_F_CLOSE_FRONT
        strm.bytes_out += 10 + msg_hdr_value(msg, i).len
        msg_hdr_del_all(msg, HDR_CONNECTION)


cdef bint after_rules_run(stream_t* strm, slice_t* head, edited_t* edited) noexcept nogil:
    cdef pool_t* pool = &strm.w.loop.bufs
    cdef http_msg_t* msg = &strm.res_msg
    cdef eval_t ev
    cdef uint32_t n, status
    edited.area = pool_take(pool)
    edited.out = pool_take(pool)
    if edited.area == NULL or edited.out == NULL or not _open(strm, head[0], edited.area, pool.area_size):
        return False
    eval_stream(&ev, strm, EVAL_O_FINAL | EVAL_O_RESPONSE)
    status = msg.status
    if strm.be != NULL and strm.be != strm.fe and not _run(strm, &ev, strm.be) or not _run(strm, &ev, strm.fe):
        return False
    _settle_connection(strm, msg)
    n = head_copy(msg, edited.out, pool.area_size)
    if n == 0:
        return False
    if msg.status != status:
        # haproxy: the log has a rule's status, though not that of a page which stands for another one.
        strm.status = msg.status
    strm.flags |= STRM_F_OWN_PAGE
    head[0] = slice_of(edited.out, n)
    return True
