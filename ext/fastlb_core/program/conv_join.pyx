# Converters that join text with variables or compare it with one, and those that choose or show it (manual, section 7.3.1).

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STR, arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_BIN, SMP_T_BOOL, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, scratch_rest,
    scratch_take, smp_cast, smp_set_bool, smp_set_int, smp_set_own, smp_set_str, smp_to_text,
)
from fastlb_core.program.vars cimport arg_text, var_get

cdef extern from "<unistd.h>" nogil:
    long write(int fd, const void* bytes, size_t n)

cdef conv_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_join_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# ---- joining

cdef uint32_t put(char* out, slice_t text) noexcept nogil:
    if text.len:
        memcpy(out, text.ptr, text.len)
    return text.len


cdef bint join(eval_t* ev, sample_t* smp, const slice_t* pieces, int n_pieces) noexcept nogil:
    """The sample's text and the pieces behind it."""
    cdef uint32_t at, size = smp.str.len
    cdef char* out
    cdef int i
    for i in range(n_pieces):
        if pieces[i].len > 0xffffffffu - size:
            return False
        size += pieces[i].len
    out = scratch_take(ev, size)
    if out == NULL:
        return False
    at = put(out, smp.str)
    for i in range(n_pieces):
        at += put(out + at, pieces[i])
    return smp_set_own(smp, SMP_T_STR, out, size, size)


cdef slice_t constant(const arg_t* arg) noexcept nogil:
    cdef slice_t text
    memset(&text, 0, sizeof(text))
    return arg.str if arg.type == ARG_STR else text


cdef bint concat(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: text, variable, text; each may be missing, and a variable that is not set adds nothing."""
    cdef slice_t pieces[3]
    pieces[0] = constant(&args[0])
    arg_text(ev, &args[1], &pieces[1])
    pieces[2] = constant(&args[2])
    return join(ev, smp, pieces, 3)


cdef bint add_item(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: delimiter, variable, suffix. The delimiter comes only between two things that are not empty."""
    cdef slice_t pieces[3]
    pieces[0] = constant(&args[0])
    arg_text(ev, &args[1], &pieces[1])
    pieces[2] = constant(&args[2])
    if smp.str.len == 0 or (pieces[1].len == 0 and pieces[2].len == 0):
        pieces[0].len = 0
    return join(ev, smp, pieces, 3)


# ---- comparing

cdef bint strcmp_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t own = smp.str, other
    cdef uint32_t i, n
    cdef int64_t order
    if not arg_text(ev, args, &other):
        return False
    n = own.len if own.len < other.len else other.len
    for i in range(n):
        # haproxy: the difference of the first bytes that differ, else of the lengths' order.
        order = <int64_t> <uint8_t> own.ptr[i] - <int64_t> <uint8_t> other.ptr[i]
        if order:
            return smp_set_int(smp, order)
    return smp_set_int(smp, (1 if own.len > other.len else 0) - (1 if own.len < other.len else 0))


cdef bint secure_memcmp(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Takes the same time for all texts of one length."""
    cdef sample_t other
    cdef uint8_t differs = 0
    cdef uint32_t i
    memset(&other, 0, sizeof(other))
    if not var_get(ev, <int> args[0].num, <uint32_t> args[0].num2, &other) or not smp_cast(ev, &other, SMP_T_BIN):
        return False
    if other.str.len != smp.str.len:
        return smp_set_bool(smp, False)
    for i in range(smp.str.len):
        differs |= <uint8_t> smp.str.ptr[i] ^ <uint8_t> other.str.ptr[i]
    return smp_set_bool(smp, differs == 0)


# ---- choosing, showing

cdef bint iif(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t chosen = constant(&args[0] if smp.num else &args[1])
    return smp_set_str(smp, chosen.ptr, chosen.len)


cdef const char* type_name(uint8_t type) noexcept nogil:
    if type == SMP_T_BOOL:
        return b"bool"
    if type == SMP_T_SINT:
        return b"sint"
    if type == SMP_T_IPV4:
        return b"ipv4"
    if type == SMP_T_IPV6:
        return b"ipv6"
    if type == SMP_T_STR:
        return b"str"
    return b"meth" if type == SMP_T_METH else b"bin"


cdef uint32_t put_words(char* out, uint32_t at, const char* words) noexcept nogil:
    while words[0]:
        out[at] = words[0]
        at += 1
        words += 1
    return at


cdef bint debug(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: prefix, then the descriptor that gets the line, or -1 for none. The sample passes unchanged in any case."""
    cdef slice_t text, prefix = constant(&args[0])
    cdef uint32_t room, at, i, used = ev.scratch.used
    cdef char* line
    if args[1].type != ARG_SINT or args[1].num < 0 or not smp_to_text(ev, smp, &text):
        return True
    line = scratch_rest(ev, &room)
    if <uint64_t> prefix.len + text.len + 40 <= room:
        at = put_words(line, 0, b"[debug] ")
        at += put(line + at, prefix)
        at = put_words(line, at, b": type=")
        at = put_words(line, at, type_name(smp.type))
        at = put_words(line, at, b" <")
        for i in range(text.len):
            line[at] = text.ptr[i] if <uint8_t> text.ptr[i] >= 32 and text.ptr[i] != 127 else b'.'
            at += 1
        at = put_words(line, at, b">\n")
        # A line that cannot be written is a line less: this is a tool for looking, not a log.
        write(<int> args[1].num, line, at)
    ev.scratch.used = used
    return True


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"concat", concat)
add(b"add_item", add_item)
add(b"strcmp", strcmp_)
add(b"secure_memcmp", secure_memcmp)
add(b"iif", iif)
add(b"debug", debug)
