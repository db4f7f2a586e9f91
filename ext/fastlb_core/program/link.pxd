# What a server's line says of the connections to it, beyond address, TLS and limits: program memory, types only.
#
# Knows sources, socket options, names of pooled connections and extensions of the PROXY header. A server that says nothing of it
# has none. Must not know how a connection is opened (proxy/dial) or a header written (proxy/proxy_header).

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from fastlb_core.net.conn cimport peer_t
from fastlb_core.net.connect cimport connect_opts_t
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.logformat cimport logformat_t

cdef enum link_source_t:         # link_t.usesrc: the address that the server is to see (manual, section 4.2 "source")
    LINK_S_OWN = 0
    LINK_S_ADDRESS = 1
    LINK_S_CLIENT = 2            # the client's address and port
    LINK_S_CLIENT_IP = 3
    LINK_S_HEADER = 4

cdef enum pp_value_t:            # pp_tlv_t.value: what is no format
    PP_V_FORMAT = 0
    PP_V_CHECKSUM = 1
    PP_V_UNIQUE_ID = 2
    PP_V_KEY = 3                 # kind and bits of our own certificate's key
    PP_V_TLS = 4                 # the head of the TLS extension, in whose length `nested` ones count

# One extension of the header, in the order in which they are written.
cdef struct pp_tlv_t:
    uint8_t type
    uint8_t value                # pp_value_t
    bint is_nested               # in the TLS extension
    const logformat_t* format    # owned (program memory), or NULL

cdef struct link_t:
    connect_opts_t opts          # inline
    uint16_t port_first          # source ports to try, 0: that of the source address
    uint16_t n_ports
    uint8_t usesrc               # link_source_t
    peer_t from_address          # inline: LINK_S_ADDRESS
    const expr_t* from_header    # owned (program memory): LINK_S_HEADER
    const expr_t* pool_name      # owned (program memory), or NULL
    pp_tlv_t* tlvs               # owned (program memory)
    uint32_t n_tlvs
