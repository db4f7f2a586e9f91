"""Sample fetches of constants and of the proxy's own state (manual, section 7.3.2), and converters that look names up in it.

Knows their types, arguments and where they may be used. Must not know how they are computed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..keywords.row import UNSUPPORTED
from . import checks
from .row import Check, ConverterRow, FetchRow
from .types import BIN, BOOL, IPV4, IPV6, METH, SINT, STR, SampleType, Source
from .values import AclRef, ArgumentFault, Value

_IN = (Source.INTERNAL,)
_NOT_MEASURED = "fastlb does not measure the time of single tasks; in HAProxy it is 0 as well unless profiling.tasks is on"

_EVENTS = "a coded list of what each layer of HAProxy has seen; write txn.sess_term_state"


def _rows(
    names: str,
    output: SampleType,
    arguments: str = "",
    check: Check | None = None,
    *,
    since: str = "",
    core: str = "",
    note: str = "",
    unsupported: bool = False,
) -> Iterator[FetchRow]:
    for name in names.split():
        row = FetchRow(name, output, _IN, arguments, "7.3.2", since, core, check=check, note=note)
        if unsupported:
            row = FetchRow(name, output, _IN, arguments, "7.3.2", since, core, check=check, status=UNSUPPORTED, note=note)
        yield row


def _acl_names(values: list[Value]) -> list[Value]:
    """`(<name>[,<name>...])`, each with a `!` before it or not. There are at most 12, as in HAProxy."""
    names = [str(value) for value in values]
    if not names or not all(name.removeprefix("!") for name in names):
        raise ArgumentFault("expects the names of ACLs, each with an optional '!' before it")
    return [AclRef(name.removeprefix("!"), name.startswith("!")) for name in names]


FETCHES: tuple[FetchRow, ...] = (
    *_rows("always_true always_false", BOOL),
    *_rows("str", STR, "str?", checks.optional_text),
    *_rows("int", SINT, "int"),
    *_rows("bool", BOOL, "any?", checks.boolean),
    *_rows("bin", BIN, "any?", checks.hexadecimal),
    *_rows("ipv4", IPV4, "ipv4"),
    *_rows("ipv6", IPV6, "ipv6"),
    *_rows("meth", METH, "any?", checks.optional_text),
    *_rows("acl", BOOL, " ".join(["any", *["any?"] * 11]), _acl_names, since="2.9"),
    # backends, frontends, servers
    *_rows(
        "avg_queue be_conn be_conn_free be_sess_rate connslots nbsrv queue", SINT, "backend?", checks.optional_proxy("backend")
    ),
    *_rows("fe_conn fe_req_rate fe_sess_rate", SINT, "frontend?", checks.optional_proxy("frontend")),
    *_rows("srv_conn srv_conn_free srv_iweight srv_queue srv_sess_rate srv_uweight srv_weight", SINT, "server?", checks.server),
    *_rows("srv_is_up", BOOL, "server?", checks.server),
    # the process
    *_rows("act_conn", SINT, since="2.8"),
    *_rows("date", SINT, "int? any?", checks.date),
    *_rows("date_us", SINT),
    *_rows("env", STR, "str?", checks.optional_text),
    *_rows("hostname", STR),
    *_rows("pid", SINT, since="2.8"),
    *_rows("proc nbproc", SINT, core="one"),
    *_rows("rand", SINT, "int?"),
    *_rows("stopping", BOOL),
    *_rows("thread", SINT),
    *_rows("tgroup", SINT, since="3.1", core="zero"),
    *_rows("uptime", SINT, since="3.0"),
    *_rows("uuid", STR, "int?", checks.uuid),
    *_rows("wait_end", BOOL),
    *_rows("quic_enabled", BOOL, since="2.9", core="always_false"),
    # the stream
    *_rows("cpu_calls", SINT),
    *_rows("cpu_ns_avg cpu_ns_tot lat_ns_avg lat_ns_tot", SINT, core="zero", note=_NOT_MEASURED),
    *_rows("last_entity waiting_entity", STR, since="3.2"),
    *_rows("last_rule_file", STR),
    *_rows("last_rule_line", SINT),
    *_rows("prio_class prio_offset", SINT),
    *_rows("txn.id32", SINT, since="3.2"),
    *_rows("txn.sess_term_state", STR, since="2.9"),
    # not backed
    *_rows("term_events", STR, since="3.2", note=_EVENTS, unsupported=True),
    *_rows("cpu_usage_grp cpu_usage_proc cpu_usage_thr", SINT, since="3.2", note="workers do not measure it", unsupported=True),
)

CONVERTERS: tuple[ConverterRow, ...] = (
    ConverterRow("nbsrv", STR, SINT),
    ConverterRow("srv_queue", STR, SINT),
    ConverterRow("srv_is_up", STR, BOOL, since="3.1"),
    ConverterRow("fe_exists", STR, BOOL, since="3.4"),
    ConverterRow("capture-req", STR, STR, "int"),
    ConverterRow("capture-res", STR, STR, "int"),
)
