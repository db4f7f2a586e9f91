# cython: language_level=3
# A worker's streams and refused messages as the runtime API shows them, and their end by its order. Between two turns only.
#
# Knows where a stream's facts are. Must not know how they are written (control/runtime/sessions.py).

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.base.list cimport list_entry, list_t
from fastlb_core.base.wheel cimport timer_t
from fastlb_core.lb.server cimport SRV_F_INTERNAL, srv_t
from fastlb_core.net.conn cimport conn_local, conn_t, peer_t
from fastlb_core.net.tls cimport tls_forget_saved
from fastlb_core.program.program cimport listener_t, px_t
from fastlb_core.proxy.bad_message cimport bad_message_of, bad_message_t, bad_messages_leave
from fastlb_core.proxy.idle_pool cimport idle_drop, idle_leave
from fastlb_core.proxy.stream cimport stream_shut_down, stream_t
from fastlb_core.proxy.worker cimport srv_local_t, worker_t

STATES = ("NONE", "ASSIGN", "QUEUED", "CONNECT", "CONNECTING", "PAUSE", "READY")
cdef enum:
    AF_INET = 2
    AF_INET6 = 10


cdef uint64_t stream_id(const worker_t* w, const stream_t* strm):
    """An address. Workers are forks of one process, so theirs may be equal: the worker stands before it."""
    return <uint64_t> (w.index + 1) << 48 | <uint64_t> strm


cdef stream_t* stream_at(list_t* link):
    """The stream of a front connection, NULL for one that waits for a request."""
    return <stream_t*> (<conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).all)).owner


cdef bytes address_of(const void* address):
    """A packed sockaddr; only its family for a unix socket."""
    cdef const peer_t* peer = <const peer_t*> address
    if peer.family == AF_INET or peer.family == AF_INET6:
        return (<const char*> peer.bytes)[:28 if peer.family == AF_INET6 else 16]
    return (<const char*> peer.bytes)[:2]


cdef object left_ms(const worker_t* w, const timer_t* timer):
    """Until it expires; None while it is not set."""
    return <int32_t> (timer.expires - <uint32_t> w.loop.now_ms) if timer.armed else None


cdef object index_of(const px_t* px):
    return None if px == NULL else px.index


cdef dict side_of(const worker_t* w, const conn_t* conn):
    if conn == NULL:
        return None
    return {"fd": conn.fd, "in": conn.rx.len, "out": conn.tx.len, "left": left_ms(w, &conn.timer)}


cdef dict facts_of(worker_t* w, stream_t* strm):
    cdef const listener_t* li = <const listener_t*> strm.front.origin
    return {
        "id": stream_id(w, strm), "source": address_of(&strm.front.peer).decode("latin-1"),
        "local": address_of(conn_local(strm.front)).decode("latin-1"), "listener": li.index,
        "frontend": index_of(strm.fe), "backend": index_of(strm.be),
        "server": None if strm.srv == NULL or strm.srv.flags & SRV_F_INTERNAL else strm.srv.index,
        "age": w.loop.now_ms - strm.t_start, "started": strm.t_real_us, "calls": strm.n_calls,
        "state": STATES[strm.back_state], "retries": strm.n_retries, "left": left_ms(w, &strm.timer),
        "front": side_of(w, strm.front), "back": side_of(w, strm.back),
        "bytes_in": strm.bytes_in, "bytes_out": strm.bytes_out,
        "queues": (strm.srv_queue, strm.be_queue), "status": strm.status,
    }


cdef list list_streams(worker_t* w, start, most):
    """The facts of at most `most` streams behind the first `start`; fewer are the last ones."""
    cdef list_t* link = w.fronts.next
    cdef stream_t* strm
    found = []
    while link != &w.fronts and len(found) < most:
        strm = stream_at(link)
        link = link.next
        if strm != NULL:
            if start > 0:
                start -= 1
            else:
                found.append(facts_of(w, strm))
    return found


cdef int shut_streams(worker_t* w, uint64_t id, const srv_t* srv):
    """Ends the stream with that id, or all that use the server; how many."""
    cdef list_t* link = w.fronts.next
    cdef stream_t* strm
    cdef int count = 0
    while link != &w.fronts:
        strm = stream_at(link)
        # The connection stays in memory until the turn's end, but not in the list.
        link = link.next
        if strm != NULL and (stream_id(w, strm) == id or srv != NULL and strm.srv == srv):
            stream_shut_down(strm)
            count += 1
    return count


cdef bint uses(const stream_t* strm, const srv_t* srv):
    """A stream is at the server, is about to go there, or is not to go there again."""
    return strm.srv == srv or strm.wanted_srv == srv or strm.stick_srv == srv or strm.last_srv == srv


cdef int leave_server(worker_t* w, srv_t* srv):
    cdef list_t* link = w.fronts.next
    cdef stream_t* strm
    cdef int count = 0
    while link != &w.fronts:
        strm = stream_at(link)
        link = link.next
        count += strm != NULL and uses(strm, srv)
    if count:
        return count
    link = w.fronts.next
    while link != &w.fronts:
        idle_leave(<conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).all), srv)
        link = link.next
    idle_drop(w, srv)
    tls_forget_saved(&(<srv_local_t*> srv.local).tls)
    bad_messages_leave(w.program.n_proxies, srv)
    return 0


cdef dict bad_message(uint32_t px, bint is_answer):
    cdef const bad_message_t* bad = bad_message_of(px, is_answer)
    if bad == NULL:
        return None
    return {
        "proxy": px, "is_answer": is_answer, "bytes": bad.bytes[:bad.len].decode("latin-1"), "at": bad.error_at,
        "reason": bad.reason.decode() if bad.reason != NULL else "", "when": bad.when_us, "number": bad.number,
        "frontend": index_of(bad.fe), "backend": index_of(bad.be), "server": None if bad.srv == NULL else bad.srv.index,
        "source": address_of(&bad.source).decode("latin-1"),
    }


cdef list list_bad_messages(worker_t* w, start, most):
    """The messages of proxies from the one with index `start` on, `most` proxies at most."""
    found = []
    for px in range(start, min(start + most, w.program.n_proxies)):
        found += [bad for bad in (bad_message(px, False), bad_message(px, True)) if bad is not None]
    return found
