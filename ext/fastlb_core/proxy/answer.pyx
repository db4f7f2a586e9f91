# Answers of rules: implementation. haproxy: the rule's headers come first, then length and type.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.status cimport reason_phrase
from fastlb_core.net.address cimport addr_write_u32
from fastlb_core.program.expr cimport ARG_FORMAT, ARG_LIST, ARG_STOP, ARG_STR, arg_t
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.sample cimport eval_t


cdef bint _put_bytes(head_t* head, const char* bytes, uint32_t length) noexcept nogil:
    if head.end - head.at < <long> length:
        return False
    if length:
        memcpy(head.at, bytes, length)
    head.at += length
    return True


cdef bint head_text(head_t* head, slice_t text) noexcept nogil:
    return _put_bytes(head, text.ptr, text.len)


cdef bint head_open(eval_t* ev, head_t* head, uint32_t status) noexcept nogil:
    cdef char digits[12]
    cdef slice_t reason = reason_phrase(status)
    head.start = ev.scratch.page
    head.at = head.start
    head.end = head.start + ev.scratch.page_size
    return head_text(head, slice_of(b"HTTP/1.1 ", 9)) and _put_bytes(head, digits, addr_write_u32(digits, status)) \
        and head_text(head, slice_of(b" ", 1)) and head_text(head, reason) and head_text(head, slice_of(b"\r\n", 2))


cdef bint head_add(head_t* head, slice_t name, slice_t value) noexcept nogil:
    return _put_bytes(head, name.ptr, name.len) and _put_bytes(head, b": ", 2) and _put_bytes(head, value.ptr, value.len) \
        and _put_bytes(head, b"\r\n", 2)


cdef bint head_add_number(head_t* head, slice_t name, uint32_t number) noexcept nogil:
    cdef char digits[12]
    return head_add(head, name, slice_of(digits, addr_write_u32(digits, number)))


cdef bint head_close(eval_t* ev, head_t* head, slice_t body, slice_t* page) noexcept nogil:
    if not _put_bytes(head, b"\r\n", 2) or not _put_bytes(head, body.ptr, body.len):
        return False
    page[0] = slice_of(head.start, <uint32_t> (head.at - head.start))
    return True


cdef bint _text_of(eval_t* ev, const arg_t* arg, slice_t* text) noexcept nogil:
    if arg.type == ARG_FORMAT:
        return lf_text(ev, <const logformat_t*> arg.ptr, ev.program.bufsize, text)
    text[0] = arg.str if arg.type == ARG_STR else slice_of(b"", 0)
    return True


cdef bint _add_headers(eval_t* ev, head_t* head, const arg_t* arg) noexcept nogil:
    cdef const arg_t* item
    cdef slice_t value
    cdef uint32_t used
    if arg.type != ARG_LIST:
        return True
    item = <const arg_t*> arg.ptr
    while item.type != ARG_STOP:
        used = ev.scratch.used
        if not _text_of(ev, item + 1, &value) or not head_add(head, item.str, value):
            return False
        ev.scratch.used = used
        item += 2
    return True


cdef bint answer_make(eval_t* ev, const arg_t* args, slice_t* page) noexcept nogil:
    cdef uint32_t status = <uint32_t> args[0].num
    cdef head_t head
    cdef slice_t body = slice_of(b"", 0)
    page[0] = slice_of(NULL, 0)
    if args[1].num == ANSWER_DEFAULT:
        return True
    if args[1].num == ANSWER_PAGE:
        page[0] = args[3].str
        return True
    if args[1].num != ANSWER_EMPTY and not _text_of(ev, &args[3], &body):
        return False
    if not head_open(ev, &head, status) or not _add_headers(ev, &head, &args[4]):
        return False
    # RFC 9110 8.6: no length where there can be no body.
    if status >= 200 and status != 204 and not head_add_number(&head, slice_of(b"content-length", 14), body.len):
        return False
    if body.len and args[2].type == ARG_STR and not head_add(&head, slice_of(b"content-type", 12), args[2].str):
        return False
    return head_close(ev, &head, body, page)
