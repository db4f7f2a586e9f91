# cython: language_level=3
# Test shim: what the structs of a compiled program hold, as dicts for pytest.
#
# Knows program.pxd and lb/. Must not be imported by anything but tests.

from fastlb_core.base.arena cimport ARENA_LINE
from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.builder cimport Program
from fastlb_core.lb.server cimport srv_t
from fastlb_core.lb.shared cimport counters_t, srv_is_usable
from fastlb_core.program.program cimport ERR_COUNT, err_index, listener_t, log_target_t, program_t, px_t

COUNTERS_SIZE = sizeof(counters_t)
LINE = ARENA_LINE


cdef object text(slice_t slice):
    return None if slice.ptr == NULL else slice.ptr[:slice.len]


cdef dict target_values(const log_target_t* target):
    return {
        "sink": target.sink, "format": target.format, "facility": target.facility, "level": target.level,
        "min_level": target.min_level, "max_length": target.max_length, "sample_size": target.sample_size,
        "ranges": [target.ranges[i] for i in range(2 * target.n_ranges)],
    }


def program(Program program):
    cdef program_t* ptr = program.ptr
    return {
        "log_tag": text(ptr.log_tag), "log_hostname": text(ptr.log_hostname), "log_pid": ptr.log_pid,
        "n_workers": ptr.n_workers, "maxconn": ptr.maxconn, "bufsize": ptr.bufsize, "maxrewrite": ptr.maxrewrite,
        "maxaccept": ptr.maxaccept, "maxhdr": ptr.maxhdr, "generation": ptr.generation,
        "arena_maxconn": ptr.arena.maxconn, "log_targets": [target_values(&ptr.log_targets[i]) for i in range(ptr.n_log_targets)],
    }


def proxy(Program program, int index):
    cdef px_t* px = program.ptr.proxies[index]
    return {
        "name": text(px.name), "name_secure": text(px.name_secure), "id": px.id, "caps": px.caps, "mode": px.mode,
        "http_mode": px.http_mode, "reuse": px.reuse, "log_kind": px.log_kind, "options": px.options, "retries": px.retries,
        "redispatch": px.redispatch, "fwf_header": text(px.fwf_header),
        "fwf_except": ((<char*> px.fwf_except.addr)[:16], (<char*> px.fwf_except.mask)[:16]),
        "monitor_uri": text(px.monitor_uri), "internal_prefix": text(px.internal_prefix), "log_tag": text(px.log_tag),
        "default_backend": None if px.default_backend == NULL else px.default_backend.index,
        "internal_server": None if px.internal_server == NULL else px.internal_server.index,
        "error_pages": {i: text(px.error_pages[i]) for i in range(ERR_COUNT) if px.error_pages[i].ptr != NULL},
        "log_targets": [target_values(&px.log_targets[i]) for i in range(px.n_log_targets)],
        "fe_maxconn": px.sh.fe_maxconn, "algorithm": px.lb.ops.name.decode(), "fullconn": px.lb.fullconn,
        "all_backups": px.lb.all_backups, "servers": [px.lb.servers[i].index for i in range(px.lb.n_servers)],
        "usable": (px.sh.n_active, px.sh.n_backup), "lb_capacity": px.sh.lb_capacity,
        "timeouts": {
            "client": px.t_client, "server": px.t_server, "connect": px.t_connect, "queue": px.t_queue,
            "http_request": px.t_http_request, "http_keep_alive": px.t_http_keep_alive, "client_fin": px.t_client_fin,
            "server_fin": px.t_server_fin, "tunnel": px.t_tunnel, "tarpit": px.t_tarpit,
        },
    }


def server(Program program, int index):
    cdef srv_t* srv = program.ptr.servers[index]
    return {
        "name": text(srv.name), "proxy_name": text(srv.proxy_name), "id": srv.id, "lb_index": srv.lb_index, "flags": srv.flags,
        "minconn": srv.minconn, "maxqueue": srv.maxqueue, "port_offset": srv.port_offset, "send_proxy": srv.send_proxy,
        "address": (<char*> srv.sh.addr)[:srv.addr_len], "source": (<char*> srv.source)[:srv.source_len],
        "pool_max_conn": srv.pool_max_conn, "pool_purge_ms": srv.pool_purge_ms, "slowstart_ms": srv.slowstart_ms,
        "admin": srv.sh.admin, "state": srv.sh.state, "uweight": srv.sh.uweight, "iweight": srv.sh.iweight,
        "maxconn": srv.sh.maxconn, "health": srv.sh.health, "rise": srv.sh.rise, "fall": srv.sh.fall,
        "check_flags": srv.sh.check_flags, "is_usable": bool(srv_is_usable(srv.sh)),
    }


def listener(Program program, int index):
    cdef listener_t* li = &program.ptr.listeners[index]
    return {
        "name": text(li.name), "proxy": li.px.index, "id": li.id, "flags": li.flags, "maxconn": li.maxconn,
        "fds": [li.fds[worker] for worker in range(program.ptr.n_workers)],
    }


def counter_addresses(Program program):
    """The places of all counters arrays of the arena, each with n_workers + 1 slots, relative to its start."""
    cdef size_t start = <size_t> program.ptr.arena
    cdef unsigned int i
    places = []
    for i in range(program.ptr.n_proxies):
        places += [<size_t> program.ptr.proxies[i].fe_counters - start, <size_t> program.ptr.proxies[i].be_counters - start]
    for i in range(program.ptr.n_servers):
        places.append(<size_t> program.ptr.servers[i].counters - start)
    for i in range(program.ptr.n_listeners):
        places.append(<size_t> program.ptr.listeners[i].counters - start)
    return places


def error_index(int status):
    return err_index(status)
