# Why a connection failed before it carried its protocol, as `fc_err` and log lines tell it (manual, 7.3.3 "fc_err_str").
#
# Knows HAProxy's numbers and texts. Must not know connections.

from fastlb_core.base.slice cimport slice_t

cdef enum conn_err_t:            # conn_t.err; those of HAProxy that fastlb can meet
    CONN_ERR_NONE = 0
    CONN_ERR_PP_EMPTY = 11       # closed before a PROXY header
    CONN_ERR_PP_TIMEOUT = 13     # nothing of one came in time
    CONN_ERR_PP_CUT = 14
    CONN_ERR_PP_NONE = 15        # something else came
    CONN_ERR_PP_BAD = 16
    CONN_ERR_PP_FAMILY = 17      # a word for the protocol that nobody knows
    CONN_ERR_CIP_EMPTY = 18      # the same of NetScaler's header
    CONN_ERR_CIP_TIMEOUT = 20
    CONN_ERR_CIP_CUT = 21
    CONN_ERR_CIP_MAGIC = 22
    CONN_ERR_CIP_FAMILY = 23
    CONN_ERR_TLS_EMPTY = 24      # closed during the handshake
    CONN_ERR_TLS_TIMEOUT = 26
    CONN_ERR_TLS_FAILED = 34

# borrowed (static)
cdef slice_t conn_err_text(conn_err_t err) noexcept nogil
# Nobody has sent anything wrong: what `option dontlognull` keeps out of the log. haproxy: the same ones.
cdef inline bint conn_err_is_silence(conn_err_t err) noexcept nogil:
    return err in (CONN_ERR_PP_EMPTY, CONN_ERR_PP_TIMEOUT, CONN_ERR_CIP_EMPTY, CONN_ERR_CIP_TIMEOUT, CONN_ERR_TLS_EMPTY,
                   CONN_ERR_TLS_TIMEOUT)
