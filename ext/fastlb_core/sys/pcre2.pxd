# Externs of PCRE2 with 8-bit code units (pcre2api(3)). Knows declarations only; program/regex.pyx alone calls them.

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

cdef extern from *:
    """
    #ifndef PCRE2_CODE_UNIT_WIDTH
    #define PCRE2_CODE_UNIT_WIDTH 8
    #endif
    #include <pcre2.h>
    """
    ctypedef struct pcre2_code:
        pass
    ctypedef struct pcre2_match_data:
        pass
    ctypedef struct pcre2_match_context:
        pass
    ctypedef struct pcre2_general_context:
        pass
    ctypedef struct pcre2_compile_context:
        pass
    ctypedef struct pcre2_jit_stack:
        pass

    enum:
        PCRE2_ANCHORED
        PCRE2_CASELESS
        PCRE2_NO_AUTO_CAPTURE
        PCRE2_USE_OFFSET_LIMIT
        PCRE2_NOTBOL
        PCRE2_NO_JIT
        PCRE2_JIT_COMPLETE
        PCRE2_INFO_ALLOPTIONS
    const int PCRE2_ERROR_NOMATCH
    const int PCRE2_ERROR_JIT_STACKLIMIT
    const size_t PCRE2_UNSET

    pcre2_code* pcre2_compile(
        const unsigned char* pattern, size_t length, uint32_t options, int* error, size_t* offset, pcre2_compile_context* context
    ) noexcept nogil
    void pcre2_code_free(pcre2_code* code) noexcept nogil
    int pcre2_pattern_info(const pcre2_code* code, uint32_t what, void* where) noexcept nogil
    int pcre2_jit_compile(pcre2_code* code, uint32_t options) noexcept nogil
    pcre2_jit_stack* pcre2_jit_stack_create(size_t start, size_t limit, pcre2_general_context* context) noexcept nogil
    void pcre2_jit_stack_assign(pcre2_match_context* context, void* callback, void* stack) noexcept nogil
    pcre2_match_data* pcre2_match_data_create(uint32_t pairs, pcre2_general_context* context) noexcept nogil
    size_t* pcre2_get_ovector_pointer(pcre2_match_data* data) noexcept nogil
    pcre2_match_context* pcre2_match_context_create(pcre2_general_context* context) noexcept nogil
    int pcre2_set_match_limit(pcre2_match_context* context, uint32_t limit) noexcept nogil
    int pcre2_set_depth_limit(pcre2_match_context* context, uint32_t limit) noexcept nogil
    int pcre2_set_heap_limit(pcre2_match_context* context, uint32_t kibibytes) noexcept nogil
    int pcre2_set_offset_limit(pcre2_match_context* context, size_t offset) noexcept nogil
    int pcre2_match(
        const pcre2_code* code, const unsigned char* subject, size_t length, size_t start, uint32_t options,
        pcre2_match_data* data, pcre2_match_context* context
    ) noexcept nogil
    int pcre2_get_error_message(int error, unsigned char* text, size_t size) noexcept nogil
