# A request of HTTP/1 seen in what a TCP stream has received, for content rules that ask for one (manual, section 4).
#
# Knows that the stream's bytes must not change, which a parser does: it works on a copy. Must not know rules.

from fastlb_core.base.buf cimport buf_t
from fastlb_core.http.h1 cimport h1_parser_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef struct peek_t:
    buf_t copy                   # owned between peek_request and peek_end
    http_msg_t msg               # inline; its headers stand in the stream's own storage, which nobody uses yet
    h1_parser_t parser

# Fills ev.req where a whole head has come, or says that none ever will (EVAL_O_NO_HTTP). What rules take from it is valid until
# peek_end, which may come after the stream's end.
cdef void peek_request(peek_t* peek, stream_t* strm, eval_t* ev) noexcept nogil
cdef void peek_end(peek_t* peek, worker_t* w) noexcept nogil
