"""What the unit tests and micro benchmarks see of the core: C functions as Python ones, structs as dicts.

Knows every module of base and http; must not be imported by the product. Inputs for parsers are placed so that the first
byte behind them is in a page that cannot be read.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_NONE, PROT_READ, PROT_WRITE, mmap, mprotect, munmap
from posix.time cimport CLOCK_PROCESS_CPUTIME_ID, clock_gettime, timespec

from fastlb_core.bridge.llhttp import resolve

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.h1 cimport (
    H1_DONE, H1_ERROR, H1_F_UPGRADE_ASKED, H1_NEED_MORE, h1_head_too_large, h1_init_request, h1_init_response,
    h1_is_idle, h1_parse_head, h1_parser_t,
)
from fastlb_core.http.h1_body cimport (
    BODY_DONE, BODY_MORE, body_eof, body_is_done, body_opaque, body_read, body_skip, body_start, body_t,
)
from fastlb_core.http.head_out cimport head_copy, head_is_untouched, head_len, head_out_t, head_slices
from fastlb_core.http.message cimport (
    HDR_CONNECTION, HDR_COOKIE, HDR_F_DELETED, HDR_HOST, HDR_USER_AGENT, MSG_F_AUTHORITY,
    MSG_F_CL_DROPPED, MSG_F_CONN_CLOSE, MSG_F_CONN_KEEP_ALIVE, MSG_F_CONN_UPGRADE, MSG_F_EDITED, MSG_F_EXPECT_100,
    MSG_F_HAS_CL, MSG_F_HAS_TE, MSG_F_HTTP10, MSG_F_INTERIM, MSG_F_KEEP_ALIVE, MSG_F_RESPONSE, MSG_F_UPGRADE,
    MSG_F_UPGRADE_H2C, MSG_F_UPGRADE_WS, hdr_id_of, hdr_id_t, hdr_t, http_msg_t, method_of, msg_cap_hdrs, msg_find,
    msg_find_name, msg_find_next, msg_hdr_append, msg_hdr_del, msg_hdr_replace, msg_init,
    msg_reset, msg_set_method, msg_set_status, msg_set_target,
)
from fastlb_core.http.normalize cimport NORM_DONE, NORM_NO_ROOM, norm_apply, norm_room, norm_status_t
from fastlb_core.http.rewrite cimport (
    add_forwarded_for, format_ipv4, format_ipv6, request_hop_by_hop, response_hop_by_hop,
)
from fastlb_core.sys.socket cimport AF_INET, AF_INET6

FLAGS = {
    "response": MSG_F_RESPONSE, "http10": MSG_F_HTTP10, "keep_alive": MSG_F_KEEP_ALIVE, "conn_close": MSG_F_CONN_CLOSE,
    "conn_keep_alive": MSG_F_CONN_KEEP_ALIVE, "conn_upgrade": MSG_F_CONN_UPGRADE, "upgrade": MSG_F_UPGRADE,
    "upgrade_ws": MSG_F_UPGRADE_WS, "upgrade_h2c": MSG_F_UPGRADE_H2C, "expect_100": MSG_F_EXPECT_100,
    "cl_dropped": MSG_F_CL_DROPPED, "interim": MSG_F_INTERIM, "authority": MSG_F_AUTHORITY, "has_cl": MSG_F_HAS_CL,
    "has_te": MSG_F_HAS_TE, "edited": MSG_F_EDITED,
}
BODIES = ("none", "length", "chunked", "until-close", "tunnel")
STATUSES = ("need-more", "done", "error")
BODY_STATUSES = ("more", "done", "error")

# Nothing may be parsed before llhttp is bound.
resolve()

cdef enum:
    PAGE = 4096
    EDIT_ROOM = 2048


cdef class Guarded:
    """Bytes whose last one is followed by a page that cannot be read; a parser that looks too far dies of SIGSEGV."""

    def __cinit__(self, bytes content):
        cdef size_t pages = (len(content) + PAGE - 1) // PAGE + 1
        self.map_len = (pages + 1) * PAGE
        self.map = <char*> mmap(NULL, self.map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if self.map == <char*> MAP_FAILED:
            self.map = NULL
            raise MemoryError
        self.len = <uint32_t> len(content)
        self.start = self.map + pages * PAGE - self.len
        if mprotect(self.map + pages * PAGE, PAGE, PROT_NONE) != 0:
            raise OSError("mprotect")
        memcpy(self.start, <const char*> content, self.len)

    def __dealloc__(self):
        if self.map != NULL:
            munmap(self.map, self.map_len)


cdef class Message:
    """One parsed head with its storage; edits and outputs as methods. Made by parse_request and parse_response."""

    cdef http_msg_t msg
    cdef h1_parser_t parser
    cdef hdr_t* hdrs        # owned
    cdef char* area         # owned: a copy of the input with an edit room behind it, or NULL
    cdef Guarded guarded    # shared: the input, where it is guarded

    def __cinit__(self, uint32_t max_hdrs):
        memset(&self.parser, 0, sizeof(self.parser))
        self.hdrs = <hdr_t*> calloc(msg_cap_hdrs(max_hdrs), sizeof(hdr_t))
        if self.hdrs == NULL:
            raise MemoryError
        msg_init(&self.msg, self.hdrs, max_hdrs)

    def __dealloc__(self):
        free(self.hdrs)
        free(self.area)

    cdef int place(self, bytes content, bint guarded) except -1:
        cdef uint32_t room = 0 if guarded else EDIT_ROOM
        cdef uint32_t n = <uint32_t> len(content)
        if guarded:
            self.guarded = Guarded(content)
            msg_reset(&self.msg, self.guarded.start, n, 0)
            return 0
        self.area = <char*> malloc(n + room)
        if self.area == NULL:
            raise MemoryError
        memcpy(self.area, <const char*> content, n)
        msg_reset(&self.msg, self.area, n, room)
        return 0

    cdef int feed(self, uint32_t length, tuple steps):
        cdef int status = H1_NEED_MORE
        cdef uint32_t upto = 0, step = length
        cdef Py_ssize_t i = 0
        while status == H1_NEED_MORE and upto < length:
            if i < len(steps):
                step = steps[i]
                i += 1
            upto = min(upto + step, length)
            status = h1_parse_head(&self.parser, upto)
        return status

    def result(self, int status) -> dict:
        """What was found, as plain Python values."""
        found = {"status": STATUSES[status], "idle": bool(h1_is_idle(&self.parser))}
        if status == H1_ERROR:
            found["code"] = self.parser.err_status
            found["reason"] = self.parser.err_reason.decode()
            found["at"] = self.parser.err_off
        elif status == H1_DONE:
            found |= self.facts()
        return found

    def facts(self) -> dict:
        """The parsed head: start line, framing, flags and headers."""
        cdef http_msg_t* msg = &self.msg
        return {
            "head_len": msg.head_len, "body": BODIES[msg.body], "content_length": msg.content_length,
            "flags": {name for name, bit in FLAGS.items() if msg.flags & bit and name != "response"},
            "headers": self.headers(), "method": self.text(msg.method_off, msg.method_len), "method_id": msg.method,
            "target": self.text(msg.target_off, msg.target_len), "code": msg.status,
            "reason": self.text(msg.reason_off, msg.reason_len),
        }

    cdef bytes text(self, uint32_t off, uint32_t length):
        return self.msg.area[off:off + length]

    def headers(self) -> list:
        """(name, value) of each header that is not deleted."""
        cdef int i
        found = []
        for i in range(self.msg.n_hdrs):
            if not self.msg.hdrs[i].flags & HDR_F_DELETED:
                found.append((self.text(self.msg.hdrs[i].name_off, self.msg.hdrs[i].name_len),
                              self.text(self.msg.hdrs[i].value_off, self.msg.hdrs[i].value_len)))
        return found

    def find(self, bytes name) -> list:
        """Indices of the headers with this name, through the index where it is a well-known one, else by name."""
        cdef hdr_id_t id = hdr_id_of(name, <uint32_t> len(name))
        cdef int i
        found = []
        i = msg_find(&self.msg, id) if id else msg_find_name(&self.msg, slice_of(name, <uint32_t> len(name)), 0)
        while i >= 0:
            found.append(i)
            i = msg_find_next(&self.msg, i) if id else msg_find_name(&self.msg, slice_of(name, <uint32_t> len(name)), i + 1)
        return found

    def delete(self, int i) -> None:
        """Delete header i."""
        msg_hdr_del(&self.msg, i)

    def replace(self, int i, bytes value) -> bool:
        """Replace the value of header i; False when the edit room is full."""
        return msg_hdr_replace(&self.msg, i, slice_of(value, <uint32_t> len(value)))

    def append(self, bytes name, bytes value) -> bool:
        """Append a header; False when there is no room."""
        return msg_hdr_append(
            &self.msg, slice_of(name, <uint32_t> len(name)), slice_of(value, <uint32_t> len(value))
        )

    def set_method(self, bytes name) -> bool:
        """Replace the method; False when there is no room or it is none."""
        return msg_set_method(&self.msg, slice_of(name, <uint32_t> len(name)))

    def set_target(self, bytes target) -> bool:
        """Replace the target; False when there is no room or it cannot be one."""
        cdef slice_t nothing = slice_of(NULL, 0)
        return msg_set_target(&self.msg, nothing, slice_of(target, <uint32_t> len(target)), nothing)

    def set_status(self, int status, bytes reason) -> bool:
        """Replace an answer's status; False when there is no room or the reason cannot be one."""
        return msg_set_status(&self.msg, <uint16_t> status, slice_of(reason, <uint32_t> len(reason)))

    def forwarded_for(self, bytes name, bytes address) -> bool:
        """Append an address of 4 or 16 bytes."""
        return add_forwarded_for(
            &self.msg, slice_of(name, <uint32_t> len(name)), AF_INET if len(address) == 4 else AF_INET6,
            <const uint8_t*> <const char*> address,
        )

    def request_hops(self, bint keep_alive) -> bool:
        """Apply the hop-by-hop rules for a request."""
        return request_hop_by_hop(&self.msg, keep_alive)

    def response_hops(self, bint client_http10, bint keep_alive) -> bool:
        """Apply the hop-by-hop rules for an answer."""
        return response_hop_by_hop(&self.msg, MSG_F_HTTP10 if client_http10 else 0, keep_alive)

    @property
    def untouched(self) -> bool:
        """Whether the head leaves as it came."""
        return head_is_untouched(&self.msg)

    def slices(self) -> list:
        """The outgoing head as slices; None when it is in too many pieces."""
        cdef head_out_t out
        cdef uint32_t i
        if not head_slices(&out, &self.msg):
            return None
        found = [(<char*> out.iov[i].iov_base)[:out.iov[i].iov_len] for i in range(out.n_iov)]
        if sum(map(len, found)) != out.len or out.len != head_len(&self.msg):
            raise AssertionError("lengths differ")
        return found

    def copy(self, uint32_t size=65536) -> bytes:
        """The outgoing head in one piece; b"" when it is larger than size."""
        cdef char* dst = <char*> malloc(size + 1)
        cdef uint32_t n
        if dst == NULL:
            raise MemoryError
        try:
            n = head_copy(&self.msg, dst, size)
            return dst[:n]
        finally:
            free(dst)

    def body(self, bytes rest, tuple steps=(), bint eof=False, bint skip=False) -> dict:
        """Read `rest` as this message's body. skip: opaque runs go through body_skip."""
        cdef body_t body
        cdef Guarded guarded = Guarded(rest)
        cdef uint32_t used = 0, at = 0, n, step = <uint32_t> -1
        cdef int status = BODY_MORE
        cdef Py_ssize_t i = 0
        body_start(&body, &self.msg)
        if body_is_done(&body):
            status = BODY_DONE
        while status == BODY_MORE and at < guarded.len:
            n = guarded.len - at
            if i < len(steps):
                step = steps[i]
                i += 1
            n = min(n, step)
            if skip and body_opaque(&body):
                n = <uint32_t> min(<uint64_t> n, body_opaque(&body))
                status = body_skip(&body, n)
                at += n
                continue
            status = body_read(&body, guarded.start + at, n, &used)
            at += used
            if status == BODY_MORE and used != n:
                raise AssertionError("bytes left over without an end")
        if eof and status == BODY_MORE:
            status = body_eof(&body)
        return {
            "status": BODY_STATUSES[status], "used": at, "name": body.ops.name.decode(),
            "reason": body.err_reason.decode() if body.err_reason != NULL else "",
        }


def parse_request(bytes content, tuple chunks=(), uint32_t max_hdrs=101, bint guarded=False) -> tuple:
    """Parse a request head, whole or in pieces of the given sizes (the last one repeats).

    Returns (result dict, Message). guarded: an unreadable page stands behind the bytes, and there is no room for edits.
    """
    cdef Message message = Message(max_hdrs)
    message.place(content, guarded)
    h1_init_request(&message.parser, &message.msg, 0)
    return message.result(message.feed(<uint32_t> len(content), chunks)), message


def parse_response(
    bytes content, bytes method=b"GET", bint upgrade_asked=False, tuple chunks=(), uint32_t max_hdrs=101,
    bint guarded=False,
) -> tuple:
    """Parse the head of an answer to a request with this method; otherwise like parse_request."""
    cdef Message message = Message(max_hdrs)
    message.place(content, guarded)
    h1_init_response(
        &message.parser, &message.msg, <uint8_t> method_of(method, <uint32_t> len(method)),
        H1_F_UPGRADE_ASKED if upgrade_asked else 0,
    )
    return message.result(message.feed(<uint32_t> len(content), chunks)), message


def head_too_large(bytes content, bint response=False) -> int:
    """The status for these bytes when they fill the buffer."""
    cdef Message message = Message(101)
    message.place(content, False)
    if response:
        h1_init_response(&message.parser, &message.msg, 0, 0)
    else:
        h1_init_request(&message.parser, &message.msg, 0)
    if h1_parse_head(&message.parser, <uint32_t> len(content)) != H1_NEED_MORE:
        raise ValueError("the head is complete or malformed")
    return h1_head_too_large(&message.parser)


def format_address(bytes address) -> bytes:
    """An address of 4 or 16 bytes as text."""
    cdef char[48] text
    cdef uint32_t n
    if len(address) == 4:
        n = format_ipv4(text, <const uint8_t*> <const char*> address)
    else:
        n = format_ipv6(text, <const uint8_t*> <const char*> address)
    return text[:n]


# ---- loops in C for bench/micro; each returns nanoseconds of CPU per turn

cdef double cpu_ns() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts)
    return ts.tv_sec * 1e9 + ts.tv_nsec


def bench_parse(bytes content, uint32_t turns, bint response=False) -> float:
    """Parse the same complete head again and again, the copy of it into the buffer not counted as far as it is warm."""
    cdef Message message = Message(101)
    cdef uint32_t _i, n = <uint32_t> len(content)
    cdef double begin
    cdef int status = H1_DONE
    message.place(content, False)
    begin = cpu_ns()
    for _i in range(turns):
        msg_reset(&message.msg, message.area, n, EDIT_ROOM)
        if response:
            h1_init_response(&message.parser, &message.msg, 1, 0)
        else:
            h1_init_request(&message.parser, &message.msg, 0)
        status = h1_parse_head(&message.parser, n)
        if status != H1_DONE:
            raise ValueError("not a complete head")
    return (cpu_ns() - begin) / turns


def bench_head_out(bytes content, uint32_t turns, str how, bint edit) -> float:
    """Render a request's head again and again; how: "slices" or "copy"; edit: with one header deleted and one added."""
    cdef Message message = Message(101)
    cdef uint32_t _i, n = <uint32_t> len(content)
    cdef head_out_t out
    cdef char[16384] dst
    cdef double begin
    cdef bint slicing = how == "slices"
    message.place(content, False)
    h1_init_request(&message.parser, &message.msg, 0)
    if h1_parse_head(&message.parser, n) != H1_DONE:
        raise ValueError("not a complete head")
    if edit:
        msg_hdr_del(&message.msg, message.msg.n_hdrs // 2)
        msg_hdr_append(&message.msg, slice_of("x-forwarded-for", 15), slice_of("192.168.100.200", 15))
    begin = cpu_ns()
    for _i in range(turns):
        if slicing:
            head_slices(&out, &message.msg)
        else:
            head_copy(&message.msg, dst, 16384)
    return (cpu_ns() - begin) / turns


def bench_lookup(bytes content, uint32_t turns) -> float:
    """Look up four well-known names again and again."""
    cdef Message message = Message(101)
    cdef uint32_t _i, n = <uint32_t> len(content)
    cdef double begin
    cdef int found = 0
    message.place(content, False)
    h1_init_request(&message.parser, &message.msg, 0)
    if h1_parse_head(&message.parser, n) != H1_DONE:
        raise ValueError("not a complete head")
    begin = cpu_ns()
    for _i in range(turns):
        found += msg_find(&message.msg, HDR_HOST) + msg_find(&message.msg, HDR_COOKIE)
        found += msg_find(&message.msg, HDR_USER_AGENT) + msg_find(&message.msg, HDR_CONNECTION)
    return (cpu_ns() - begin) / turns


def normalize(int normalizer, bytes text) -> bytes:
    """A normalizer's output with exactly the room it asks for; None for invalid input."""
    cdef uint32_t length = 0
    cdef uint32_t room = norm_room(normalizer, <uint32_t> len(text))
    cdef char* dst = <char*> malloc(room if room else 1)
    cdef norm_status_t status
    if dst == NULL:
        raise MemoryError
    try:
        status = norm_apply(normalizer, slice_of(<const char*> text, <uint32_t> len(text)), dst, room, &length)
        if status == NORM_NO_ROOM:
            raise AssertionError("the room it asked for is not enough")
        return dst[:length] if status == NORM_DONE else None
    finally:
        free(dst)
