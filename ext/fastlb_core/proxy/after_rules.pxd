# `http-after-response` over answers that come from no server: pages, rules' answers, redirects.
#
# Knows how such a page becomes a message that rules can edit, and bytes again. Must not know who sends it. The rules over a
# server's answer are a phase of http_rules.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.proxy.stream cimport stream_t

# A page while it is edited; zeroed, it holds nothing.
cdef struct edited_t:
    char* area                   # owned (worker's pool of buffers): the head as it was, and the room for edits
    char* out                    # owned (the same): the head as it is sent

# Whether the stream's proxies have such rules.
cdef bint after_rules_wanted(const stream_t* strm) noexcept nogil
# Runs them, the backend's first; *head becomes the edited head, which `edited` owns, and the stream's status follows it. False: a
# rule failed, *head is as it was.
cdef bint after_rules_run(stream_t* strm, slice_t* head, edited_t* edited) noexcept nogil
# Gives the memory back. Idempotent.
cdef void after_rules_free(stream_t* strm, edited_t* edited) noexcept nogil
