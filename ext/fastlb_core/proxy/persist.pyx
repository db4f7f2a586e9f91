# Persistence; contracts in persist.pxd.
#
# Several cookies of the name in one request are all read, in haproxy's order of precedence: the first that names a server that is
# up chooses, the dates of the last one count, and so does the last reason why one was not good.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_data
from fastlb_core.base.slice cimport same_bytes, slice_of, slice_t
from fastlb_core.http.caching cimport CACHING_ALLOWED, CACHING_LIKELY, answer_caching
from fastlb_core.http.cookie cimport (
    COOKIE_DATE_LEN, COOKIE_DATE_UNIT, cookie_date, cookie_date_put, cookie_date_read, cookie_name, cookie_value,
    cookie_walk_t, cookies_close, cookies_next, cookies_open, set_cookie_put, set_cookie_read,
)
from fastlb_core.http.message cimport (
    HDR_COOKIE, HDR_SET_COOKIE, HDR_SET_COOKIE2, METHOD_POST, hdr_id_t, msg_find, msg_find_next, msg_hdr_append, msg_hdr_del,
)
from fastlb_core.lb.server cimport SRV_F_INTERNAL, srv_t
from fastlb_core.lb.shared cimport srv_is_reachable
from fastlb_core.net.address cimport addr_port
from fastlb_core.program.fetch_payload cimport rdp_cookie_find
from fastlb_core.program.persist cimport (
    COOKIE_DELIM, COOKIE_ROOM, PERSIST_INDIRECT, PERSIST_INSERT, PERSIST_LOGGED, PERSIST_NOCACHE, PERSIST_POSTONLY,
    PERSIST_PREFIX, PERSIST_PRESERVE, PERSIST_REWRITE, PREFIX_DELIM, persist_find, persist_t, srv_cookie,
)
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport RULES_PERSIST, rule_t
from fastlb_core.proxy.answer cimport head_t, head_text
from fastlb_core.proxy.stream cimport PRST_F_DIRECT, PRST_F_IGNORE, STRM_F_INTERNAL, stream_t
from fastlb_core.proxy.use_server cimport rule_that_holds
from fastlb_core.sys.socket cimport AF_INET, htons, sockaddr_in

cdef enum:
    FUTURE_MAX_S = 86400         # a date further in the future is none (manual, section 4.2 "cookie", "maxidle")
    SET_COOKIE_MAX = 4096        # bytes of a Set-Cookie value; compile/persist.py has seen to it that it is enough


cdef inline const px_t* _px_of(const stream_t* strm) noexcept nogil:
    return strm.be if strm.be != NULL else strm.fe


cdef void persist_rules(stream_t* strm) noexcept nogil:
    cdef const rule_t* rule = rule_that_holds(strm, strm.next_be, RULES_PERSIST)
    if rule != NULL:
        strm.persist |= rule.args[0].num


# ---- the request

cdef inline bint _is_named(const cookie_walk_t* walk, slice_t name) noexcept nogil:
    return walk.has_equals and walk.name_len == name.len and same_bytes(cookie_name(walk).ptr, name.ptr, name.len)


cdef inline uint32_t _find(slice_t text, char delimiter) noexcept nogil:
    cdef uint32_t i = 0
    while i < text.len and text.ptr[i] != delimiter:
        i += 1
    return i


cdef inline slice_t _behind(slice_t text, uint32_t at) noexcept nogil:
    return slice_of(text.ptr + at + 1, text.len - at - 1)


cdef void _read_dates(stream_t* strm, slice_t dates) noexcept nogil:
    """`last` or `last|first`."""
    cdef uint32_t at = _find(dates, COOKIE_DELIM)
    strm.cookie_last = cookie_date_read(dates)
    if at < dates.len:
        strm.cookie_first = cookie_date_read(_behind(dates, at))


cdef bint _is_outside(uint32_t date, uint32_t limit_s, uint64_t now_s) noexcept nogil:
    cdef uint64_t seconds = <uint64_t> date * COOKIE_DATE_UNIT
    if limit_s == 0 or date == 0:
        return False
    return seconds + limit_s < now_s or seconds > now_s + FUTURE_MAX_S


cdef inline uint64_t _now_s(const stream_t* strm) noexcept nogil:
    return strm.w.loop.real_us // 1000000


cdef bint _is_expired(stream_t* strm, const persist_t* conf) noexcept nogil:
    cdef uint64_t now_s = _now_s(strm)
    cdef bint is_old = _is_outside(strm.cookie_first, conf.max_life_s, now_s)
    if not is_old and not _is_outside(strm.cookie_last, conf.max_idle_s, now_s):
        return False
    strm.cookie_seen = b'O' if is_old else b'E'
    strm.cookie_last = 0
    strm.cookie_first = 0
    return True


cdef void _choose(stream_t* strm, const persist_t* conf, slice_t value) noexcept nogil:
    cdef bint is_known = False
    cdef srv_t* srv
    if strm.persist & PRST_F_IGNORE or strm.wanted_srv != NULL and not strm.cookie_chose:
        # haproxy: ignored, or a `use-server` rule came first.
        if strm.cookie_seen == 0:
            strm.cookie_seen = b'U'
        return
    if strm.cookie_chose:
        return
    srv = persist_find(conf, &_px_of(strm).lb, value, persist_is_forced(strm), &is_known)
    if srv != NULL:
        strm.wanted_srv = srv
        strm.persist |= PRST_F_DIRECT
        strm.cookie_chose = True
        strm.cookie_seen = b'V' if srv_is_reachable(srv.sh) else b'D'
    elif is_known:
        strm.cookie_seen = b'D'
    elif strm.cookie_seen == 0:
        strm.cookie_seen = b'I'


cdef void _read_cookie(stream_t* strm, const persist_t* conf, cookie_walk_t* walk) noexcept nogil:
    cdef slice_t value = cookie_value(walk)
    cdef bint is_prefix = bool(conf.flags & PERSIST_PREFIX)
    cdef uint32_t at = _find(value, PREFIX_DELIM if is_prefix else COOKIE_DELIM)
    cdef slice_t server = slice_of(value.ptr, at)
    if at < value.len:
        if is_prefix:
            walk.cut = at + 1
        else:
            _read_dates(strm, _behind(value, at))
    # haproxy: dates that an earlier cookie brought are looked at again.
    if not _is_expired(strm, conf):
        _choose(strm, conf, server)
    walk.is_dropped = conf.flags & (PERSIST_INSERT | PERSIST_INDIRECT) == PERSIST_INSERT | PERSIST_INDIRECT


cdef void persist_request(stream_t* strm) noexcept nogil:
    cdef const persist_t* conf = <const persist_t*> _px_of(strm).persist
    cdef cookie_walk_t walk
    cdef int i
    if strm.wanted_srv != NULL:
        strm.persist |= PRST_F_DIRECT
    if conf == NULL or strm.flags & STRM_F_INTERNAL:
        return
    i = msg_find(&strm.req_msg, HDR_COOKIE)
    while i >= 0:
        cookies_open(&walk, &strm.req_msg, i)
        while cookies_next(&walk):
            if _is_named(&walk, conf.name):
                _read_cookie(strm, conf, &walk)
        cookies_close(&walk)
        i = msg_find_next(&strm.req_msg, i)


# ---- RDP

cdef int64_t _read_number(slice_t* text) noexcept nogil:
    """The digits before a dot, which is taken as well; -1 where there is no such number of 32 bits."""
    cdef uint64_t number = 0
    cdef uint32_t digit, i
    for i in range(text.len):
        digit = <uint8_t> text.ptr[i] - 48
        if digit > 9:
            break
        number = number * 10 + digit
        if number >> 32:
            return -1
    else:
        return -1
    if i == 0 or text.ptr[i] != b'.':
        return -1
    text[0] = _behind(text[0], i)
    return <int64_t> number


cdef bint _is_at(const srv_t* srv, uint32_t address, int port) noexcept nogil:
    """address: as the server's sockaddr has it in memory."""
    cdef const sockaddr_in* v4 = <const sockaddr_in*> srv.sh.addr
    return v4.sin_family == AF_INET and v4.sin_addr.s_addr == address and <int> addr_port(v4) == port


cdef void persist_rdp(stream_t* strm) noexcept nogil:
    """The token is the address and the port, each as a decimal number of its bytes in the order of a small-endian machine."""
    cdef slice_t bytes = slice_of(buf_data(&strm.front.rx), strm.front.rx.len)
    cdef slice_t token
    cdef bint is_short
    cdef int64_t address, port
    cdef uint32_t i
    cdef srv_t* srv
    if strm.wanted_srv != NULL or strm.stick_srv != NULL:
        return
    if strm.front.rx.len == 0 or not rdp_cookie_find(bytes, strm.be.rdp_name, &token, &is_short):
        return
    address = _read_number(&token)
    port = _read_number(&token) if address >= 0 else -1
    if port < 0:
        return
    for i in range(strm.be.lb.n_servers):
        srv = strm.be.lb.servers[i]
        if _is_at(srv, <uint32_t> address, htons(<uint16_t> port)) and \
                (srv_is_reachable(srv.sh) or persist_is_forced(strm)):
            strm.wanted_srv = srv
            strm.persist |= PRST_F_DIRECT
            return


# ---- the answer

cdef bint _change_cookie(stream_t* strm, const persist_t* conf, cookie_walk_t* walk) noexcept nogil:
    """The server has set the cookie of that name."""
    cdef char digits[COOKIE_ROOM]
    cdef slice_t own = srv_cookie(strm.srv, digits)
    cdef bint is_direct = bool(strm.persist & PRST_F_DIRECT)
    if strm.persist & PRST_F_IGNORE:
        return True
    strm.cookie_done = b'P'
    if conf.flags & PERSIST_PRESERVE:
        return True
    if conf.flags & PERSIST_INSERT or conf.flags & PERSIST_INDIRECT and is_direct:
        msg_hdr_del(walk.msg, walk.index)
        strm.cookie_done = b'D'
        return True
    if own.len == 0 or not conf.flags & (PERSIST_REWRITE | PERSIST_PREFIX):
        return True
    strm.cookie_done = b'R'
    if conf.flags & PERSIST_REWRITE:
        return set_cookie_put(walk, walk.value_len, own)
    # The delimiter stands behind a server's cookie.
    return set_cookie_put(walk, 0, slice_of(own.ptr, own.len + 1))


cdef bint _read_answer(stream_t* strm, const persist_t* conf, hdr_id_t id) noexcept nogil:
    cdef cookie_walk_t walk
    cdef int i = msg_find(&strm.res_msg, id)
    while i >= 0:
        if set_cookie_read(&walk, &strm.res_msg, i) and _is_named(&walk, conf.name) and \
                not _change_cookie(strm, conf, &walk):
            return False
        i = msg_find_next(&strm.res_msg, i)
    return True


cdef bint _is_stale(const stream_t* strm, const persist_t* conf, uint32_t now) noexcept nogil:
    """The dates of the client's cookie must be written anew, though it is at the right server."""
    if conf.max_idle_s and strm.cookie_last == 0 or conf.max_life_s and strm.cookie_first == 0:
        return True
    return strm.cookie_last != 0 and now > strm.cookie_last or strm.cookie_first != 0 and conf.max_life_s == 0


cdef bint _put_date(head_t* text, uint32_t date) noexcept nogil:
    cdef char digits[1 + COOKIE_DATE_LEN]
    digits[0] = COOKIE_DELIM
    cookie_date_put(digits + 1, date)
    return head_text(text, slice_of(digits, 1 + COOKIE_DATE_LEN))


cdef bint _put_cookie(stream_t* strm, const persist_t* conf, head_t* text, uint32_t now) noexcept nogil:
    cdef char digits[COOKIE_ROOM]
    cdef slice_t own = srv_cookie(strm.srv, digits)
    if not head_text(text, conf.name) or not head_text(text, slice_of(b"=", 1)):
        return False
    if own.len == 0:
        # haproxy: at a server without a cookie, the client is to forget the one it may have.
        return head_text(text, slice_of(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT", 39))
    if not head_text(text, own):
        return False
    if (conf.max_idle_s or conf.max_life_s) and not _put_date(text, now):
        return False
    return conf.max_life_s == 0 or _put_date(text, strm.cookie_first if strm.cookie_first else now)


cdef bint _insert(stream_t* strm, const persist_t* conf, uint32_t now) noexcept nogil:
    cdef char room[SET_COOKIE_MAX]
    cdef head_t text
    text.start = room
    text.at = room
    text.end = room + SET_COOKIE_MAX
    strm.cookie_done = b'U' if strm.persist & PRST_F_DIRECT else b'I'
    if not _put_cookie(strm, conf, &text, now) or not head_text(&text, slice_of(b"; path=/", 8)) \
            or not head_text(&text, conf.attributes):
        return False
    if not msg_hdr_append(&strm.res_msg, slice_of(b"set-cookie", 10), slice_of(room, <uint32_t> (text.at - room))):
        return False
    if conf.flags & PERSIST_NOCACHE and \
            answer_caching(&strm.res_msg, strm.req_msg.method) == CACHING_ALLOWED | CACHING_LIKELY:
        return msg_hdr_append(&strm.res_msg, slice_of(b"cache-control", 13), slice_of(b"private", 7))
    return True


cdef bint persist_response(stream_t* strm) noexcept nogil:
    cdef const persist_t* conf = <const persist_t*> strm.be.persist
    cdef uint32_t now = cookie_date(_now_s(strm))
    if conf == NULL or strm.srv == NULL or strm.srv.flags & SRV_F_INTERNAL:
        return True
    if not _read_answer(strm, conf, HDR_SET_COOKIE) or not _read_answer(strm, conf, HDR_SET_COOKIE2):
        return False
    if not conf.flags & PERSIST_INSERT or strm.persist & PRST_F_IGNORE or strm.cookie_done == b'P':
        return True
    if conf.flags & PERSIST_POSTONLY and strm.req_msg.method != METHOD_POST:
        return True
    if strm.persist & PRST_F_DIRECT and not _is_stale(strm, conf, now):
        return True
    return _insert(strm, conf, now)


cdef void persist_letters(const stream_t* strm, char* letters) noexcept nogil:
    cdef const persist_t* conf = <const persist_t*> _px_of(strm).persist
    if conf == NULL or not conf.flags & PERSIST_LOGGED:
        letters[0] = letters[1] = b'-'
        return
    letters[0] = strm.cookie_seen if strm.cookie_seen else b'N'
    letters[1] = strm.cookie_done if strm.cookie_done else b'N'
