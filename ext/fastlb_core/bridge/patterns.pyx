# cython: language_level=3
# Whether patterns and regular expressions are good, for the check of a configuration. Keeps nothing.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.program.pat_store cimport PAT_F_CAPTURE, PAT_F_ICASE, pat_error_t
from fastlb_core.program.pattern cimport pat_add, pat_method_of, pat_ref_attach, pat_ref_free, pat_ref_new, pat_ref_t
from fastlb_core.program.regex cimport REGEX_CAPTURE, REGEX_ERROR_MAX, REGEX_ICASE, regex_free, regex_new, regex_t

OUTPUTS = {"": 0, "str": 1, "int": 2, "ip": 3, "key": 4}


def regex_error(bytes pattern, bint ignore_case=False):
    """What PCRE2 says is wrong with the regex, or None."""
    cdef char error[REGEX_ERROR_MAX]
    cdef regex_t* re = regex_new(<const char*> pattern, len(pattern), REGEX_CAPTURE | (REGEX_ICASE if ignore_case else 0), error)
    if re == NULL:
        return (<bytes> error).decode("utf-8", "replace")
    regex_free(re)
    return None


def pattern_error(method, bint ignore_case, list entries, output="", bint captures=False):
    """(HAProxy's words, line) for the first of the entries (key, value, line) that does not fit; None when all do."""
    cdef pat_error_t error
    cdef bytes name = method.encode(), key, value
    cdef pat_ref_t* ref = pat_ref_new(slice_of(NULL, 0), 0, output != "")
    cdef int flags = (PAT_F_ICASE if ignore_case else 0) | (PAT_F_CAPTURE if captures else 0)
    if ref == NULL:
        raise MemoryError
    memset(&error, 0, sizeof(error))
    try:
        if pat_ref_attach(ref, pat_method_of(<const char*> name), flags, OUTPUTS[output], &error) == NULL:
            return (<bytes> error.text).decode("utf-8", "replace"), 0
        for key, value, line in entries:
            if pat_add(ref, ref.live, slice_of(<const char*> key, <uint32_t> len(key)),
                       slice_of(<const char*> value, <uint32_t> len(value)), line, &error) == NULL:
                return (<bytes> error.text).decode("utf-8", "replace"), line
        return None
    finally:
        pat_ref_free(ref)
