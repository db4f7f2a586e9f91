# Sample fetches of a TLS hello that passes through undeciphered (manual, section 7.3.5; RFC 8446, section 4.1.2).

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport (
    SMP_F_MAY_CHANGE, SMP_T_BIN, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int, smp_set_str,
)

cdef fetch_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_tls_hello_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef enum:
    RECORD_HEADER = 5            # type, version, length
    MESSAGE_HEADER = 4           # type, length
    CLIENT_HELLO = 1
    EXT_SERVER_NAME = 0
    EXT_GROUPS = 10
    EXT_SIGALGS = 13
    EXT_ALPN = 16
    EXT_TICKET = 35
    EXT_KEY_SHARE = 51


cdef uint32_t be16(const char* at) noexcept nogil:
    return <uint32_t> <uint8_t> at[0] << 8 | <uint8_t> at[1]


# Takes n bytes off the front of *rest. False, and nothing taken, when there are not as many.
cdef bint take(slice_t* rest, uint32_t n, slice_t* taken) noexcept nogil:
    if rest.len < n:
        return False
    taken[0] = slice_of(rest.ptr, n)
    rest[0] = slice_of(rest.ptr + n, rest.len - n)
    return True


# Takes a block with its length in front, in `width` bytes (1 or 2).
cdef bint take_block(slice_t* rest, uint32_t width, slice_t* taken) noexcept nogil:
    cdef slice_t size
    if not take(rest, width, &size):
        return False
    return take(rest, <uint8_t> size.ptr[0] if width == 1 else be16(size.ptr), taken)


# The first handshake message, of whatever type, complete and in one record. False: none, or not yet (SMP_F_MAY_CHANGE).
cdef bint read_hello(slice_t bytes, sample_t* smp, uint8_t* kind, slice_t* message) noexcept nogil:
    cdef uint32_t in_record, length
    if bytes.len and <uint8_t> bytes.ptr[0] != 0x16:
        return False
    if bytes.len < RECORD_HEADER:
        smp.flags |= SMP_F_MAY_CHANGE
        return False
    in_record = be16(bytes.ptr + 3)
    if <uint8_t> bytes.ptr[1] < 3 or in_record < MESSAGE_HEADER:
        return False
    if bytes.len < RECORD_HEADER + MESSAGE_HEADER:
        smp.flags |= SMP_F_MAY_CHANGE
        return False
    kind[0] = <uint8_t> bytes.ptr[RECORD_HEADER]
    length = <uint32_t> <uint8_t> bytes.ptr[RECORD_HEADER + 1] << 16 | be16(bytes.ptr + RECORD_HEADER + 2)
    if length > in_record - MESSAGE_HEADER:
        return False
    if bytes.len - RECORD_HEADER - MESSAGE_HEADER < length:
        smp.flags |= SMP_F_MAY_CHANGE
        return False
    message[0] = slice_of(bytes.ptr + RECORD_HEADER + MESSAGE_HEADER, length)
    return True


# The client hello's cipher suites and its extensions' block.
cdef bint read_client(eval_t* ev, sample_t* smp, slice_t* ciphers, slice_t* extensions) noexcept nogil:
    cdef uint8_t kind = 0
    cdef slice_t rest, skipped
    if not read_hello(ev.req_bytes, smp, &kind, &rest) or kind != CLIENT_HELLO:
        return False
    if not (
        take(&rest, 34, &skipped)                # version and random
        and take_block(&rest, 1, &skipped)       # session id
        and take_block(&rest, 2, ciphers)
        and take_block(&rest, 1, &skipped)       # compression methods
    ):
        return False
    if not take_block(&rest, 2, extensions):
        extensions[0] = slice_of(NULL, 0)
    return True


cdef bint find_extension(eval_t* ev, sample_t* smp, uint32_t wanted, slice_t* content) noexcept nogil:
    cdef slice_t ciphers, rest, kind
    if not read_client(ev, smp, &ciphers, &rest):
        return False
    while take(&rest, 2, &kind) and take_block(&rest, 2, content):
        if be16(kind.ptr) == wanted:
            return True
    return False


# The list in an extension that is nothing but one.
cdef bint list_extension(eval_t* ev, sample_t* smp, uint32_t wanted) noexcept nogil:
    cdef slice_t content, found
    if not find_extension(ev, smp, wanted, &content) or not take_block(&content, 2, &found):
        return False
    smp_set_str(smp, found.ptr, found.len)
    smp.type = SMP_T_BIN
    return True


cdef bint req_hello_type(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint8_t kind = 0
    cdef slice_t message
    return read_hello(ev.req_bytes, smp, &kind, &message) and smp_set_int(smp, kind)


cdef bint res_hello_type(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint8_t kind = 0
    cdef slice_t message
    return read_hello(ev.res_bytes, smp, &kind, &message) and smp_set_int(smp, kind)


cdef bint req_sni(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t content, names, kind, name
    if not find_extension(ev, smp, EXT_SERVER_NAME, &content) or not take_block(&content, 2, &names):
        return False
    # RFC 6066, section 3: type 0 is a host name, and there is at most one.
    if not take(&names, 1, &kind) or kind.ptr[0] != 0 or not take_block(&names, 2, &name) or name.len == 0:
        return False
    return smp_set_str(smp, name.ptr, name.len)


# haproxy: the first protocol of the list.
cdef bint req_alpn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t content, names, name
    if not find_extension(ev, smp, EXT_ALPN, &content) or not take_block(&content, 2, &names):
        return False
    return take_block(&names, 1, &name) and smp_set_str(smp, name.ptr, name.len)


cdef bint req_ec_ext(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t content
    return find_extension(ev, smp, EXT_GROUPS, &content) and smp_set_bool(smp, True)


# 0: no session ticket extension, 1: an empty one, 2: with a ticket.
cdef bint req_st_ext(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t content, ciphers, extensions
    if not read_client(ev, smp, &ciphers, &extensions):
        return False
    if extensions.ptr == NULL:   # haproxy: no value without a block of extensions
        return False
    if not find_extension(ev, smp, EXT_TICKET, &content):
        return smp_set_int(smp, 0)
    return smp_set_int(smp, 2 if content.len else 1)


cdef bint req_cipherlist(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t ciphers, extensions
    if not read_client(ev, smp, &ciphers, &extensions):
        return False
    smp_set_str(smp, ciphers.ptr, ciphers.len)
    smp.type = SMP_T_BIN
    return True


cdef bint req_sigalgs(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return list_extension(ev, smp, EXT_SIGALGS)


cdef bint req_groups(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return list_extension(ev, smp, EXT_GROUPS)


# The groups of the key shares (RFC 8446, section 4.2.8), two bytes each, without the keys.
cdef bint req_keyshare_groups(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t content, shares, group, key
    cdef char* bytes
    cdef uint32_t n = 0
    if not find_extension(ev, smp, EXT_KEY_SHARE, &content) or not take_block(&content, 2, &shares):
        return False
    bytes = scratch_take(ev, shares.len // 2 + 2)
    if bytes == NULL:
        return False
    while take(&shares, 2, &group) and take_block(&shares, 2, &key):
        bytes[n] = group.ptr[0]
        bytes[n + 1] = group.ptr[1]
        n += 2
    smp_set_str(smp, bytes, n)
    smp.type = SMP_T_BIN
    return True


# Major version * 65536 + minor, of an SSLv3 (or TLS) record or of an SSLv2 hello.
cdef bint req_ver(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t bytes = ev.req_bytes
    cdef uint8_t first = <uint8_t> bytes.ptr[0] if bytes.len else 0x16
    cdef bint is_record = 0x14 <= first <= 0x17
    if not is_record and not first & 0x80:
        return False
    if bytes.len < RECORD_HEADER:
        smp.flags |= SMP_F_MAY_CHANGE
        return False
    if is_record:
        if <uint8_t> bytes.ptr[1] < 3:
            return False
        if first == 0x16 and bytes.len < RECORD_HEADER + be16(bytes.ptr + 3):
            smp.flags |= SMP_F_MAY_CHANGE
            return False
        # haproxy: of a hello its own version, the record's is older on purpose (RFC 8446, section 5.1).
        if first == 0x16 and be16(bytes.ptr + 3) >= MESSAGE_HEADER + 2:
            return smp_set_int(smp, <uint8_t> bytes.ptr[9] << 16 | <uint8_t> bytes.ptr[10])
        return smp_set_int(smp, <uint8_t> bytes.ptr[1] << 16 | <uint8_t> bytes.ptr[2])
    if bytes.ptr[2] != CLIENT_HELLO:
        return False
    return smp_set_int(smp, <uint8_t> bytes.ptr[3] << 16 | <uint8_t> bytes.ptr[4])


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"req.ssl_hello_type", req_hello_type)
add(b"res.ssl_hello_type", res_hello_type)
add(b"req.ssl_sni", req_sni)
add(b"req.ssl_alpn", req_alpn)
add(b"req.ssl_ec_ext", req_ec_ext)
add(b"req.ssl_st_ext", req_st_ext)
add(b"req.ssl_cipherlist", req_cipherlist)
add(b"req.ssl_sigalgs", req_sigalgs)
add(b"req.ssl_supported_groups", req_groups)
add(b"req.ssl_keyshare_groups", req_keyshare_groups)
add(b"req.ssl_ver", req_ver)
