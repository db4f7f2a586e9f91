# Log formats as the rules and log lines use them: text, expressions and aliases in a row.
#
# Knows how a format becomes bytes: flags, what is shown for a missing value, quotes, JSON and CBOR. Must not know what an
# alias shows: that is a function found by its letters (bridge/registry), written where the facts are (proxy/log_alias*).

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
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
    LF_F_HTTP = 256              # not a log line: what has no value is nothing, not "-", and control bytes of values are %XX
    LF_F_RAW = 512               # with LF_F_HTTP: values as they are (set-var-fmt)
    LF_F_ENCODE = 48             # JSON or CBOR
    LF_F_AS_STR = 1024           # %(name:str): the type that JSON and CBOR shall show
    LF_F_AS_INT = 2048           # %(name:sint)
    LF_F_AS_BOOL = 4096          # %(name:bool)
    LF_F_STREAM = 8192           # an expression that needs a stream: missing in the line of a connection that has none

cdef enum lf_kind_t:
    LF_TEXT = 0
    LF_EXPR = 1
    LF_ALIAS = 2
    LF_SPACE = 3                 # of a log line: one space, none behind another one or at the beginning

cdef enum lf_value_kind_t:
    LF_V_MISSING = 0             # "-", or "" with +Q; nothing with LF_F_HTTP
    LF_V_NOTHING = 1             # not shown at all
    LF_V_INT = 2
    LF_V_TEXT = 3                # quoted and escaped where the flags ask for it
    LF_V_PLAIN = 4               # text that is never quoted or escaped: dates
    LF_V_READY = 5               # the alias has obeyed the flags itself

# What an alias shows. num: LF_V_INT. text: the others; in the scratch area, or borrowed for the time of the line.
cdef struct lf_value_t:
    uint8_t kind                 # lf_value_kind_t
    bint is_plus                 # a number that is still growing: "+" before it
    uint8_t hex_width            # digits of the number with +X at least; 0: +X does not change it
    int64_t num
    slice_t text

# Fills *value, whose kind is LF_V_MISSING when it is called. Bytes that need not be seen as they are (#XX) the alias has
# encoded, unless item.flags & LF_F_ENCODE.
ctypedef void (*alias_fn)(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil

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
    uint16_t flags               # LF_F_*, of %o; with JSON or CBOR the line is a map of its named items

cdef struct alias_entry_t:
    const char* name
    alias_fn fn

# The formatted bytes at dst; what does not fit is cut (haproxy: the same). Returns their number. The scratch area is left
# as it was.
cdef uint32_t lf_build(eval_t* ev, const logformat_t* format, char* dst, uint32_t room) noexcept nogil
# The formatted bytes in the scratch area, at most `most` of them. False when the area is full.
cdef bint lf_text(eval_t* ev, const logformat_t* format, uint32_t most, slice_t* text) noexcept nogil
