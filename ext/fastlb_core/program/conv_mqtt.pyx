# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# `mqtt_is_valid` and `mqtt_field_value(type,field)` (manual, section 7.3.1).
#
# Arguments of the second: 1 for CONNECT or 2 for CONNACK, and the field: a property's identifier, or one of field_t, which
# the configuration's check has looked up (MQTT_FIELDS in config/samples/convert_hash.py).
# Must not know how a packet is taken apart (program/mqtt).

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.mqtt cimport (
    MQTT_CONNACK, MQTT_CONNECT, MQTT_CUT, MQTT_F_PASSWORD, MQTT_F_USERNAME, MQTT_F_WILL, MQTT_VALID, mqtt_packet_t,
    mqtt_parse, mqtt_property, mqtt_status_t,
)
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_MAY_CHANGE, SMP_T_BIN, SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_own,
    smp_set_str,
)

cdef enum field_t:               # above every property's identifier; the order of MQTT_FIELDS
    FIELD_FLAGS = 256
    FIELD_PROTOCOL_NAME = 257
    FIELD_PROTOCOL_VERSION = 258
    FIELD_CLIENT_IDENTIFIER = 259
    FIELD_WILL_TOPIC = 260
    FIELD_WILL_PAYLOAD = 261
    FIELD_USERNAME = 262
    FIELD_PASSWORD = 263
    FIELD_KEEPALIVE = 264
    FIELD_REASON_CODE = 265

cdef enum:
    DIGITS_MAX = 24

cdef conv_entry_t[2] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_mqtt_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint put_bytes(sample_t* smp, slice_t text) noexcept nogil:
    smp_set_str(smp, text.ptr, text.len)
    smp.type = SMP_T_BIN
    return True


# haproxy: numbers come as text.
cdef bint put_number(eval_t* ev, sample_t* smp, int64_t number) noexcept nogil:
    cdef char* out = scratch_take(ev, DIGITS_MAX)
    if out == NULL:
        return False
    return smp_set_own(smp, SMP_T_STR, out, <uint32_t> snprintf(out, DIGITS_MAX, "%lld", <long long> number), DIGITS_MAX)


cdef bint put_property(eval_t* ev, const mqtt_packet_t* packet, uint32_t identifier, sample_t* smp) noexcept nogil:
    cdef slice_t text
    cdef int64_t number = 0
    if not mqtt_property(packet, identifier, &text, &number):
        return False
    return put_number(ev, smp, number) if text.ptr == NULL else put_bytes(smp, text)


# A field that is there only when its flag is set.
cdef bint put_flagged(const mqtt_packet_t* packet, int flag, slice_t text, sample_t* smp) noexcept nogil:
    return packet.flags & flag != 0 and put_bytes(smp, text)


cdef bint put_connect(eval_t* ev, const mqtt_packet_t* packet, int64_t field, sample_t* smp) noexcept nogil:
    if field == FIELD_PROTOCOL_NAME:
        return put_bytes(smp, packet.protocol_name)
    if field == FIELD_CLIENT_IDENTIFIER:
        return put_bytes(smp, packet.client_identifier)
    if field == FIELD_WILL_TOPIC:
        return put_flagged(packet, MQTT_F_WILL, packet.will_topic, smp)
    if field == FIELD_WILL_PAYLOAD:
        return put_flagged(packet, MQTT_F_WILL, packet.will_payload, smp)
    if field == FIELD_USERNAME:
        return put_flagged(packet, MQTT_F_USERNAME, packet.username, smp)
    if field == FIELD_PASSWORD:
        return put_flagged(packet, MQTT_F_PASSWORD, packet.password, smp)
    return field == FIELD_KEEPALIVE and put_number(ev, smp, packet.keepalive)


cdef bint mqtt_field_value(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef mqtt_packet_t packet
    cdef mqtt_status_t status = mqtt_parse(smp.str, &packet)
    cdef int64_t field = args[1].num
    if status == MQTT_CUT and not ev.options & EVAL_O_FINAL:
        smp.flags |= SMP_F_MAY_CHANGE
    if status != MQTT_VALID or packet.type != args[0].num:
        return False
    if field < FIELD_FLAGS:
        return put_property(ev, &packet, <uint32_t> field, smp)
    if field == FIELD_FLAGS:
        return put_number(ev, smp, packet.flags)
    if field == FIELD_PROTOCOL_VERSION:
        return put_number(ev, smp, packet.protocol_version)
    if packet.type == MQTT_CONNECT:
        return put_connect(ev, &packet, field, smp)
    return packet.type == MQTT_CONNACK and field == FIELD_REASON_CODE and put_number(ev, smp, packet.reason_code)


cdef bint mqtt_is_valid(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef mqtt_packet_t packet
    cdef mqtt_status_t status = mqtt_parse(smp.str, &packet)
    if status == MQTT_CUT:
        if not ev.options & EVAL_O_FINAL:
            smp.flags |= SMP_F_MAY_CHANGE
        return False
    return smp_set_bool(smp, status == MQTT_VALID)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"mqtt_is_valid", mqtt_is_valid)
add(b"mqtt_field_value", mqtt_field_value)
