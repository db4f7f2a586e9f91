# Finds one value in a JSON text by a path like `$.a.b[3].c` (manual, section 7.3.1 "json_query").
#
# Knows as much of RFC 8259 as is needed to step over values, and HAProxy's paths: `.name`, `[index]`, and a backslash
# before a byte of a name that is meant literally (`\.`). Must not know samples. Reads the text
# once up to the value that is asked for; what follows is not looked at.
# Time is linear in the text, and nothing recurses: containers may be nested JSON_DEPTH deep.

from fastlb_core.base.slice cimport slice_t

cdef enum:
    JSON_DEPTH = 20              # haproxy: the same

cdef enum json_kind_t:
    JSON_NOTHING = 0             # no such value, or text that is not JSON
    JSON_STRING = 1              # token: what is between the quotes, escapes still in it
    JSON_NUMBER = 2
    JSON_TRUE = 3
    JSON_FALSE = 4
    JSON_NULL = 5
    JSON_ARRAY = 6               # token: with its brackets
    JSON_OBJECT = 7

# *token: borrowed from `text`.
cdef json_kind_t json_find(slice_t text, slice_t path, slice_t* token) noexcept nogil
