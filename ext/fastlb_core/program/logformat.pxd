# Log formats as the rules and log lines use them: text, expressions and aliases in a row.
#
# Knows how a format becomes bytes. Must not know what an alias shows: that is a function found by its letters
# (bridge/registry), written where the facts are (proxy/).

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.sample cimport eval_t

cdef enum:                       # lf_item_t.flags, logformat_t.flags; the numbers of config/logformat.py
    LF_F_QUOTE = 1               # +Q
    LF_F_HEX = 2                 # +X
    LF_F_ESCAPE = 4              # +E
    LF_F_BINARY = 8              # +bin
    LF_F_JSON = 16
    LF_F_CBOR = 32
    LF_F_HTTP = 256              # not a log line: what has no value is nothing, not "-"

cdef enum lf_kind_t:
    LF_TEXT = 0
    LF_EXPR = 1
    LF_ALIAS = 2

# Writes what the alias shows at dst (room bytes) and returns how many bytes; more than room: it did not fit.
ctypedef uint32_t (*alias_fn)(eval_t* ev, const lf_item_t* item, char* dst, uint32_t room) noexcept nogil

cdef struct lf_item_t:
    uint8_t kind                 # lf_kind_t
    uint16_t flags               # LF_F_*
    slice_t text                 # borrowed (program)
    expr_t expr                  # inline
    alias_fn alias
    slice_t name                 # of a JSON or CBOR field
    slice_t argument             # what stood in %{...} beside the flags

cdef struct logformat_t:
    lf_item_t* items             # owned (program memory)
    uint32_t n_items
    uint16_t flags               # LF_F_*, of %o

cdef struct alias_entry_t:
    const char* name
    alias_fn fn

# The formatted bytes at dst; what does not fit is cut (haproxy: the same). Returns their number.
cdef uint32_t lf_build(eval_t* ev, const logformat_t* format, char* dst, uint32_t room) noexcept nogil
# The formatted bytes in the scratch area, at most `most` of them. False when the area is full.
cdef bint lf_text(eval_t* ev, const logformat_t* format, uint32_t most, slice_t* text) noexcept nogil
