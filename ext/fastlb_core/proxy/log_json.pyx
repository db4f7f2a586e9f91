# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The JSON object, field by field; contracts in log_json.pxd.
#
#     into | numbers and names, never cut | texts, cut at `soft` | the closing fields: JSON_TAIL |

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport strlen

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.address cimport addr_port, addr_write_ip
from fastlb_core.proxy.log cimport LOG_R_BAD_REQUEST, LOG_R_BYTES_PLUS, LOG_R_REDISPATCHED, LOG_R_SECURE
from fastlb_core.proxy.log_date cimport log_date_full
from fastlb_core.proxy.log_out cimport out_byte, out_bytes, out_int, out_t, out_u64

cdef enum:
    JSON_TAIL = 256              # bytes of all fields that may follow a text, with empty texts
    JSON_NAME_MAX = 128          # bytes of a name that are shown
    JSON_CHAR_MAX = 6            # bytes of the longest form of a character

cdef struct json_t:
    out_t out
    char* soft                   # borrowed: where texts end
    bint is_cut                  # some text did not fit


cdef inline void _raw(json_t* json, const char* text) noexcept nogil:
    out_bytes(&json.out, text, <uint32_t> strlen(text))


cdef uint32_t _utf8_length(const uint8_t* at, uint32_t left) noexcept nogil:
    """Bytes of the character that begins there (RFC 3629, section 4), 0 where none does."""
    cdef uint8_t low = 0x80, high = 0xBF
    cdef uint32_t n, i
    if 0xC2 <= at[0] <= 0xDF:
        n = 2
    elif 0xE0 <= at[0] <= 0xEF:
        n = 3
        # no second form of a short one, and no surrogates
        if at[0] == 0xE0:
            low = 0xA0
        elif at[0] == 0xED:
            high = 0x9F
    elif 0xF0 <= at[0] <= 0xF4:
        n = 4
        if at[0] == 0xF0:
            low = 0x90
        elif at[0] == 0xF4:
            high = 0x8F
    else:
        return 0
    if left < n or not low <= at[1] <= high:
        return 0
    for i in range(2, n):
        if not 0x80 <= at[i] <= 0xBF:
            return 0
    return n


cdef uint32_t _character(json_t* json, const uint8_t* at, uint32_t left) noexcept nogil:
    """Writes one character; returns how many bytes it was."""
    cdef out_t* out = &json.out
    cdef uint8_t byte = at[0]
    cdef uint32_t n
    if byte == b'"' or byte == b'\\':
        out_byte(out, b'\\')
        out_byte(out, byte)
        return 1
    if byte < 32 or byte == 127:
        _raw(json, b"\\u00")
        out_byte(out, b"0123456789abcdef"[byte >> 4])
        out_byte(out, b"0123456789abcdef"[byte & 15])
        return 1
    if byte < 128:
        out_byte(out, byte)
        return 1
    n = _utf8_length(at, left)
    if n == 0:
        # U+FFFD: what is no text cannot be shown as such
        _raw(json, b"\\ufffd")
        return 1
    out_bytes(out, <const char*> at, n)
    return n


cdef void _string(json_t* json, slice_t text) noexcept nogil:
    cdef uint32_t i = 0
    out_byte(&json.out, b'"')
    while i < text.len:
        if json.soft - json.out.at < JSON_CHAR_MAX:
            json.is_cut = True
            break
        i += _character(json, <const uint8_t*> text.ptr + i, text.len - i)
    out_byte(&json.out, b'"')


cdef inline void _text_or_null(json_t* json, slice_t text) noexcept nogil:
    if text.len:
        _string(json, text)
    else:
        _raw(json, b"null")


cdef void _name(json_t* json, const char* key, slice_t name) noexcept nogil:
    _raw(json, key)
    _string(json, slice_of(name.ptr, name.len if name.len < JSON_NAME_MAX else JSON_NAME_MAX))


cdef inline void _number(json_t* json, const char* key, int64_t number) noexcept nogil:
    _raw(json, key)
    if number < 0:
        _raw(json, b"null")
    else:
        out_int(&json.out, number)


cdef inline void _bool(json_t* json, const char* key, bint value) noexcept nogil:
    _raw(json, key)
    _raw(json, b"true" if value else b"false")


cdef void _time(json_t* json, const log_rec_t* rec) noexcept nogil:
    """RFC 3339 in Greenwich's time, with milliseconds."""
    cdef char full[26]
    cdef uint32_t ms = <uint32_t> (rec.accept_real_us % 1000000) // 1000
    cdef const char* months = b"JanFebMarAprMayJunJulAugSepOctNovDec"
    cdef uint32_t month = 0
    log_date_full(full, <int64_t> (rec.accept_real_us // 1000000), True)
    while month < 11 and not (months[3 * month] == full[3] and months[3 * month + 1] == full[4] and
                              months[3 * month + 2] == full[5]):
        month += 1
    month += 1
    _raw(json, b'{"time":"')
    out_bytes(&json.out, full + 7, 4)
    out_byte(&json.out, b'-')
    out_byte(&json.out, <uint8_t> (48 + month // 10))
    out_byte(&json.out, <uint8_t> (48 + month % 10))
    out_byte(&json.out, b'-')
    out_bytes(&json.out, full, 2)
    out_byte(&json.out, b'T')
    out_bytes(&json.out, full + 12, 8)
    out_byte(&json.out, b'.')
    out_byte(&json.out, <uint8_t> (48 + ms // 100))
    out_byte(&json.out, <uint8_t> (48 + ms // 10 % 10))
    out_byte(&json.out, <uint8_t> (48 + ms % 10))
    _raw(json, b'Z"')


cdef void _client(json_t* json, const log_rec_t* rec, uint32_t listener_id) noexcept nogil:
    cdef uint32_t length
    _raw(json, b',"client_ip":"')
    length = addr_write_ip(json.out.at, rec.client)
    json.out.at += length
    if length == 0:
        _raw(json, b"unix")
    _raw(json, b'","client_port":')
    out_u64(&json.out, addr_port(rec.client) if length else listener_id)


cdef const char* _cause(char letter) noexcept nogil:
    """The first letter of the termination state (manual, section 8.5)."""
    if letter == b'-':
        return b"normal"
    if letter == b'C':
        return b"client-abort"
    if letter == b'c':
        return b"client-timeout"
    if letter == b'S':
        return b"server-abort"
    if letter == b's':
        return b"server-timeout"
    if letter == b'P':
        return b"proxy-refused"
    if letter == b'L':
        return b"local-answer"
    if letter == b'R':
        return b"resource-exhausted"
    if letter == b'I':
        return b"internal-error"
    if letter == b'D':
        return b"server-down"
    if letter == b'U':
        return b"backup-replaced"
    return b"killed" if letter == b'K' else b"unknown"


cdef const char* _phase(char letter) noexcept nogil:
    """The second letter."""
    if letter == b'-':
        return b"complete"
    if letter == b'R':
        return b"request"
    if letter == b'Q':
        return b"queue"
    if letter == b'C':
        return b"connect"
    if letter == b'H':
        return b"response-headers"
    if letter == b'D':
        return b"data"
    if letter == b'L':
        return b"last-data"
    return b"tarpit" if letter == b'T' else b"unknown"


cdef void _outcome(json_t* json, const log_rec_t* rec) noexcept nogil:
    _number(json, b',"status":', rec.status)
    _number(json, b',"bytes_read":', <int64_t> rec.bytes_out)
    _number(json, b',"bytes_uploaded":', <int64_t> rec.bytes_in)
    _number(json, b',"request_ms":', rec.t_request)
    _number(json, b',"queue_ms":', rec.t_queue)
    _number(json, b',"connect_ms":', rec.t_connect)
    _number(json, b',"response_ms":', rec.t_response)
    _number(json, b',"total_ms":', rec.t_total)
    _bool(json, b',"is_complete":', not rec.flags & LOG_R_BYTES_PLUS)
    _raw(json, b',"termination":"')
    _raw(json, _cause(rec.term[0]))
    _raw(json, b'","termination_phase":"')
    _raw(json, _phase(rec.term[1]))
    _raw(json, b'","termination_state":"')
    out_bytes(&json.out, rec.term, 4)
    out_byte(&json.out, b'"')


cdef void _counts(json_t* json, const log_rec_t* rec) noexcept nogil:
    _number(json, b',"retries":', rec.retries)
    _bool(json, b',"is_redispatched":', bool(rec.flags & LOG_R_REDISPATCHED))
    _number(json, b',"process_connections":', rec.actconn)
    _number(json, b',"frontend_connections":', rec.feconn)
    _number(json, b',"backend_connections":', rec.beconn)
    _number(json, b',"server_connections":', rec.srvconn)
    _number(json, b',"server_queue":', rec.srv_queue)
    _number(json, b',"backend_queue":', rec.be_queue)


cdef void _captures(json_t* json, const char* key, const slice_t* captures, uint32_t n) noexcept nogil:
    cdef uint32_t i
    _raw(json, key)
    out_byte(&json.out, b'[')
    for i in range(n):
        if json.soft - json.out.at < JSON_CHAR_MAX:
            json.is_cut = True
            break
        if i:
            out_byte(&json.out, b',')
        _text_or_null(json, captures[i])
    out_byte(&json.out, b']')


cdef void _texts(json_t* json, const log_rec_t* rec) noexcept nogil:
    """What comes from the client and the server."""
    cdef slice_t nothing = slice_of(NULL, 0)
    cdef bint is_bad = bool(rec.flags & LOG_R_BAD_REQUEST)
    _raw(json, b',"method":')
    _text_or_null(json, nothing if is_bad else rec.method)
    _raw(json, b',"uri":')
    _text_or_null(json, nothing if is_bad else rec.target)
    _raw(json, b',"version":')
    _text_or_null(json, nothing if is_bad else rec.version)
    _raw(json, b',"unique_id":')
    _text_or_null(json, rec.unique_id)
    _raw(json, b',"request_cookie":')
    _text_or_null(json, rec.cookie_req)
    _raw(json, b',"response_cookie":')
    _text_or_null(json, rec.cookie_res)
    _captures(json, b',"request_headers":', rec.captures_req, rec.n_captures_req)
    _captures(json, b',"response_headers":', rec.captures_res, rec.n_captures_res)
    _bool(json, b',"is_cut":', json.is_cut)
    out_byte(&json.out, b'}')


cdef uint32_t log_json(
    char* into, uint32_t room, log_dates_t* dates, const log_rec_t* rec, uint32_t listener_id
) noexcept nogil:
    cdef json_t json
    json.out.at = into
    json.out.end = into + room
    json.soft = json.out.end - JSON_TAIL
    json.is_cut = False
    _time(&json, rec)
    _name(&json, b',"frontend":', rec.fe.name)
    _bool(&json, b',"is_tls":', bool(rec.flags & LOG_R_SECURE))
    _client(&json, rec, listener_id)
    if rec.be != NULL:
        _name(&json, b',"backend":', rec.be.name)
    else:
        _raw(&json, b',"backend":null')
    if rec.srv != NULL:
        _name(&json, b',"server":', rec.srv.name)
    else:
        _raw(&json, b',"server":null')
    _outcome(&json, rec)
    _counts(&json, rec)
    _texts(&json, rec)
    return <uint32_t> (json.out.at - into)
