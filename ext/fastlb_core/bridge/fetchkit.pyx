# cython: language_level=3
# Testing access to fetches: one at a time, on messages and bytes from Python. Must not be imported outside tests/ and bench/.

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.exprkit cimport put_arg, value_of
from fastlb_core.bridge.registry cimport find_fetch
from fastlb_core.http.h1 cimport H1_DONE, h1_init_request, h1_init_response, h1_parse_head, h1_parser_t
from fastlb_core.http.message cimport METHOD_GET, hdr_t, http_msg_t, msg_cap_hdrs, msg_init, msg_reset, msg_slice
from fastlb_core.program.expr cimport ARG_STOP, ARG_USERS, arg_t, fetch_fn
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, EVAL_O_ITERATE, EVAL_O_RESPONSE, SMP_F_MAY_CHANGE, SMP_F_MORE, SMP_T_BIN, SMP_T_STR, eval_t, sample_t,
    scratch_t, smp_cast,
)
from fastlb_core.program.userlist cimport user_t, userlist_t

from fastlb_core.bridge.llhttp import resolve

# Nothing may be parsed before llhttp is bound.
resolve()

# What `fetch` gives where the answer is not final: more bytes may come.
MAY_CHANGE = "may change"

cdef enum:
    MAX_HDRS = 101


cdef class Users:
    """A user list: (name, password, is plain) of each user."""

    cdef userlist_t list
    cdef user_t users[8]
    cdef object keep

    def __cinit__(self, *users):
        cdef bytes name, password
        if len(users) > 8:
            raise ValueError("at most 8 users")
        memset(&self.list, 0, sizeof(self.list))
        memset(self.users, 0, sizeof(self.users))
        self.keep = []
        for i, (user, secret, is_plain) in enumerate(users):
            name, password = user.encode(), secret.encode()
            self.keep += [name, password]
            self.users[<int> i].name = slice_of(<const char*> name, <uint32_t> len(name))
            self.users[<int> i].password = slice_of(<const char*> password, <uint32_t> len(password))
            self.users[<int> i].is_plain = is_plain
        self.list.n_users = <uint32_t> len(users)
        self.list.users = self.users

    def put(self, size_t arg):
        """For exprkit.put_arg: this list as an argument."""
        (<arg_t*> arg).type = ARG_USERS
        (<arg_t*> arg).ptr = &self.list


cdef class Head:
    """A parsed message head with its storage."""

    cdef http_msg_t msg
    cdef h1_parser_t parser
    cdef hdr_t* hdrs             # owned
    cdef char* area              # owned
    cdef uint32_t length

    def __cinit__(self, bytes content, bint is_response):
        memset(&self.parser, 0, sizeof(self.parser))
        self.length = <uint32_t> len(content)
        self.hdrs = <hdr_t*> calloc(msg_cap_hdrs(MAX_HDRS), sizeof(hdr_t))
        self.area = <char*> calloc(1, self.length + 1)
        if self.hdrs == NULL or self.area == NULL:
            raise MemoryError
        memcpy(self.area, <const char*> content, self.length)
        msg_init(&self.msg, self.hdrs, MAX_HDRS)
        msg_reset(&self.msg, self.area, self.length, 0)
        if is_response:
            h1_init_response(&self.parser, &self.msg, METHOD_GET, 0)
        else:
            h1_init_request(&self.parser, &self.msg, 0)
        if h1_parse_head(&self.parser, self.length) != H1_DONE:
            raise ValueError(f"not a message head: {content!r}")

    def __dealloc__(self):
        free(self.hdrs)
        free(self.area)


cdef object text_of(eval_t* ev, sample_t* smp, bint as_text):
    """The value, or with as_text its bytes as a converter of text sees them."""
    cdef sample_t copy = smp[0]
    if not as_text:
        return value_of(smp)
    if copy.type != SMP_T_BIN and not smp_cast(ev, &copy, SMP_T_STR):
        return None
    return copy.str.ptr[:copy.str.len] if copy.str.len else b""


def fetch(
    name: str, *args, bytes request=b"", bytes response=b"", bytes bytes_in=b"", bytes bytes_out=b"", bint iterate=False,
    bint final=True, bint as_text=False, int room=65536,
):
    """What fetch `name` (the core's) finds: a value, None, or a list with `iterate` (what an ACL sees).

    request, response: heads with what is buffered of their bodies. bytes_in, bytes_out: raw bytes of a TCP stream instead.
    final: no more bytes will come; without it MAY_CHANGE is given for a fetch that waits for more. as_text: its bytes as text.
    room: bytes of the scratch area. Raises KeyError for an unknown fetch, ValueError for a malformed head.
    """
    cdef bytes key = name.encode()
    cdef fetch_fn fn = find_fetch(<const char*> key)
    cdef arg_t values[16]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef Head head
    if fn == NULL:
        raise KeyError(name)
    keep: list = []
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    for i, arg in enumerate(args):
        put_arg(&values[<int> i], arg, keep)
    values[<int> len(args)].type = ARG_STOP
    ev.req_bytes = slice_of(<const char*> bytes_in, <uint32_t> len(bytes_in))
    ev.res_bytes = slice_of(<const char*> bytes_out, <uint32_t> len(bytes_out))
    if request:
        head = Head(request, False)
        keep.append(head)
        ev.req = &head.msg
        ev.req_bytes = slice_of(head.area + head.msg.head_len, head.length - head.msg.head_len)
        ev.log_method = msg_slice(&head.msg, head.msg.method_off, head.msg.method_len)
        ev.log_uri = msg_slice(&head.msg, head.msg.target_off, head.msg.target_len)
        ev.log_ver = msg_slice(&head.msg, head.msg.version_off, head.msg.version_len)
    if response:
        head = Head(response, True)
        keep.append(head)
        ev.res = &head.msg
        ev.res_bytes = slice_of(head.area + head.msg.head_len, head.length - head.msg.head_len)
        ev.log_res_ver = msg_slice(&head.msg, head.msg.version_off, head.msg.version_len)
        ev.options |= EVAL_O_RESPONSE
    ev.options |= (EVAL_O_FINAL if final else 0) | (EVAL_O_ITERATE if iterate else 0)
    scratch.area = <char*> calloc(1, room + 1)
    scratch.size = room
    scratch.used = 0
    ev.scratch = &scratch
    found: list = []
    try:
        while fn(&ev, values, &smp):
            found.append(text_of(&ev, &smp, as_text))
            if not smp.flags & SMP_F_MORE or not iterate:
                break
            smp.flags &= SMP_F_MORE
        if not final and not found and smp.flags & SMP_F_MAY_CHANGE:
            return MAY_CHANGE
    finally:
        free(scratch.area)
    if iterate:
        return found
    return found[0] if found else None
