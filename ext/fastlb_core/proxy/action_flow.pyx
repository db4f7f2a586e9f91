# `allow`, `accept`, `reject`, `close`, `switch-mode` (manual, section 4.2).

from libc.stdint cimport uint32_t

from fastlb_core.http.message cimport BODY_TUNNEL
from fastlb_core.net.conn cimport CONN_F_EOF, conn_shut_write
from fastlb_core.program.rules cimport ACT_CONT, ACT_REJECT, ACT_STOP, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.front cimport front_upgrade
from fastlb_core.proxy.stream cimport STRM_F_CLOSE_BACK, STRM_F_CLOSE_FRONT, stream_t

cdef action_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_flow_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef act_t allow(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ACT_STOP


cdef act_t reject(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ACT_REJECT


# haproxy: of a request in a connection that speaks HTTP already it ends the rules, and that is all.
cdef act_t switch_mode(eval_t* ev, const rule_t* rule) noexcept nogil:
    front_upgrade(<stream_t*> ev.strm)
    return ACT_STOP


# What has come already goes to the client, which is closed as well. haproxy: goes on with the rules behind it.
cdef act_t close_server(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    conn_shut_write(ev.back)
    ev.back.flags |= CONN_F_EOF
    strm.flags |= STRM_F_CLOSE_FRONT | STRM_F_CLOSE_BACK
    if strm.req_msg.body == BODY_TUNNEL:
        # Nobody is there to take what the client still sends.
        strm.req.is_done = True
        strm.req.n_ready = 0
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"allow", allow)
add(b"reject", reject)
add(b"close", close_server)
add(b"switch-mode", switch_mode)
