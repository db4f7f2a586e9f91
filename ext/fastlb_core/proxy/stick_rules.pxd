# `stick` rules: which server a request goes to again, and what is remembered for the next one (manual, section 4.2 "stick on").
#
# Knows rules, a stream's stores and servers' names. Must not know balancing: the server found is only a proposal
# (stream_t.stick_srv) that backend.pyx takes while it is usable.

from fastlb_core.program.rules cimport act_t, rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t

# The action of all of them. Arguments: STICK_A_* flags, key, table.
cdef act_t stick_rule(eval_t* ev, const rule_t* rule) noexcept nogil
# Runs the backend's rules for requests. The request's head has not left yet.
cdef void stick_find_server(stream_t* strm) noexcept nogil
# The server has answered (http) or is connected (tcp): the entries learn which it is; the rules for answers run before.
cdef void stick_learn(stream_t* strm) noexcept nogil
# Gives the stream's stores back; an entry that has learned nothing goes.
cdef void stick_forget(stream_t* strm) noexcept nogil
