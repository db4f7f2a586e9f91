# Status codes: reason phrases and HAProxy's default error answers.
# Knows texts only (reference/FORMATS.md, "Error answers"); must not know `errorfile`s, which replace them.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t

# The reason phrase HAProxy writes for a status; its class' for one it has no word for.
cdef slice_t reason_phrase(uint32_t status) noexcept nogil
# The whole default answer, head and body; ptr NULL for a status that has none. 400, 408, 414, 431 and 505 carry
# `connection: close`, because nothing can be read behind what brought them about.
cdef slice_t error_page(uint32_t status) noexcept nogil
# The same with `connection: close` in every case.
cdef slice_t error_page_close(uint32_t status) noexcept nogil
# The same in the form that a rule sends: like any other answer, even where error_page has one that is sent as it stands.
cdef slice_t rule_page(uint32_t status) noexcept nogil
# Only the head of such an answer, for HEAD.
cdef slice_t page_head(slice_t page) noexcept nogil
# The answer for monitor-uri: 200, or error_page(503) while the frontend is not fit.
cdef slice_t monitor_page(bint is_up) noexcept nogil
