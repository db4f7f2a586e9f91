# Unique ids: implementation.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport msg_hdr_append
from fastlb_core.program.logformat cimport lf_build, logformat_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_LOG, eval_t
from fastlb_core.proxy.capture cimport capture_open
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.stream cimport STRM_F_REQ_SENT


cdef slice_t unique_id_of(stream_t* strm) noexcept nogil:
    cdef eval_t ev
    cdef uint32_t used = strm.w.scratch.used
    cdef char* place
    if strm.unique_id.ptr != NULL or strm.fe.unique_id_format == NULL or not capture_open(strm):
        return strm.unique_id
    place = <char*> strm.capture_block + strm.fe.unique_id_offset
    # A format that names the id itself finds it empty, and this function does not call itself without end.
    strm.unique_id = slice_of(place, 0)
    eval_stream(&ev, strm, EVAL_O_FINAL | (EVAL_O_LOG if strm.flags & STRM_F_REQ_SENT else 0))
    strm.w.scratch.used = used
    strm.unique_id = slice_of(place, lf_build(&ev, <const logformat_t*> strm.fe.unique_id_format, place, UNIQUE_ID_MAX))
    return strm.unique_id


cdef bint unique_id_add_header(stream_t* strm) noexcept nogil:
    cdef slice_t id
    if strm.fe.unique_id_header.len == 0:
        return True
    id = unique_id_of(strm)
    # haproxy: the header is added to those of the same name that the client sent.
    return id.len == 0 or msg_hdr_append(&strm.req_msg, strm.fe.unique_id_header, id)
