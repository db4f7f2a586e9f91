# The HTTP/1 head parser: start lines, llhttp for the header lines, then http/h1_rules.
# Knows where lines begin and end; must not know connections or what becomes of the message.
#
# The start line is read here because llhttp knows only a list of methods, takes TAB for SP and unknown versions in some
# modes, and refuses what HAProxy passes. llhttp then sees the header lines only: every message begins with a copy of a
# parser that has already read a start line (`image`). Its own reading of Content-Length, Transfer-Encoding, Connection
# and Upgrade is switched off by clearing header_state, so that each of these is decided in one place (h1_rules).
#
#     START --LF--> HEADERS --empty line--> DONE
#       \--------------\----------------> FAILED

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy, memset

from fastlb_core.base.slice cimport slice_eq
from fastlb_core.http.h1_relaxed cimport (
    LINES_DONE, LINES_MORE, LINES_TOO_MANY, lax_http09, lax_lines, lax_status, lax_target_bytes, lax_version, lines_t,
)
from fastlb_core.http.h1_rules cimport h1_decide_request, h1_decide_response, h1_refusal_t, target_bytes, token_lower
from fastlb_core.http.message cimport (
    METHOD_GET, MSG_F_EDITED, MSG_F_HTTP10, MSG_F_RESPONSE,
    hdr_t, http_msg_t, method_of, msg_add_entry, msg_hdr_name, msg_hdr_value, msg_init, msg_reset,
)
from fastlb_core.sys.llhttp cimport (
    LLHTTP_OK, LLHTTP_PAUSED, LLHTTP_REQUEST, LLHTTP_USER, llhttp_api_t, llhttp_room_t, llhttp_settings_t, llhttp_t,
)

cdef enum state_t:
    STATE_START = 0
    STATE_HEADERS
    STATE_DONE
    STATE_FAILED

cdef enum part_t:
    PART_NONE = 0           # START: the method is not complete
    PART_TARGET             # START: the method is
    PART_NAME
    PART_VALUE

cdef enum:
    SP = 32
    TAB = 9
    CR = 13
    LF = 10

cdef llhttp_api_t api
cdef llhttp_settings_t settings
cdef llhttp_room_t image    # a parser behind `GET / HTTP/1.1⏎`


cdef int fail(h1_parser_t* parser, uint16_t status, uint32_t off, const char* reason) noexcept nogil:
    parser.state = STATE_FAILED
    parser.err_status = status if not parser.msg.flags & MSG_F_RESPONSE else 502
    parser.err_off = off
    parser.err_reason = reason
    return H1_ERROR


# ---- llhttp's callbacks: they note where names and values stand, no more

cdef int on_name(llhttp_t* llhttp, const char* at, size_t length) noexcept nogil:
    cdef h1_parser_t* parser = <h1_parser_t*> llhttp.data
    cdef http_msg_t* msg = parser.msg
    cdef uint32_t off = <uint32_t> (at - msg.area)
    llhttp.header_state = 0
    if parser.part == PART_NAME:
        msg.hdrs[msg.n_hdrs - 1].name_len = off + <uint32_t> length - msg.hdrs[msg.n_hdrs - 1].name_off
        return 0
    # The manual's tune.http.maxhdr counts the start line, too.
    if msg.n_hdrs + 1 >= msg.max_hdrs:
        fail(parser, 400, off, "too many headers")
        return LLHTTP_USER
    msg_add_entry(msg, off, <uint32_t> length)
    parser.part = PART_NAME
    return 0


cdef int on_value(llhttp_t* llhttp, const char* at, size_t length) noexcept nogil:
    cdef h1_parser_t* parser = <h1_parser_t*> llhttp.data
    cdef http_msg_t* msg = parser.msg
    cdef hdr_t* hdr = &msg.hdrs[msg.n_hdrs - 1]
    cdef uint32_t off = <uint32_t> (at - msg.area)
    cdef uint32_t end = hdr.value_off + hdr.value_len
    if parser.part != PART_VALUE:
        parser.part = PART_VALUE
        hdr.value_off = off
        hdr.value_len = <uint32_t> length
        return 0
    # A gap is the line end of an obsolete fold; haproxy: becomes spaces (RFC 9112 5.2).
    if off > end:
        if hdr.value_len == 0:
            hdr.value_off = off
        else:
            memset(msg.area + end, SP, 2 if msg.area[end] == CR else 1)
    hdr.value_len = off + <uint32_t> length - hdr.value_off
    return 0


cdef int on_headers_complete(llhttp_t* llhttp) noexcept nogil:
    (<h1_parser_t*> llhttp.data).state = STATE_DONE
    return LLHTTP_PAUSED


# ---- start lines

# Method SP target SP HTTP/1.x in area[at:end], end being the CR or LF. More than one SP is one (haproxy: the same).
cdef int request_line(h1_parser_t* parser, uint32_t at, uint32_t end) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef const uint8_t* area = <const uint8_t*> msg.area
    cdef const uint8_t* bytes_of_target = target_bytes
    msg.method_off = at
    while at < end and token_lower[area[at]]:
        at += 1
    msg.method_len = at - msg.method_off
    if msg.method_len == 0 or at == end or area[at] != SP:
        return fail(parser, 400, at, "invalid method")
    while at < end and area[at] == SP:
        at += 1
    msg.target_off = at
    if parser.flags & H1_F_RELAXED:
        bytes_of_target = lax_target_bytes
    while at < end and bytes_of_target[area[at]]:
        at += 1
    msg.target_len = at - msg.target_off
    if parser.flags & H1_F_RELAXED and at == end and msg.target_len:
        msg.method = <uint8_t> method_of(msg.area + msg.method_off, msg.method_len)
        return H1_DONE if msg.method == METHOD_GET and lax_http09(msg) else fail(parser, 400, at, "no version")
    if msg.target_len == 0 or at == end or area[at] != SP:
        return fail(parser, 400, at, "invalid request target")
    while at < end and area[at] == SP:
        at += 1
    if parser.flags & H1_F_RELAXED:
        if not lax_version(msg, at, end):
            return fail(parser, 400, at, "invalid version")
        return _line_done(msg, at, end)
    msg.version_off = at
    msg.version_len = end - at
    if msg.version_len != 8 or memcmp(area + at, "HTTP/", 5) != 0 or area[at + 6] != 46:
        return fail(parser, 400, at, "invalid version")
    if <uint8_t> (area[at + 5] - 48) > 9 or <uint8_t> (area[at + 7] - 48) > 9:
        return fail(parser, 400, at, "invalid version")
    if area[at + 5] != 49 or area[at + 7] > 49:
        return fail(parser, 505, at, "HTTP version other than 1.0 and 1.1")
    if area[at + 7] == 48:
        msg.flags |= MSG_F_HTTP10
    return _line_done(msg, at, end)


cdef int _line_done(http_msg_t* msg, uint32_t at, uint32_t end) noexcept nogil:
    """The request line is right; its version begins at `at`."""
    msg.method = <uint8_t> method_of(msg.area + msg.method_off, msg.method_len)
    if (msg.target_off != msg.method_off + msg.method_len + 1 or at != msg.target_off + msg.target_len + 1
            or msg.area[end] != CR):
        msg.flags |= MSG_F_EDITED
    return H1_DONE


# HTTP/1.x SP 3DIGIT [SP reason] in area[at:end]. Versions above 1.1 are taken for, and sent as, 1.1 (haproxy: the same).
cdef int status_line(h1_parser_t* parser, uint32_t at, uint32_t end) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef uint8_t* area = <uint8_t*> msg.area
    cdef uint32_t version_end = at
    if parser.flags & H1_F_RELAXED:
        while version_end < end and area[version_end] != SP:
            version_end += 1
        if version_end == end or not lax_version(msg, at, version_end):
            return fail(parser, 502, at, "invalid version")
        return _status(parser, version_end, end)
    msg.version_off = at
    msg.version_len = 8
    if end - at < 12 or memcmp(area + at, "HTTP/", 5) != 0 or area[at + 6] != 46 or area[at + 8] != SP:
        return fail(parser, 502, at, "invalid status line")
    if <uint8_t> (area[at + 5] - 49) > 8 or <uint8_t> (area[at + 7] - 48) > 9:
        return fail(parser, 502, at, "invalid version")
    if area[at + 5] == 49 and area[at + 7] == 48:
        msg.flags |= MSG_F_HTTP10
    elif area[at + 5] != 49 or area[at + 7] != 49:
        area[at + 5] = 49
        area[at + 7] = 49
        msg.flags |= MSG_F_EDITED
    return _status(parser, at + 8, end)


cdef int _status(h1_parser_t* parser, uint32_t at, uint32_t end) noexcept nogil:
    """3DIGIT [SP reason] behind the version that ends at `at`."""
    cdef http_msg_t* msg = parser.msg
    cdef uint8_t* area = <uint8_t*> msg.area
    cdef uint32_t version_end = at
    cdef uint32_t i
    while at < end and area[at] == SP:
        at += 1
    for i in range(at, at + 3):
        if i >= end or <uint8_t> (area[i] - 48) > 9:
            return fail(parser, 502, i, "invalid status")
        msg.status = <uint16_t> (msg.status * 10 + area[i] - 48)
    if msg.status < 100 or (at + 3 < end and area[at + 3] != SP):
        return fail(parser, 502, at, "invalid status")
    if msg.version_len != 8 and not lax_status(msg, at):
        return fail(parser, 502, at, "no room for the version")
    at += 3
    i = at
    while at < end and area[at] == SP:
        at += 1
    msg.reason_off = at
    msg.reason_len = end - at
    if memchr(area + at, CR, msg.reason_len) != NULL:
        return fail(parser, 502, at, "CR in the reason phrase")
    if i != version_end + 4 or at != i + 1 or area[end] != CR:
        msg.flags |= MSG_F_EDITED
    return H1_DONE


# Without a line end yet: what cannot become a start line is refused at once, TLS or SSH bytes among it.
cdef int unfinished_line(h1_parser_t* parser, uint32_t length) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef uint32_t at
    cdef const char* expected = "HTTP/"
    for at in range(parser.fed, length):
        if msg.flags & MSG_F_RESPONSE and parser.flags & H1_F_RELAXED:
            break
        if msg.flags & MSG_F_RESPONSE:
            if at - msg.start_off >= 5:
                break
            if msg.area[at] != expected[at - msg.start_off]:
                return fail(parser, 502, msg.start_off, "invalid status line")
        elif parser.part == PART_NONE:
            if msg.area[at] == SP and at > msg.start_off:
                parser.part = PART_TARGET
                break
            if token_lower[<uint8_t> msg.area[at]] == 0:
                return fail(parser, 400, at, "invalid method")
        else:
            break
    parser.fed = length
    return H1_NEED_MORE


# Empty lines before the start line are passed over (RFC 9112 2.2). False at a CR that nothing follows yet.
cdef bint skip_empty_lines(h1_parser_t* parser, uint32_t length) noexcept nogil:
    cdef const char* area = parser.msg.area
    cdef uint32_t at = parser.msg.start_off
    while at < length:
        if area[at] == LF:
            at += 1
        elif area[at] != CR:
            break
        elif at + 1 >= length:
            parser.msg.start_off = at
            parser.fed = at
            return False
        elif area[at + 1] != LF:
            break
        else:
            at += 2
    parser.msg.start_off = at
    if parser.fed < at:
        parser.fed = at
    return at < length


cdef int parse_start(h1_parser_t* parser, uint32_t length) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef const char* lf
    cdef uint32_t end
    cdef int status
    if parser.fed == msg.start_off and not skip_empty_lines(parser, length):
        return H1_NEED_MORE
    lf = <const char*> memchr(msg.area + parser.fed, LF, length - parser.fed)
    if lf == NULL:
        return unfinished_line(parser, length)
    msg.hdrs_off = <uint32_t> (lf - msg.area) + 1
    end = msg.hdrs_off - 1
    if end > msg.start_off and msg.area[end - 1] == CR:
        end -= 1
    if msg.flags & MSG_F_RESPONSE:
        status = status_line(parser, msg.start_off, end)
    else:
        status = request_line(parser, msg.start_off, end)
    if status != H1_DONE:
        return status
    if msg.head_len:
        # HTTP/0.9 has no headers.
        parser.fed = msg.head_len
        parser.state = STATE_DONE
        return H1_DONE
    memcpy(&parser.llhttp, &image, sizeof(llhttp_t))
    parser.llhttp.parser.data = parser
    parser.fed = msg.hdrs_off
    parser.state = STATE_HEADERS
    parser.part = PART_NONE
    return H1_DONE


# ---- the head

cdef int decide(h1_parser_t* parser) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef h1_refusal_t refusal
    cdef bint is_fine
    if msg.flags & MSG_F_RESPONSE:
        is_fine = h1_decide_response(msg, msg.method, parser.flags & H1_F_UPGRADE_ASKED, &refusal)
    else:
        is_fine = h1_decide_request(msg, parser.flags, &refusal)
    return H1_DONE if is_fine else fail(parser, refusal.status, refusal.off, refusal.reason)


cdef int relaxed_headers(h1_parser_t* parser, uint32_t length) noexcept nogil:
    """llhttp knows no option for names that are no tokens."""
    cdef lines_t found = lax_lines(parser.msg, &parser.fed, length)
    if found == LINES_MORE:
        return H1_NEED_MORE
    if found != LINES_DONE:
        return fail(parser, 400, parser.fed, "too many headers" if found == LINES_TOO_MANY else "invalid header line")
    parser.fed = parser.msg.head_len
    parser.state = STATE_DONE
    return decide(parser)


cdef int h1_parse_head(h1_parser_t* parser, uint32_t length) noexcept nogil:
    cdef http_msg_t* msg = parser.msg
    cdef int status, errno
    if parser.state == STATE_FAILED:
        return H1_ERROR
    if parser.state == STATE_START:
        status = parse_start(parser, length)
        if status != H1_DONE:
            return status
    if parser.state == STATE_DONE:
        return decide(parser)
    if parser.fed == length:
        return H1_NEED_MORE
    if parser.fed == msg.hdrs_off and (msg.area[parser.fed] == SP or msg.area[parser.fed] == TAB):
        # llhttp's lenient mode would take it for the header's start; others read a fold of the start line (RFC 9112 2.2).
        return fail(parser, 400, parser.fed, "white space before the first header")
    if parser.flags & H1_F_RELAXED:
        return relaxed_headers(parser, length)
    errno = api.execute(&parser.llhttp.parser, msg.area + parser.fed, length - parser.fed)
    if errno == LLHTTP_OK:
        parser.fed = length
        return H1_NEED_MORE
    if parser.state == STATE_FAILED:
        return H1_ERROR
    if errno != LLHTTP_PAUSED:
        return fail(parser, 400, <uint32_t> (api.get_error_pos(&parser.llhttp.parser) - msg.area), "invalid header line")
    msg.head_len = <uint32_t> (api.get_error_pos(&parser.llhttp.parser) - msg.area)
    parser.fed = msg.head_len
    return decide(parser)


cdef void h1_init_request(h1_parser_t* parser, http_msg_t* msg, uint32_t flags) noexcept nogil:
    parser.msg = msg
    parser.err_reason = NULL
    parser.fed = 0
    parser.err_off = 0
    parser.flags = flags
    parser.err_status = 0
    parser.state = STATE_START
    parser.part = PART_NONE


cdef void h1_init_response(h1_parser_t* parser, http_msg_t* msg, uint8_t method, uint32_t flags) noexcept nogil:
    h1_init_request(parser, msg, flags)
    msg.flags |= MSG_F_RESPONSE
    msg.method = method


cdef uint16_t h1_head_too_large(h1_parser_t* parser) noexcept nogil:
    cdef bint in_target = parser.state == STATE_START and parser.part == PART_TARGET
    fail(parser, 414 if in_target else 431, parser.fed, "head too large for the buffer")
    return parser.err_status


cdef bint h1_is_idle(const h1_parser_t* parser) noexcept nogil:
    return parser.state == STATE_START and parser.fed == parser.msg.start_off


# ---- the import-time self-check

# Parses one head in a fresh message; returns h1_status_t.
cdef int check_head(
    http_msg_t* msg, h1_parser_t* parser, char* area, const char* head, uint32_t length, uint32_t step
) noexcept nogil:
    cdef int status = H1_NEED_MORE
    cdef uint32_t upto = 0
    memcpy(area, head, length)
    msg_reset(msg, area, 0, 0)
    h1_init_request(parser, msg, 0)
    while upto < length and status == H1_NEED_MORE:
        upto = upto + step if upto + step < length else length
        status = h1_parse_head(parser, upto)
    return status


cdef const char* check_lines(http_msg_t* msg, h1_parser_t* parser, char* area, uint32_t step) noexcept nogil:
    cdef const char* plain = b"GET /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5, 5\r\nX-Y:z\r\n\r\nhello"
    if check_head(msg, parser, area, plain, 62, step) != H1_DONE:
        return "a plain head is not accepted"
    if msg.head_len != 57 or msg.n_hdrs != 3 or msg.content_length != 5:
        return "the head's end or its headers are not found"
    if not slice_eq(msg_hdr_name(msg, 0), "host", 4) or not slice_eq(msg_hdr_value(msg, 0), "b", 1):
        return "a header's place is wrong"
    if not slice_eq(msg_hdr_name(msg, 2), "x-y", 3) or not slice_eq(msg_hdr_value(msg, 2), "z", 1):
        return "a header's place is wrong"
    if check_head(msg, parser, area, b"GET / HTTP/1.1\r\nHost: b\r\nX: a\r\n c\r\n\r\n", 37, step) != H1_DONE:
        return "a folded value is not accepted"
    if not slice_eq(msg_hdr_value(msg, 1), "a   c", 5):
        return "a folded value is not joined"
    if check_head(msg, parser, area, b"GET / HTTP/1.1\nHost: b\n\n", 24, step) != H1_DONE or msg.head_len != 24:
        return "a bare LF is not accepted as a line end"
    return NULL


cdef const char* check_refusals(http_msg_t* msg, h1_parser_t* parser, char* area, uint32_t step) noexcept nogil:
    if check_head(msg, parser, area, b"GET / HTTP/1.1\r\nHost: b\r\nX: a\rb\r\n\r\n", 35, step) != H1_ERROR:
        return "a bare CR in a value is accepted"
    if parser.err_off != 30:
        return "the place of an error is wrong"
    if check_head(msg, parser, area, b"GET / HTTP/1.1\r\nHost: b\r\nX : a\r\n\r\n", 34, step) != H1_ERROR:
        return "white space behind a header name is accepted"
    if check_head(msg, parser, area, b"GET / HTTP/1.1\r\nHost: b\r\n: a\r\n\r\n", 32, step) != H1_ERROR:
        return "an empty header name is accepted"
    if check_head(msg, parser, area, b"GET / HTTP/1.1\r\nHost: b\r\nX: a\0b\r\n\r\n", 35, step) != H1_ERROR:
        return "a NUL in a value is accepted"
    return NULL


# One head with byte c at `place`, in the first header name behind `a` or in the second.
cdef bint is_accepted_at(http_msg_t* msg, h1_parser_t* parser, char* area, uint32_t place, uint8_t c) noexcept nogil:
    cdef const char* plain = b"GET / HTTP/1.0\r\nA: b\r\n-xy-: a\r\ncontent-length-: 5\r\n\r\n"
    cdef char[64] head
    memcpy(head, plain, 53)
    head[place] = <char> c
    return check_head(msg, parser, area, head, 53, 64) == H1_DONE


# Whether exactly the token bytes (RFC 9110 5.6.2) may begin, be in and end a name, be it one that llhttp knows or not:
# h1_rules does not look at each byte again. A colon, and at the start LF and white space, end something else.
cdef const char* check_names(http_msg_t* msg, h1_parser_t* parser, char* area) noexcept nogil:
    cdef const char* wrong = "the bytes that a header name may have differ"
    cdef uint32_t c
    cdef bint is_token
    for c in range(256):
        is_token = token_lower[c] != 0
        if c != LF and c != SP and c != TAB and is_accepted_at(msg, parser, area, 22, <uint8_t> c) != is_token:
            return wrong
        if c == 58:
            continue
        if (is_accepted_at(msg, parser, area, 24, <uint8_t> c) != is_token
                or is_accepted_at(msg, parser, area, 25, <uint8_t> c) != is_token
                or is_accepted_at(msg, parser, area, 45, <uint8_t> c) != is_token):
            return wrong
    return NULL


cdef const char* h1_bind(const llhttp_api_t* bound) noexcept nogil:
    cdef hdr_t[32] hdrs
    cdef http_msg_t msg
    cdef h1_parser_t parser
    cdef char[128] area
    cdef const char* wrong
    cdef uint32_t step
    memcpy(&api, bound, sizeof(api))
    memset(&settings, 0, sizeof(settings))
    settings.on_header_field = on_name
    settings.on_header_value = on_value
    settings.on_headers_complete = on_headers_complete
    memset(&image, 0, sizeof(image))
    api.init(&image.parser, LLHTTP_REQUEST, &settings)
    # Obsolete folds and bare LF as HAProxy takes them; control bytes in values, too, of which NUL is refused in h1_rules.
    api.set_lenient_headers(&image.parser, 1)
    api.set_lenient_optional_cr_before_lf(&image.parser, 1)
    if api.execute(&image.parser, "GET / HTTP/1.1\r\n", 16) != LLHTTP_OK:
        return "a start line is not accepted"
    memset(&parser, 0, sizeof(parser))
    msg_init(&msg, hdrs, 8)
    step = 1
    while step < 128:
        wrong = check_lines(&msg, &parser, area, step)
        if wrong == NULL:
            wrong = check_refusals(&msg, &parser, area, step)
        if wrong != NULL:
            return wrong
        step *= 9
    return check_names(&msg, &parser, area)
