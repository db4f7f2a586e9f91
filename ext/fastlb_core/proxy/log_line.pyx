# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The three lines, field by field; contracts in log_line.pxd. The letters in comments are the manual's (8.2.6).

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.program cimport LOG_K_DEFAULT, LOG_K_HTTP, LOG_K_TCP, PX_MODE_HTTP
from fastlb_core.proxy.log cimport LOG_R_BAD_REQUEST, LOG_R_BYTES_PLUS, LOG_R_REDISPATCHED, LOG_R_SECURE, log_rec_t
from fastlb_core.proxy.log_date cimport LOG_DATE_LEN, log_dates_accept, log_dates_t
from fastlb_core.proxy.log_out cimport (
    LOG_BODY_MAX, out_address, out_byte, out_bytes, out_escaped, out_int, out_name, out_t, out_u64,
)
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr


cdef uint32_t log_line(char* into, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    cdef out_t out
    out.at = into
    # Three names and the fixed part always fit; what is left is for the request line, which ends the line.
    out.end = into + LOG_BODY_MAX - 8
    if rec.fe.log_kind == LOG_K_HTTP:
        http_line(&out, dates, rec, listener_id)
    elif rec.fe.log_kind == LOG_K_TCP:
        tcp_line(&out, dates, rec, listener_id)
    elif rec.fe.log_kind == LOG_K_DEFAULT:
        default_line(&out, rec, listener_id)
    return <uint32_t> (out.at - into)


cdef inline bint is_ip(const void* address) noexcept nogil:
    cdef int family = (<const sockaddr*> address).sa_family
    return family == AF_INET or family == AF_INET6


cdef void default_line(out_t* out, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    """`Connect from A:p to B:p (fe/HTTP)`."""
    out_bytes(out, b"Connect ", 8)
    # haproxy: a client on a unix socket is not named at all
    if is_ip(rec.client):
        out_bytes(out, b"from ", 5)
        out_address(out, rec.client, listener_id)
        out_byte(out, b' ')
    out_bytes(out, b"to ", 3)
    out_address(out, rec.local, listener_id)
    out_bytes(out, b" (", 2)
    out_name(out, rec.fe.name)
    if rec.fe.mode == PX_MODE_HTTP:
        out_bytes(out, b"/HTTP)", 6)
    else:
        out_bytes(out, b"/TCP)", 5)


cdef void opening(out_t* out, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    """`%ci:%cp [%t] %ft %b/%s `."""
    cdef uint64_t second = rec.accept_real_us // 1000000
    cdef uint32_t ms = <uint32_t> (rec.accept_real_us % 1000000) // 1000
    cdef slice_t backend = rec.be.name if rec.be != NULL else rec.fe.name
    out_address(out, rec.client, listener_id)
    out_bytes(out, b" [", 2)
    out_bytes(out, log_dates_accept(dates, <int64_t> second), LOG_DATE_LEN)
    out.at[0] = b'.'
    out.at[1] = <char> (48 + ms // 100)
    out.at[2] = <char> (48 + ms // 10 % 10)
    out.at[3] = <char> (48 + ms % 10)
    out.at[4] = b']'
    out.at[5] = b' '
    out.at += 6
    out_name(out, rec.fe.name_secure if rec.flags & LOG_R_SECURE else rec.fe.name)
    out_byte(out, b' ')
    out_name(out, backend)
    out_byte(out, b'/')
    if rec.srv != NULL:
        out_name(out, rec.srv.name)
    else:
        out_bytes(out, b"<NOSRV>", 7)
    out_byte(out, b' ')


cdef inline void total_time(out_t* out, const log_rec_t* rec) noexcept nogil:
    if rec.flags & LOG_R_BYTES_PLUS:
        out_byte(out, b'+')
    out_int(out, rec.t_total)


cdef inline void bytes_read(out_t* out, const log_rec_t* rec) noexcept nogil:
    """`%B`: towards the client."""
    if rec.flags & LOG_R_BYTES_PLUS:
        out_byte(out, b'+')
    out_u64(out, rec.bytes_out)


cdef void counts(out_t* out, const log_rec_t* rec) noexcept nogil:
    """` %ac/%fc/%bc/%sc/%rc %sq/%bq`."""
    out_byte(out, b' ')
    out_int(out, rec.actconn)
    out_byte(out, b'/')
    out_int(out, rec.feconn)
    out_byte(out, b'/')
    out_int(out, rec.beconn)
    out_byte(out, b'/')
    out_int(out, rec.srvconn)
    out_byte(out, b'/')
    if rec.flags & LOG_R_REDISPATCHED:
        out_byte(out, b'+')
    out_int(out, rec.retries)
    out_byte(out, b' ')
    out_int(out, rec.srv_queue)
    out_byte(out, b'/')
    out_int(out, rec.be_queue)


cdef void tcp_line(out_t* out, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    """`... %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq`."""
    opening(out, dates, rec, listener_id)
    out_int(out, rec.t_queue)
    out_byte(out, b'/')
    out_int(out, rec.t_connect)
    out_byte(out, b'/')
    total_time(out, rec)
    out_byte(out, b' ')
    bytes_read(out, rec)
    out_byte(out, b' ')
    out_bytes(out, rec.term, 2)
    counts(out, rec)


cdef void http_line(out_t* out, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    """`... %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`."""
    opening(out, dates, rec, listener_id)
    out_int(out, rec.t_request)
    out_byte(out, b'/')
    out_int(out, rec.t_queue)
    out_byte(out, b'/')
    out_int(out, rec.t_connect)
    out_byte(out, b'/')
    out_int(out, rec.t_response)
    out_byte(out, b'/')
    total_time(out, rec)
    out_byte(out, b' ')
    out_int(out, rec.status if rec.status > 0 else -1)
    out_byte(out, b' ')
    bytes_read(out, rec)
    # no `capture` yet: cookies as dashes, no braces for headers
    out_bytes(out, b" - - ", 5)
    out_bytes(out, rec.term, 4)
    counts(out, rec)
    out_bytes(out, b" \"", 2)
    request_line(out, rec)
    out_byte(out, b'"')


cdef void request_line(out_t* out, const log_rec_t* rec) noexcept nogil:
    """As received, escaped; of a line that was cut (tune.http.logurilen) the version may be missing."""
    if rec.flags & LOG_R_BAD_REQUEST or rec.method.len == 0:
        out_bytes(out, b"<BADREQ>", 8)
        return
    out_escaped(out, rec.method)
    if rec.target.len:
        out_byte(out, b' ')
        out_escaped(out, rec.target)
    if rec.version.len:
        out_byte(out, b' ')
        out_escaped(out, rec.version)
