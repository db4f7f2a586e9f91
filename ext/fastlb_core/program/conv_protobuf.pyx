# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# `protobuf(path[,type])` and `ungrpc(path[,type])` (manual, section 7.3.1): a field of a Protocol Buffers message.
#
# Knows the wire format and gRPC's message header. Arguments: the path as text ("5.2.3"), and the index of the type in
# config/samples/convert_hash.py (PROTOBUF_TYPES). The first field that the path leads to counts.
# haproxy: a varint is not cut to 32 bits whatever its type. Deviation: only length-delimited fields are entered, and an empty
# one holds nothing; haproxy also reads fixed fields as messages, and reads on behind an empty one.

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport ARG_SINT, arg_t, conv_fn
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, smp_set_int, smp_set_str

cdef extern from "endian.h" nogil:
    uint32_t le32toh(uint32_t value) noexcept
    uint32_t be32toh(uint32_t value) noexcept
    uint64_t le64toh(uint64_t value) noexcept

cdef enum wire_t:
    WIRE_VARINT = 0
    WIRE_64 = 1
    WIRE_LENGTH = 2
    WIRE_32 = 5
    WIRE_NONE = 8                # no type was given: any, as bytes

cdef enum type_t:                # the order of PROTOBUF_TYPES
    PB_INT32 = 0
    PB_INT64 = 1
    PB_UINT32 = 2
    PB_UINT64 = 3
    PB_BOOL = 4
    PB_ENUM = 5
    PB_SINT32 = 6
    PB_SINT64 = 7
    PB_FIXED64 = 8
    PB_SFIXED64 = 9
    PB_DOUBLE = 10
    PB_FIXED32 = 11
    PB_SFIXED32 = 12
    PB_FLOAT = 13

cdef enum:
    GRPC_HEADER = 5              # a flag and a length in network order
    NESTING_MAX = 64

cdef struct field_t:
    uint64_t number
    wire_t wire
    slice_t body                 # its bytes, without the length of a length-delimited one
    uint64_t varint

cdef conv_entry_t[2] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_protobuf_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline slice_t behind(slice_t rest, uint32_t n) noexcept nogil:
    return slice_of(rest.ptr + n, rest.len - n)


# A varint of at most ten bytes; *rest is moved past it.
cdef bint varint(slice_t* rest, uint64_t* value) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    value[0] = 0
    for i in range(10):
        if i >= rest.len:
            return False
        c = <uint8_t> rest.ptr[i]
        value[0] |= <uint64_t> (c & 0x7F) << (7 * i)
        if c < 0x80:
            rest[0] = behind(rest[0], i + 1)
            return True
    return False


# The next field of a message; *rest is moved past it. False: the message ends or is broken. Groups are not known.
cdef bint next_field(slice_t* rest, field_t* field) noexcept nogil:
    cdef uint64_t key = 0, length = 0
    cdef const char* start
    if not varint(rest, &key):
        return False
    field.number = key >> 3
    field.wire = <wire_t> (key & 7)
    start = rest.ptr
    if field.wire == WIRE_VARINT:
        if not varint(rest, &field.varint):
            return False
        field.body = slice_of(start, <uint32_t> (rest.ptr - start))
        return True
    if field.wire == WIRE_64:
        length = 8
    elif field.wire == WIRE_32:
        length = 4
    elif field.wire != WIRE_LENGTH or not varint(rest, &length):
        return False
    if length > rest.len:
        return False
    field.body = slice_of(rest.ptr, <uint32_t> length)
    rest[0] = behind(rest[0], <uint32_t> length)
    return True


# The path's first number; *path is moved past it and its dot.
cdef uint64_t path_number(slice_t* path) noexcept nogil:
    cdef uint64_t number = 0
    cdef uint32_t i = 0
    while i < path.len and path.ptr[i] != 46:
        number = number * 10 + <uint8_t> (path.ptr[i] - 48)
        i += 1
    path[0] = behind(path[0], i + 1 if i < path.len else i)
    return number


# Looks for the path's field. What is behind an entered message is kept on a stack: a later field of the same number may
# hold what the first one did not.
cdef bint find(slice_t message, slice_t path, field_t* field) noexcept nogil:
    cdef slice_t[NESTING_MAX] rests
    cdef slice_t[NESTING_MAX] paths
    cdef slice_t deeper
    cdef uint64_t number
    cdef uint32_t depth = 0
    rests[0], paths[0] = message, path
    while True:
        deeper = paths[depth]
        number = path_number(&deeper)
        while rests[depth].len:
            if not next_field(&rests[depth], field):
                return False
            if field.number != number:
                continue
            if deeper.len == 0:
                return True
            if field.wire == WIRE_LENGTH and depth + 1 < NESTING_MAX:
                break
        else:
            if depth == 0:
                return False
            depth -= 1
            continue
        depth += 1
        rests[depth], paths[depth] = field.body, deeper


cdef wire_t wire_of(int64_t type) noexcept nogil:
    if type <= PB_SINT64:
        return WIRE_VARINT
    return WIRE_64 if type <= PB_DOUBLE else WIRE_32


# haproxy: what no integer can hold is the smallest one, as the processor's conversion has it.
cdef inline int64_t whole(double number) noexcept nogil:
    if -9223372036854775808.0 <= number < 9223372036854775808.0:
        return <int64_t> number
    return INT64_MIN


cdef int64_t number_of(const field_t* field, int64_t type) noexcept nogil:
    cdef uint64_t wide = 0
    cdef uint32_t narrow = 0
    cdef double real
    cdef float small
    if type == PB_SINT32 or type == PB_SINT64:
        return <int64_t> (field.varint >> 1 ^ -(field.varint & 1))
    if type <= PB_ENUM:
        return <int64_t> field.varint
    if type <= PB_DOUBLE:
        memcpy(&wide, field.body.ptr, 8)
        wide = le64toh(wide)
        memcpy(&real, &wide, 8)
        return whole(real) if type == PB_DOUBLE else <int64_t> wide
    memcpy(&narrow, field.body.ptr, 4)
    narrow = le32toh(narrow)
    if type == PB_FLOAT:         # haproxy: the low 32 bits, unsigned
        memcpy(&small, &narrow, 4)
        return <int64_t> <uint32_t> whole(small)
    return <int32_t> narrow if type == PB_SFIXED32 else <int64_t> narrow


cdef bint answer(const field_t* field, const arg_t* args, sample_t* smp) noexcept nogil:
    if args[1].type != ARG_SINT:
        smp_set_str(smp, field.body.ptr, field.body.len)
        smp.type = SMP_T_BIN
        return True
    if field.wire != wire_of(args[1].num):
        return False
    return smp_set_int(smp, number_of(field, args[1].num))


cdef bint protobuf(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef field_t field
    if not find(smp.str, args[0].str, &field):
        return False
    return answer(&field, args, smp)


# gRPC's stream is a row of messages with a header each; they are looked through one after the other.
cdef bint ungrpc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t rest = smp.str
    cdef field_t field
    cdef uint32_t length
    while rest.len > GRPC_HEADER:
        memcpy(&length, rest.ptr + 1, 4)
        length = be32toh(length)
        rest = behind(rest, GRPC_HEADER)
        if length > rest.len:
            return False
        if find(slice_of(rest.ptr, length), args[0].str, &field):
            return answer(&field, args, smp)
        rest = behind(rest, length)
    return False


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"protobuf", protobuf)
add(b"ungrpc", ungrpc)
