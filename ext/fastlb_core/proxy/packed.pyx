# The packed body: receive, take the framing off, compress, send in chunks of our own.
#
# A chunk is made in place at the end of dst.tx:  ... | hhhh CR LF | bytes of the packer | CR LF |
# Its size is known last; where it has fewer than four digits the bytes move up.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from fastlb_core.base.atomic cimport load_relaxed_u32
from fastlb_core.base.buf cimport buf_consume, buf_data, buf_produce, buf_realign, buf_room, buf_t, buf_tail, buf_take
from fastlb_core.base.rate cimport rate_add
from fastlb_core.http.h1_body cimport BODY_DONE, BODY_ERROR, body_at_trailers, body_opaque, body_read, body_skip
from fastlb_core.http.head_out cimport head_copy
from fastlb_core.http.message cimport BODY_CHUNKED, http_msg_t
from fastlb_core.http.packer cimport CODING_IDENTITY, PACK_END, PACK_FLUSH, PACK_MORE, packer_run, packer_t, packer_take
from fastlb_core.net.conn cimport CONN_F_CAN_RECV, CONN_F_EOF, CONN_F_ERROR, conn_flush, conn_recv, conn_t, conn_trim
from fastlb_core.proxy.forward cimport (
    FLOW_BAD, FLOW_DST_ERROR, FLOW_FINISHED, FLOW_WAIT_RECV, FLOW_WAIT_SEND, FLOW_YIELD, flow_source_ended, flow_status_t,
)
from fastlb_core.proxy.compress cimport comp_rate
from fastlb_core.proxy.stream cimport flow_t, stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    TURN_BYTES = 262144          # what one answer may take in before others get their turn: some milliseconds of zlib
    CHUNK_HEAD = 6               # four digits and CRLF
    CHUNK_MAX = 65535            # what four digits can say
    CHUNK_ROOM = 96              # no chunk is begun in less
    END_ROOM = 16                # the last chunk's line and the empty one

cdef enum pack_stage_t:          # packer_t.stage
    STAGE_HEAD = 0               # nothing was sent since the head
    STAGE_BODY = 1
    STAGE_END = 2                # the body was taken, the packer has to give its rest
    STAGE_LAST = 3               # the last chunk is to be written
    STAGE_TRAILERS = 4           # the origin's trailers pass
    STAGE_DONE = 5

cdef enum fill_t:
    FILL_HUNGRY = 0              # src's bytes are used up
    FILL_FULL = 1                # dst.tx is
    FILL_DONE = 2
    FILL_BAD = 3                 # malformed framing


cdef bint packed_head(conn_t* dst, const http_msg_t* msg) noexcept nogil:
    cdef uint32_t n
    if dst.tx.len or not buf_take(&dst.loop.bufs, &dst.tx):
        return False
    n = head_copy(msg, buf_tail(&dst.tx), buf_room(&dst.tx))
    buf_produce(&dst.tx, n)
    return n != 0


# -- what comes in

cdef bint _skip_framing(flow_t* flow, conn_t* src) noexcept nogil:
    """Chunk size lines: not part of what is compressed. False when they are malformed."""
    cdef uint32_t used
    cdef int status
    while src.rx.len and not flow.is_done and body_opaque(&flow.body) == 0 and not body_at_trailers(&flow.body):
        used = 0
        status = body_read(&flow.body, buf_data(&src.rx), 1, &used)
        if status == BODY_ERROR:
            return False
        buf_consume(&src.rx, used)
        flow.total += used
        flow.is_done = status == BODY_DONE
    return True


cdef void _took(flow_t* flow, conn_t* src, uint32_t n) noexcept nogil:
    buf_consume(&src.rx, n)
    flow.total += <uint64_t> n
    if n and body_skip(&flow.body, n) == BODY_DONE:
        flow.is_done = True


cdef inline uint32_t _data_ready(const flow_t* flow, const conn_t* src) noexcept nogil:
    cdef uint64_t left = body_opaque(&flow.body)
    return <uint32_t> left if left < src.rx.len else src.rx.len


# -- one chunk

cdef void _close_chunk(buf_t* tx, uint32_t length) noexcept nogil:
    """Its bytes stand CHUNK_HEAD behind the buffer's end: line before, CRLF behind, and all of it counts now."""
    cdef const char* digits = "0123456789abcdef"
    cdef char* line = buf_tail(tx)
    cdef uint32_t n = 1 if length < 16 else 2 if length < 256 else 3 if length < 4096 else 4
    cdef uint32_t i
    if length == 0:
        return
    if n < 4:
        memmove(line + n + 2, line + CHUNK_HEAD, length)
    for i in range(n):
        line[i] = digits[(length >> (4 * (n - 1 - i))) & 15]
    memcpy(line + n, "\r\n", 2)
    memcpy(line + n + 2 + length, "\r\n", 2)
    buf_produce(tx, n + 2 + length + 2)


cdef inline uint32_t _chunk_room(const buf_t* tx) noexcept nogil:
    cdef uint32_t room = buf_room(tx)
    if room < CHUNK_ROOM:
        return 0
    room -= CHUNK_HEAD + 2
    return room if room < CHUNK_MAX else CHUNK_MAX


cdef uint32_t _pack_body(packer_t* packer, flow_t* flow, conn_t* src, char* dst, uint32_t room, fill_t* why) noexcept nogil:
    """Compresses what has come; returns how many bytes that made."""
    cdef uint32_t made = 0, ready, used
    while True:
        if not _skip_framing(flow, src):
            why[0] = FILL_BAD
            return made
        if flow.is_done or body_at_trailers(&flow.body):
            packer.stage = STAGE_END
            return made
        ready = _data_ready(flow, src)
        if ready > packer.until - flow.total:
            ready = <uint32_t> (packer.until - flow.total)
            if ready == 0:
                why[0] = FILL_FULL
                return made
        if ready == 0:
            why[0] = FILL_HUNGRY
            return made
        if room - made < END_ROOM:
            why[0] = FILL_FULL
            return made
        used = 0
        made += packer_run(packer, buf_data(&src.rx), ready, &used, dst + made, room - made, PACK_MORE)
        _took(flow, src, used)


cdef uint32_t _pack_rest(packer_t* packer, char* dst, uint32_t room, bint at_end, fill_t* why) noexcept nogil:
    """What the packer still holds."""
    cdef uint32_t used = 0, made = 0
    if room < END_ROOM:
        why[0] = FILL_FULL
        return 0
    made = packer_run(packer, NULL, 0, &used, dst, room, PACK_END if at_end else PACK_FLUSH)
    if at_end and packer.is_ended:
        packer.stage = STAGE_LAST
    elif at_end or packer.is_dirty:
        why[0] = FILL_FULL
    return made


cdef fill_t _make_chunk(packer_t* packer, flow_t* flow, conn_t* src, buf_t* tx, bint flush) noexcept nogil:
    cdef uint32_t room = _chunk_room(tx), made = 0
    cdef char* dst = buf_tail(tx) + CHUNK_HEAD
    cdef fill_t why = FILL_HUNGRY
    if room == 0:
        return FILL_FULL
    if packer.stage == STAGE_BODY:
        made = _pack_body(packer, flow, src, dst, room, &why)
        if why == FILL_BAD:
            return FILL_BAD
    if packer.stage == STAGE_END:
        made += _pack_rest(packer, dst + made, room - made, True, &why)
    elif flush and why == FILL_HUNGRY and packer.is_dirty:
        made += _pack_rest(packer, dst + made, room - made, False, &why)
    _close_chunk(tx, made)
    return why


# -- the end

cdef fill_t _pass_trailers(packer_t* packer, flow_t* flow, conn_t* src, buf_t* tx) noexcept nogil:
    cdef uint32_t room = buf_room(tx), used = 0
    cdef uint32_t n = src.rx.len if src.rx.len < room else room
    cdef int status
    if room < 2:
        return FILL_FULL
    if n == 0:
        return FILL_HUNGRY
    status = body_read(&flow.body, buf_data(&src.rx), n, &used)
    if status == BODY_ERROR:
        return FILL_BAD
    if not packer.drops_trailers:
        memcpy(buf_tail(tx), buf_data(&src.rx), used)
        buf_produce(tx, used)
    elif status == BODY_DONE:
        memcpy(buf_tail(tx), "\r\n", 2)
        buf_produce(tx, 2)
    buf_consume(&src.rx, used)
    flow.total += <uint64_t> used
    if status == BODY_DONE:
        flow.is_done = True
        packer.stage = STAGE_DONE
        return FILL_DONE
    return FILL_HUNGRY if src.rx.len == 0 else FILL_FULL


cdef fill_t _write_last(packer_t* packer, flow_t* flow, buf_t* tx) noexcept nogil:
    """The last chunk's line; the empty line too where no trailers can come. FILL_HUNGRY: go on with STAGE_TRAILERS."""
    if buf_room(tx) < END_ROOM:
        return FILL_FULL
    if flow.is_done:
        memcpy(buf_tail(tx), "0\r\n\r\n", 5)
        buf_produce(tx, 5)
        packer.stage = STAGE_DONE
        return FILL_DONE
    memcpy(buf_tail(tx), "0\r\n", 3)
    buf_produce(tx, 3)
    packer.stage = STAGE_TRAILERS
    return FILL_HUNGRY


cdef fill_t _fill(packer_t* packer, flow_t* flow, conn_t* src, buf_t* tx, bint flush) noexcept nogil:
    cdef fill_t why
    if packer.stage == STAGE_BODY or packer.stage == STAGE_END:
        why = _make_chunk(packer, flow, src, tx, flush)
        if packer.stage != STAGE_LAST:
            return why
    if packer.stage == STAGE_LAST:
        why = _write_last(packer, flow, tx)
        if packer.stage != STAGE_TRAILERS:
            return why
    if packer.stage == STAGE_TRAILERS:
        return _pass_trailers(packer, flow, src, tx)
    return FILL_DONE


# -- the loop

cdef inline flow_status_t _send(packer_t* packer, conn_t* dst) noexcept nogil:
    """FLOW_FINISHED here means that all of tx went."""
    cdef uint32_t before = dst.tx.len
    if not conn_flush(dst):
        return FLOW_DST_ERROR
    if dst.tx.len < before:
        packer.has_moved = True
    if dst.tx.len:
        return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else FLOW_WAIT_SEND
    return FLOW_FINISHED


cdef flow_status_t _receive(flow_t* flow, conn_t* src) noexcept nogil:
    """FLOW_FINISHED here means that there are new bytes."""
    cdef int n
    conn_trim(src)
    if not src.flags & CONN_F_CAN_RECV:
        return flow_source_ended(flow, src) if src.flags & (CONN_F_EOF | CONN_F_ERROR) else FLOW_WAIT_RECV
    n = conn_recv(src, 0)
    if n < 0:
        return flow_source_ended(flow, src)
    if n == 0:
        return FLOW_YIELD if src.flags & CONN_F_CAN_RECV else FLOW_WAIT_RECV
    return FLOW_FINISHED


cdef bint packed_drop_trailers(stream_t* strm, bint is_response) noexcept nogil:
    cdef packer_t** packer = &strm.packer if is_response else &strm.req_packer
    if (strm.res_msg.body if is_response else strm.req_msg.body) != BODY_CHUNKED:
        return True
    if packer[0] == NULL:
        packer[0] = packer_take(&strm.w.packers, CODING_IDENTITY)
        if packer[0] == NULL:
            return False
    packer[0].drops_trailers = True
    return True


cdef bint packed_is_done(const packer_t* packer) noexcept nogil:
    return packer.stage == STAGE_DONE


cdef flow_status_t _run(stream_t* strm, packer_t* packer, bint is_response, uint64_t most) noexcept nogil:
    cdef flow_t* flow = &strm.res if is_response else &strm.req
    cdef conn_t* src = strm.back if is_response else strm.front
    cdef conn_t* dst = strm.front if is_response else strm.back
    cdef uint64_t before = flow.total
    cdef flow_status_t status, sent
    cdef fill_t why
    packer.has_moved = False
    packer.until = before + (most if most < TURN_BYTES else TURN_BYTES)
    if packer.stage != STAGE_HEAD:
        sent = _send(packer, dst)
        if sent != FLOW_FINISHED:
            return sent
    else:
        packer.stage = STAGE_BODY
        buf_realign(&dst.tx)
    while True:
        if not buf_take(&dst.loop.bufs, &dst.tx):
            return FLOW_DST_ERROR
        why = _fill(packer, flow, src, &dst.tx, False)
        packer.has_moved |= flow.total != before
        if why == FILL_BAD:
            return FLOW_BAD
        status = FLOW_YIELD
        if why == FILL_HUNGRY and flow.total < packer.until:
            status = _receive(flow, src)
            if status == FLOW_FINISHED:
                continue
            if status == FLOW_WAIT_RECV:
                # Nothing more for now: what the client can have it shall have.
                why = _fill(packer, flow, src, &dst.tx, True)
            elif status != FLOW_WAIT_RECV:
                return status
        sent = _send(packer, dst)
        if sent != FLOW_FINISHED:
            return sent
        if why == FILL_DONE:
            return FLOW_FINISHED
        if why == FILL_HUNGRY or flow.total >= packer.until:
            return status


cdef void _follow_limit(worker_t* w, packer_t* packer) noexcept nogil:
    """`maxcomprate` (manual, section 3.2): too fast, the level sinks; else it rises again."""
    cdef uint32_t limit = load_relaxed_u32(&w.arena.limits.comp_rate)
    if limit and comp_rate(w) > limit:
        packer.wanted_level -= packer.wanted_level > 0
    elif packer.wanted_level < w.packers.level:
        packer.wanted_level += 1


cdef flow_status_t packed_run(stream_t* strm, bint is_response, uint64_t most) noexcept nogil:
    cdef worker_t* w = strm.w
    cdef packer_t* packer = strm.packer if is_response else strm.req_packer
    cdef uint64_t n_in = packer.n_in, n_out = packer.n_out
    cdef flow_status_t status
    if packer.coding == CODING_IDENTITY:
        return _run(strm, packer, is_response, most)
    _follow_limit(w, packer)
    status = _run(strm, packer, is_response, most)
    rate_add(&w.slot.comp_in_rate, w.loop.second, <uint32_t> (packer.n_in - n_in))
    rate_add(&w.slot.comp_out_rate, w.loop.second, <uint32_t> (packer.n_out - n_out))
    return status
