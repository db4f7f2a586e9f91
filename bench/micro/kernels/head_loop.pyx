# Loops over HTTP/1 heads for bench/micro: parsing, looking headers up, rewriting. Built by bench/micro/build.py, not part
# of the product. Knows the http layer of the core; llhttp must have been bound by importing fastlb_core.bridge's binder.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.http.h1 cimport H1_DONE, h1_init_request, h1_parse_head, h1_parser_t
from fastlb_core.http.head_out cimport head_copy, head_out_t, head_slices
from fastlb_core.http.message cimport (
    HDR_COOKIE, HDR_HOST, hdr_t, http_msg_t, msg_find, msg_find_name, msg_init, msg_reset,
)
from fastlb_core.http.rewrite cimport add_forwarded_for, request_hop_by_hop

cdef enum:
    AREA = 16384
    RESERVE = 1024
    MAX_HDRS = 101

cdef struct bench_t:
    http_msg_t msg
    h1_parser_t parser
    hdr_t hdrs[128]
    char area[16384]

cdef bench_t room


cdef bint parse(const char* head, uint32_t length) noexcept nogil:
    """One head from its bytes; the copy is part of it, since names are put into lower case in place."""
    memcpy(room.area, head, length)
    msg_reset(&room.msg, room.area, AREA - RESERVE, RESERVE)
    h1_init_request(&room.parser, &room.msg, 0)
    return h1_parse_head(&room.parser, length) == H1_DONE


cdef void start() noexcept nogil:
    memset(&room, 0, sizeof(room))
    msg_init(&room.msg, room.hdrs, MAX_HDRS)


def parse_head(bytes head, uint32_t rounds):
    """Parses the request head `rounds` times; returns how often it was complete and valid."""
    cdef const char* raw = head
    cdef uint32_t _, length = <uint32_t> len(head), done = 0
    with nogil:
        start()
        for _ in range(rounds):
            done += parse(raw, length)
    return done


def find_known(bytes head, uint32_t rounds):
    """Looks Host and Cookie up by their ids, `rounds` times; returns how many were found."""
    cdef const char* raw = head
    cdef uint32_t _, length = <uint32_t> len(head), found = 0
    with nogil:
        start()
        parse(raw, length)
        for _ in range(rounds):
            found += msg_find(&room.msg, HDR_HOST) >= 0
            found += msg_find(&room.msg, HDR_COOKIE) >= 0
    return found


def find_name(bytes head, bytes name, uint32_t rounds):
    """Looks a header up by its (lower-case) name, `rounds` times; returns how often it was found."""
    cdef const char* raw = head
    cdef const char* wanted = name
    cdef uint32_t _, length = <uint32_t> len(head), n_name = <uint32_t> len(name), found = 0
    with nogil:
        start()
        parse(raw, length)
        for _ in range(rounds):
            found += msg_find_name(&room.msg, slice_of(wanted, n_name), 0) >= 0
    return found


def rewrite(bytes head, bint as_slices, uint32_t rounds):
    """Parses, applies the hop-by-hop rules and X-Forwarded-For, and lays the head out for sending, `rounds` times.

    as_slices: as the slices of one sendmsg; otherwise as one run of bytes. Returns the bytes of the head that leaves.
    """
    cdef const char* raw = head
    cdef head_out_t out
    cdef char copied[16384]
    cdef uint8_t[4] address = [192, 0, 2, 33]
    cdef uint32_t _, length = <uint32_t> len(head), n_out = 0
    cdef bint ok = True
    with nogil:
        start()
        for _ in range(rounds):
            ok = ok and parse(raw, length) and request_hop_by_hop(&room.msg, True)
            ok = ok and add_forwarded_for(&room.msg, slice_of(b"x-forwarded-for", 15), 2, address)
            if as_slices:
                ok = ok and head_slices(&out, &room.msg)
                n_out = out.len
            else:
                n_out = head_copy(&room.msg, copied, sizeof(copied))
    return n_out if ok else 0
