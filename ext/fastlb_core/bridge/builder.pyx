# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Lays out a program: collects plain values, computes the arena's size, then fills every struct in one pass (layout.pyx).
#
# Knows what a proxy, a server and a listener need to be complete. Must not know the configuration model, files or
# defaults of keywords; those come from src/fastlb/compile/. Runs in the master before the fork, so speed is no concern.

from libc.stdint cimport uint8_t, uint32_t

from collections import namedtuple

from fastlb_core.base.arena cimport ARENA_MAX_WORKERS
from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.layout cimport lay_out
from fastlb_core.program.jwe cimport JWE_N_ALGS, JWE_N_ENCS
from fastlb_core.program.keystore cimport keystore_add_private
from fastlb_core.program.program cimport (
    LOG_S_CLOSE, LOG_S_ERROR, PX_CAP_BE, PX_CAP_FE, PX_MODE_HTTP, RETRY_CONN_FAILURE, STATUS_K_ERROR, STATUS_K_FAILURE,
    program_free, program_new,
)
from fastlb_core.lb.balance cimport lb_find
from fastlb_core.proxy.track cimport TRACK_MAX
from fastlb_core.lb.server cimport SRV_F_INTERNAL

ProxyEntry = namedtuple("ProxyEntry", "index name id is_frontend is_backend is_http")
ServerEntry = namedtuple("ServerEntry", "index name id proxy is_internal")
ListenerEntry = namedtuple("ListenerEntry", "index name id proxy bind")
PatternsEntry = namedtuple("PatternsEntry", "index id name is_map is_acl description")

TIMEOUTS = (
    "client", "server", "connect", "queue", "http_request", "http_keep_alive", "client_fin", "server_fin", "tunnel", "tarpit",
)
HTTP_DEFAULTS = {
    "options": 0, "retry_on": RETRY_CONN_FAILURE, "session_rate": 0, "originalto_header": b"", "originalto_except": None,
    "name_header": b"", "max_own_conns": 5, "max_keep_alive_queue": -1, "rdp_name": b"",
}
HASHING_DEFAULTS = {
    "key": "", "function": "sdbm", "avalanche": False, "flags": (), "max_len": 0, "depth": 0, "name": b"", "expr": None,
    "draws": 0, "balance_factor": 0, "affinity": "always",
}
USUAL_LOG_STEPS = 1 << LOG_S_CLOSE | 1 << LOG_S_ERROR
MAX_MILLISECONDS = 2**31 - 1  # haproxy: timeouts are 32-bit ticks, manual section 2.5


cdef class Program:
    """An immutable program with its arena; made by ProgramBuilder.finish() only. Frees its memory with the last reference."""

    def __cinit__(self):
        self.ptr = program_new()
        if self.ptr == NULL:
            raise MemoryError("no memory for a program")
        self.added, self.removed = {}, set()

    def __dealloc__(self):
        program_free(self.ptr)
        self.ptr = NULL

    def describe(self, tuple proxies, tuple servers, tuple listeners, tuple log_sinks, tuple patterns, tuple variables):
        """Sets the read-only tables once; for ProgramBuilder. Raises RuntimeError the second time."""
        if self.proxies is not None:
            raise RuntimeError("a program is described once")
        self.proxies = proxies
        self.servers = servers
        self.listeners = listeners
        self.log_sinks = log_sinks
        self.patterns = patterns
        self.variables = variables

    @property
    def n_workers(self):
        return self.ptr.n_workers

    @property
    def generation(self):
        return self.ptr.generation

    @property
    def arena_size(self):
        """Bytes of the arena's mapping."""
        return self.ptr.arena.size if self.ptr.arena != NULL else 0

    @property
    def arena_used(self):
        """Bytes of it that are handed out."""
        return self.ptr.arena.used if self.ptr.arena != NULL else 0

    @property
    def arena_room(self):
        """Bytes of it for the balancers of servers that commands add."""
        return self.ptr.arena_room

    def frontend(self, name):
        """The frontend half called `name` (ProxyEntry), or None. A listen section is both halves."""
        return next((px for px in self.proxies if px.is_frontend and px.name == name), None)

    def backend(self, name):
        """The backend half called `name` (ProxyEntry), or None."""
        return next((px for px in self.proxies if px.is_backend and px.name == name), None)

    def entry(self, server):
        """The ServerEntry of that index, of the configuration or added by a command. Raises KeyError."""
        if server in self.added:
            return self.added[server]
        if not 0 <= server < len(self.servers) or server in self.removed:
            raise KeyError(server)
        return self.servers[server]

    def server(self, backend, name):
        """The server `backend`/`name` (ServerEntry), or None. Internal servers have no name to ask for."""
        px = self.backend(backend)
        if px is None:
            return None
        return next((srv for srv in self.servers if srv.proxy == px.index and srv.name == name and not srv.is_internal), None)


def _raw(text):
    """The bytes that stood in the file: the lexer keeps what is not UTF-8 as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _text(raw):
    return raw.decode("utf-8", "surrogateescape")


class ProgramBuilder:
    """Collects what the configuration says, then lays it out once. Every add_* returns the new object's index."""

    def __init__(
        self, *, n_workers, log_tag=b"fastlb", log_hostname=b"", log_pid=0, maxconn=0, bufsize=16384, maxrewrite=1024,
        maxaccept=64, maxhdr=101, h1_flags=0, generation=1, n_trackers=3, logurilen=1023, hostname=b"", comp_level=1,
        max_packers=0,
    ):
        within("n_workers", n_workers, 1, ARENA_MAX_WORKERS)
        within("maxconn", maxconn, 0, 2**31 - 1)
        within("bufsize", bufsize, 1024, 2**31 - 1)
        within("maxrewrite", maxrewrite, 0, bufsize)
        within("maxaccept", maxaccept, 1, 2**31 - 1)
        within("maxhdr", maxhdr, 1, 32767)
        within("comp_level", comp_level, 1, 9)
        within("max_packers", max_packers, 0, 2**31 - 1)
        within("n_trackers", n_trackers, 0, TRACK_MAX)
        within("logurilen", logurilen, 0, 2**20)
        self.values = {
            "n_workers": n_workers, "log_tag": log_tag, "log_hostname": log_hostname, "log_pid": log_pid, "maxconn": maxconn,
            "bufsize": bufsize, "maxrewrite": maxrewrite, "maxaccept": maxaccept, "maxhdr": maxhdr,
            "h1_flags": h1_flags, "generation": generation,
            "n_trackers": n_trackers, "log_targets": [], "acls": [], "patterns": [], "userlists": [], "n_vars": [0] * 6,
            "max_vars": [0] * 6, "at_start": [], "case_names": [], "logurilen": logurilen, "hostname": hostname,
            "comp_level": comp_level, "max_packers": max_packers, "log_profiles": [], "fcgi_apps": [],
            "limits": {"conn_rate": 0, "sess_rate": 0, "tls_rate": 0, "comp_rate": 0}, "jwe": (0, 0),
        }
        self.set_status_kinds(range(400, 500), set(range(500, 600)) - {501, 505})
        self.proxies = []
        self.servers = []
        self.listeners = []
        self.log_sinks = []
        self.pattern_sets = []
        self.variable_names = ()
        self.has_internal_server = False
        self.referenced = set()

    def add_proxy(
        self, name, *, id, caps, mode, http_mode=0, reuse=1, log_kind=0, options=0, retries=3, redispatch=0,
        timeouts=None, maxconn=0, fullconn=0, balance="roundrobin", all_backups=False, forwardfor_header=b"x-forwarded-for",
        forwardfor_except=None, monitor_uri=b"", error_pages=None, log_tag=b"", internal_prefix=b"",
    ):
        cdef bytes algorithm = balance.encode()
        if lb_find(<const char*> algorithm) == NULL:
            raise ValueError(f"balance algorithm '{balance}' is not supported")
        timeouts = dict(timeouts or {})
        unknown = set(timeouts) - set(TIMEOUTS)
        if unknown:
            raise ValueError(f"unknown timeouts: {', '.join(sorted(unknown))}")
        for key, value in timeouts.items():
            within(f"timeout {key}", value, 0, MAX_MILLISECONDS)
        within("retries", retries, 0, 2**31 - 1)
        within("maxconn", maxconn, 0, 2**31 - 1)
        within("fullconn", fullconn, 0, 2**31 - 1)
        if forwardfor_except is not None and [len(part) for part in forwardfor_except] != [16, 16]:
            raise ValueError("forwardfor_except: an address and a mask of 16 bytes each")
        self.proxies.append({
            "name": _raw(name), "id": id, "caps": caps, "mode": mode,
            "http_mode": http_mode, "reuse": reuse, "log_kind": log_kind, "options": options, "retries": retries,
            "redispatch": redispatch, "maxconn": maxconn, "fullconn": fullconn, "balance": algorithm,
            "all_backups": all_backups, "forwardfor_header": forwardfor_header.lower(),
            "forwardfor_except": forwardfor_except, "monitor_uri": monitor_uri, "error_pages": dict(error_pages or {}),
            "log_tag": log_tag, "internal_prefix": internal_prefix, "default_backend": -1, "log_targets": [], "rules": {},
            "inspect": (0, 0), "error_answers": {}, "formats": {}, "captures": {}, "unique_id_header": b"",
            "log_steps": USUAL_LOG_STEPS,
            "stick_table": None, "table": -1, "http": dict(HTTP_DEFAULTS), "compression": None, "persist": None, "fcgi_app": -1,
            "hashing": dict(HASHING_DEFAULTS),
            **{f"t_{key}": timeouts.get(key, 0) for key in TIMEOUTS},
        })
        return len(self.proxies) - 1

    def set_default_backend(self, proxy, backend):
        if not self.proxies[backend]["caps"] & PX_CAP_BE:
            raise ValueError("default_backend: not a backend")
        self.proxies[proxy]["default_backend"] = backend

    def add_userlist(self, name, users):
        """users: [(name, password, is_plain, [group, ...]), ...]."""
        self.values["userlists"].append((name, users))
        return len(self.values["userlists"]) - 1

    def add_acl(self, name, lines):
        """An ACL's index; `lines` as layout_expr.pyx has them."""
        self.values["acls"].append({"name": name, "lines": lines})
        return len(self.values["acls"]) - 1

    def add_pattern_set(self, file, entries, has_values):
        """The number of a set, all uses of which see the same entries: [(key, value, line), ...].

        file: what names it, b"" for the words of an ACL line.
        """
        number = len(self.pattern_sets)
        self.pattern_sets.append({"file": file, "entries": entries, "has_values": has_values})
        self.describe_pattern_set(number, number, has_values, not has_values, "")
        return number

    def describe_pattern_set(self, number, id, is_map, is_acl, description):
        """How the runtime API shows the set."""
        self.pattern_sets[number].update(id=id, is_map=is_map, is_acl=is_acl, description=description)

    def add_patterns(self, method, ignore_case, number, *, output="", captures=False):
        """The index of set `number` that is matched by `method`."""
        self.values["patterns"].append({
            "method": method, "ignore_case": ignore_case, "set": number, "output": output, "captures": captures,
        })
        return len(self.values["patterns"]) - 1

    def set_rules(self, proxy, number, rules):
        """The proxy's rules of set `number` (RULE_SETS), as layout_expr.pyx has them."""
        self.proxies[proxy]["rules"][number] = rules

    def set_error_answers(self, proxy, answers):
        """What `http-error` says: {status: [arguments]}, see answer.pxd."""
        self.proxies[proxy]["error_answers"] = answers

    def set_stick_table(self, proxy, values):
        """The proxy's table: values as layout_stick.pxd has them."""
        self.proxies[proxy]["stick_table"] = values

    def set_http(self, proxy, **values):
        """What differs from HTTP_DEFAULTS. originalto_except: an address and a mask of 16 bytes each, or None."""
        network = values.get("originalto_except")
        if set(values) - set(HTTP_DEFAULTS) or network is not None and [len(part) for part in network] != [16, 16]:
            raise ValueError("unknown or malformed HTTP settings")
        within("session rate", values.get("session_rate", 0), 0, 2**32 - 1)
        self.proxies[proxy]["http"].update(values)

    def set_balance(self, proxy, **values):
        """What differs from HASHING_DEFAULTS. key: what is hashed, as hash_key.pyx calls it; expr as layout_expr.pyx has it."""
        if set(values) - set(HASHING_DEFAULTS):
            raise ValueError("unknown settings of a balance algorithm")
        self.proxies[proxy]["hashing"].update(values)

    def set_case_names(self, names):
        """Header names in the case that bogus peers expect (`h1-case-adjust`)."""
        self.values["case_names"] = list(names)

    def set_compression(self, proxy, values):
        """What `compression` says, see layout_compression.pxd."""
        self.proxies[proxy]["compression"] = values

    def add_fcgi_app(self, values):
        """The index of an application: values as layout_fcgi.pyx has them, but for its log targets."""
        self.values["fcgi_apps"].append({**values, "log_targets": []})
        return len(self.values["fcgi_apps"]) - 1

    def set_fcgi_app(self, proxy, app):
        """`use-fcgi-app`: the index of the application."""
        self.proxies[proxy]["fcgi_app"] = app

    def set_persist(self, proxy, values):
        """What `cookie` says, see layout_persist.pxd."""
        self.proxies[proxy]["persist"] = values

    def set_inspect(self, proxy, request_ms, response_ms):
        self.proxies[proxy]["inspect"] = (request_ms, response_ms)

    def set_formats(self, proxy, *, unique_id_header=b"", **formats):
        """log, sd, error and unique_id: formats as layout_expr.pyx has them, None for those that are not set."""
        self.proxies[proxy]["formats"] = formats
        self.proxies[proxy]["unique_id_header"] = unique_id_header.lower()

    def set_captures(self, proxy, *, request, response, cookie):
        """request, response: (name in lower case, length) of each slot; cookie: one such pair or None."""
        for _, length in (*request, *response, *([cookie] if cookie else [])):
            within("length of a capture", length, 0, 65535)
        within("number of captures", len(request) + len(response), 0, 65535)
        self.proxies[proxy]["captures"] = {"request": list(request), "response": list(response), "cookie": cookie}

    def set_variables(self, counts, limits=(0,) * 6, at_start=(), names=()):
        """Of the six scopes: how many variables, their bytes at most (0: no limit); and the rules that set the process's.

        names: those of the scope proc, by slot.
        """
        self.variable_names = tuple(names)
        self.values["n_vars"] = list(counts)
        self.values["max_vars"] = list(limits)
        self.values["at_start"] = list(at_start)

    def add_log_profile(self, tag):
        """The index of a profile, whose steps follow."""
        self.values["log_profiles"].append({"tag": tag, "steps": {}})
        return len(self.values["log_profiles"]) - 1

    def set_log_step(self, profile, step, *, is_dropped=False, format=None, sd=None):
        """What the profile says of a step (LOG_STEPS); formats as layout_expr.pyx has them."""
        self.values["log_profiles"][profile]["steps"][step] = (is_dropped, format, sd)

    def set_log_steps(self, proxy, steps):
        """When lines are written: bits 1 << step."""
        self.proxies[proxy]["log_steps"] = steps

    def add_log_sink(self, *, kind, address=b"", fd=-1):
        """The sink's index; an equal sink that exists already is returned instead of a new one."""
        sink = (kind, sockaddr_bytes(address), fd)
        if sink not in self.log_sinks:
            self.log_sinks.append(sink)
        return self.log_sinks.index(sink)

    def add_log_target(
        self, proxy, sink, *, format, facility, level=7, min_level=0, max_length=1024, sample_size=0, sample_ranges=(),
        profile=-1, fcgi_app=None,
    ):
        """A target of the proxy, of an application, or of the program itself where both are None.

        profile: of add_log_profile, -1 for none.
        """
        within("log profile", profile, -1, len(self.values["log_profiles"]) - 1)
        within("sink", sink, 0, len(self.log_sinks) - 1)
        within("facility", facility, 0, 23)
        within("level", level, 0, 7)
        within("min_level", min_level, 0, 7)
        within("log length", max_length, 80, 65535)
        within("number of sample ranges", len(sample_ranges), 0, 8)
        owner = self.values if proxy is None else self.proxies[proxy]
        owner = owner if fcgi_app is None else self.values["fcgi_apps"][fcgi_app]
        owner["log_targets"].append({
            "sink": sink, "format": format, "facility": facility, "level": level, "min_level": min_level,
            "max_length": max_length, "sample_size": sample_size if sample_ranges else 0,
            "ranges": [bound for pair in sample_ranges for bound in pair], "profile": profile,
        })

    def add_server(self, proxy, name, **values):
        """values: see server_values."""
        values = server_values(name, **values)
        is_internal = bool(values["flags"] & SRV_F_INTERNAL)
        if not is_internal and self.has_internal_server:
            raise ValueError("internal servers come last")
        self.has_internal_server = is_internal
        if not is_internal and not self.proxies[proxy]["caps"] & PX_CAP_BE:
            raise ValueError("a server needs a backend")
        self.servers.append({**values, "proxy": proxy})
        return len(self.servers) - 1

    def refer_to_server(self, server):
        """A rule or an expression names the server: it must stay where it is."""
        self.referenced.add(server)

    def set_server_tls(self, server, values):
        """What TLS to a server is: values as layout_tls.pxd has them."""
        self.servers[server]["tls"] = values

    def set_link(self, server, values):
        """What connections to a server are: values as layout_link.pxd has them."""
        self.servers[server]["link"] = values

    def set_rates(self, **limits):
        """conn_rate, sess_rate, tls_rate, comp_rate: rate_limits_t of base/arena.pxd; what is not said has no limit."""
        for name, value in limits.items():
            within(name, value, 0, 2**32 - 1)
            self.values["limits"][name] = value

    def set_token_algorithms(self, algs, encs):
        """What encrypted tokens may use: bits 1 << index of config/tokens.py's ALGORITHMS and ENCRYPTIONS."""
        within("algs", algs, 0, (1 << JWE_N_ALGS) - 1)
        within("encs", encs, 0, (1 << JWE_N_ENCS) - 1)
        self.values["jwe"] = (algs, encs)

    def add_token_key(self, name, der):
        """A private key that tokens may be decrypted with, by the name that the configuration gives it. Raises ValueError."""
        cdef bytes raw = name, key = der
        if not keystore_add_private(slice_of(<const char*> raw, <uint32_t> len(raw)), <const uint8_t*> <const char*> key,
                                    <uint32_t> len(key)):
            raise ValueError("there is no private key")

    def set_status_kinds(self, errors, failures):
        """The statuses that count as errors of the client and as failures of a server."""
        kinds = [STATUS_K_ERROR * (status in errors) | STATUS_K_FAILURE * (status in failures) for status in range(100, 600)]
        self.values["status_kinds"] = bytes(kinds)

    def add_listener(self, proxy, name, *, id, fds, flags=0, maxconn=0, cip_magic=0, tls=None, bind=0):
        """bind: the number of its line in the proxy, for whoever looks it up. tls: values as layout_tls.pxd has them, the same
        object for all listeners of a bind line; None without `ssl`.
        """
        if len(fds) != self.values["n_workers"]:
            raise ValueError("a listener has one descriptor for each worker")
        self.listeners.append({
            "proxy": proxy, "name": _raw(name), "id": id, "fds": list(fds), "flags": flags, "maxconn": maxconn,
            "cip_magic": cip_magic, "tls": tls, "bind": bind,
        })
        return len(self.listeners) - 1

    def finish(self):
        """The Program; the builder may not be used again. Raises MemoryError."""
        cdef Program program = Program()
        self.values["pattern_sets"] = self.pattern_sets
        lay_out(program.ptr, self.values, self.proxies, self.servers, self.listeners, self.log_sinks)
        program.describe(
            tuple(
                ProxyEntry(i, _text(px["name"]), px["id"], bool(px["caps"] & PX_CAP_FE), bool(px["caps"] & PX_CAP_BE),
                           px["mode"] == PX_MODE_HTTP)
                for i, px in enumerate(self.proxies)
            ),
            tuple(
                ServerEntry(i, _text(srv["name"]), srv["id"], srv["proxy"], bool(srv["flags"] & SRV_F_INTERNAL))
                for i, srv in enumerate(self.servers)
            ),
            tuple(ListenerEntry(i, _text(li["name"]), li["id"], li["proxy"], li["bind"]) for i, li in enumerate(self.listeners)),
            tuple(self.log_sinks),
            tuple(
                PatternsEntry(i, value["id"], _text(value["file"]), value["is_map"], value["is_acl"], value["description"])
                for i, value in enumerate(self.pattern_sets)
            ),
            self.variable_names,
        )
        program.referenced = frozenset(self.referenced)
        return program


def server_values(
    name, *, id, address, flags=0, weight=1, maxconn=0, minconn=0, maxqueue=0, port_offset=0, send_proxy=0,
    source=b"", pool_max_conn=-1, pool_purge_ms=5000, slowstart_ms=0, rise=2, fall=3, disabled=False,
    unresolved=False, inherited=False, cookie=b"", observe=0, error_limit=10, max_reuse=-1, ring_id=None, redir=b"",
):
    """What a server is laid out from, without TLS and link. Raises ValueError for what does not fit."""
    within("weight", weight, 0, 256)
    within("send_proxy", send_proxy, 0, 2)
    within("observe", observe, 0, 2)
    return {
        "name": _raw(name), "id": id, "address": sockaddr_bytes(address), "flags": flags,
        "weight": weight, "maxconn": maxconn, "minconn": minconn, "maxqueue": maxqueue, "port_offset": port_offset,
        "send_proxy": send_proxy, "source": sockaddr_bytes(source), "pool_max_conn": pool_max_conn,
        "pool_purge_ms": pool_purge_ms, "slowstart_ms": slowstart_ms, "rise": rise, "fall": fall, "disabled": disabled,
        "unresolved": unresolved, "inherited": inherited, "tls": None, "cookie": cookie, "observe": observe,
        "error_limit": error_limit, "max_reuse": max_reuse, "ring_id": id if ring_id is None else ring_id, "redir": redir,
        "link": None,
    }


def within(what, value, low, high):
    """Raises ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{what}: {value} is not within {low}..{high}")


def sockaddr_bytes(address):
    """The packed sockaddr itself; ValueError when it does not fit a sockaddr_storage."""
    if len(address) > 128:
        raise ValueError(f"socket address of {len(address)} bytes, 128 at most")
    return bytes(address)
