# Fills link_t (program/link.pxd) from plain values. Knows the struct; must not know keywords.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.layout_expr cimport keep, new_expression, new_format, take
from fastlb_core.program.link cimport (
    LINK_S_ADDRESS, LINK_S_CLIENT, LINK_S_CLIENT_IP, LINK_S_HEADER, LINK_S_OWN, PP_V_CHECKSUM, PP_V_FORMAT, PP_V_KEY, PP_V_TLS,
    PP_V_UNIQUE_ID, link_t, pp_tlv_t,
)

SOURCES = {
    "": <int> LINK_S_OWN, "address": <int> LINK_S_ADDRESS, "client": <int> LINK_S_CLIENT, "clientip": <int> LINK_S_CLIENT_IP,
    "header": <int> LINK_S_HEADER,
}
VALUES = {
    "format": <int> PP_V_FORMAT, "checksum": <int> PP_V_CHECKSUM, "unique-id": <int> PP_V_UNIQUE_ID, "key": <int> PP_V_KEY,
    "tls": <int> PP_V_TLS,
}


cdef int put_tlvs(program_t* program, link_t* link, list tlvs) except -1:
    cdef pp_tlv_t* tlv
    link.n_tlvs = len(tlvs)
    link.tlvs = <pp_tlv_t*> take(program, sizeof(pp_tlv_t) * link.n_tlvs)
    for at, (kind, value, is_nested, format) in enumerate(tlvs):
        tlv = &link.tlvs[<uint32_t> at]
        tlv.type = kind
        tlv.value = VALUES[value]
        tlv.is_nested = is_nested
        if format is not None:
            tlv.format = new_format(program, format)
    return 0


cdef int put_link(program_t* program, link_t* link, dict values) except -1:
    cdef bytes address = values["from_address"]
    cdef slice_t name
    if values["interface"]:
        keep(program, &name, values["interface"] + b"\0")
        link.opts.interface = name.ptr
    link.opts.user_timeout_ms = values["user_timeout_ms"]
    link.opts.keep_idle_s = values["keep_idle_s"]
    link.opts.keep_interval_s = values["keep_interval_s"]
    link.opts.keep_count = values["keep_count"]
    link.port_first, link.n_ports = values["ports"]
    link.usesrc = SOURCES[values["usesrc"]]
    if len(address) > sizeof(link.from_address):
        raise ValueError("the source that a server is to see must be an IP address")
    memcpy(&link.from_address, <const char*> address, len(address))
    if values["from_header"] is not None:
        link.from_header = new_expression(program, values["from_header"])
    if values["pool_name"] is not None:
        link.pool_name = new_expression(program, values["pool_name"])
    return put_tlvs(program, link, values["tlvs"])


cdef const void* new_link(program_t* program, dict values) except NULL:
    cdef link_t* link = <link_t*> take(program, sizeof(link_t))
    put_link(program, link, values)
    return link


cdef int lay_out_links(program_t* program, list servers) except -1:
    for index, values in enumerate(servers):
        if values["link"] is not None:
            program.servers[<uint32_t> index].link = new_link(program, values["link"])
    return 0
