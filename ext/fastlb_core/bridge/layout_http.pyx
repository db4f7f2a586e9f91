# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Fills what px_t and program_t hold of HTTP's finer settings: headers added, peers with bugs, when a request is sent again.
#
# Knows which value goes where. Must not know why it is what it is (src/fastlb/compile/http_options.py).

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.layout_expr cimport keep, take
from fastlb_core.program.program cimport PX_H_BUFFER_REQUEST, PX_H_NAMES_DELETE, PX_H_NAMES_REJECT, program_t, px_t


cdef int lay_out_http(program_t* program, px_t* px, dict values) except -1:
    cdef bytes network, mask
    px.http_options = values["options"]
    if px.http_options & (PX_H_BUFFER_REQUEST | PX_H_NAMES_DELETE | PX_H_NAMES_REJECT):
        # They are applied between sets of rules.
        px.has_rules = True
    px.retry_on = values["retry_on"]
    px.session_rate = values["session_rate"]
    px.max_own_conns = values["max_own_conns"]
    px.max_keep_alive_queue = values["max_keep_alive_queue"]
    keep(program, &px.rdp_name, values["rdp_name"])
    keep(program, &px.oto_header, values["originalto_header"])
    keep(program, &px.name_header, values["name_header"])
    if values["originalto_except"] is not None:
        network, mask = values["originalto_except"]
        memcpy(px.oto_except.addr, <const char*> network, 16)
        memcpy(px.oto_except.mask, <const char*> mask, 16)
    return 0


cdef int lay_out_case_names(program_t* program, list names) except -1:
    cdef uint32_t at
    program.n_case_names = len(names)
    program.case_names = <slice_t*> take(program, sizeof(slice_t) * program.n_case_names)
    for at, name in enumerate(names):
        keep(program, &program.case_names[at], name)
    return 0
