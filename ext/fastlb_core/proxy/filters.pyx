# Filters: implementation.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport rand
from libc.string cimport memset

from fastlb_core.base.buf cimport buf_data, opool_get, opool_put
from fastlb_core.base.wheel cimport wheel_cancel, wheel_set
from fastlb_core.http.packer cimport packer_t
from fastlb_core.net.conn cimport CONN_F_ERROR, conn_t
from fastlb_core.net.loop cimport TIMER_FILTERS
from fastlb_core.program.rules cimport RULES_FILTER, px_rules, rule_t, rules_t
from fastlb_core.proxy.bandwidth cimport BWLIM_IS_BEHIND, limiter_allows, limiter_count, limiter_disable, limiter_enable
from fastlb_core.proxy.forward cimport (
    FLOW_BAD, FLOW_DST_ERROR, FLOW_FINISHED, FLOW_HELD, FLOW_YIELD, flow_peek, flow_run_some,
)
from fastlb_core.proxy.stream cimport flow_t
from fastlb_core.proxy.trace cimport (
    trace_answer, trace_backend, trace_count, trace_headers, trace_message_end, trace_payload, trace_start, trace_stop,
)
from fastlb_core.proxy.worker cimport worker_t


cdef uint32_t filters_size(uint32_t n_filters) noexcept nogil:
    return <uint32_t> (sizeof(filters_t) + n_filters * sizeof(limiter_t))


cdef stream_t* filters_stream(timer_t* timer) noexcept nogil:
    # The timer is the first thing in its block.
    return (<filters_t*> timer).strm


cdef filters_t* _open(stream_t* strm) noexcept nogil:
    """The stream's block; NULL when memory is short."""
    cdef filters_t* block = <filters_t*> strm.filters
    cdef worker_t* w = strm.w
    if block != NULL:
        return block
    block = <filters_t*> opool_get(&w.filters)
    if block == NULL:
        return NULL
    memset(block, 0, filters_size(w.program.n_filters))
    block.timer.kind = TIMER_FILTERS
    block.strm = strm
    block.n_limiters = w.program.n_filters
    block.limiters = <limiter_t*> (block + 1)
    strm.filters = block
    return block


cdef inline uint32_t _n_filters(const px_t* px) noexcept nogil:
    cdef const rules_t* rules = px_rules(px, RULES_FILTER)
    return rules.n_items if rules != NULL else 0


cdef void filters_enable(eval_t* ev, const px_t* px, uint32_t index, uint64_t limit, uint32_t period_ms) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef const rule_t* filter = &px_rules(px, RULES_FILTER).items[index]
    cdef filters_t* block = _open(strm)
    cdef uint32_t slot = index if px == strm.fe else _n_filters(strm.fe) + index
    if block == NULL or slot >= block.n_limiters:
        return
    if limiter_enable(&block.limiters[slot], ev, filter, limit, period_ms):
        # haproxy: filters are asked in the order of their lines, the frontend's first.
        block.limiters[slot].is_behind = filter.args[<uint32_t> BWLIM_IS_BEHIND].num or \
            px != strm.fe and strm.fe.compression != NULL


# -- traces

cdef filters_t* _attach(stream_t* strm, const px_t* px) noexcept nogil:
    """The stream's block if there are traces to be told, px' own from now on among them."""
    cdef bint is_random = False
    cdef uint32_t n = trace_count(px, &is_random)
    cdef filters_t* block = _open(strm) if n else <filters_t*> strm.filters
    if block == NULL:
        return NULL
    block.n_traces += <uint8_t> n
    block.is_random |= is_random
    return block if block.n_traces else NULL


cdef void filters_start(stream_t* strm) noexcept nogil:
    if _attach(strm, strm.fe) != NULL:
        trace_start(strm)


cdef void filters_backend(stream_t* strm) noexcept nogil:
    cdef filters_t* block = <filters_t*> strm.filters
    if strm.be != strm.fe:
        block = _attach(strm, strm.be)
    if block != NULL and block.n_traces:
        trace_backend(strm)


cdef void filters_answer(stream_t* strm) noexcept nogil:
    cdef filters_t* block = <filters_t*> strm.filters
    if block.n_traces and not block.has_answer:
        block.has_answer = True
        trace_answer(strm)


cdef void filters_head(stream_t* strm, bint is_response) noexcept nogil:
    cdef filters_t* block = <filters_t*> strm.filters
    cdef const flow_t* flow = &strm.res if is_response else &strm.req
    if not block.n_traces:
        return
    trace_headers(strm, &strm.res_msg if is_response else &strm.req_msg)
    if flow.is_done and not flow.n_ready:
        _end_message(block, is_response)


cdef void _end_message(filters_t* block, bint is_response) noexcept nogil:
    if block.n_traces and not block.has_ended[is_response]:
        block.has_ended[is_response] = True
        trace_message_end(block.strm, is_response)


cdef void filters_end(stream_t* strm) noexcept nogil:
    cdef filters_t* block = <filters_t*> strm.filters
    cdef uint32_t i
    if block == NULL:
        return
    if block.n_traces:
        trace_stop(strm)
    wheel_cancel(&strm.w.loop.wheel, &block.timer)
    for i in range(block.n_limiters):
        limiter_disable(&block.limiters[i])
    opool_put(&strm.w.filters, block)
    strm.filters = NULL


# -- one direction

cdef inline bint _concerns(const limiter_t* lim, bint is_response) noexcept nogil:
    return lim.filter != NULL and lim.filter.args[0].num == (FILTER_BWLIM_OUT if is_response else FILTER_BWLIM_IN)


cdef uint64_t _allowed(filters_t* block, bint is_response, uint64_t rest, uint64_t* wait_ms) noexcept nogil:
    """What all limiters let pass; 0: nothing for *wait_ms."""
    cdef uint64_t now_ms = block.strm.w.loop.now_ms
    cdef uint64_t most = NO_LIMIT
    cdef uint64_t allowed, wait
    cdef uint32_t i
    wait_ms[0] = 0
    for i in range(block.n_limiters):
        if _concerns(&block.limiters[i], is_response):
            wait = 0
            allowed = limiter_allows(&block.limiters[i], rest, now_ms, &wait)
            most = allowed if allowed < most else most
            wait_ms[0] = wait if wait > wait_ms[0] else wait_ms[0]
    return most


cdef void _count(filters_t* block, bint is_response, uint64_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(block.n_limiters):
        if n and _concerns(&block.limiters[i], is_response):
            limiter_count(&block.limiters[i], n, block.strm.w.loop.now_ms)


cdef flow_status_t _hold(filters_t* block, bint is_response, uint64_t wait_ms) noexcept nogil:
    cdef worker_t* w = block.strm.w
    cdef uint32_t deadline = <uint32_t> (w.loop.now_ms + (wait_ms if wait_ms < 0x7fffffff else 0x7fffffff))
    block.is_held[is_response] = True
    if not block.timer.armed or <int> (deadline - block.timer.expires) < 0:
        wheel_set(&w.loop.wheel, &block.timer, deadline)
    return FLOW_HELD


cdef inline uint64_t _random(const filters_t* block, uint64_t most) noexcept nogil:
    """haproxy: at times nothing at all; here always something, so that each turn brings the message further."""
    return 1 + <uint64_t> rand() % most if block.is_random and most else most


cdef flow_status_t _run_plain(filters_t* block, bint is_response, flow_t* flow, conn_t* src, conn_t* dst) noexcept nogil:
    """Bytes as they are. haproxy: counts a body's data, not its chunks' framing."""
    cdef worker_t* w = block.strm.w
    cdef uint64_t before, most, wait_ms
    cdef const char* bytes
    cdef flow_status_t status
    cdef uint32_t ready
    if src.rx.len and not flow_peek(flow, src):
        return FLOW_BAD
    if not flow.n_ready and not flow.in_pipe:
        # Filters are asked about what there is.
        status = flow_run_some(w, flow, src, dst, 0)
        if status != FLOW_YIELD:
            return status
    most = _allowed(block, is_response, flow.n_ready if flow.is_done else 0, &wait_ms)
    if most == 0:
        return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else _hold(block, is_response, wait_ms)
    most = _random(block, most if most < flow.n_ready else flow.n_ready)
    before = flow.total
    ready = flow.n_ready
    bytes = buf_data(&src.rx)
    status = flow_run_some(w, flow, src, dst, most)
    _count(block, is_response, flow.total - before)
    if block.n_traces and flow.total != before:
        # What has left still stands where it was: no more than that was asked for, so nothing was received behind it.
        trace_payload(block.strm, is_response, before, bytes, ready, <uint32_t> (flow.total - before))
    if status != FLOW_YIELD:
        return status
    # Is there more to be had at once? Otherwise wait here, not for another turn.
    most = _allowed(block, is_response, flow.n_ready if flow.is_done else 0, &wait_ms)
    return _hold(block, is_response, wait_ms) if most == 0 else FLOW_YIELD


cdef flow_status_t _run_packed(filters_t* block, bint is_response, conn_t* dst) noexcept nogil:
    """Through the packer. A filter behind the compression sees what leaves, which is hardly ever more than what comes in."""
    cdef stream_t* strm = block.strm
    cdef const packer_t* packer = strm.packer if is_response else strm.req_packer
    cdef const flow_t* flow = &strm.res if is_response else &strm.req
    cdef uint64_t before_in = flow.total
    cdef uint64_t before_out = packer.n_out
    cdef uint64_t most, wait_ms
    cdef flow_status_t status
    cdef uint32_t i
    most = _allowed(block, is_response, 0, &wait_ms)
    if most == 0:
        return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else _hold(block, is_response, wait_ms)
    status = packed_run(strm, is_response, most)
    if block.n_traces and flow.total != before_in:
        i = <uint32_t> (flow.total - before_in)
        trace_payload(strm, is_response, before_in, NULL, i, i)
    for i in range(block.n_limiters):
        if _concerns(&block.limiters[i], is_response):
            limiter_count(&block.limiters[i], packer.n_out - before_out if block.limiters[i].is_behind
                          else flow.total - before_in, strm.w.loop.now_ms)
    return status


cdef flow_status_t filtered_run(stream_t* strm, bint is_response) noexcept nogil:
    cdef filters_t* block = <filters_t*> strm.filters
    cdef flow_status_t status
    block.is_held[is_response] = False
    if (strm.packer if is_response else strm.req_packer) != NULL:
        status = _run_packed(block, is_response, strm.front if is_response else strm.back)
    elif not is_response:
        status = _run_plain(block, is_response, &strm.req, strm.front, strm.back)
    else:
        status = _run_plain(block, is_response, &strm.res, strm.back, strm.front)
    if status == FLOW_FINISHED:
        _end_message(block, is_response)
    return status
