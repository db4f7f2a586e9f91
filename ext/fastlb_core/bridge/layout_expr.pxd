# Expressions, formats, conditions and rules of the program: laid out from plain values, see layout_expr.pyx.

from libc.stdint cimport uint8_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.logformat cimport logformat_t
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.program.regex cimport regex_t
from fastlb_core.program.rules cimport rules_t

# The user lists: [(name, [(user, password, is_plain, [group, ...]), ...]), ...]; before what refers to them.
cdef int lay_out_userlists(program_t* program, list userlists) except -1
# The ACLs of the whole program, before anything that refers to them.
cdef int lay_out_acls(program_t* program, list acls) except -1
# The answers of one proxy's `http-error` lines: {status: [arguments]}.
cdef int lay_out_error_answers(program_t* program, px_t* px, dict answers) except -1
# The rules that each worker runs before it accepts.
cdef int lay_out_start(program_t* program, list rules) except -1
# The rule sets of one proxy: {number of the set: [rules]}.
cdef int lay_out_rules(program_t* program, px_t* px, dict rules) except -1
# Some rules, for whoever runs them itself; number: rule_set_t, or 0.
cdef rules_t* new_rules(program_t* program, list values, uint8_t number) except NULL
# A regex with groups, the program's own. Raises ValueError with HAProxy's words.
cdef regex_t* new_regex(program_t* program, bytes pattern, bint ignore_case) except NULL
# A format from its plain value, in the program's memory.
cdef logformat_t* new_format(program_t* program, tuple value) except NULL
# An expression from its plain value, in the program's memory.
cdef expr_t* new_expression(program_t* program, tuple value) except NULL
# An expression from its plain value. Raises KeyError, MemoryError.
cdef int put_expr(program_t* program, expr_t* expr, tuple value) except -1
# Zeroed program memory. Raises MemoryError.
cdef void* take(program_t* program, uint64_t size) except NULL
# Copies `text` into the program's memory; an empty text stays a NULL slice. Raises MemoryError.
cdef int keep(program_t* program, slice_t* into, bytes text) except -1
