# Rules of an HTTP stream: in which order HAProxy runs them over a request and over its answer, and what follows from each.
#
# Knows the order: frontend's content rules, http-request, redirect; the switch to a backend; the same of the backend. Must
# not know what an action does. A rule that waits leaves its place in strm.phase and strm.rule_at.

from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport act_t, rule_set_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t

cdef enum rules_result_t:
    RULES_R_GO = 0               # all have run; strm.next_be is the backend (request)
    RULES_R_WAIT = 1             # one waits: run them again when the stream is processed next
    RULES_R_ENDED = 2            # an answer of our own is leaving, or the stream has ended

cdef enum phase_t:               # strm.phase
    PHASE_FE_TCP = 0
    PHASE_FE_BODY = 1            # option http-buffer-request
    PHASE_FE_HTTP = 2
    PHASE_FE_REDIRECT = 3
    PHASE_SWITCH = 4
    PHASE_BE_TCP = 5
    PHASE_BE_BODY = 6
    PHASE_BE_HTTP = 7
    PHASE_BE_REDIRECT = 8
    PHASE_KEY = 9                # balance url_param check_post
    PHASE_REQUEST_DONE = 10
    PHASE_BE_CONTENT = 11        # tcp-response content
    PHASE_BE_RESPONSE = 12
    PHASE_FE_RESPONSE = 13
    PHASE_COOKIE = 14            # persistence's own
    PHASE_BE_AFTER = 15
    PHASE_FE_AFTER = 16
    PHASE_DONE = 17

# One phase of a request, strm.phase: its rules, or the switch. ACT_CONT: the next phase.
cdef act_t request_phase(stream_t* strm, eval_t* ev) noexcept nogil
# haproxy: what the rules of the chosen backend refuse has entered it, and its log line names it. Idempotent.
cdef void enter_backend(stream_t* strm) noexcept nogil
# haproxy: what a rule has broken off was not reached, for the log: the time of the request or of the answer, and in front of
# everything else the request itself. The bytes of an answer that came count all the same.
cdef void rules_unmark(stream_t* strm, bint is_response) noexcept nogil
# The rules of px for one set, from strm.rule_at on; where they go on is kept there.
cdef act_t run_set(stream_t* strm, eval_t* ev, const px_t* px, rule_set_t set) noexcept nogil
# The request's rules, from strm.phase on.
cdef rules_result_t request_rules(stream_t* strm) noexcept nogil
# The answer's rules, from strm.phase on (PHASE_BE_CONTENT to begin with).
cdef rules_result_t response_rules(stream_t* strm) noexcept nogil
