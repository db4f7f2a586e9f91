# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Fills the structs of program.pxd, lb/server.pxd and lb/shared.pxd from the values that builder.pyx collected.
#
# Knows sizes, first values and which pointer goes where. Must not know why a value is what it is.
# Counters have n_workers + 1 slots: the last one holds what the master folded in from dead workers.

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy
from fastlb_core.base.arena cimport ARENA_LINE, arena_alloc, arena_map
from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.layout_balance cimport lay_out_balance
from fastlb_core.bridge.layout_compression cimport lay_out_compression
from fastlb_core.bridge.layout_expr cimport (
    lay_out_acls, lay_out_error_answers, lay_out_rules, lay_out_start, lay_out_userlists,
)
from fastlb_core.bridge.layout_fcgi cimport lay_out_fcgi
from fastlb_core.bridge.layout_http cimport lay_out_case_names, lay_out_http
from fastlb_core.bridge.layout_link cimport lay_out_links
from fastlb_core.bridge.layout_log cimport lay_out_log, lay_out_log_profiles, log_targets, make_log_profiles
from fastlb_core.bridge.layout_patterns cimport lay_out_patterns
from fastlb_core.bridge.layout_persist cimport lay_out_persist
from fastlb_core.bridge.layout_stick cimport fill_table, share_table
from fastlb_core.bridge.layout_tls cimport lay_out_tls
from fastlb_core.lb.balance cimport lb_find, lb_refresh
from fastlb_core.lb.server cimport SRV_F_CHECK, SRV_F_CLIENT_DST, SRV_F_HAS_SOURCE, SRV_F_INTERNAL, lb_ops_t, srv_t
from fastlb_core.lb.shared cimport (
    SRV_A_CMAINT, SRV_A_IMAINT, SRV_A_RMAINT, SRV_S_RUNNING, SRV_S_STOPPED, counters_t, px_shared_t, srv_shared_t,
)
from fastlb_core.lb.times cimport times_t
from fastlb_core.program.program cimport PX_CAP_BE, PX_CAP_FE, err_index, listener_t, log_sink_desc_t, program_t, px_t
from fastlb_core.program.region cimport region_alloc, region_copy
from fastlb_core.program.rules cimport RULES_FILTER
from fastlb_core.proxy.stick_table cimport stick_bytes, stick_table_t

import time

cdef enum:
    EWEIGHT_SCALE = 16           # srv_shared_t.eweight is the user weight times this, see lb/shared.pxd
    CHECK_CONFIGURED = 2         # srv_shared_t.check_flags
    CHECK_ENABLED = 4
    CHECK_PAUSED = 8
    CHECK_STATUS_INI = 1         # srv_shared_t.check_status: no result yet (fastlb.control.checks.status)
    SPARE_SERVERS = 1024         # that `add server` may add to all backends together (docs/internals/dynamic-servers.md)
    SPARE_MOVES = 4              # pieces of the largest size that their balancers may use up


cdef int lay_out(program_t* program, dict values, list proxies, list servers, list listeners, list log_sinks) except -1:
    cdef uint64_t now_ms = time.monotonic_ns() // 1_000_000
    cdef dict shared = values
    cdef list own_servers = [[] for _ in proxies]  # of each proxy: indexes of the servers it balances over
    for index, srv in enumerate(servers):
        if not srv["flags"] & SRV_F_INTERNAL:
            own_servers[srv["proxy"]].append(index)
    for px, own in zip(proxies, own_servers, strict=True):
        px["lb_capacity"] = balance_capacity(px, own, servers)
    # What log targets point to comes before them.
    fill_log_sinks(program, log_sinks)
    make_log_profiles(program, shared["log_profiles"])
    fill_program(program, values)
    make_tables(program, proxies)
    program.n_configured = len(servers)
    program.n_spare = SPARE_SERVERS
    program.arena_room = spare_room(program, proxies)
    program.arena = arena_map(
        arena_bytes(program, proxies, len(servers), len(listeners)) + program.arena_room, program.n_workers)
    if program.arena == NULL:
        # A limit of the address space (-m) must not cost more than `add server`.
        program.n_spare = program.arena_room = 0
        program.arena = arena_map(arena_bytes(program, proxies, len(servers), len(listeners)), program.n_workers)
    if program.arena == NULL:
        raise MemoryError("the shared arena cannot be mapped")
    program.arena.maxconn = values["maxconn"]
    program.arena.limits = values["limits"]
    program.arena.generation = program.generation
    for index in range(program.n_tables):
        share_table(<stick_table_t*> program.tables[<uint32_t> index], program.arena)
    program.n_proxies = len(proxies)
    program.proxies = <px_t**> take(program, sizeof(px_t*) * program.n_proxies)
    program.n_servers = len(servers)
    program.servers = <srv_t**> take(program, sizeof(srv_t*) * (program.n_servers + program.n_spare))
    program.n_listeners = len(listeners)
    program.listeners = <listener_t*> take(program, sizeof(listener_t) * program.n_listeners)
    for index, values in enumerate(proxies):
        fill_proxy(program, index, values, now_ms)
        if values["table"] >= 0:
            program.proxies[<uint32_t> index].table = program.tables[<uint32_t> values["table"]]
    for index, values in enumerate(servers):
        fill_server(program, index, values, now_ms)
    for index, values in enumerate(listeners):
        fill_listener(program, index, values)
    share_all_times(program)
    share_spare(program)
    lay_out_case_names(program, shared["case_names"])
    lay_out_userlists(program, shared["userlists"])
    lay_out_patterns(program, shared["pattern_sets"], shared["patterns"])
    lay_out_acls(program, shared["acls"])
    lay_out_start(program, shared["at_start"])
    lay_out_log_profiles(program, shared["log_profiles"])
    lay_out_fcgi(program, shared["fcgi_apps"])
    lay_out_tls(program, servers, listeners)  # `sni` is an expression: it may ask what stands above
    lay_out_links(program, servers)
    for index, values in enumerate(proxies):
        lay_out_rules(program, program.proxies[<uint32_t> index], values["rules"])
        lay_out_http(program, program.proxies[<uint32_t> index], values["http"])
        lay_out_error_answers(program, program.proxies[<uint32_t> index], values["error_answers"])
        lay_out_log(program, program.proxies[<uint32_t> index], values)
        lay_out_balance(program, program.proxies[<uint32_t> index], values["hashing"])
        lay_out_compression(program, program.proxies[<uint32_t> index], values["compression"])
        if values["fcgi_app"] >= 0:
            program.proxies[<uint32_t> index].fcgi_app = program.fcgi_apps[<uint32_t> values["fcgi_app"]]
        if values["default_backend"] >= 0:
            program.proxies[<uint32_t> index].default_backend = program.proxies[<uint32_t> values["default_backend"]]
        fill_balance(program, program.proxies[<uint32_t> index], values, own_servers[<Py_ssize_t> index], now_ms)
        lay_out_persist(program, program.proxies[<uint32_t> index], values["persist"])
    program.n_filters = most_filters(proxies, PX_CAP_FE) + most_filters(proxies, PX_CAP_BE)
    return 0


cdef uint32_t most_filters(list proxies, int caps):
    """Filters of the proxy with this side that has the most."""
    return max((len(px["rules"].get(<int> RULES_FILTER, ())) for px in proxies if px["caps"] & caps), default=0)


cdef uint64_t line(uint64_t size) noexcept:
    """`size` as arena_alloc counts it: whole cache lines."""
    return (size + ARENA_LINE - 1) & ~(<uint64_t> ARENA_LINE - 1)


cdef int make_tables(program_t* program, list proxies) except -1:
    """The descriptions of all stick tables: the arena's size depends on them."""
    cdef stick_table_t* table
    cdef list owners = [px for px in proxies if px["stick_table"] is not None]
    program.n_tables = len(owners)
    program.tables = <void**> take(program, sizeof(void*) * program.n_tables)
    for number, px in enumerate(owners):
        table = <stick_table_t*> take(program, sizeof(stick_table_t))
        keep(program, &table.name, px["name"])
        fill_table(table, px["stick_table"], program.n_workers)
        program.tables[<uint32_t> number] = table
        px["table"] = number
    # Streams have room for tracking where there are tables, even if no counter may be used.
    program.n_trackers = max(program.n_trackers, 1) if owners else 0
    return 0


cdef uint64_t arena_bytes(program_t* program, list proxies, int n_servers, int n_listeners) except? 0:
    """Bytes that all pieces take; arena_map adds its own header."""
    cdef uint64_t counters = line(sizeof(counters_t) * (program.n_workers + 1))
    cdef uint64_t times = line(sizeof(times_t) * (program.n_workers + 1))
    cdef uint64_t size = 0
    cdef uint32_t i
    for i in range(program.n_tables):
        size += line(stick_bytes(<stick_table_t*> program.tables[i]))
    size += len(proxies) * (line(sizeof(px_shared_t)) + 2 * (counters + times))
    size += n_servers * (line(sizeof(srv_shared_t)) + counters + times)
    size += (program.n_spare + 1) * (line(sizeof(srv_shared_t)) + counters + times)
    size += n_listeners * counters
    for px in proxies:
        size += line(sizeof(uint32_t) * <uint64_t> px["lb_capacity"])
    return size


cdef uint64_t spare_room(program_t* program, list proxies) except? 0:
    """Bytes for the balancers of backends that commands add servers to: each of them moves into a larger piece, and leaves its
    old one, as often as its servers double (bridge/dynamic.pyx). Pages that nobody touches cost nothing."""
    cdef uint64_t most = 0
    for px in proxies:
        most = max(most, sizeof(uint32_t) * <uint64_t> balance_ops(px).capacity(program.n_spare, 256 * program.n_spare))
    return line(SPARE_MOVES * most)


cdef const lb_ops_t* balance_ops(dict px) except NULL:
    cdef const lb_ops_t* ops = lb_find(<const char*> (<bytes> px["balance"]))
    if ops == NULL:
        raise KeyError(f"no balance algorithm is called {px['balance'].decode()!r}")
    return ops


cdef uint32_t balance_capacity(dict px, list own, list servers) except? 0:
    """Entries that the proxy's algorithm wants; `own`: indexes of its servers."""
    cdef const lb_ops_t* ops = balance_ops(px)
    return ops.capacity(len(own), sum([servers[index]["weight"] for index in own]))


cdef void* take(program_t* program, uint64_t size) except NULL:
    cdef void* piece = region_alloc(&program.region, size if size else 1)
    if piece == NULL:
        raise MemoryError("the program does not fit into memory")
    return piece


cdef void* share(program_t* program, uint64_t size) except NULL:
    cdef void* piece = arena_alloc(program.arena, size)
    if piece == NULL:
        raise MemoryError("the shared arena is too small")
    return piece


cdef counters_t* share_counters(program_t* program) except NULL:
    return <counters_t*> share(program, sizeof(counters_t) * (program.n_workers + 1))


cdef times_t* share_times(program_t* program) except NULL:
    return <times_t*> share(program, sizeof(times_t) * (program.n_workers + 1))


cdef int share_all_times(program_t* program) except -1:
    """Side by side, so that the pages of objects without traffic are never touched."""
    cdef uint32_t i
    for i in range(program.n_proxies):
        program.proxies[i].fe_times = share_times(program)
        program.proxies[i].be_times = share_times(program)
    for i in range(program.n_servers):
        program.servers[i].times = share_times(program)
    return 0


cdef int share_spare(program_t* program) except -1:
    """What the servers that commands may add need, never touched before; and one more, which stands for those that are gone."""
    cdef uint64_t slots = program.n_workers + 1, n = program.n_spare + 1
    program.spare_states = <char*> share(program, n * line(sizeof(srv_shared_t)))
    program.spare_counters = <char*> share(program, n * line(sizeof(counters_t) * slots))
    program.spare_times = <char*> share(program, n * line(sizeof(times_t) * slots))
    return 0


cdef srv_t* new_spare(program_t* program, uint32_t number) except NULL:
    cdef uint64_t slots = program.n_workers + 1
    cdef srv_t* srv = <srv_t*> take(program, sizeof(srv_t))
    srv.index = program.n_configured + number
    srv.sh = <srv_shared_t*> (program.spare_states + number * line(sizeof(srv_shared_t)))
    srv.counters = <counters_t*> (program.spare_counters + number * line(sizeof(counters_t) * slots))
    srv.times = <times_t*> (program.spare_times + number * line(sizeof(times_t) * slots))
    return srv


cdef int keep(program_t* program, slice_t* into, bytes text) except -1:
    """Copies `text` into the program's memory; an empty text stays a NULL slice."""
    if text:
        into[0] = region_copy(&program.region, <const char*> text, len(text))
        if into.ptr == NULL:
            raise MemoryError("the program does not fit into memory")
    return 0


cdef int fill_program(program_t* program, dict values) except -1:
    program.n_workers = values["n_workers"]
    program.maxconn = values["maxconn"]
    program.bufsize = values["bufsize"]
    program.maxrewrite = values["maxrewrite"]
    program.maxaccept = values["maxaccept"]
    program.maxhdr = values["maxhdr"]
    program.h1_flags = values["h1_flags"]
    program.comp_level = values["comp_level"]
    program.max_packers = values["max_packers"]
    program.log_pid = values["log_pid"]
    program.logurilen = values["logurilen"]
    keep(program, &program.hostname, values["hostname"])
    program.n_trackers = values["n_trackers"]
    program.jwe_algs, program.jwe_encs = values["jwe"]
    memcpy(program.status_kinds, <const char*> (<bytes> values["status_kinds"]), sizeof(program.status_kinds))
    for scope, count in enumerate(values["n_vars"]):
        program.n_vars[<uint32_t> scope] = count
    for scope, size in enumerate(values["max_vars"]):
        program.max_vars[<uint32_t> scope] = size
    program.generation = values["generation"]
    keep(program, &program.log_tag, values["log_tag"])
    keep(program, &program.log_hostname, values["log_hostname"])
    program.log_targets = log_targets(program, values["log_targets"])
    program.n_log_targets = len(values["log_targets"])
    return 0


cdef int fill_log_sinks(program_t* program, list log_sinks) except -1:
    cdef log_sink_desc_t* sink
    cdef bytes address
    program.n_log_sinks = len(log_sinks)
    program.log_sinks = <log_sink_desc_t*> take(program, sizeof(log_sink_desc_t) * program.n_log_sinks)
    for index, (kind, address, fd) in enumerate(log_sinks):
        sink = &program.log_sinks[<uint32_t> index]
        sink.kind = kind
        sink.fd = fd
        sink.addr_len = len(address)
        memcpy(sink.addr, <const char*> address, len(address))
    return 0


cdef int fill_proxy(program_t* program, uint32_t index, dict values, uint64_t now_ms) except -1:
    cdef px_t* px = <px_t*> take(program, sizeof(px_t))
    program.proxies[index] = px
    px.index = index
    px.id = values["id"]
    px.caps = values["caps"]
    px.mode = values["mode"]
    px.http_mode = values["http_mode"]
    px.reuse = values["reuse"]
    px.log_kind = values["log_kind"]
    px.log_steps = values["log_steps"]
    px.has_log_profiles = any([target["profile"] >= 0 for target in values["log_targets"]])
    px.options = values["options"]
    px.retries = values["retries"]
    px.redispatch = values["redispatch"]
    fill_timeouts(px, values)
    fill_texts(program, px, values)
    px.t_inspect, px.t_inspect_res = values["inspect"]
    px.log_targets = log_targets(program, values["log_targets"])
    px.n_log_targets = len(values["log_targets"])
    px.sh = <px_shared_t*> share(program, sizeof(px_shared_t))
    px.sh.fe_maxconn = values["maxconn"]
    px.sh.last_change_ms = now_ms
    px.fe_counters = share_counters(program)
    px.be_counters = share_counters(program)
    return 0


cdef int fill_timeouts(px_t* px, dict values) except -1:
    px.t_client = values["t_client"]
    px.t_server = values["t_server"]
    px.t_connect = values["t_connect"]
    px.t_queue = values["t_queue"]
    px.t_http_request = values["t_http_request"]
    px.t_http_keep_alive = values["t_http_keep_alive"]
    px.t_client_fin = values["t_client_fin"]
    px.t_server_fin = values["t_server_fin"]
    px.t_tunnel = values["t_tunnel"]
    px.t_tarpit = values["t_tarpit"]
    return 0


cdef int fill_texts(program_t* program, px_t* px, dict values) except -1:
    """Names, headers, error pages and the like."""
    cdef int page
    cdef bytes network, mask
    keep(program, &px.name, values["name"])
    keep(program, &px.name_secure, values["name"] + b"~")
    keep(program, &px.fwf_header, values["forwardfor_header"])
    keep(program, &px.monitor_uri, values["monitor_uri"])
    keep(program, &px.log_tag, values["log_tag"])
    keep(program, &px.internal_prefix, values["internal_prefix"])
    if values["forwardfor_except"] is not None:
        network, mask = values["forwardfor_except"]
        memcpy(px.fwf_except.addr, <const char*> network, 16)
        memcpy(px.fwf_except.mask, <const char*> mask, 16)
    for status, answer in values["error_pages"].items():
        page = err_index(status)
        if page < 0:
            raise ValueError(f"no error page exists for status {status}")
        keep(program, &px.error_pages[page], answer)
    return 0


cdef int fill_server(program_t* program, uint32_t index, dict values, uint64_t now_ms) except -1:
    cdef srv_t* srv = <srv_t*> take(program, sizeof(srv_t))
    cdef px_t* px = program.proxies[<uint32_t> values["proxy"]]
    program.servers[index] = srv
    srv.index = index
    fill_server_facts(program, srv, px, values)
    srv.counters = share_counters(program)
    srv.sh = <srv_shared_t*> share(program, sizeof(srv_shared_t))
    fill_server_state(srv, values, now_ms)
    if srv.flags & SRV_F_INTERNAL and srv.flags & SRV_F_CLIENT_DST:
        px.direct_server = srv
    elif srv.flags & SRV_F_INTERNAL:
        px.internal_server = srv
    return 0


cdef int fill_server_facts(program_t* home, srv_t* srv, const px_t* px, dict values) except -1:
    cdef bytes source = values["source"]
    srv.id = values["id"]
    srv.flags = values["flags"] | (SRV_F_HAS_SOURCE if source else 0)
    srv.minconn = values["minconn"]
    srv.maxqueue = values["maxqueue"]
    srv.port_offset = values["port_offset"]
    srv.send_proxy = values["send_proxy"]
    srv.addr_len = len(values["address"])
    srv.source_len = len(source)
    memcpy(srv.source, <const char*> source, len(source))
    srv.pool_max_conn = values["pool_max_conn"]
    srv.pool_purge_ms = values["pool_purge_ms"]
    srv.slowstart_ms = values["slowstart_ms"]
    srv.observe = values["observe"]
    srv.error_limit = values["error_limit"]
    srv.max_reuse = values["max_reuse"]
    srv.ring_id = values["ring_id"]
    keep(home, &srv.redir, values["redir"])
    keep(home, &srv.name, values["name"])
    srv.proxy_name = px.name
    if values["cookie"]:
        keep(home, &srv.cookie, values["cookie"] + b"~")
        srv.cookie.len -= 1
    return 0


cdef int fill_server_state(srv_t* srv, dict values, uint64_t now_ms) except -1:
    cdef srv_shared_t* sh = srv.sh
    cdef bytes address = values["address"]
    sh.admin = SRV_A_RMAINT if values["unresolved"] else SRV_A_CMAINT if values["disabled"] else 0
    if values["inherited"]:
        sh.admin |= SRV_A_IMAINT
    sh.state = SRV_S_STOPPED if sh.admin else SRV_S_RUNNING
    sh.uweight = values["weight"]
    sh.iweight = values["weight"]
    sh.eweight = values["weight"] * EWEIGHT_SCALE
    sh.maxconn = values["maxconn"]
    memcpy(sh.addr, <const char*> address, len(address))
    sh.rise = values["rise"]
    sh.fall = values["fall"]
    if srv.flags & SRV_F_CHECK:
        sh.check_flags = CHECK_CONFIGURED | CHECK_ENABLED
    if values["disabled"]:
        sh.check_flags |= CHECK_PAUSED
    # haproxy: a new server is up, one failed check from DOWN; a disabled one has no health yet
    sh.health = 0 if sh.admin else values["rise"]
    sh.check_status = CHECK_STATUS_INI
    sh.check_code = -1
    sh.last_change_ms = now_ms
    return 0


cdef int fill_listener(program_t* program, uint32_t index, dict values) except -1:
    cdef listener_t* li = &program.listeners[index]
    li.px = program.proxies[<uint32_t> values["proxy"]]
    li.index = index
    li.id = values["id"]
    li.flags = values["flags"]
    li.maxconn = values["maxconn"]
    li.cip_magic = values["cip_magic"]
    li.fds = <int32_t*> take(program, sizeof(int32_t) * program.n_workers)
    for worker, fd in enumerate(values["fds"]):
        li.fds[<uint32_t> worker] = fd
    li.counters = share_counters(program)
    keep(program, &li.name, values["name"])
    return 0


cdef int fill_balance(program_t* program, px_t* px, dict values, list own, uint64_t now_ms) except -1:
    """The backend's load balancer: its servers in order, its state, its first computation. `own`: indexes of its servers."""
    cdef srv_t* srv
    px.lb.ops = balance_ops(values)
    px.lb.sh = px.sh
    px.lb.all_backups = values["all_backups"]
    px.lb.fullconn = values["fullconn"]
    px.lb.n_servers = len(own)
    px.lb.servers = <srv_t**> take(program, sizeof(srv_t*) * px.lb.n_servers)
    for lb_index, index in enumerate(own):
        srv = program.servers[<uint32_t> index]
        srv.lb_index = lb_index
        px.lb.servers[<uint32_t> lb_index] = srv
    px.sh.n_servers = px.lb.n_servers
    px.sh.lb_capacity = values["lb_capacity"]
    if px.sh.lb_capacity:
        px.sh.lb_entries = <uint32_t*> share(program, sizeof(uint32_t) * px.sh.lb_capacity)
    with nogil:
        lb_refresh(&px.lb, now_ms)
    return 0
