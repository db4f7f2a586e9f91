# cython: language_level=3
# What health checks ask of the core: expressions, formats and variables without a stream, regular expressions.
#
# Knows how an eval_t looks where there is a server, perhaps its answer, and no client: a stream that nothing runs stands for
# what fetches and aliases look at. Must not know checks (control/checks). One process uses it: control.

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec
from posix.unistd cimport getpid

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.builder cimport Program
from fastlb_core.http.h1 cimport H1_DONE, h1_init_response, h1_parse_head, h1_parser_t
from fastlb_core.http.message cimport METHOD_GET, hdr_t, http_msg_t, msg_cap_hdrs, msg_init, msg_reset
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.program.regex cimport REGEX_ERROR_MAX, REGEX_ICASE, regex_free, regex_match, regex_new, regex_t
from fastlb_core.program.rules cimport RULES_CHECK, px_rules, rule_t, rules_run, rules_t
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, EVAL_O_RESPONSE, SMP_T_BIN, SMP_T_BOOL, SMP_T_SINT, SMP_T_STR, VARS_CHECK, VARS_PROC, VARS_SESS, eval_t,
    sample_t, scratch_t, smp_cast,
)
from fastlb_core.program.vars cimport (
    var_get, vars_init, vars_pools_destroy, vars_pools_init, vars_pools_t, vars_reset, vars_t,
)
from fastlb_core.proxy.log cimport log_rec_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    FREE_BLOCKS = 16
    SCRATCH = 131072


cdef uint64_t _clock_us(int which) noexcept nogil:
    cdef timespec ts
    clock_gettime(which, &ts)
    return <uint64_t> ts.tv_sec * 1000000 + <uint64_t> ts.tv_nsec // 1000


cdef class Regex:
    """A regular expression of the core's. Raises ValueError with PCRE2's words."""

    cdef regex_t* regex          # owned

    def __cinit__(self, bytes pattern, bint ignore_case=False):
        cdef char[REGEX_ERROR_MAX] error
        self.regex = regex_new(<const char*> pattern, <uint32_t> len(pattern), REGEX_ICASE if ignore_case else 0, error)
        if self.regex == NULL:
            raise ValueError((<bytes> error).decode("utf-8", "replace"))

    def __dealloc__(self):
        regex_free(self.regex)

    def matches(self, bytes subject) -> bool:
        """Whether it matches somewhere."""
        return regex_match(self.regex, slice_of(<const char*> subject, <uint32_t> len(subject)))


cdef class Evaluator:
    """What the checks of one process share: the variables of the process, and memory to evaluate in."""

    cdef readonly Program program
    cdef program_t* ptr          # borrowed (program)
    cdef vars_pools_t pools
    cdef vars_t proc_vars
    cdef scratch_t scratch
    cdef worker_t* worker        # owned: what a stream points to
    cdef hdr_t* hdrs             # owned: of the answer that is looked at
    cdef log_rec_t facts

    def __cinit__(self, Program program):
        cdef eval_t ev
        cdef uint32_t next = 0
        self.program, self.ptr = program, program.ptr
        vars_pools_init(&self.pools, FREE_BLOCKS)
        vars_init(&self.proc_vars, &self.pools, NULL, self.ptr.n_vars[<int> VARS_PROC], self.ptr.max_vars[<int> VARS_PROC])
        self.proc_vars.is_proc = True
        self.worker = <worker_t*> calloc(1, sizeof(worker_t))
        self.scratch.area = <char*> calloc(1, SCRATCH)
        self.hdrs = <hdr_t*> calloc(msg_cap_hdrs(self.ptr.maxhdr), sizeof(hdr_t))
        if self.worker == NULL or self.scratch.area == NULL or self.hdrs == NULL:
            raise MemoryError
        self.scratch.size = SCRATCH
        self.worker.arena, self.worker.program = self.ptr.arena, self.ptr
        memset(&ev, 0, sizeof(ev))
        self.fill(&ev)
        ev.fe = self.ptr.proxies[0] if self.ptr.n_proxies else NULL
        rules_run(&ev, <const rules_t*> self.ptr.at_start, &next)

    def __dealloc__(self):
        vars_reset(&self.proc_vars)
        vars_pools_destroy(&self.pools)
        free(self.worker)
        free(self.scratch.area)
        free(self.hdrs)

    cdef void fill(self, eval_t* ev) noexcept:
        ev.program = self.ptr
        ev.options = EVAL_O_FINAL
        ev.pid = getpid()
        ev.now_ms = _clock_us(CLOCK_MONOTONIC) // 1000
        ev.real_us = _clock_us(CLOCK_REALTIME)
        ev.scratch = &self.scratch
        ev.room_for_facts = &self.facts
        ev.vars[<int> VARS_PROC] = &self.proc_vars
        self.scratch.used = 0


cdef class Evaluation:
    """The evaluations of one run of one server's check. server: its index. Not to be used by two checks at a time."""

    cdef Evaluator owner
    cdef srv_t* srv              # borrowed (program)
    cdef px_t check_side         # what stands for the frontend: HAProxy's name for it
    cdef stream_t strm
    cdef conn_t front
    cdef vars_t sess_vars
    cdef vars_t check_vars

    def __cinit__(self, Evaluator owner, uint32_t server):
        cdef program_t* program = owner.ptr
        if server >= program.n_servers:
            raise IndexError(server)
        entry = owner.program.entry(server)
        self.owner = owner
        self.srv = program.servers[server]
        self.check_side = program.proxies[<uint32_t> entry.proxy][0]
        self.check_side.name = slice_of(b"CHECKS-FE", 9)
        self.check_side.name_secure = self.check_side.name
        memset(&self.strm, 0, sizeof(self.strm))
        memset(&self.front, 0, sizeof(self.front))
        self.strm.w, self.strm.front, self.strm.srv = owner.worker, &self.front, self.srv
        self.strm.fe = &self.check_side
        self.strm.be = program.proxies[<uint32_t> entry.proxy]
        self.open(&self.sess_vars, VARS_SESS, &owner.proc_vars)
        self.open(&self.check_vars, VARS_CHECK, &self.sess_vars)

    cdef void open(self, vars_t* vars, int scope, vars_t* parent) noexcept:
        vars_init(vars, &self.owner.pools, parent, self.owner.ptr.n_vars[scope], self.owner.ptr.max_vars[scope])

    def __dealloc__(self):
        vars_reset(&self.check_vars)
        vars_reset(&self.sess_vars)

    def run(self, uint32_t index, bytes received=b"", bint is_http=False):
        """Runs rule `index` of the backend's checks; the value that its variable then has: int, bytes, or None for none.

        received: what the server answered; is_http: it begins with an answer's head.
        """
        cdef const rules_t* rules = px_rules(self.strm.be, RULES_CHECK)
        cdef rules_t one
        cdef eval_t ev
        cdef http_msg_t msg
        cdef h1_parser_t parser
        cdef uint32_t next = 0
        cdef bytearray head = bytearray(received)
        if rules == NULL or index >= rules.n_items:
            raise IndexError(index)
        memset(&ev, 0, sizeof(ev))
        self.owner.fill(&ev)
        ev.strm, ev.front, ev.fe, ev.be = &self.strm, &self.front, &self.check_side, self.strm.be
        ev.vars[<int> VARS_SESS], ev.vars[<int> VARS_CHECK] = &self.sess_vars, &self.check_vars
        ev.options |= EVAL_O_RESPONSE
        ev.res_bytes = slice_of(<char*> head, <uint32_t> len(head))
        if is_http:
            memset(&parser, 0, sizeof(parser))
            msg_init(&msg, self.owner.hdrs, self.owner.ptr.maxhdr)
            msg_reset(&msg, <char*> head, <uint32_t> len(head), 0)
            h1_init_response(&parser, &msg, METHOD_GET, 0)
            if h1_parse_head(&parser, <uint32_t> len(head)) == H1_DONE:
                ev.res = &msg
                ev.res_bytes = slice_of(msg.area + msg.head_len, <uint32_t> len(head) - msg.head_len)
        one.items, one.n_items = &rules.items[index], 1
        rules_run(&ev, &one, &next)
        return self.value_of(&ev, &rules.items[index])

    cdef object value_of(self, eval_t* ev, const rule_t* rule):
        cdef sample_t smp
        memset(&smp, 0, sizeof(smp))
        if not var_get(ev, <int> rule.args[0].num, <uint32_t> rule.args[0].num2, &smp):
            return None
        if smp.type == SMP_T_SINT or smp.type == SMP_T_BOOL:
            return smp.num
        if smp.type != SMP_T_BIN and not smp_cast(ev, &smp, SMP_T_STR):
            return None
        return PyBytes_FromStringAndSize(smp.str.ptr, smp.str.len)
