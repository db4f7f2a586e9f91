# Answers of rules: `return`, `deny`, `redirect`, ... made into bytes and sent.
#
# Knows how such an answer is put together. Must not know which rule wants it or why.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t

cdef enum answer_kind_t:         # the numbers are those of config/actions/replies.py
    ANSWER_EMPTY = 0
    ANSWER_RAW = 1               # the body is text of the configuration
    ANSWER_FORMAT = 2            # ... a log format
    ANSWER_PAGE = 3              # a whole answer of the configuration (errorfile)
    ANSWER_DEFAULT = 4           # the proxy's page for the status
    ANSWER_SET = 5               # a page of an http-errors section: the compiler turns it into ANSWER_PAGE

# A head that is being written into the worker's page area.
cdef struct head_t:
    char* at
    char* end
    char* start

cdef bint head_open(eval_t* ev, head_t* head, uint32_t status) noexcept nogil
# Bytes as they are.
cdef bint head_text(head_t* head, slice_t text) noexcept nogil
# One header line; `name` in lower case. False when the area is full.
cdef bint head_add(head_t* head, slice_t name, slice_t value) noexcept nogil
cdef bint head_add_number(head_t* head, slice_t name, uint32_t number) noexcept nogil
# The empty line and the body; the whole answer is then *page.
cdef bint head_close(eval_t* ev, head_t* head, slice_t body, slice_t* page) noexcept nogil
# What args (status, kind, content type, body, headers: see config/actions/replies.py) ask for. False: no room.
# *page stays empty for ANSWER_DEFAULT.
cdef bint answer_make(eval_t* ev, const arg_t* args, slice_t* page) noexcept nogil
