# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Lays out patterns: the sets, and the indexes through which ACLs and maps see them.
#
# Knows the plain values of ProgramBuilder.add_pattern_set and add_patterns. Must not know ACLs or maps.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.pat_store cimport (
    PAT_F_CAPTURE, PAT_F_ICASE, PAT_OUT_INT, PAT_OUT_IP, PAT_OUT_KEY, PAT_OUT_NONE, PAT_OUT_STR, pat_error_t,
)
from fastlb_core.program.pattern cimport (
    pat_add, pat_method_of, pat_ref_attach, pat_ref_free, pat_ref_new, pat_ref_t,
)
from fastlb_core.program.program cimport program_own, program_t
from fastlb_core.program.region cimport region_alloc

OUTPUTS = {"": PAT_OUT_NONE, "str": PAT_OUT_STR, "int": PAT_OUT_INT, "ip": PAT_OUT_IP, "key": PAT_OUT_KEY}


class PatternError(ValueError):
    """A pattern that does not fit its method. index: of the patterns in the builder; line: of their file, or 0."""

    def __init__(self, message, index, line):
        super().__init__(message)
        self.index = index
        self.line = line


cdef void free_ref(void* ref) noexcept nogil:
    pat_ref_free(<pat_ref_t*> ref)


cdef slice_t _slice(bytes text):
    return slice_of(<const char*> text, <uint32_t> len(text))


cdef _refused(const pat_error_t* error, index):
    return PatternError((<bytes> error.text).decode("utf-8", "replace"), index, error.line)


cdef pat_ref_t* new_ref(program_t* program, dict value, uint32_t number) except NULL:
    cdef pat_ref_t* ref = pat_ref_new(_slice(value["file"]), value["id"], value["has_values"])
    if ref == NULL or not program_own(program, ref, free_ref):
        raise MemoryError("the program does not fit into memory")
    ref.number = number
    return ref


cdef int fill_ref(pat_ref_t* ref, dict value, index) except -1:
    cdef pat_error_t error
    cdef slice_t content
    memset(&error, 0, sizeof(error))
    for key, text, line in value["entries"]:
        content = _slice(text) if ref.has_values else slice_of(NULL, 0)
        if pat_add(ref, ref.live, _slice(key), content, line, &error) == NULL:
            raise _refused(&error, index)
    return 0


cdef int lay_out_patterns(program_t* program, list sets, list patterns) except -1:
    cdef pat_error_t error
    cdef pat_ref_t* ref
    cdef uint32_t at
    cdef int method
    cdef bytes name
    program.n_pattern_refs = len(sets)
    program.n_patterns = len(patterns)
    program.patterns = <void**> region_alloc(&program.region, sizeof(void*) * (program.n_patterns + 1))
    program.pattern_refs = <void**> region_alloc(&program.region, sizeof(void*) * (program.n_pattern_refs + 1))
    if program.patterns == NULL or program.pattern_refs == NULL:
        raise MemoryError("the program does not fit into memory")
    memset(&error, 0, sizeof(error))
    for at, value in enumerate(sets):
        program.pattern_refs[at] = new_ref(program, value, at)
    filled = set()
    for at, value in enumerate(patterns):
        ref = <pat_ref_t*> program.pattern_refs[<uint32_t> value["set"]]
        name = value["method"].encode()
        method = pat_method_of(<const char*> name)
        flags = (PAT_F_ICASE if value["ignore_case"] else 0) | (PAT_F_CAPTURE if value["captures"] else 0)
        program.patterns[at] = pat_ref_attach(ref, method, flags, OUTPUTS[value["output"]], &error)
        if program.patterns[at] == NULL:
            raise _refused(&error, at)
        if value["set"] not in filled:
            # Behind the first index, so that an entry that does not fit is told with its line.
            filled.add(value["set"])
            fill_ref(ref, sets[value["set"]], at)
    return 0
