# HTTP/1: the request half of a stream (head, rules, server, body) and the states of both halves.
#
# Knows when what happens; must not know how heads are parsed (http/h1), servers are found (backend) or bytes moved
# (forward). The answer's half is in http_response.pyx.
#
#     REQUEST ─► RULES ─► BACKEND ─► RESPONSE ─► DATA ─► end ─► next request, linger or close
#        │          │        │           │  │
#        └──────────┴────────┴─► REPLY ◄─┘  └─► TUNNEL (101, CONNECT)

from fastlb_core.proxy.stream cimport stream_ops_t, stream_t

cdef enum http_state_t:
    HTTP_S_REQUEST = 0       # the head is coming
    HTTP_S_BACKEND = 1       # a server is wanted, or its connection
    HTTP_S_RESPONSE = 2      # the head was sent; the body follows, the answer is awaited
    HTTP_S_DATA = 3          # the answer's head was sent
    HTTP_S_TUNNEL = 4
    HTTP_S_REPLY = 5         # an answer of our own is leaving
    HTTP_S_RULES = 6         # the head is complete; a rule may wait

cdef const stream_ops_t* http_stream_ops() noexcept nogil
