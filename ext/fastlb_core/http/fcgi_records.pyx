# FastCGI records as they come: implementation.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.buf cimport buf_consume, buf_data, buf_produce, buf_release, buf_room, buf_tail, buf_take
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.fcgi cimport FCGI_F_ENDED, FCGI_FREE, fcgi_t
from fastlb_core.net.conn cimport conn_t


cdef void _tell_error(conn_t* conn, fcgi_t* f, slice_t message) noexcept nogil:
    while message.len and message.ptr[message.len - 1] == b'\n':
        message.len -= 1
    if f.on_stderr != NULL:
        f.on_stderr(conn, message)


cdef void _take_error(conn_t* conn, fcgi_t* f, uint32_t n) noexcept nogil:
    """n bytes of a STDERR record, at the front of `raw`. Of one larger than a buffer the beginning is kept."""
    cdef uint32_t kept
    if f.message.len == 0 and n == f.record_left:
        _tell_error(conn, f, slice_of(buf_data(&f.raw), n))
        return
    if not buf_take(&conn.loop.bufs, &f.message):
        return
    kept = buf_room(&f.message) if n > buf_room(&f.message) else n
    memcpy(buf_tail(&f.message), buf_data(&f.raw), kept)
    buf_produce(&f.message, kept)
    if n == f.record_left:
        _tell_error(conn, f, slice_of(buf_data(&f.message), f.message.len))
        buf_release(&conn.loop.bufs, &f.message)


cdef bint _open_record(fcgi_t* f) noexcept nogil:
    """Reads the header at the front of `raw`. False: it is none."""
    cdef const uint8_t* header = <const uint8_t*> buf_data(&f.raw)
    f.record_type = header[1]
    f.record_is_ours = (<uint32_t> header[2] << 8 | header[3]) == FCGI_REQUEST_ID
    f.record_left = <uint32_t> header[4] << 8 | header[5]
    f.padding_left = header[6]
    if header[0] != FCGI_VERSION:
        return False
    buf_consume(&f.raw, FCGI_HEADER)
    if not f.record_is_ours:
        return True
    if f.record_type == FCGI_TYPE_END_REQUEST:
        return f.record_left >= 8
    # haproxy: ignores what comes for no request.
    return f.state != FCGI_FREE or f.record_type != FCGI_TYPE_STDOUT


cdef bint _skip(conn_t* conn, fcgi_t* f) noexcept nogil:
    """Takes what is there of a record that is no STDOUT of ours. True: it is complete."""
    cdef uint32_t n = f.raw.len if f.raw.len < f.record_left else f.record_left
    if n and f.record_type == FCGI_TYPE_STDERR and f.record_is_ours:
        _take_error(conn, f, n)
    buf_consume(&f.raw, n)
    f.record_left -= n
    return f.record_left == 0


cdef inline bint _is_output(const fcgi_t* f) noexcept nogil:
    return f.record_type == FCGI_TYPE_STDOUT and f.record_is_ours


cdef fcgi_step_t fcgi_next(conn_t* conn, fcgi_t* f) noexcept nogil:
    """Goes over the records up to what matters for the answer."""
    cdef uint32_t n
    while True:
        if f.record_left:
            if f.raw.len == 0:
                return FCGI_STEP_HUNGRY
            if _is_output(f):
                return FCGI_STEP_OUTPUT
            if not _skip(conn, f):
                return FCGI_STEP_HUNGRY
            if f.record_type == FCGI_TYPE_END_REQUEST and f.record_is_ours:
                f.flags |= FCGI_F_ENDED
                return FCGI_STEP_END
        n = f.raw.len if f.raw.len < f.padding_left else f.padding_left
        buf_consume(&f.raw, n)
        f.padding_left -= n
        if f.padding_left or f.raw.len < FCGI_HEADER:
            return FCGI_STEP_HUNGRY
        if not _open_record(f):
            return FCGI_STEP_BAD
        if f.record_left == 0 and _is_output(f):
            return FCGI_STEP_END


cdef bint fcgi_look_ahead(const fcgi_t* f, uint64_t* n_bytes) noexcept nogil:
    """Adds up the STDOUT that has been received and not read. True: the answer's end has been received as well."""
    cdef const uint8_t* at = <const uint8_t*> buf_data(&f.raw)
    cdef const uint8_t* end = at + f.raw.len
    cdef uint32_t left = f.record_left, padding = f.padding_left, n
    cdef bint is_output = _is_output(f)
    while True:
        n = <uint32_t> (end - at) if left > <uint32_t> (end - at) else left
        if is_output:
            n_bytes[0] += n
        if <uint64_t> (end - at) < <uint64_t> left + padding + FCGI_HEADER:
            return False
        at += left + padding
        left = <uint32_t> at[4] << 8 | at[5]
        padding = at[6]
        is_output = (<uint32_t> at[2] << 8 | at[3]) == FCGI_REQUEST_ID
        if is_output and (at[1] == FCGI_TYPE_END_REQUEST or at[1] == FCGI_TYPE_STDOUT and left == 0):
            return True
        is_output = is_output and at[1] == FCGI_TYPE_STDOUT
        at += FCGI_HEADER
