# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Takes MQTT's CONNECT and CONNACK apart. Contracts: mqtt.pxd.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t

cdef enum kind_t:                # what a property holds (MQTT 5.0, section 2.2.2.2)
    KIND_NONE = 0                # not allowed there
    KIND_BYTE = 1                # 0 or 1
    KIND_TWO = 2
    KIND_FOUR = 4
    KIND_VARINT = 5
    KIND_STRING = 6
    KIND_PAIR = 7

cdef enum:
    PROPERTY_MAX = 42
    PROPERTY_AUTH_METHOD = 21
    PROPERTY_AUTH_DATA = 22
    PROPERTY_RECEIVE_MAXIMUM = 33
    PROPERTY_USER = 38           # may come more than once
    PROPERTY_PACKET_MAXIMUM = 39

cdef uint8_t[PROPERTY_MAX + 1] connect_kinds
cdef uint8_t[PROPERTY_MAX + 1] will_kinds
cdef uint8_t[PROPERTY_MAX + 1] connack_kinds


# ---- pieces: each takes its bytes from the front of *rest, or returns False and leaves it where it is

cdef inline void drop(slice_t* rest, uint32_t n) noexcept nogil:
    rest.ptr += n
    rest.len -= n


# A big-endian number of n bytes.
cdef bint take_number(slice_t* rest, uint32_t n, int64_t* number) noexcept nogil:
    cdef uint32_t i
    if rest.len < n:
        return False
    number[0] = 0
    for i in range(n):
        number[0] = number[0] << 8 | <uint8_t> rest.ptr[i]
    drop(rest, n)
    return True


# At most four bytes (section 1.5.5).
cdef bint take_varint(slice_t* rest, int64_t* number) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    number[0] = 0
    for i in range(4):
        if i >= rest.len:
            return False
        c = <uint8_t> rest.ptr[i]
        number[0] |= <int64_t> (c & 0x7F) << (7 * i)
        if c < 0x80:
            drop(rest, i + 1)
            return True
    return False


cdef bint take_bytes(slice_t* rest, uint32_t n, slice_t* piece) noexcept nogil:
    if rest.len < n:
        return False
    piece[0] = slice_of(rest.ptr, n)
    drop(rest, n)
    return True


# Bytes behind their length of two bytes.
cdef bint take_string(slice_t* rest, slice_t* piece) noexcept nogil:
    cdef int64_t length = 0
    return take_number(rest, 2, &length) and take_bytes(rest, <uint32_t> length, piece)


# ---- properties

cdef bint take_value(slice_t* rest, uint8_t kind, slice_t* text, int64_t* number) noexcept nogil:
    text[0] = slice_of(NULL, 0)
    if kind == KIND_BYTE or kind == KIND_TWO or kind == KIND_FOUR:
        return take_number(rest, kind, number)
    if kind == KIND_VARINT:
        return take_varint(rest, number)
    if kind == KIND_PAIR and not take_string(rest, text):
        return False
    return (kind == KIND_STRING or kind == KIND_PAIR) and take_string(rest, text)


# Takes a length and as many bytes, which must be properties of these kinds, each at most once.
cdef bint take_properties(slice_t* rest, const uint8_t* kinds, slice_t* properties) noexcept nogil:
    cdef int64_t length = 0, identifier = 0, number = 0
    cdef unsigned long long seen = 0
    cdef slice_t left, text
    if not take_varint(rest, &length) or not take_bytes(rest, <uint32_t> length, properties):
        return False
    left = properties[0]
    while left.len:
        if not take_varint(&left, &identifier) or identifier > PROPERTY_MAX:
            return False
        if seen >> identifier & 1 and identifier != PROPERTY_USER:
            return False
        seen |= 1ULL << identifier
        if not take_value(&left, kinds[identifier], &text, &number):
            return False
        if text.ptr == NULL and not is_allowed(<uint32_t> identifier, kinds[identifier], number):
            return False
    # Authentication data without a method is a protocol error (MQTT 5.0, section 3.1.2.11.10).
    return not seen >> PROPERTY_AUTH_DATA & 1 or seen >> PROPERTY_AUTH_METHOD & 1


# Numbers that a property must not have (MQTT 5.0, sections 3.1.2.11 and 3.2.2.3).
cdef bint is_allowed(uint32_t identifier, uint8_t kind, int64_t number) noexcept nogil:
    if kind == KIND_BYTE:
        return number <= 1
    return number != 0 or identifier not in (PROPERTY_RECEIVE_MAXIMUM, PROPERTY_PACKET_MAXIMUM)


cdef bint find_property(slice_t left, const uint8_t* kinds, uint32_t wanted, slice_t* text, int64_t* number) noexcept nogil:
    cdef int64_t identifier = 0
    while left.len:
        if not take_varint(&left, &identifier) or not take_value(&left, kinds[identifier], text, number):
            return False
        if identifier == wanted:
            return kinds[identifier] != KIND_PAIR
    text[0] = slice_of(NULL, 0)
    number[0] = 0
    return KIND_BYTE <= kinds[wanted] <= KIND_FOUR


cdef bint mqtt_property(const mqtt_packet_t* packet, uint32_t identifier, slice_t* text, int64_t* number) noexcept nogil:
    if packet.protocol_version != 5 or identifier > PROPERTY_MAX:
        return False
    if packet.type == MQTT_CONNACK:
        return find_property(packet.properties, connack_kinds, identifier, text, number)
    if connect_kinds[identifier]:
        return find_property(packet.properties, connect_kinds, identifier, text, number)
    if not packet.flags & MQTT_F_WILL:
        return False
    return find_property(packet.will_properties, will_kinds, identifier, text, number)


# ---- packets

# haproxy: either name with any of the versions, and of the flags only the reserved one is looked at.
cdef bint is_known(const mqtt_packet_t* packet) noexcept nogil:
    if not slice_eq(packet.protocol_name, "MQIsdp", 6) and not slice_eq(packet.protocol_name, "MQTT", 4):
        return False
    return packet.protocol_version in (3, 4, 5)


cdef bint parse_will(slice_t* rest, mqtt_packet_t* packet) noexcept nogil:
    if not packet.flags & MQTT_F_WILL:
        return True
    if packet.protocol_version == 5 and not take_properties(rest, will_kinds, &packet.will_properties):
        return False
    return take_string(rest, &packet.will_topic) and take_string(rest, &packet.will_payload)


cdef bint parse_connect(slice_t rest, mqtt_packet_t* packet) noexcept nogil:
    cdef int64_t version = 0, flags = 0, keepalive = 0
    if not take_string(&rest, &packet.protocol_name) or not take_number(&rest, 1, &version):
        return False
    packet.protocol_version = <uint8_t> version
    if not is_known(packet) or not take_number(&rest, 1, &flags) or flags & MQTT_F_RESERVED:
        return False
    packet.flags = <uint8_t> flags
    if not take_number(&rest, 2, &keepalive):
        return False
    packet.keepalive = <unsigned short> keepalive
    if version == 5 and not take_properties(&rest, connect_kinds, &packet.properties):
        return False
    if not take_string(&rest, &packet.client_identifier) or not parse_will(&rest, packet):
        return False
    if packet.flags & MQTT_F_USERNAME and not take_string(&rest, &packet.username):
        return False
    if packet.flags & MQTT_F_PASSWORD and not take_string(&rest, &packet.password):
        return False
    return rest.len == 0


# Only its length tells the version: MQTT 5.0 has at least an empty list of properties. haproxy: the same.
cdef bint parse_connack(slice_t rest, mqtt_packet_t* packet) noexcept nogil:
    cdef int64_t flags = 0, reason = 0
    if not take_number(&rest, 1, &flags) or flags > 1 or not take_number(&rest, 1, &reason):
        return False
    packet.flags, packet.reason_code = <uint8_t> flags, <uint8_t> reason
    packet.protocol_version = 5 if rest.len else 4
    if rest.len == 0:
        return True
    return take_properties(&rest, connack_kinds, &packet.properties) and rest.len == 0


cdef mqtt_status_t mqtt_parse(slice_t bytes, mqtt_packet_t* packet) noexcept nogil:
    cdef slice_t rest = bytes, body
    cdef int64_t first = 0, length = 0
    cdef bint is_valid
    memset(packet, 0, sizeof(mqtt_packet_t))
    if bytes.len < 2:
        return MQTT_CUT
    take_number(&rest, 1, &first)
    if first != MQTT_CONNECT << 4 and first != MQTT_CONNACK << 4:
        return MQTT_INVALID
    if not take_varint(&rest, &length):
        return MQTT_CUT if rest.len < 4 else MQTT_INVALID
    if not take_bytes(&rest, <uint32_t> length, &body):
        return MQTT_CUT
    packet.type = <uint8_t> (first >> 4)
    is_valid = parse_connect(body, packet) if packet.type == MQTT_CONNECT else parse_connack(body, packet)
    return MQTT_VALID if is_valid else MQTT_INVALID


cdef void fill() noexcept nogil:
    connect_kinds[17] = connect_kinds[39] = KIND_FOUR
    connect_kinds[33] = connect_kinds[34] = KIND_TWO
    connect_kinds[25] = connect_kinds[23] = KIND_BYTE
    connect_kinds[21] = connect_kinds[22] = KIND_STRING
    connect_kinds[38] = will_kinds[38] = connack_kinds[38] = KIND_PAIR
    will_kinds[24] = will_kinds[2] = KIND_FOUR
    will_kinds[1] = KIND_BYTE
    will_kinds[3] = will_kinds[8] = will_kinds[9] = KIND_STRING
    connack_kinds[17] = connack_kinds[39] = KIND_FOUR
    connack_kinds[33] = connack_kinds[34] = connack_kinds[19] = KIND_TWO
    connack_kinds[36] = connack_kinds[37] = connack_kinds[40] = connack_kinds[41] = connack_kinds[42] = KIND_BYTE
    connack_kinds[18] = connack_kinds[31] = connack_kinds[26] = connack_kinds[28] = KIND_STRING
    connack_kinds[21] = connack_kinds[22] = KIND_STRING


fill()
