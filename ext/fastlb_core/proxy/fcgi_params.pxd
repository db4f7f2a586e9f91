# The parameters of a FastCGI request (manual, section 10.2; RFC 3875, section 4), written from a stream's request.
#
# Knows which header, rule or fact becomes which parameter. Must not know records (http/fcgi.pxd).

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.fcgi_app cimport fcgi_app_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t

# What rules of an application may look at, while the request is being sent.
cdef void params_look(eval_t* ev, stream_t* strm) noexcept nogil
# Writes the pairs to dst. body: bytes of the request's body. Returns their length; -1: they do not fit into `room`, or the path
# is none that a script can have.
cdef int32_t params_write(stream_t* strm, const fcgi_app_t* app, uint64_t body, char* dst, uint32_t room) noexcept nogil
# Whether the application must not see header i of the request: Authorization and what belongs to one hop, unless `pass-header`
# says otherwise.
cdef bint params_is_hidden(eval_t* ev, const fcgi_app_t* app, int i) noexcept nogil
