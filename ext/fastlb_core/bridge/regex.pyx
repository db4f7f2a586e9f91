# cython: language_level=3
# Says what is wrong with a regular expression, for src/fastlb/compile/. Knows program/regex; no logic of its own.

from libc.stdint cimport uint32_t

from fastlb_core.program.regex cimport REGEX_ERROR_MAX, regex_free, regex_new, regex_t


def regex_fault(bytes pattern, uint32_t flags) -> str:
    """PCRE2's words as HAProxy gives them, "" for a good one. flags: REGEX_* of bridge/constants."""
    cdef char[REGEX_ERROR_MAX] error
    cdef regex_t* regex = regex_new(<const char*> pattern, <uint32_t> len(pattern), flags, error)
    if regex == NULL:
        return (<bytes> error).decode("utf-8", "replace")
    regex_free(regex)
    return ""
