# Questions to control: implementation.

from libc.stddef cimport size_t
from libc.string cimport memcpy

from fastlb_core.base.list cimport list_add_tail, list_del, list_entry, list_t
from fastlb_core.program.changes cimport changes_add, changes_reset
from fastlb_core.proxy.stream cimport stream_wake


cdef bint question_ask(stream_t* strm, slice_t resolvers, uint32_t family, slice_t name) noexcept nogil:
    cdef worker_t* w = strm.w
    cdef uint32_t before = w.questions.len
    if w.message_fd < 0 or not 0 < name.len <= QUESTION_NAME_MAX:
        return False
    w.n_questions += 1
    changes_add(&w.questions, family, w.n_questions, resolvers, name)
    if w.questions.len == before:
        return False
    strm.question = w.n_questions
    strm.question_state = QUESTION_WAITS
    strm.answer_len = 0
    list_add_tail(&w.asking, &strm.link)
    return True


cdef void question_end(stream_t* strm) noexcept nogil:
    if strm.question_state == QUESTION_WAITS:
        list_del(&strm.link)
    strm.question_state = QUESTION_NONE


cdef inline stream_t* _stream_of(list_t* link) noexcept nogil:
    return <stream_t*> list_entry(link, <size_t> &(<stream_t*> NULL).link)


cdef void _answered(stream_t* strm) noexcept nogil:
    list_del(&strm.link)
    strm.question_state = QUESTION_ANSWERED
    stream_wake(strm)


cdef void question_answer(worker_t* w, uint32_t number, const uint8_t* address, uint32_t length) noexcept nogil:
    cdef list_t* link = w.asking.next
    cdef stream_t* strm
    # Answers come about in the order of the questions: the one that is looked for stands near the front.
    while link != &w.asking:
        strm = _stream_of(link)
        if strm.question == number:
            if length == 4 or length == 16:
                memcpy(strm.answer, address, length)
                strm.answer_len = <uint8_t> length
            _answered(strm)
            return
        link = link.next


cdef void question_answer_none(worker_t* w) noexcept nogil:
    changes_reset(&w.questions)
    while w.asking.next != &w.asking:
        _answered(_stream_of(w.asking.next))
