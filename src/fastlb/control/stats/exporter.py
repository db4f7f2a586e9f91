"""`http-request use-service prometheus-exporter`: the statistics in the text format of Prometheus, version 0.0.4.

Knows the format, the query's parameters (scope, metrics, no-maint, extra-counters) and how states become series. Must not know
where rows come from. Metrics and labels are HAProxy's (metrics.py); the histograms of latency are fastlb's own:
`haproxy_frontend_response_time_seconds_bucket` and the like, of servers with `extra-counters` only, for there may be many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fastlb.control.hub import Control, clock_ms
from fastlb.control.stats import latency, process
from fastlb.control.stats.fields import TYPE_BACKEND, TYPE_FRONTEND, TYPE_SERVER, Row
from fastlb.control.stats.metrics import IN_MILLISECONDS, METRICS, OPTIONAL, PROCESS, Metric
from fastlb.control.stats.rows import Filter, proxy_rows

_SCOPES = ("global", "frontend", "backend", "server")
# HAProxy has these too; fastlb has nothing to tell there.
_EMPTY_SCOPES = ("listener", "sticktable", "*", "")
_OBJECTS = (("frontend", "F", TYPE_FRONTEND), ("backend", "B", TYPE_BACKEND), ("server", "S", TYPE_SERVER))
_FRONTEND_STATES = ("DOWN", "UP")
_SERVER_STATES = ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")
_CHECKS = (
    *("HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP"),
    *("L7TOUT", "L7RSP", "L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK"),
)
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, object]


@dataclass(slots=True)
class Asked:
    """The query: scopes, metrics wanted and unwanted, servers in maintenance or not, histograms of servers or not."""

    scopes: set[str] = field(default_factory=lambda: set(_SCOPES))
    wanted: set[str] = field(default_factory=set)
    unwanted: set[str] = field(default_factory=set)
    hides_maint: bool = False
    has_extra_counters: bool = False

    def has(self, name: str) -> bool:
        """Whether the metric is shown: `metrics=` lists names, `*` for all, `-name` for all but that one."""
        if name in self.unwanted:
            return False
        return not self.wanted or "*" in self.wanted or name in self.wanted


def read_query(target: str) -> Asked:
    """The parameters of the request. Raises ValueError for a scope that does not exist."""
    asked = Asked()
    is_first = True
    for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True, max_num_fields=100):
        if name == "scope":
            if is_first:
                asked.scopes, is_first = set(), False
            _add_scope(asked, value)
        elif name == "metrics":
            for metric in filter(None, value.split(",")):
                (asked.unwanted if metric[0] == "-" else asked.wanted).add(metric.lstrip("-+"))
        elif name == "no-maint":
            asked.hides_maint = True
        elif name == "extra-counters":
            asked.has_extra_counters = True
    return asked


def _add_scope(asked: Asked, value: str) -> None:
    if value in _SCOPES:
        asked.scopes.add(value)
    elif value == "*":
        asked.scopes.update(_SCOPES)
    elif value not in _EMPTY_SCOPES:
        raise ValueError(f"no scope {value}")


def exposition(control: Control, asked: Asked) -> str:
    """All metrics that were asked for."""
    lines: list[str] = []
    if "global" in asked.scopes:
        for name, kind, told, value in _process(control):
            labels: Labels = (("version", str(value)),) if name == "build_info" else ()
            _add(lines, asked, f"haproxy_process_{name}", kind, told, [(labels, 1 if name == "build_info" else value)])
    now = clock_ms()
    wanted = Filter(hides_maint=asked.hides_maint)
    rows = [row for proxy in control.directory.proxies for row in proxy_rows(control, proxy, wanted, now)]
    servers: defaultdict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if row["type"] == TYPE_SERVER:
            servers[row["iid"]].append(row)
    for scope, letter, object_type in _OBJECTS:
        if scope in asked.scopes:
            own = [row for row in rows if row["type"] == object_type]
            for metric in METRICS:
                name = f"haproxy_{scope}_{metric.name}"
                if letter in metric.objects and asked.has(name):
                    samples = [sample for row in own for sample in _samples(metric, row, servers[row["iid"]])]
                    _add(lines, asked, name, metric.kind, metric.help, samples)
            if scope != "server" or asked.has_extra_counters:
                _add_histograms(lines, control, asked, scope)
    return "".join(lines)


def _process(control: Control) -> Iterator[tuple[str, str, str, object]]:
    now = process.read(control)
    by_name = {line.name: line for line in process.LINES}
    for name, kind, line_name in PROCESS:
        line = by_name[line_name]
        yield name, kind, line.help, line.value(now)


def _add(lines: list[str], asked: Asked, name: str, kind: str, told: str, samples: Iterable[Sample]) -> None:
    """One metric with its series; none at all where it has no series."""
    if not asked.has(name):
        return
    shown = [f"{name}{_labels(labels)} {_number(value)}\n" for labels, value in samples]
    if shown:
        lines.append(f"# HELP {name} {told}\n# TYPE {name} {kind}\n")
        lines += shown


def _labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: object) -> str:
    return "NaN" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def _own_labels(row: Row) -> Labels:
    labels: Labels = (("proxy", str(row["pxname"])),)
    return (*labels, ("server", str(row["svname"]))) if row["type"] == TYPE_SERVER else labels


def _samples(metric: Metric, row: Row, servers: list[Row]) -> Iterable[Sample]:
    own = _own_labels(row)
    series = _SERIES.get(metric.name)
    if series is not None:
        return [((*own, label), value) for label, value in series(row, servers)]
    value = row.get(metric.field)
    if value is None and metric.field in OPTIONAL:
        return []
    if metric.field in IN_MILLISECONDS and isinstance(value, int):
        return [(own, value / 1000)]
    return [(own, value)]


# -- metrics with a series for each state

Series = list[tuple[tuple[str, str], int]]


def state_of(row: Row) -> str:
    """The exporter's word for a row's status."""
    status = str(row.get("status", ""))
    word = status.split(" ")[0]
    if row["type"] == TYPE_FRONTEND:
        return "UP" if status == "OPEN" else "DOWN"
    if status == "no check":
        return "UP"
    return word if word in _SERVER_STATES else "DOWN"


def _check_of(row: Row) -> str:
    return str(row.get("check_status", "")).removeprefix("* ")


def _one_of(words: Iterable[str], word: str) -> Series:
    return [(("state", one), int(one == word)) for one in words]


def _status(row: Row, servers: list[Row]) -> Series:
    return _one_of(_SERVER_STATES if row["type"] == TYPE_SERVER else _FRONTEND_STATES, state_of(row))


def _check_status(row: Row, servers: list[Row]) -> Series:
    return _one_of(_CHECKS, _check_of(row)) if "check_status" in row else []


def _http_responses(row: Row, servers: list[Row]) -> Series:
    if "hrsp_2xx" not in row:
        return []
    return [(("code", one), int(row[f"hrsp_{one}"])) for one in _CLASSES]


def _counted(words: Iterable[str], word_of: Callable[[Row], str]) -> Callable[[Row, list[Row]], Series]:
    def series(row: Row, servers: list[Row]) -> Series:
        found = [word_of(server) for server in servers]
        return [(("state", word), found.count(word)) for word in words]

    return series


_SERIES: dict[str, Callable[[Row, list[Row]], Series]] = {
    "status": _status,
    "check_status": _check_status,
    "http_responses_total": _http_responses,
    "agg_server_status": _counted(_SERVER_STATES, state_of),
    "agg_server_check_status": _counted(_SERVER_STATES, state_of),
    "agg_check_status": _counted(_CHECKS, _check_of),
}


# -- histograms

_TOLD = {
    "queue": "Time in the queue",
    "connect": "Time to connect",
    "response": "Time to the response's head",
    "total": "Time from the request's first byte to the response's last",
}


def _objects(control: Control, scope: str) -> Iterator[tuple[Labels, int]]:
    for proxy in control.directory.proxies:
        own: Labels = (("proxy", proxy.name),)
        if scope == "server":
            for server in proxy.servers:
                yield (*own, ("server", server.name)), server.index
        elif proxy.is_frontend if scope == "frontend" else proxy.is_backend:
            yield own, proxy.index


def _add_histograms(lines: list[str], control: Control, asked: Asked, scope: str) -> None:
    limits = control.snapshot.times_limits()
    found = [(labels, control.snapshot.times(scope, index)) for labels, index in _objects(control, scope)]
    for place, kind in enumerate(latency.KINDS):
        name = f"haproxy_{scope}_{kind}_time_seconds"
        if found and asked.has(name):
            lines.append(f"# HELP {name} {_TOLD[kind]}\n# TYPE {name} histogram\n")
            for labels, times in found:
                buckets, sum_ms = times[place]
                lines += _histogram(name, labels, buckets, limits, sum_ms)


def _histogram(name: str, labels: Labels, buckets: tuple[int, ...], limits: tuple[int, ...], sum_ms: int) -> Iterator[str]:
    total = 0
    bounds = [f"{limit / 1000:g}" for limit in limits] + ["+Inf"]
    for bound, count in zip(bounds, buckets, strict=True):
        total += count
        yield f"{name}_bucket{_labels((*labels, ('le', bound)))} {total}\n"
    yield f"{name}_sum{_labels(labels)} {sum_ms / 1000:.3f}\n"
    yield f"{name}_count{_labels(labels)} {total}\n"
