"""The columns of the statistics: one table, in HAProxy's order, with HAProxy's names and tags (management guide, 9.1, 9.2).

Knows names, the three tag letters (origin, nature, scope) and types of the typed format. Must not know where values come
from. Third parties read columns by position: the order is part of the interface and nothing is ever inserted.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """A column. tags: as in `show stat typed`, "" for one that no object fills. kind: "u32", "s32", "u64" or "str"."""

    name: str
    tags: str = ""
    kind: str = "u64"


_ROWS = """
pxname KNS str | svname KNS str | qcur MGP u32 | qmax MMP u32 | scur MGP u32 | smax MMP u32 | slim CLP u32
stot MCP u64 | bin MCP u64 | bout MCP u64 | dreq MCP u64 | dresp MCP u64 | ereq MCP u64 | econ MCP u64 | eresp MCP u64
wretr MCP u64 | wredis MCP u64 | status SGP str | weight MaP u32 | act SGP u32 | bck SGP u32 | chkfail MCP u64
chkdown MCP u64 | lastchg MAP u32 | downtime MCP u32 | qlimit CGS u32 | pid KGP u32 | iid KGS u32 | sid KGS u32
throttle MaP u32 | lbtot MCP u64 | tracked | type CGS u32 | rate MRP u32 | rate_lim CLP u32 | rate_max MMP u32
check_status MOP str | check_code MOP u32 | check_duration MDP u64 | hrsp_1xx MCP u64 | hrsp_2xx MCP u64
hrsp_3xx MCP u64 | hrsp_4xx MCP u64 | hrsp_5xx MCP u64 | hrsp_other MCP u64 | hanafail MCP u64 | req_rate MRP u32
req_rate_max MMP u32 | req_tot MCP u64 | cli_abrt MCP u64 | srv_abrt MCP u64 | comp_in MCP u64 | comp_out MCP u64
comp_byp MCP u64 | comp_rsp MCP u64 | lastsess MAP s32 | last_chk MOP str | last_agt MOP str | qtime MaP u32
ctime MaP u32 | rtime MaP u32 | ttime MaP u32 | agent_status MOP str | agent_code MOP u32 | agent_duration MDP u64
check_desc MOP str | agent_desc MOP str | check_rise CGS u32 | check_fall CGS u32 | check_health CGS u32
agent_rise CGS u32 | agent_fall CGS u32 | agent_health CGS u32 | addr CGS str | cookie CNS str | mode CGS str
algo CGS str | conn_rate MRP u32 | conn_rate_max MMP u32 | conn_tot MCP u64 | intercepted MCP u64 | dcon MCP u64
dses MCP u64 | wrew MCP u64 | connect MCP u64 | reuse MCP u64 | cache_lookups MCP u64 | cache_hits MCP u64
srv_icur MGP u32 | src_ilim CLP u32 | qtime_max MMP u32 | ctime_max MMP u32 | rtime_max MMP u32 | ttime_max MMP u32
eint MCP u64 | idle_conn_cur MGP u32 | safe_conn_cur MGP u32 | used_conn_cur MGP u32 | need_conn_est MGP u32
uweight MaP u32 | agg_server_status MGP u32 | agg_server_check_status MGP u32 | agg_check_status MGP u32
"""

FIELDS: tuple[Field, ...] = tuple(Field(*cell.split()) for line in _ROWS.strip().splitlines() for cell in line.split("|"))

# fastlb's own columns stand behind all of HAProxy's: percentiles of the times in ms, over all requests since the start.
FIELDS += tuple(Field(f"{time}time_{share}", "MaP", "u32") for time in "qcrt" for share in ("p50", "p90", "p99", "p999"))

# A backend's own tags where they differ from the table's.
_BACKEND_TAGS = {"act": "MGP", "bck": "MGP", "rate": "MGP", "rate_max": "MGP"}

# `type` column and the letter of the typed format
TYPE_FRONTEND, TYPE_BACKEND, TYPE_SERVER, TYPE_LISTENER = 0, 1, 2, 3
TYPE_LETTERS = "FBSL"
TYPE_NAMES = ("Frontend", "Backend", "Server", "Listener")

Value = int | str
Row = dict[str, Value]


def tags_of(field: Field, object_type: int) -> str:
    """The tags of a column for an object of that type."""
    if object_type == TYPE_BACKEND and field.name in _BACKEND_TAGS:
        return _BACKEND_TAGS[field.name]
    return field.tags


ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURES = {
    "G": "Gauge",
    "L": "Limit",
    "m": "Min",
    "M": "Max",
    "R": "Rate",
    "C": "Counter",
    "D": "Duration",
    "A": "Age",
    "T": "Time",
    "N": "Name",
    "O": "Output",
    "a": "Avg",
}
SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}
