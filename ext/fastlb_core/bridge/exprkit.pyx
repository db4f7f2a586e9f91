# cython: language_level=3
# Testing access to converters and fetches: one at a time, on a value from Python. Must not be imported outside tests/ and bench/.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastlb_core.base.arena cimport arena_t
from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.registry cimport find_conv, find_fetch
from fastlb_core.lb.shared cimport counters_t, px_shared_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.expr cimport (
    ARG_IPV4, ARG_IPV6, ARG_PROXY, ARG_SINT, ARG_STOP, ARG_STR, ARG_UNSET, arg_t, conv_fn, fetch_fn,
)
from fastlb_core.program.program cimport listener_t, program_t, px_t
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_CONST, SMP_T_BIN, SMP_T_BOOL, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, SMP_T_SINT, SMP_T_STR, eval_t,
    sample_t, scratch_t, smp_cast,
)

from ipaddress import IPv4Address, IPv6Address


class Frontend:
    """Stands for the connection's frontend in the arguments of `fetch`, where a proxy is wanted."""


cdef int put_arg(arg_t* arg, value, list keep) except -1:
    cdef bytes text
    if value is None:
        arg.type = ARG_UNSET
    elif isinstance(value, Frontend):
        arg.type = ARG_PROXY
    elif isinstance(value, int):
        arg.type = ARG_SINT
        arg.num = value
    elif isinstance(value, (IPv4Address, IPv6Address)):
        text = value.packed
        arg.type = ARG_IPV4 if len(text) == 4 else ARG_IPV6
        memcpy(arg.ip, <const char*> text, len(text))
    else:
        text = value if isinstance(value, bytes) else value.encode()
        keep.append(text)
        arg.type = ARG_STR
        arg.str = slice_of(<const char*> text, <uint32_t> len(text))
    return 0


cdef int put_sample(sample_t* smp, value, list keep) except -1:
    """bool, int, an address, str (text) or bytes (data)."""
    cdef bytes text
    if isinstance(value, bool):
        smp.type, smp.num = SMP_T_BOOL, value
    elif isinstance(value, int):
        smp.type, smp.num = SMP_T_SINT, value
    elif isinstance(value, (IPv4Address, IPv6Address)):
        text = value.packed
        smp.type = SMP_T_IPV4 if len(text) == 4 else SMP_T_IPV6
        memcpy(smp.ip, <const char*> text, len(text))
    else:
        smp.type = SMP_T_STR if isinstance(value, str) else SMP_T_BIN
        smp.flags = SMP_F_CONST
        text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        keep.append(text)
        smp.str = slice_of(<const char*> text, <uint32_t> len(text))
    return 0


cdef object value_of(const sample_t* smp):
    if smp.type == SMP_T_BOOL:
        return bool(smp.num)
    if smp.type == SMP_T_SINT:
        return smp.num
    if smp.type == SMP_T_IPV4:
        return IPv4Address(bytes((<const char*> smp.ip)[:4]))
    if smp.type == SMP_T_IPV6:
        return IPv6Address(bytes((<const char*> smp.ip)[:16]))
    if smp.type == SMP_T_METH and smp.num:
        return ("method", smp.num)
    raw = smp.str.ptr[:smp.str.len] if smp.str.len else b""
    return raw.decode("utf-8", "surrogateescape") if smp.type == SMP_T_STR else raw


def convert(name: str, value, *args, input_type: int = 0, real_us: int = 0, room: int = 65536):
    """What converter `name` makes of `value` (bool, int, address, str for text, bytes for data); None where it fails.

    args: int, str, bytes, addresses, None for one that was left out. input_type: cast to this smp_type_t first. real_us: the
    wall clock. room: bytes of the scratch area. Raises KeyError for an unknown converter.
    """
    cdef bytes key = name.encode()
    cdef conv_fn fn = find_conv(<const char*> key)
    cdef arg_t values[16]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef bint found
    if fn == NULL:
        raise KeyError(name)
    keep: list = []
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    for i, arg in enumerate(args):
        put_arg(&values[<int> i], arg, keep)
    values[<int> len(args)].type = ARG_STOP
    scratch.area = <char*> calloc(1, room + 1)
    scratch.size = room
    scratch.used = 0
    ev.scratch = &scratch
    ev.options = EVAL_O_FINAL
    ev.real_us = real_us
    put_sample(&smp, value, keep)
    try:
        found = smp_cast(&ev, &smp, <uint8_t> input_type) and fn(&ev, values, &smp)
        return value_of(&smp) if found else None
    finally:
        free(scratch.area)


cdef class Accepted:
    """A connection as it is before it has a stream: no bytes, no addresses, a frontend without anything."""

    cdef conn_t front
    cdef listener_t listener
    cdef px_t px
    cdef px_shared_t px_shared
    cdef counters_t counters[2]
    cdef program_t program
    cdef arena_t* arena

    def __cinit__(self):
        memset(&self.front, 0, sizeof(conn_t))
        memset(&self.listener, 0, sizeof(listener_t))
        memset(&self.px, 0, sizeof(px_t))
        memset(&self.px_shared, 0, sizeof(px_shared_t))
        memset(self.counters, 0, sizeof(self.counters))
        memset(&self.program, 0, sizeof(program_t))
        self.arena = <arena_t*> calloc(1, sizeof(arena_t))
        self.front.fd = -1
        self.front.origin = &self.listener
        self.px.sh = &self.px_shared
        self.px.fe_counters = self.px.be_counters = self.listener.counters = self.counters
        self.listener.px = &self.px
        self.program.arena = self.arena
        self.program.n_workers = 1

    def __dealloc__(self):
        free(self.arena)

    cdef void fill(self, eval_t* ev):
        ev.program = &self.program
        ev.front = &self.front
        ev.fe = &self.px


def fetch(
    name: str, *args, real_us: int = 0, pid: int = 1, worker: int = 0, final: bool = True, room: int = 65536,
    is_accepted: bool = False,
):
    """What sample fetch `name` (of the core's tables) gives without traffic: constants, the clock, the environment, random
    numbers. None where it has no value. args, room: as convert. Raises KeyError for an unknown fetch.

    Fetches that look at a connection or the program must not be asked unless is_accepted: then there is an empty
    connection without a stream, as in `tcp-request connection`.
    """
    cdef bytes key = name.encode()
    cdef fetch_fn fn = find_fetch(<const char*> key)
    cdef arg_t values[16]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    if fn == NULL:
        raise KeyError(name)
    keep: list = []
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    for i, arg in enumerate(args):
        put_arg(&values[<int> i], arg, keep)
    values[<int> len(args)].type = ARG_STOP
    scratch.area = <char*> calloc(1, room + 1)
    scratch.size = room
    scratch.used = 0
    ev.scratch = &scratch
    ev.options = EVAL_O_FINAL if final else 0
    ev.real_us, ev.pid, ev.worker = real_us, pid, worker
    cdef Accepted accepted = Accepted() if is_accepted else None
    if accepted is not None:
        accepted.fill(&ev)
        for i in range(16):
            if values[<int> i].type == ARG_PROXY:
                values[<int> i].ptr = &accepted.px
    try:
        return value_of(&smp) if fn(&ev, values, &smp) else None
    finally:
        free(scratch.area)


def cast(value, want: int):
    """`value` as smp_type_t `want`, or None where it cannot be one."""
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef char area[4096]
    keep: list = []
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    scratch.area = area
    scratch.size = sizeof(area)
    scratch.used = 0
    ev.scratch = &scratch
    put_sample(&smp, value, keep)
    return value_of(&smp) if smp_cast(&ev, &smp, <uint8_t> want) else None
