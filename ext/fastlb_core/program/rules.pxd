# Rules: an action's function with its arguments, and the condition it depends on; sets of them in the order of the lines.
#
# Knows how a set is run. Must not know actions: they are function pointers, found by name in the tables of
# proxy/action_*.pyx (bridge/registry).

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.acl cimport cond_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.sample cimport eval_t

cdef enum act_t:                 # what an action wants to happen next
    ACT_CONT = 0                 # the next rule
    ACT_STOP = 1                 # accept, allow: no more rules of this set
    ACT_YIELD = 2                # again when something has happened; the stream waits
    ACT_DONE = 3                 # an answer is leaving, or the stream has ended: touch nothing
    ACT_REJECT = 4               # close the connection without a word
    ACT_ERROR = 5                # out of room: 500 or 502

cdef enum rule_set_t:            # index of px_t.rules
    RULES_TCP_CONNECTION = 0
    RULES_TCP_SESSION = 1
    RULES_TCP_REQUEST = 2
    RULES_TCP_RESPONSE = 3
    RULES_HTTP_REQUEST = 4
    RULES_HTTP_RESPONSE = 5
    RULES_HTTP_AFTER = 6
    RULES_REDIRECT = 7
    RULES_USE_BACKEND = 8
    RULES_USE_SERVER = 9
    RULES_MONITOR_FAIL = 10
    RULES_PERSIST = 11           # force-persist and ignore-persist
    RULES_STATS_ADMIN = 12       # stats admin: conditions alone
    RULES_STICK = 13
    RULES_STICK_STORE = 14
    RULES_STATS = 15             # stats http-request
    RULES_FORWARDED = 16         # option forwarded: one
    RULES_CHECK = 17             # what health checks evaluate, in control
    RULES_FILTER = 18            # `filter`: nothing to run, proxy/filters.pxd reads their arguments

# ev.rule is `rule` while it runs.
ctypedef act_t (*action_fn)(eval_t* ev, const rule_t* rule) noexcept nogil

cdef struct rule_t:
    action_fn fn
    const cond_t* cond           # owned (program memory), or NULL: always
    const arg_t* args            # owned (program memory)
    slice_t file                 # borrowed (program)
    uint32_t line
    uint8_t set                  # rule_set_t it stands in
    uint8_t is_final             # ends its set where it applies (accept, deny, redirect): last_rule_line tells it

cdef struct rules_t:
    rule_t* items                # owned (program memory)
    uint32_t n_items

cdef struct action_entry_t:
    const char* name
    action_fn fn

cdef inline const rules_t* px_rules(const px_t* px, rule_set_t set) noexcept nogil:
    """The proxy's rules of that set, or NULL where it has none."""
    return <const rules_t*> px.rules[<int> set]

# Runs the rules from *next on until one says something else than ACT_CONT, which is returned; *next is then where to go on:
# at the same rule after ACT_YIELD, behind it otherwise. NULL rules: ACT_CONT. A final rule is noted in ev.last_rule before it
# acts: the stream may have ended, with its log line, when the action is back.
cdef act_t rules_run(eval_t* ev, const rules_t* rules, uint32_t* next) noexcept nogil
