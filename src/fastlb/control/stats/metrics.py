"""The exporter's metrics: names, types and which column or process line each is (HAProxy's Prometheus exporter).

Knows the table only. Names, types, labels and order are HAProxy's: dashboards depend on them. Must not know the text format.
"""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """objects: F frontend, B backend, S server. field: the statistics' column; "" for those that exporter.py computes."""

    name: str
    objects: str
    field: str
    help: str

    @property
    def kind(self) -> str:
        return "counter" if self.name.endswith("_total") else "gauge"


_ROWS = """
current_queue | BS | qcur | Requests that wait in the queue
max_queue | BS | qmax | Most requests that waited at once
current_sessions | FBS | scur | Sessions now
max_sessions | FBS | smax | Most sessions at once
limit_sessions | FBS | slim | Limit of sessions
sessions_total | FBS | stot | Sessions since the start
bytes_in_total | FBS | bin | Bytes of requests
bytes_out_total | FBS | bout | Bytes of responses
requests_denied_total | FB | dreq | Requests that a rule denied
responses_denied_total | FBS | dresp | Responses that a rule denied
request_errors_total | F | ereq | Invalid or incomplete requests
connection_errors_total | BS | econ | Connections to servers that failed
response_errors_total | BS | eresp | Invalid or incomplete responses
retry_warnings_total | BS | wretr | Connections tried again
redispatch_warnings_total | BS | wredis | Requests sent to another server
status | FBS | | State of the object, one series for each state
weight | BS | weight | Effective weight
active_servers | B | act | Active servers in use
backup_servers | B | bck | Backup servers in use
check_failures_total | S | chkfail | Failed checks
check_up_down_total | BS | chkdown | Times it went down
check_last_change_seconds | BS | lastchg | Seconds since its state changed
downtime_seconds_total | BS | downtime | Seconds that it was down
queue_limit | S | qlimit | Limit of its queue
current_throttle | S | throttle | Share of its weight during slowstart, percent
loadbalanced_total | BS | lbtot | Requests that balancing sent there
limit_session_rate | F | rate_lim | Limit of sessions per second
max_session_rate | FBS | rate_max | Most sessions in a second
check_status | S | | Result of the last check, one series for each result
check_code | S | check_code | Code that the last check got
check_duration_seconds | S | check_duration | Duration of the last check
http_responses_total | FBS | | Responses by class of status
http_requests_rate_max | F | req_rate_max | Most requests in a second
http_requests_total | FB | req_tot | Requests since the start
client_aborts_total | BS | cli_abrt | Transfers that clients cut
server_aborts_total | BS | srv_abrt | Transfers that servers cut
http_comp_bytes_in_total | FB | comp_in | Bytes given to compression
http_comp_bytes_out_total | FB | comp_out | Bytes that compression made
http_comp_bytes_bypassed_total | FB | comp_byp | Bytes that passed compression by
http_comp_responses_total | FB | comp_rsp | Responses compressed
last_session_seconds | BS | lastsess | Seconds since its last session
queue_time_average_seconds | BS | qtime | Average time in the queue over the last 1024 requests
connect_time_average_seconds | BS | ctime | Average time to connect over the last 1024 requests
response_time_average_seconds | BS | rtime | Average time to the response over the last 1024 requests
total_time_average_seconds | BS | ttime | Average total time over the last 1024 requests
connections_rate_max | F | conn_rate_max | Most connections in a second
connections_total | F | conn_tot | Connections since the start
intercepted_requests_total | F | intercepted | Requests that the proxy answered itself
denied_connections_total | F | dcon | Connections that a rule denied
denied_sessions_total | F | dses | Sessions that a rule denied
failed_header_rewriting_total | FBS | wrew | Rewrites of headers that failed
connection_attempts_total | BS | connect | Connections tried
connection_reuses_total | BS | reuse | Connections used again
http_cache_lookups_total | FB | cache_lookups | Lookups in the cache
http_cache_hits_total | FB | cache_hits | Lookups that found something
idle_connections_current | S | srv_icur | Idle connections now
idle_connections_limit | S | src_ilim | Limit of idle connections
max_queue_time_seconds | BS | qtime_max | Longest time in the queue
max_connect_time_seconds | BS | ctime_max | Longest time to connect
max_response_time_seconds | BS | rtime_max | Longest time to a response
max_total_time_seconds | BS | ttime_max | Longest total time
internal_errors_total | FBS | eint | Internal errors
unsafe_idle_connections_current | S | idle_conn_cur | Idle connections that only their own client may use
safe_idle_connections_current | S | safe_conn_cur | Idle connections that any client may use
used_connections_current | S | used_conn_cur | Connections in use
need_connections_current | S | need_conn_est | Connections thought to be needed
uweight | BS | uweight | Configured weight
agg_server_status | B | | Servers by state
agg_server_check_status | B | | Servers by state, under its former name
agg_check_status | B | | Servers by result of the last check
"""

METRICS: tuple[Metric, ...] = tuple(
    Metric(*(cell.strip() for cell in line.split("|"))) for line in _ROWS.strip().splitlines()
)

# Milliseconds in the columns, seconds here.
IN_MILLISECONDS = frozenset(
    f"{time}time{ending}" for time in "qcrt" for ending in ("", "_max")
) | {"check_duration"}
# Columns of HTTP mode and of checks: no series instead of NaN for an object without them.
OPTIONAL = frozenset(("req_tot", "intercepted", "cache_lookups", "cache_hits", "check_code", "check_duration"))

# (name, type, line of `show info`)
PROCESS: tuple[tuple[str, str, str], ...] = (
    ("nbthread", "gauge", "Nbthread"),
    ("nbproc", "gauge", "Nbproc"),
    ("relative_process_id", "gauge", "Process_num"),
    ("uptime_seconds", "gauge", "Uptime_sec"),
    ("max_fds", "gauge", "Ulimit-n"),
    ("max_sockets", "gauge", "Maxsock"),
    ("max_connections", "gauge", "Maxconn"),
    ("hard_max_connections", "gauge", "Hard_maxconn"),
    ("current_connections", "gauge", "CurrConns"),
    ("connections_total", "counter", "CumConns"),
    ("requests_total", "counter", "CumReq"),
    ("pipes_used_total", "counter", "PipesUsed"),
    ("current_connection_rate", "gauge", "ConnRate"),
    ("limit_connection_rate", "gauge", "ConnRateLimit"),
    ("max_connection_rate", "gauge", "MaxConnRate"),
    ("current_session_rate", "gauge", "SessRate"),
    ("limit_session_rate", "gauge", "SessRateLimit"),
    ("max_session_rate", "gauge", "MaxSessRate"),
    ("current_ssl_rate", "gauge", "SslRate"),
    ("limit_ssl_rate", "gauge", "SslRateLimit"),
    ("max_ssl_rate", "gauge", "MaxSslRate"),
    ("http_comp_bytes_in_total", "counter", "CompressBpsIn"),
    ("http_comp_bytes_out_total", "counter", "CompressBpsOut"),
    ("limit_http_comp", "gauge", "CompressBpsRateLim"),
    ("current_tasks", "gauge", "Tasks"),
    ("idle_time_percent", "gauge", "Idle_pct"),
    ("stopping", "gauge", "Stopping"),
    ("jobs", "gauge", "Jobs"),
    ("listeners", "gauge", "Listeners"),
    ("dropped_logs_total", "counter", "DroppedLogs"),
    ("bytes_out_total", "counter", "TotalBytesOut"),
    ("build_info", "gauge", "Build info"),
    ("max_memory_bytes", "gauge", "Memmax_bytes"),
    ("pool_allocated_bytes", "gauge", "PoolAlloc_bytes"),
    ("pool_used_bytes", "gauge", "PoolUsed_bytes"),
    ("start_time_seconds", "gauge", "Start_time_sec"),
)
