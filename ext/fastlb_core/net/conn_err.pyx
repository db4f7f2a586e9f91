# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Why a connection failed. Contracts: conn_err.pxd.

from libc.stdint cimport uint32_t
from libc.string cimport strlen

from fastlb_core.base.slice cimport slice_of

cdef enum:
    N_TEXTS = 35

cdef const char* texts[N_TEXTS]


cdef slice_t conn_err_text(conn_err_t err) noexcept nogil:
    cdef const char* text = texts[<int> err]
    return slice_of(text, <uint32_t> strlen(text)) if text != NULL else slice_of(NULL, 0)


texts[<int> CONN_ERR_NONE] = "Success"
texts[<int> CONN_ERR_PP_EMPTY] = "Connection closed while waiting for PROXY protocol header"
texts[<int> CONN_ERR_PP_TIMEOUT] = "Timeout while waiting for PROXY protocol header"
texts[<int> CONN_ERR_PP_CUT] = "Truncated PROXY protocol header received"
texts[<int> CONN_ERR_PP_NONE] = "Received something which does not look like a PROXY protocol header"
texts[<int> CONN_ERR_PP_BAD] = "Received an invalid PROXY protocol header"
texts[<int> CONN_ERR_PP_FAMILY] = "Received an unhandled protocol in the PROXY protocol header"
texts[<int> CONN_ERR_CIP_EMPTY] = "Connection closed while waiting for NetScaler Client IP header"
texts[<int> CONN_ERR_CIP_TIMEOUT] = "Timeout while waiting for a NetScaler Client IP header"
texts[<int> CONN_ERR_CIP_CUT] = "Truncated NetScaler Client IP header received"
texts[<int> CONN_ERR_CIP_MAGIC] = "Received an invalid NetScaler Client IP magic number"
texts[<int> CONN_ERR_CIP_FAMILY] = "Received an unhandled protocol in the NetScaler Client IP header"
texts[<int> CONN_ERR_TLS_EMPTY] = "Connection closed during SSL handshake"
texts[<int> CONN_ERR_TLS_TIMEOUT] = "Timeout during SSL handshake"
texts[<int> CONN_ERR_TLS_FAILED] = "SSL handshake failure"
