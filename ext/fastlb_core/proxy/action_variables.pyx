# Actions on variables, maps and ACLs (manual, section 4.2). Arguments, see config/actions/variables.py.
#
# A change of a map or an ACL is in this worker's copy at once, and through control in the others' soon after
# (docs/internals/shared-contents.md). haproxy: has one copy for all threads.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.program.changes cimport CHANGE_DEL, CHANGE_PUT, CHANGE_SET, changes_add
from fastlb_core.program.expr cimport expr_eval, expr_t
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.pat_store cimport pat_entry_t, pat_error_t
from fastlb_core.program.pattern cimport (
    pat_add, pat_change_key, pat_find, pat_find_next, pat_index_t, pat_ref_t, pat_remove_key,
)
from fastlb_core.program.rules cimport ACT_CONT, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_str
from fastlb_core.program.vars cimport var_set, var_unset

cdef action_entry_t[7] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_variables_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# ---- variables. args: the variable, VAR_C_* of all conditions, then what it becomes

cdef act_t set_var(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sample_t smp
    if expr_eval(ev, <const expr_t*> rule.args[2].ptr, &smp):
        var_set(ev, <int> rule.args[0].num, <uint32_t> rule.args[0].num2, &smp, <uint32_t> rule.args[1].num)
    return ACT_CONT


cdef act_t set_var_fmt(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sample_t smp
    cdef slice_t text
    if not lf_text(ev, <const logformat_t*> rule.args[2].ptr, ev.program.bufsize, &text):
        return ACT_CONT
    smp.flags = 0
    smp_set_str(&smp, text.ptr, text.len)
    var_set(ev, <int> rule.args[0].num, <uint32_t> rule.args[0].num2, &smp, <uint32_t> rule.args[1].num)
    return ACT_CONT


cdef act_t unset_var(eval_t* ev, const rule_t* rule) noexcept nogil:
    var_unset(ev, <int> rule.args[0].num, <uint32_t> rule.args[0].num2)
    return ACT_CONT


# ---- maps and ACLs. args: the patterns, the key's format, the value's

cdef inline pat_ref_t* _ref(const rule_t* rule) noexcept nogil:
    return (<pat_index_t*> rule.args[0].ptr).ref


cdef bint _key(eval_t* ev, const rule_t* rule, slice_t* key) noexcept nogil:
    return lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, key)


# haproxy: a key that is there is not added a second time.
cdef act_t add_acl(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef pat_error_t error
    cdef pat_ref_t* ref = _ref(rule)
    cdef slice_t key
    if _key(ev, rule, &key) and pat_find(ref.live, key) == NULL:
        if pat_add(ref, ref.live, key, slice_of(NULL, 0), 0, &error) != NULL:
            changes_add(ref.changes, CHANGE_PUT, ref.number, key, slice_of(NULL, 0))
    return ACT_CONT


cdef act_t remove(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef pat_ref_t* ref = _ref(rule)
    cdef slice_t key
    if _key(ev, rule, &key) and pat_remove_key(ref.live, key):
        changes_add(ref.changes, CHANGE_DEL, ref.number, key, slice_of(NULL, 0))
    return ACT_CONT


cdef bint put(pat_ref_t* ref, slice_t key, slice_t value) noexcept nogil:
    """Whether the map is another one now."""
    cdef pat_error_t error
    cdef pat_entry_t* entry = pat_find(ref.live, key)
    if entry == NULL:
        return pat_add(ref, ref.live, key, value, 0, &error) != NULL
    if entry.has_value and slice_eq(entry.value, value.ptr, value.len) and pat_find_next(entry) == NULL:
        # The usual case: a rule that sets for each request what it has set before.
        return False
    return pat_change_key(ref, ref.live, key, value, &error) > 0


cdef act_t set_map(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef pat_ref_t* ref = _ref(rule)
    cdef slice_t key, value
    if not _key(ev, rule, &key) or not lf_text(ev, <const logformat_t*> rule.args[2].ptr, ev.program.bufsize, &value):
        return ACT_CONT
    if put(ref, key, value):
        changes_add(ref.changes, CHANGE_SET, ref.number, key, value)
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"set-var", set_var)
add(b"set-var-fmt", set_var_fmt)
add(b"unset-var", unset_var)
add(b"add-acl", add_acl)
add(b"del-acl", remove)
add(b"set-map", set_map)
add(b"del-map", remove)
