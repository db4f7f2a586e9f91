# Compression's decisions: implementation.
# Knows haproxy's readings of the headers, odd ones too; must not know zlib.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.arena cimport arena_rate, worker_slot_t
from fastlb_core.base.atomic cimport load_relaxed_u32
from fastlb_core.base.slice cimport slice_eq, slice_eq_nocase, slice_next_token, slice_of, slice_t
from fastlb_core.http.message cimport (
    BODY_CHUNKED, BODY_LENGTH, HDR_ACCEPT_ENCODING, HDR_CACHE_CONTROL, HDR_CONTENT_ENCODING, HDR_CONTENT_LENGTH, HDR_CONTENT_TYPE,
    HDR_ETAG, HDR_USER_AGENT, MSG_F_HTTP10, http_msg_t, msg_find, msg_find_next, msg_hdr_append, msg_hdr_del_all, msg_hdr_replace,
    msg_hdr_value,
)
from fastlb_core.http.packer cimport CODING_IDENTITY, CODING_NONE, coding_name, packer_give, packer_t, packer_take
from fastlb_core.lb.shared cimport counters_t
from fastlb_core.program.compression cimport COMP_DIR_REQ, COMP_DIR_RES, comp_conf_t
from fastlb_core.program.program cimport px_t
from fastlb_core.proxy.compress cimport COMP_ASKED, COMP_CHOSEN, COMP_NONE
from fastlb_core.proxy.stream cimport be_counters, fe_counters, stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    Q_ONE = 1000                 # a quality of 1, in thousandths
    EDIT_ROOM = 192              # of the head's edit room: what is added here, and `connection: close` after it
    EDIT_HEADERS = 4
    MAX_ETAG = 512               # a longer one is no reason to grow the edits


# -- `maxcomprate`

cdef uint32_t comp_rate(const worker_t* w) noexcept nogil:
    return arena_rate(w.arena, <size_t> &(<worker_slot_t*> NULL).comp_in_rate, w.loop.now_ms)


cdef packer_t* _packer(worker_t* w, int coding) noexcept nogil:
    """NULL: nothing is compressed while too much is (`maxcomprate`; manual, section 3.2), or without memory."""
    cdef uint32_t limit = load_relaxed_u32(&w.arena.limits.comp_rate)
    if limit and coding != CODING_IDENTITY and comp_rate(w) > limit:
        return NULL
    return packer_take(&w.packers, coding)


# -- the request

cdef inline bint _is_blank(char c) noexcept nogil:
    return c == b' ' or c == b'\t'


cdef uint32_t _quality(slice_t text) noexcept nogil:
    """haproxy: everything that does not begin with 0 is 1, and three digits behind a point count."""
    cdef uint32_t value = 0, weight = 100, i
    if text.len == 0 or text.ptr[0] != b'0':
        return Q_ONE
    if text.len == 1 or text.ptr[1] != b'.':
        return 0
    for i in range(2, text.len if text.len < 5 else 5):
        if <uint8_t> (text.ptr[i] - 48) > 9:
            break
        value += weight * <uint32_t> (text.ptr[i] - 48)
        weight //= 10
    return value


cdef uint32_t _token_quality(slice_t token, uint32_t at) noexcept nogil:
    """The first parameter `q=` of an element, whose name ends at `at`."""
    while at < token.len:
        while at < token.len and token.ptr[at] != b';':
            at += 1
        at += 1
        while at < token.len and _is_blank(token.ptr[at]):
            at += 1
        if at + 2 <= token.len and token.ptr[at] == b'q' and token.ptr[at + 1] == b'=':
            return _quality(slice_of(token.ptr + at + 2, token.len - at - 2))
    return Q_ONE


cdef slice_t _token_name(slice_t token) noexcept nogil:
    cdef uint32_t n = 0
    while n < token.len and token.ptr[n] != b';' and not _is_blank(token.ptr[n]):
        n += 1
    return slice_of(token.ptr, n)


cdef bint _is_named(int coding, slice_t name) noexcept nogil:
    cdef slice_t known = coding_name(coding)
    return slice_eq(name, "*", 1) or slice_eq_nocase(name, known.ptr, known.len)


cdef int _best_coding(const http_msg_t* msg, const comp_conf_t* conf) noexcept nogil:
    """The client's favourite among the configured ones, of equal ones the one it names first; CODING_NONE: none of them."""
    cdef int i = msg_find(msg, HDR_ACCEPT_ENCODING)
    cdef int best = CODING_NONE
    cdef uint32_t best_quality = 0, quality, k
    cdef slice_t rest, token, name
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            name = _token_name(token)
            quality = _token_quality(token, name.len)
            if name.len == 0 or quality <= best_quality:
                continue
            for k in range(conf.n_algos):
                if _is_named(conf.algos[k], name):
                    best = conf.algos[k]
                    best_quality = quality
                    break
        i = msg_find_next(msg, i)
    return best


cdef bint _is_old_browser(const http_msg_t* msg) noexcept nogil:
    """Those of which the manual says that they cannot: "Mozilla/4" but MSIE 6 with SV1 and MSIE 7 to 9, found by their places."""
    cdef int i = msg_find(msg, HDR_USER_AGENT)
    cdef slice_t agent
    if i < 0:
        return False
    agent = msg_hdr_value(msg, i)
    if agent.len < 9 or not slice_eq(slice_of(agent.ptr, 9), "Mozilla/4", 9):
        return False
    if agent.len < 31 or not slice_eq(slice_of(agent.ptr + 25, 5), "MSIE ", 5) or agent.ptr[30] < b'6':
        return True
    return agent.ptr[30] == b'6' and (agent.len < 54 or not slice_eq(slice_of(agent.ptr + 51, 3), "SV1", 3))


cdef inline const comp_conf_t* _conf(const px_t* px, int direction) noexcept nogil:
    """What the proxy says of that direction, or NULL."""
    cdef const comp_conf_t* conf = <const comp_conf_t*> px.compression
    return conf if conf != NULL and conf.directions & direction else NULL


cdef inline const comp_conf_t* _fe_conf(const stream_t* strm) noexcept nogil:
    return _conf(strm.fe, COMP_DIR_RES)


cdef inline const comp_conf_t* _be_conf(const stream_t* strm) noexcept nogil:
    return _conf(strm.be, COMP_DIR_RES)


cdef bint _has_identity(const comp_conf_t* conf) noexcept nogil:
    cdef uint32_t k
    for k in range(conf.n_algos):
        if conf.algos[k] == CODING_IDENTITY:
            return True
    return False


cdef void compress_request(stream_t* strm) noexcept nogil:
    cdef const comp_conf_t* fe = _fe_conf(strm)
    cdef const comp_conf_t* be = _be_conf(strm)
    cdef const comp_conf_t* conf = be if be != NULL and be.n_algos else fe
    if conf == NULL or conf.n_algos == 0 or _is_old_browser(&strm.req_msg):
        return
    strm.coding = <uint8_t> _best_coding(&strm.req_msg, conf)
    if strm.coding != CODING_NONE:
        if fe != NULL and fe.offload or be != NULL and be.offload:
            msg_hdr_del_all(&strm.req_msg, HDR_ACCEPT_ENCODING)
    elif _has_identity(conf):
        strm.coding = CODING_IDENTITY
    if strm.coding != CODING_NONE and not strm.req_msg.flags & MSG_F_HTTP10:
        strm.comp_stage = COMP_ASKED


# -- the answer

cdef bint _has_no_transform(const http_msg_t* msg) noexcept nogil:
    cdef int i = msg_find(msg, HDR_CACHE_CONTROL)
    cdef slice_t rest, token
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while slice_next_token(&rest, &token):
            if slice_eq_nocase(token, "no-transform", 12):
                return True
        i = msg_find_next(msg, i)
    return False


cdef bint _is_tag_fit(const http_msg_t* msg) noexcept nogil:
    """No entity tag, or a single valid one."""
    cdef int i = msg_find(msg, HDR_ETAG)
    cdef slice_t tag
    if i < 0:
        return True
    tag = msg_hdr_value(msg, i)
    if msg_find_next(msg, i) >= 0 or tag.len < 2 or tag.len > MAX_ETAG:
        return False
    if slice_eq(slice_of(tag.ptr, 2), "W/", 2):
        tag = slice_of(tag.ptr + 2, tag.len - 2)
    return tag.len > 0 and tag.ptr[0] == b'"' and tag.ptr[tag.len - 1] == b'"'


cdef bint _is_type_among(const http_msg_t* msg, const slice_t* types, uint32_t n_types) noexcept nogil:
    """haproxy: parts of several types never, and without a list all the others."""
    cdef int i = msg_find(msg, HDR_CONTENT_TYPE)
    cdef slice_t media = msg_hdr_value(msg, i) if i >= 0 else slice_of("", 0)
    cdef uint32_t k
    if media.len >= 9 and slice_eq_nocase(slice_of(media.ptr, 9), "multipart", 9):
        return False
    for k in range(n_types):
        if media.len >= types[k].len and slice_eq_nocase(slice_of(media.ptr, types[k].len), types[k].ptr, types[k].len):
            return True
    return n_types == 0


cdef bint _is_type_wanted(const stream_t* strm) noexcept nogil:
    cdef const comp_conf_t* be = _be_conf(strm)
    cdef const comp_conf_t* conf = be if be != NULL and be.n_types else _fe_conf(strm)
    if conf == NULL:
        return _is_type_among(&strm.res_msg, NULL, 0)
    return _is_type_among(&strm.res_msg, conf.types, conf.n_types)


cdef bint _is_large_enough(const stream_t* strm) noexcept nogil:
    """`minsize-res`: only a length that is announced can be too small."""
    cdef const comp_conf_t* fe = _fe_conf(strm)
    cdef const comp_conf_t* be = _be_conf(strm)
    cdef const comp_conf_t* conf = be if be != NULL and be.minsize else fe
    return strm.res_msg.body != BODY_LENGTH or conf == NULL or strm.res_msg.content_length >= conf.minsize


cdef bint _is_fit(const stream_t* strm) noexcept nogil:
    cdef const http_msg_t* res = &strm.res_msg
    if res.flags & MSG_F_HTTP10 or res.status < 200 or res.status > 203:
        return False
    if res.body != BODY_CHUNKED and (res.body != BODY_LENGTH or res.content_length == 0):
        return False
    if msg_find(res, HDR_CONTENT_ENCODING) >= 0 or _has_no_transform(res) or not _is_tag_fit(res):
        return False
    return _is_type_wanted(strm) and _is_large_enough(strm)


cdef void compress_judge(stream_t* strm) noexcept nogil:
    if strm.comp_stage != COMP_ASKED:
        return
    if not _is_fit(strm):
        strm.comp_stage = COMP_NONE
        return
    strm.comp_stage = COMP_CHOSEN


# -- the request's body

cdef bint _is_body_fit(const stream_t* strm, const comp_conf_t* types, const comp_conf_t* size) noexcept nogil:
    cdef const http_msg_t* req = &strm.req_msg
    if req.flags & MSG_F_HTTP10 or req.body != BODY_CHUNKED and (req.body != BODY_LENGTH or req.content_length == 0):
        return False
    if msg_find(req, HDR_CONTENT_ENCODING) >= 0 or _has_no_transform(req):
        return False
    if size != NULL and req.body == BODY_LENGTH and req.content_length < size.minsize_req:
        return False
    return _is_type_among(req, types.types_req if types != NULL else NULL, types.n_types_req if types != NULL else 0)


cdef void compress_body(stream_t* strm) noexcept nogil:
    cdef http_msg_t* req = &strm.req_msg
    cdef const comp_conf_t* fe = _conf(strm.fe, COMP_DIR_REQ)
    cdef const comp_conf_t* be = _conf(strm.be, COMP_DIR_REQ)
    cdef const comp_conf_t* conf = be if be != NULL and be.algo_req else fe
    cdef const comp_conf_t* types = be if be != NULL and be.n_types_req else fe
    cdef const comp_conf_t* size = be if be != NULL and be.minsize_req else fe
    if strm.be.fcgi_app != NULL:
        # An application is told the length first.
        return
    if conf == NULL or conf.algo_req <= CODING_IDENTITY or not _is_body_fit(strm, types, size) or not _has_room(req):
        return
    strm.req_packer = _packer(strm.w, conf.algo_req)
    if strm.req_packer != NULL:
        _make_chunked(req)
        msg_hdr_append(req, slice_of("content-encoding", 16), coding_name(conf.algo_req))


# -- the head that leaves

cdef bint _weaken_tag(http_msg_t* res) noexcept nogil:
    """RFC 9110 8.8.1: another coding is another representation with the same meaning."""
    cdef int i = msg_find(res, HDR_ETAG)
    cdef char weak[MAX_ETAG + 2]
    cdef slice_t tag
    if i < 0:
        return True
    tag = msg_hdr_value(res, i)
    if tag.len == 0 or tag.len > MAX_ETAG or tag.ptr[0] != b'"':
        return True
    memcpy(weak, "W/", 2)
    memcpy(weak + 2, tag.ptr, tag.len)
    return msg_hdr_replace(res, i, slice_of(weak, tag.len + 2))


cdef bint _has_room(const http_msg_t* msg) noexcept nogil:
    cdef int i = msg_find(msg, HDR_ETAG)
    cdef uint32_t tag = msg.hdrs[i].value_len + 4 if i >= 0 else 0
    return msg.edit_cap - msg.edit_len >= EDIT_ROOM + tag and msg.n_hdrs + EDIT_HEADERS <= msg.cap_hdrs


cdef void _make_chunked(http_msg_t* msg) noexcept nogil:
    if msg.body == BODY_LENGTH:
        msg_hdr_del_all(msg, HDR_CONTENT_LENGTH)
        msg_hdr_append(msg, slice_of("transfer-encoding", 17), slice_of("chunked", 7))


cdef void _edit_head(http_msg_t* res, int coding) noexcept nogil:
    """haproxy: these three in this order; its Vary stands beside others."""
    _weaken_tag(res)
    _make_chunked(res)
    msg_hdr_append(res, slice_of("vary", 4), slice_of("Accept-Encoding", 15))
    if coding != CODING_IDENTITY:
        msg_hdr_append(res, slice_of("content-encoding", 16), coding_name(coding))


cdef void compress_begin(stream_t* strm) noexcept nogil:
    cdef http_msg_t* res = &strm.res_msg
    if res.status == 204 or res.status == 304 or not _has_room(res):
        # A rule has made it an answer without a body.
        strm.comp_stage = COMP_NONE
        return
    strm.packer = _packer(strm.w, strm.coding)
    if strm.packer == NULL:
        strm.comp_stage = COMP_NONE
        return
    _edit_head(res, strm.coding)


cdef inline void _count(counters_t* slot, const packer_t* packer) noexcept nogil:
    slot.comp_in += packer.n_in
    slot.comp_out += packer.n_out
    slot.comp_rsp += packer.is_ended


cdef void compress_end(stream_t* strm) noexcept nogil:
    if strm.packer != NULL and strm.comp_stage == COMP_CHOSEN:
        _count(fe_counters(strm), strm.packer)
        if strm.be != NULL:
            _count(be_counters(strm), strm.packer)
    packer_give(&strm.w.packers, strm.packer)
    packer_give(&strm.w.packers, strm.req_packer)
    strm.packer = NULL
    strm.req_packer = NULL
