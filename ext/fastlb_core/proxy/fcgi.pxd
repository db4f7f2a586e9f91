# Requests to FastCGI servers: the connection, the request as records, what the application says on STDERR.
#
# Knows streams and applications. Must not know how records look (http/fcgi.pxd) or which parameters there are (fcgi_params.pxd).

from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.http_head cimport head_status_t
from fastlb_core.proxy.stream cimport stream_t

# Makes a fresh connection to a server with `proto fcgi` one that speaks FastCGI. False when memory is short.
cdef bint fcgi_open(stream_t* strm, conn_t* back) noexcept nogil
# Sends the request's head, with what is there of the body, in place of head_send. HEAD_REFUSED: it cannot be one of FastCGI.
cdef head_status_t fcgi_send(stream_t* strm) noexcept nogil
# A backend with an application, but another kind of server: takes out the headers that applications do not see.
cdef void fcgi_hide_headers(stream_t* strm) noexcept nogil
