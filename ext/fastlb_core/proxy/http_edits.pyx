# Edits that settings ask for: implementation.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport lower_in_place, same_bytes, slice_eq_nocase, slice_t
from fastlb_core.http.message cimport HDR_F_DELETED, hdr_t, http_msg_t, msg_find_name, msg_hdr_append, msg_hdr_del, msg_hdr_value
from fastlb_core.http.rewrite cimport add_forwarded_for
from fastlb_core.lb.server cimport SRV_F_FCGI, SRV_F_INTERNAL
from fastlb_core.net.conn cimport conn_local
from fastlb_core.program.program cimport (
    PX_H_CASE_SERVER, PX_H_NAMES_DELETE, PX_H_NAMES_REJECT, PX_H_ORIGINALTO, PX_H_OTO_EXCEPT, PX_H_OTO_IF_NONE,
    PX_O_FORWARDFOR, PX_O_FWF_EXCEPT, PX_O_FWF_IF_NONE, net_t, program_t, px_t,
)
from fastlb_core.program.rules cimport ACT_CONT, RULES_FORWARDED, px_rules, rules_run
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.fcgi cimport fcgi_hide_headers
from fastlb_core.proxy.stream cimport STRM_F_INTERNAL, stream_t
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr_in, sockaddr_in6


# -- addresses

cdef const uint8_t* _address_of(const void* sockaddr, int* family) noexcept nogil:
    family[0] = (<const sockaddr_in*> sockaddr).sin_family
    if family[0] == AF_INET:
        return <const uint8_t*> &(<const sockaddr_in*> sockaddr).sin_addr
    if family[0] == AF_INET6:
        return <const uint8_t*> &(<const sockaddr_in6*> sockaddr).sin6_addr
    return NULL


cdef const uint8_t* client_address(stream_t* strm, int* family) noexcept nogil:
    return _address_of(&strm.front.peer, family)


cdef bint _is_in_network(const net_t* net, int family, const uint8_t* address) noexcept nogil:
    cdef uint8_t[16] mapped
    cdef int i
    for i in range(10):
        mapped[i] = 0
    mapped[10] = 0xff
    mapped[11] = 0xff
    if family == AF_INET:
        memcpy(&mapped[12], address, 4)
    else:
        memcpy(mapped, address, 16)
    for i in range(16):
        if mapped[i] & net.mask[i] != net.addr[i]:
            return False
    return True


cdef bint _forward_for(stream_t* strm) noexcept nogil:
    cdef const px_t* px = strm.be if strm.be.options & PX_O_FORWARDFOR else strm.fe
    cdef int family = 0
    cdef const uint8_t* address = client_address(strm, &family)
    if not px.options & PX_O_FORWARDFOR or address == NULL:
        return True
    if px.options & PX_O_FWF_EXCEPT and _is_in_network(&px.fwf_except, family, address):
        return True
    if px.options & PX_O_FWF_IF_NONE and msg_find_name(&strm.req_msg, px.fwf_header, 0) >= 0:
        return True
    return add_forwarded_for(&strm.req_msg, px.fwf_header, family, address)


cdef bint _original_to(stream_t* strm) noexcept nogil:
    cdef const px_t* px = strm.be if strm.be.http_options & PX_H_ORIGINALTO else strm.fe
    cdef int family = 0
    cdef const uint8_t* address
    if not px.http_options & PX_H_ORIGINALTO:
        return True
    address = _address_of(conn_local(strm.front), &family)
    if address == NULL or px.http_options & PX_H_OTO_EXCEPT and _is_in_network(&px.oto_except, family, address):
        return True
    if px.http_options & PX_H_OTO_IF_NONE and msg_find_name(&strm.req_msg, px.oto_header, 0) >= 0:
        return True
    return add_forwarded_for(&strm.req_msg, px.oto_header, family, address)


cdef bint _forwarded(stream_t* strm) noexcept nogil:
    cdef eval_t ev
    cdef uint32_t next = 0
    eval_stream(&ev, strm, EVAL_O_FINAL)
    return rules_run(&ev, px_rules(strm.be, RULES_FORWARDED), &next) == ACT_CONT


cdef bint add_addresses(stream_t* strm) noexcept nogil:
    return _forward_for(strm) and _original_to(strm) and (px_rules(strm.be, RULES_FORWARDED) == NULL or _forwarded(strm))


# -- names

cdef bint _is_plain(const char* name, uint32_t length) noexcept nogil:
    """Letters, digits and hyphens only; names are in lower case by now."""
    cdef uint32_t i
    cdef uint8_t c
    for i in range(length):
        c = <uint8_t> name[i]
        if not (97 <= c <= 122 or 48 <= c <= 57 or c == 45):
            return False
    return True


cdef bint restrict_names(stream_t* strm, const px_t* px) noexcept nogil:
    cdef http_msg_t* msg = &strm.req_msg
    cdef hdr_t* hdr
    cdef uint32_t i
    if not px.http_options & (PX_H_NAMES_DELETE | PX_H_NAMES_REJECT):
        return True
    for i in range(msg.n_hdrs):
        hdr = &msg.hdrs[i]
        if hdr.flags & HDR_F_DELETED or _is_plain(msg.area + hdr.name_off, hdr.name_len):
            continue
        if px.http_options & PX_H_NAMES_REJECT:
            return False
        msg_hdr_del(msg, <int> i)
    return True


cdef void _lower_names(http_msg_t* msg) noexcept nogil:
    cdef uint32_t i
    for i in range(msg.n_hdrs):
        lower_in_place(msg.area + msg.hdrs[i].name_off, msg.hdrs[i].name_len)


cdef void adjust_case(const program_t* program, http_msg_t* msg) noexcept nogil:
    cdef hdr_t* hdr
    cdef slice_t wanted
    cdef slice_t name
    cdef uint32_t i, n
    for i in range(msg.n_hdrs):
        hdr = &msg.hdrs[i]
        name.ptr = msg.area + hdr.name_off
        name.len = hdr.name_len
        for n in range(program.n_case_names):
            wanted = program.case_names[n]
            if wanted.len == name.len and slice_eq_nocase(wanted, name.ptr, name.len):
                memcpy(msg.area + hdr.name_off, wanted.ptr, wanted.len)
                break


cdef bint _name_server(stream_t* strm) noexcept nogil:
    cdef http_msg_t* msg = &strm.req_msg
    cdef slice_t header = strm.be.name_header
    cdef slice_t value
    cdef int i = msg_find_name(msg, header, 0)
    cdef bint is_named = not strm.srv.flags & SRV_F_INTERNAL
    if is_named and i >= 0 and msg_find_name(msg, header, i + 1) < 0:
        value = msg_hdr_value(msg, i)
        if value.len == strm.srv.name.len and same_bytes(value.ptr, strm.srv.name.ptr, value.len):
            return True
    while i >= 0:
        msg_hdr_del(msg, i)
        i = msg_find_name(msg, header, i + 1)
    return not is_named or msg_hdr_append(msg, header, strm.srv.name)


cdef bint edit_for_server(stream_t* strm) noexcept nogil:
    cdef bint adjusts = strm.be.http_options & PX_H_CASE_SERVER and strm.w.program.n_case_names
    if strm.flags & STRM_F_INTERNAL:
        return True
    if strm.be.fcgi_app != NULL and not strm.srv.flags & SRV_F_FCGI:
        fcgi_hide_headers(strm)
    if strm.be.name_header.len:
        if adjusts:
            # An earlier try may have left them in another case.
            _lower_names(&strm.req_msg)
        if not _name_server(strm):
            return False
    if adjusts:
        adjust_case(strm.w.program, &strm.req_msg)
    return True
