# cython: language_level=3
# Testing access to patterns and regular expressions. Must not be imported outside tests/ and bench/.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.bridge.registry cimport find_conv
from fastlb_core.http.message cimport method_of
from fastlb_core.program.expr cimport ARG_IPV4, ARG_IPV6, ARG_PATTERNS, ARG_SINT, ARG_STOP, ARG_STR, arg_t, conv_fn
from fastlb_core.program.pat_store cimport (
    PAT_F_CAPTURE, PAT_F_ICASE, PAT_OUT_INT, PAT_OUT_IP, PAT_OUT_KEY, PAT_OUT_NONE, PAT_OUT_STR, pat_entry_t, pat_error_t,
)
from fastlb_core.program.pattern cimport (
    PAT_LIVE, pat_add, pat_cast, pat_change, pat_change_key, pat_clear, pat_commit, pat_find, pat_find_id, pat_first, pat_index_t,
    pat_match, pat_method_of, pat_next, pat_prepare, pat_ref_attach, pat_ref_free, pat_ref_new, pat_ref_t, pat_remove,
    pat_remove_key, pat_set_of, pat_set_t,
)
from fastlb_core.program.regex cimport (
    REGEX_CAPTURE, REGEX_ERROR_MAX, REGEX_GROUPS, REGEX_ICASE, REGEX_NOTBOL, regex_exec, regex_free, regex_match, regex_new,
    regex_span_t, regex_subst, regex_t,
)
from fastlb_core.program.sample cimport (
    SMP_F_CONST, SMP_T_BIN, SMP_T_BOOL, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, scratch_t,
)

from ipaddress import IPv4Address, IPv6Address

LIVE = <uint32_t> PAT_LIVE
OUTPUTS = {"none": PAT_OUT_NONE, "str": PAT_OUT_STR, "int": PAT_OUT_INT, "ip": PAT_OUT_IP, "key": PAT_OUT_KEY}


class PatternFault(Exception):
    """A pattern or value that cannot be read: the core's words and the line it was given."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class Method:
    """A sample of type method."""

    def __init__(self, name: bytes) -> None:
        self.name = name


cdef slice_t slice_of_bytes(bytes text):
    return slice_of(<const char*> text, <uint32_t> len(text))


cdef object fault(const pat_error_t* error):
    return PatternFault(error.text.decode("latin-1"), error.line)


cdef void put_ip(uint8_t* to, bytes packed):
    memcpy(to, <const char*> packed, len(packed))


cdef void put_sample(sample_t* smp, value):
    """bool, int, an address, str (text as UTF-8), bytes (text) or bytearray (data). The value must outlive the sample."""
    memset(smp, 0, sizeof(sample_t))
    if isinstance(value, bool):
        smp.type, smp.num = SMP_T_BOOL, value
    elif isinstance(value, int):
        smp.type, smp.num = SMP_T_SINT, value
    elif isinstance(value, (IPv4Address, IPv6Address)):
        smp.type = SMP_T_IPV4 if value.version == 4 else SMP_T_IPV6
        put_ip(smp.ip, value.packed)
    else:
        smp.flags = SMP_F_CONST
        smp.type = SMP_T_BIN if isinstance(value, bytearray) else SMP_T_STR
        if isinstance(value, bytearray):
            smp.str = slice_of(<char*> value, <uint32_t> len(value))
        else:
            smp.str = slice_of_bytes(value.name if isinstance(value, Method) else value)
        if isinstance(value, Method):
            smp.type = SMP_T_METH
            smp.num = method_of(smp.str.ptr, smp.str.len)


cdef object value_of(const sample_t* smp):
    if smp.type == SMP_T_SINT:
        return smp.num
    if smp.type == SMP_T_IPV4 or smp.type == SMP_T_IPV6:
        packed = bytes((<const char*> smp.ip)[:4 if smp.type == SMP_T_IPV4 else 16])
        return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
    return smp.str.ptr[:smp.str.len] if smp.str.len else b""


cdef tuple entry_value(const pat_entry_t* entry):
    return (
        entry.id, entry.key.ptr[:entry.key.len] if entry.key.len else b"",
        (entry.value.ptr[:entry.value.len] if entry.value.len else b"") if entry.has_value else None,
    )


cdef class Index:
    """One index of a ref."""

    cdef pat_index_t* index
    cdef readonly Ref ref

    def match(self, value, room: int = 65536):
        """(id, key, value) of the entry that matches, None without; ValueError where the sample cannot be cast."""
        cdef eval_t ev
        cdef scratch_t scratch
        cdef sample_t smp
        cdef const pat_entry_t* entry
        value = value.encode("utf-8") if isinstance(value, str) else value
        put_sample(&smp, value)
        memset(&ev, 0, sizeof(ev))
        scratch.area = <char*> malloc(room + 1)
        scratch.size = room
        scratch.used = 0
        ev.scratch = &scratch
        try:
            if not pat_cast(self.index.method, &ev, &smp):
                raise ValueError(value)
            entry = pat_match(self.index, &ev, &smp)
            return None if entry == NULL else entry_value(entry)
        finally:
            free(scratch.area)

    def convert(self, value, default=None, room: int = 65536):
        """What the map converter makes of the value; None where it fails."""
        cdef eval_t ev
        cdef scratch_t scratch
        cdef sample_t smp
        cdef arg_t args[3]
        cdef conv_fn fn = find_conv(b"map")
        memset(args, 0, sizeof(args))
        memset(&ev, 0, sizeof(ev))
        args[0].type = ARG_PATTERNS
        args[0].ptr = self.index
        if isinstance(default, int):
            args[1].type, args[1].num = ARG_SINT, default
        elif isinstance(default, bytes):
            args[1].type, args[1].str = ARG_STR, slice_of_bytes(default)
        elif default is not None:
            args[1].type = ARG_IPV4 if default.version == 4 else ARG_IPV6
            put_ip(args[1].ip, default.packed)
        args[2].type = ARG_STOP
        put_sample(&smp, value)
        scratch.area = <char*> malloc(room + 1)
        scratch.size = room
        scratch.used = 0
        ev.scratch = &scratch
        try:
            if not pat_cast(self.index.method, &ev, &smp) or not fn(&ev, args, &smp):
                return None
            return value_of(&smp)
        finally:
            free(scratch.area)

    @property
    def kind(self):
        return self.index.live.ops.name.decode()

    def address(self):
        """Where the index is, for the loops of bench/micro."""
        return <size_t> self.index


cdef class Ref:
    """A set of patterns of its own."""

    cdef pat_ref_t* ref

    def __cinit__(self, name: bytes = b"", has_values: bool = False):
        self.ref = pat_ref_new(slice_of_bytes(name), 0, has_values)
        if self.ref == NULL:
            raise MemoryError

    def __dealloc__(self):
        pat_ref_free(self.ref)

    cdef pat_set_t* set_of(self, version) except NULL:
        cdef pat_set_t* found = pat_set_of(self.ref, <uint32_t> version)
        if found == NULL:
            raise KeyError(version)
        return found

    def attach(self, method: str, icase: bool = False, capture: bool = False, output: str = "none"):
        cdef pat_error_t error
        cdef Index index = Index()
        cdef bytes name = method.encode()
        cdef int number = pat_method_of(name)
        cdef uint8_t flags = (PAT_F_ICASE if icase else 0) | (PAT_F_CAPTURE if capture else 0)
        if number < 0:
            raise KeyError(method)
        index.index = pat_ref_attach(self.ref, <uint8_t> number, flags, <uint8_t> OUTPUTS[output], &error)
        if index.index == NULL:
            raise fault(&error)
        index.ref = self
        return index

    def add(self, key: bytes, value=None, version=LIVE, line: int = 0):
        """Its id; PatternFault where it cannot be read."""
        cdef pat_error_t error
        cdef slice_t text = slice_of(NULL, 0) if value is None else slice_of_bytes(value)
        cdef pat_entry_t* entry = pat_add(self.ref, self.set_of(version), slice_of_bytes(key), text, line, &error)
        if entry == NULL:
            raise fault(&error)
        return entry.id

    def remove(self, key: bytes, version=LIVE):
        return pat_remove_key(self.set_of(version), slice_of_bytes(key))

    def remove_id(self, id: int, version=LIVE):
        cdef pat_set_t* found = self.set_of(version)
        cdef pat_entry_t* entry = pat_find_id(found, <uint64_t> id)
        if entry == NULL:
            return False
        pat_remove(found, entry)
        return True

    def change(self, key: bytes, value: bytes, version=LIVE):
        cdef pat_error_t error
        cdef int count = pat_change_key(self.ref, self.set_of(version), slice_of_bytes(key), slice_of_bytes(value), &error)
        if count < 0:
            raise fault(&error)
        return count

    def change_id(self, id: int, value: bytes, version=LIVE):
        cdef pat_error_t error
        cdef pat_entry_t* entry = pat_find_id(self.set_of(version), <uint64_t> id)
        if entry == NULL:
            return False
        if not pat_change(self.ref, entry, slice_of_bytes(value), &error):
            raise fault(&error)
        return True

    def find(self, key: bytes, version=LIVE):
        cdef pat_entry_t* entry = pat_find(self.set_of(version), slice_of_bytes(key))
        return None if entry == NULL else entry_value(entry)

    def clear(self, version=LIVE):
        pat_clear(self.set_of(version))

    def prepare(self):
        cdef pat_set_t* found = pat_prepare(self.ref)
        if found == NULL:
            raise MemoryError
        return found.version

    def commit(self, version):
        cdef pat_set_t* found = self.set_of(version)
        if found == self.ref.live:
            raise KeyError(version)
        pat_commit(self.ref, found)

    def entries(self, version=LIVE):
        cdef pat_set_t* found = self.set_of(version)
        cdef pat_entry_t* entry = pat_first(found)
        result = []
        while entry != NULL:
            result.append(entry_value(entry))
            entry = pat_next(found, entry)
        assert len(result) == found.n_entries
        return result


cdef class Regex:
    """One regular expression; ValueError with PCRE2's words."""

    cdef regex_t* regex

    def __cinit__(self, pattern: bytes, icase: bool = False, capture: bool = True):
        cdef char error[REGEX_ERROR_MAX]
        cdef uint32_t flags = (REGEX_ICASE if icase else 0) | (REGEX_CAPTURE if capture else 0)
        self.regex = regex_new(<const char*> pattern, <uint32_t> len(pattern), flags, error)
        if self.regex == NULL:
            raise ValueError(error.decode())

    def __dealloc__(self):
        regex_free(self.regex)

    @property
    def repeats(self):
        return self.regex.n_repeats

    def matches(self, subject: bytes):
        return bool(regex_match(self.regex, slice_of_bytes(subject)))

    def groups(self, subject: bytes, notbol: bool = False):
        """The groups' bytes, None for those that took no part; None without a match."""
        cdef regex_span_t spans[REGEX_GROUPS]
        if not regex_exec(self.regex, slice_of_bytes(subject), REGEX_NOTBOL if notbol else 0, spans):
            return None
        return [
            None if spans[i].end < spans[i].start else subject[spans[i].start:spans[i].end] for i in range(REGEX_GROUPS)
        ]

    def subst(self, subject: bytes, template: bytes, room: int = 1024):
        """The template with the groups of a match; None without one, or where it fails."""
        cdef regex_span_t spans[REGEX_GROUPS]
        cdef uint32_t length = 0
        cdef char* area
        if not regex_exec(self.regex, slice_of_bytes(subject), 0, spans):
            return None
        area = <char*> calloc(1, room + 1)
        try:
            if not regex_subst(slice_of_bytes(subject), spans, slice_of_bytes(template), area, room, &length):
                return None
            return area[:length]
        finally:
            free(area)
