# Takes the first packet of an MQTT connection apart: CONNECT or CONNACK of MQTT 3.1, 3.1.1 and 5.0.
#
# Knows the packets' layout (OASIS MQTT 3.1.1 and 5.0, sections 3.1 and 3.2). Must not know samples.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from fastlb_core.base.slice cimport slice_t

cdef enum mqtt_type_t:
    MQTT_CONNECT = 1
    MQTT_CONNACK = 2

cdef enum mqtt_status_t:
    MQTT_INVALID = 0
    MQTT_CUT = 1                 # the bytes end before the packet does
    MQTT_VALID = 2

cdef enum:                       # mqtt_packet_t.flags of a CONNECT
    MQTT_F_RESERVED = 0x01
    MQTT_F_WILL = 0x04
    MQTT_F_PASSWORD = 0x40
    MQTT_F_USERNAME = 0x80

# All slices are borrowed from the bytes that were parsed; those that the packet does not have are empty.
cdef struct mqtt_packet_t:
    uint8_t type                 # mqtt_type_t
    uint8_t flags
    uint8_t protocol_version     # 3: 3.1, 4: 3.1.1, 5: 5.0
    uint8_t reason_code          # CONNACK
    uint16_t keepalive           # CONNECT
    slice_t protocol_name
    slice_t properties           # MQTT 5.0
    slice_t client_identifier
    slice_t will_properties      # MQTT 5.0
    slice_t will_topic
    slice_t will_payload
    slice_t username
    slice_t password

cdef mqtt_status_t mqtt_parse(slice_t bytes, mqtt_packet_t* packet) noexcept nogil
# The value of a property of a valid packet: *number with text.ptr NULL, or *text. False: it is not there, or is a pair.
# haproxy: a number that is not there is 0 in MQTT 5.0.
cdef bint mqtt_property(const mqtt_packet_t* packet, uint32_t identifier, slice_t* text, int64_t* number) noexcept nogil
