# cython: language_level=3
# Testing access to converters: one at a time, on a value from Python. Must not be imported outside tests/ and bench/.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.registry cimport find_conv, find_fetch
from fastlb_core.program.expr cimport (
    ARG_IPV4, ARG_IPV6, ARG_REGEX, ARG_SINT, ARG_STOP, ARG_STR, ARG_UNSET, ARG_VAR, arg_t, conv_fn, fetch_fn,
)
from fastlb_core.program.jwe cimport JWE_N_ALGS, JWE_N_ENCS
from fastlb_core.program.keystore cimport keystore_add, keystore_add_private
from fastlb_core.program.program cimport program_t
from fastlb_core.program.regex cimport REGEX_CAPTURE, REGEX_ERROR_MAX, REGEX_ICASE, regex_free, regex_new, regex_t
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_CONST, SMP_T_BIN, SMP_T_BOOL, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, SMP_T_SINT, SMP_T_STR, eval_t,
    sample_t, scratch_t, smp_cast,
)
from fastlb_core.program.vars cimport (
    VARS_N_CLASSES, var_get, var_set, var_unset, vars_init, vars_pools_destroy, vars_pools_init, vars_pools_t, vars_reset,
    vars_t,
)

from ipaddress import IPv4Address, IPv6Address


# What converters ask of the program: nothing but which tokens may be decrypted.
cdef program_t program

memset(&program, 0, sizeof(program))
program.jwe_algs = (1 << JWE_N_ALGS) - 1
program.jwe_encs = (1 << JWE_N_ENCS) - 1

SCOPES = ("proc", "sess", "txn", "req", "res", "check")


cdef int put_arg(arg_t* arg, value, list keep, store=None) except -1:
    """value: int, str, bytes, an address, None for one that was left out, what has a `scope` and a `name` (a variable),
    a `pattern` and `ignore_case` (a regular expression), a `path` and a `pem` (a public key), or a `name` and a `der` (a
    private one)."""
    cdef bytes text
    cdef char error[REGEX_ERROR_MAX]
    if value is None:
        arg.type = ARG_UNSET
    elif hasattr(value, "put"):
        value.put(<size_t> arg)
    elif hasattr(value, "scope"):
        arg.type = ARG_VAR
        arg.num = SCOPES.index(value.scope)
        arg.num2 = store.slot_of(f"{value.scope}.{value.name}")
    elif hasattr(value, "pem"):
        add_key(value.path, value.pem)
        put_arg(arg, value.path, keep)
    elif hasattr(value, "der"):
        add_private_key(value.name, value.der)
        put_arg(arg, value.name, keep)
    elif hasattr(value, "pattern"):
        text = value.pattern.encode()
        arg.type = ARG_REGEX
        arg.ptr = regex_new(<const char*> text, <uint32_t> len(text), REGEX_CAPTURE | (REGEX_ICASE if value.ignore_case else 0),
                            error)
        if arg.ptr == NULL:
            raise ValueError((<bytes> error).decode())
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
    memset(smp, 0, sizeof(sample_t))
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


cdef class VarStore:
    """The variables of all scopes, each the child of the coarser one. limits: bytes by scope; slots: variables per scope."""

    cdef vars_pools_t pools
    cdef vars_t scopes[6]
    cdef eval_t ev
    cdef dict names

    def __cinit__(self, limits=None, slots: int = 16):
        cdef int i
        parents = (-1, 0, 1, 2, 2, 0)
        self.names = {}
        memset(&self.ev, 0, sizeof(self.ev))
        vars_pools_init(&self.pools, 4)
        for i in range(6):
            vars_init(&self.scopes[i], &self.pools, NULL if parents[i] < 0 else &self.scopes[<int> parents[i]], slots,
                      (limits or {}).get(SCOPES[i], 0))
            self.ev.vars[i] = &self.scopes[i]
        self.scopes[0].is_proc = True

    def __dealloc__(self):
        for scope in SCOPES:
            self.reset(scope)
        vars_pools_destroy(&self.pools)

    def slot_of(self, name: str) -> int:
        """The slot of `scope.name`: the next free one of its scope for a new name."""
        scope = name.split(".", 1)[0]
        return self.names.setdefault(name, sum(known.split(".", 1)[0] == scope for known in self.names))

    def set(self, name: str, value, conditions: int = 0) -> bool:
        cdef sample_t smp
        keep: list = []
        memset(&smp, 0, sizeof(smp))
        put_sample(&smp, value, keep)
        return var_set(&self.ev, SCOPES.index(name.split(".")[0]), self.slot_of(name), &smp, conditions)

    def unset(self, name: str) -> None:
        var_unset(&self.ev, SCOPES.index(name.split(".")[0]), self.slot_of(name))

    def get(self, name: str):
        """The value, or None where it is not set."""
        cdef sample_t smp
        memset(&smp, 0, sizeof(smp))
        return value_of(&smp) if var_get(&self.ev, SCOPES.index(name.split(".")[0]), self.slot_of(name), &smp) else None

    def reset(self, scope: str) -> None:
        vars_reset(&self.scopes[<int> SCOPES.index(scope)])

    def used(self, scope: str) -> int:
        return self.scopes[<int> SCOPES.index(scope)].used

    def blocks(self) -> int:
        """Blocks that are out of the pools."""
        return sum(self.pools.classes[<int> i].n_used for i in range(<int> VARS_N_CLASSES))


cdef object run(str name, bint is_fetch, value, tuple args, dict variables, int input_type, uint64_t real_us, uint32_t room):
    cdef bytes key = name.encode()
    cdef conv_fn fn = NULL
    cdef fetch_fn fetch = NULL
    cdef arg_t values[16]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    cdef VarStore store = VarStore()
    cdef bint found
    cdef int i
    if is_fetch:
        fetch = find_fetch(<const char*> key)
    else:
        fn = find_conv(<const char*> key)
    if fn == NULL and fetch == NULL:
        raise KeyError(name)
    keep: list = []
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    for variable, content in variables.items():
        store.set(variable, content)
    for i in range(<int> len(args)):
        put_arg(&values[i], args[i], keep, store)
    values[<int> len(args)].type = ARG_STOP
    scratch.area = <char*> calloc(1, room + 1)
    scratch.size = room
    scratch.used = 0
    ev.scratch = &scratch
    ev.program = &program
    ev.options = EVAL_O_FINAL
    ev.real_us = real_us
    for i in range(6):
        ev.vars[i] = &store.scopes[i]
    try:
        if is_fetch:
            found = fetch(&ev, values, &smp)
        else:
            put_sample(&smp, value, keep)
            found = smp_cast(&ev, &smp, <uint8_t> input_type) and fn(&ev, values, &smp)
        result = value_of(&smp) if found else None
    finally:
        free(scratch.area)
        for i in range(<int> len(args)):
            if values[i].type == ARG_REGEX:
                regex_free(<regex_t*> values[i].ptr)
    variables.clear()
    variables.update((known, store.get(known)) for known in store.names if store.get(known) is not None)
    return result


def convert(name: str, value, *args, input_type: int = 0, real_us: int = 0, room: int = 65536, variables=None):
    """What converter `name` makes of `value` (bool, int, address, str for text, bytes for data); None where it fails.

    args: as put_arg takes them.
    input_type: cast to this smp_type_t first. real_us: the wall clock. room: bytes of the scratch area.
    variables: value by `scope.name`; holds those that are set afterwards. Raises KeyError for an unknown converter.
    """
    return run(name, False, value, args, {} if variables is None else variables, input_type, real_us, room)


def fetch(name: str, *args, variables=None, room: int = 65536):
    """What the sample fetch `name` finds where there is no traffic; arguments as of convert()."""
    return run(name, True, None, args, {} if variables is None else variables, 0, 0, room)


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


def add_key(name: str, pem: bytes) -> bool:
    """Puts a public key into the process's key store; False when `pem` holds none."""
    cdef bytes key = name.encode()
    return keystore_add(slice_of(<const char*> key, <uint32_t> len(key)), <const char*> pem, <uint32_t> len(pem))


def add_private_key(name: str, der: bytes) -> bool:
    """The same for a private key."""
    cdef bytes key = name.encode()
    return keystore_add_private(slice_of(<const char*> key, <uint32_t> len(key)), <const uint8_t*> <const char*> der,
                                <uint32_t> len(der))
