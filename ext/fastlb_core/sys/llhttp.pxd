# llhttp's types, from our own header (llhttp.h). Externs only.

from libc.stdint cimport uint8_t, uint16_t
from libc.stddef cimport size_t

cdef extern from "llhttp.h" nogil:
    ctypedef struct llhttp_t:
        void* data
        uint8_t header_state
        uint16_t flags

    ctypedef union llhttp_room_t:
        llhttp_t parser
        char room[192]

    ctypedef int (*llhttp_cb_t)(llhttp_t* parser) noexcept nogil
    ctypedef int (*llhttp_data_cb_t)(llhttp_t* parser, const char* at, size_t length) noexcept nogil

    ctypedef struct llhttp_settings_t:
        llhttp_cb_t on_message_begin
        llhttp_data_cb_t on_header_field
        llhttp_data_cb_t on_header_value
        llhttp_cb_t on_headers_complete

    cdef enum:
        LLHTTP_REQUEST
        LLHTTP_RESPONSE
        LLHTTP_OK
        LLHTTP_USER
        LLHTTP_PAUSED

    ctypedef struct llhttp_api_t:
        void (*init)(llhttp_t* parser, int kind, const llhttp_settings_t* settings) noexcept nogil
        int (*execute)(llhttp_t* parser, const char* bytes, size_t length) noexcept nogil
        int (*get_errno)(const llhttp_t* parser) noexcept nogil
        const char* (*get_error_pos)(const llhttp_t* parser) noexcept nogil
        const char* (*get_error_reason)(const llhttp_t* parser) noexcept nogil
        void (*set_lenient_headers)(llhttp_t* parser, int enabled) noexcept nogil
        void (*set_lenient_optional_cr_before_lf)(llhttp_t* parser, int enabled) noexcept nogil
