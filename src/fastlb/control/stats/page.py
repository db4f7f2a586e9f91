"""The statistics page: rows become cells, jinja2 with autoescape makes the HTML.

Knows how values are shown (units, colours, what stands in which column). Must not know where rows come from. The template
is compiled when this module is imported: after a chroot there is no file to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jinja2

from fastlb.config import model
from fastlb.control.directory import LiveProxy
from fastlb.control.hub import Control
from fastlb.control.stats import process
from fastlb.control.stats.fields import TYPE_BACKEND, TYPE_FRONTEND, TYPE_LISTENER, TYPE_SERVER, Row
from fastlb.control.version import VERSION

# Title of a group and its columns: (heading, what it is, field of the row)
GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Queue", (("Cur", "waiting now", "qcur"), ("Max", "most that waited", "qmax"), ("Limit", "maxqueue", "qlimit"))),
    ("Session rate", (("Cur", "per second now", "rate"), ("Max", "highest", "rate_max"), ("Limit", "limit", "rate_lim"))),
    (
        "Sessions",
        (
            *(("Cur", "now", "scur"), ("Max", "most at once", "smax"), ("Limit", "maxconn", "slim")),
            *(("Total", "since the start", "stot"), ("LbTot", "balanced to", "lbtot"), ("Last", "time since", "lastsess")),
        ),
    ),
    ("Bytes", (("In", "from clients", "bin"), ("Out", "to clients", "bout"))),
    ("Denied", (("Req", "requests", "dreq"), ("Resp", "responses", "dresp"))),
    ("Errors", (("Req", "requests", "ereq"), ("Conn", "connections", "econ"), ("Resp", "responses", "eresp"))),
    ("Warnings", (("Retr", "retries", "wretr"), ("Redis", "redispatches", "wredis"))),
    (
        "Server",
        (
            *(("Status", "state, since when", "status"), ("LastChk", "last check", "last_chk"), ("Wght", "weight", "weight")),
            *(("Act", "active", "act"), ("Bck", "backup", "bck"), ("Chk", "failed checks", "chkfail")),
            *(("Dwn", "times down", "chkdown"), ("Dwntme", "time down", "downtime"), ("Thrtle", "slowstart", "throttle")),
        ),
    ),
)

_KINDS = {TYPE_FRONTEND: "frontend", TYPE_BACKEND: "backend", TYPE_SERVER: "server", TYPE_LISTENER: "listener"}
_NUMBERED = frozenset(("bin", "bout", "stot", "lbtot"))

LEGEND = (
    *(("up", "up"), ("going-down", "up, failing checks"), ("going-up", "down, passing checks"), ("down", "down")),
    *(("maint", "maintenance"), ("drain", "drain or no new sessions"), ("nocheck", "not checked")),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what it shows, a longer text for the pointer, a class for its look."""

    text: str
    title: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One object's line in a proxy's table."""

    name: str
    anchor: str
    kind: str
    look: str
    cells: list[Cell]


def duration(seconds: int) -> str:
    """The two largest units: 36s, 2m5s, 1h13m, 4d7h."""
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    for place, (unit, size) in enumerate(units):
        if seconds >= size:
            text = f"{seconds // size}{unit}"
            if place + 1 < len(units):
                smaller, smaller_size = units[place + 1]
                rest = seconds % size // smaller_size
                text += f"{rest}{smaller}" if rest else ""
            return text
    return "0s"


def grouped(number: int) -> str:
    """Thousands set apart by a thin space that does not break."""
    return f"{number:,}".replace(",", "\u202f")


def look_of(row: Row) -> str:
    """The colour class of a line, by its status."""
    status = str(row.get("status", ""))
    word = status.split(" ")[0]
    if row["type"] in (TYPE_FRONTEND, TYPE_LISTENER):
        return "up" if status == "OPEN" else "down"
    if word in ("MAINT", "DRAIN"):
        return word.lower()
    if word == "NOLB":
        return "drain"
    if status == "no check":
        return "nocheck"
    is_counted = "/" in status and row["type"] == TYPE_SERVER
    if word == "UP":
        return "going-down" if is_counted else "up"
    return "going-up" if is_counted else "down"


def _cell(row: Row, name: str) -> Cell:
    value = row.get(name)
    if name == "status":
        return _status(row)
    if name == "last_chk":
        return _last_check(row)
    if name == "lastsess":
        return Cell("" if value is None else "?" if value == -1 else duration(int(value)))
    if name == "throttle":
        return Cell("" if value is None else f"{value}%")
    if name == "downtime":
        return Cell("" if value is None else duration(int(value)))
    if name == "weight" and value is not None:
        return Cell(f"{value}/{row.get('uweight', value)}")
    if name in ("act", "bck") and row["type"] == TYPE_SERVER:
        return Cell("Y" if value else "-")
    if name == "stot" and "hrsp_2xx" in row:
        return Cell(grouped(int(value or 0)), _sessions_title(row))
    if name in ("econ", "eresp", "ereq", "chkfail", "dreq", "dresp") and value:
        return Cell(grouped(int(value)), _errors_title(row) if name == "eresp" else "", "bad")
    if name in ("slim", "qlimit", "rate_lim") and not value:
        return Cell("-" if name in row or (row["type"] == TYPE_SERVER and name != "rate_lim") else "")
    return Cell("" if value is None else grouped(int(value)) if isinstance(value, int) else str(value))


def _status(row: Row) -> Cell:
    status = str(row.get("status", ""))
    if "lastchg" not in row or status == "no check":
        return Cell(status, look="word")
    return Cell(f"{duration(int(row['lastchg']))} {status}", look="word")


def _last_check(row: Row) -> Cell:
    if "check_status" not in row:
        return Cell("")
    code = f"/{row['check_code']}" if "check_code" in row else ""
    took = f" in {row['check_duration']}ms" if "check_duration" in row else ""
    said = f": {row['last_chk']}" if row.get("last_chk") else ""
    return Cell(f"{row['check_status']}{code}{took}", f"{row.get('check_desc', '')}{said}", "word")


def _sessions_title(row: Row) -> str:
    answers = ", ".join(f"{name[5:]}: {row[name]}" for name in ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx"))
    times = ""
    if "ttime" in row:
        named = (("queue", "qtime"), ("connect", "ctime"), ("response", "rtime"), ("total", "ttime"))
        shown = (f"{label} {row[name]}/{row[name + '_max']} ms" for label, name in named)
        times = f"\naverage/max: {', '.join(shown)}"
    return f"requests: {row.get('req_tot', 0)}\nresponses: {answers}, other: {row['hrsp_other']}{times}"


def _errors_title(row: Row) -> str:
    return f"transfers cut by clients: {row.get('cli_abrt', 0)}, by servers: {row.get('srv_abrt', 0)}"


def _line(row: Row) -> Line:
    kind = _KINDS[int(row["type"])]
    name = {"FRONTEND": "Frontend", "BACKEND": "Backend"}.get(str(row["svname"]), str(row["svname"]))
    cells = [_cell(row, field) for _, columns in GROUPS for _, _, field in columns]
    return Line(name, f"{row['pxname']}/{name}", kind, look_of(row), cells)


def _summary(control: Control, stats: model.Stats) -> list[tuple[str, str]]:
    """The program in a few pairs of words."""
    now = process.read(control)
    state = now.globals
    memory = f"{sum(worker.pool_bytes for worker in now.workers) / 2**20:.1f} MiB"
    pairs = [
        ("pid", f"{state.master_pid} ({state.n_workers} workers)"),
        ("uptime", process.uptime_text(now.uptime_s)),
        ("limits", f"maxconn {grouped(state.maxconn)}, ulimit-n {grouped(now.fd_limit)}"),
        ("connections", f"{grouped(state.n_conns)} now, {grouped(state.cum_conns)} in all"),
        ("buffers", memory),
        ("idle", f"{now.idle_percent}%"),
    ]
    if stats.show_node is not None:
        pairs.insert(0, ("node", stats.show_node or control.configuration.global_.node))
    if stats.show_description is not None:
        pairs.insert(0, ("description", stats.show_description or control.configuration.global_.description))
    return pairs


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("fastlb.control.stats"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATE = _ENVIRONMENT.get_template("page.html")


def render(
    control: Control, stats: model.Stats, tables: list[tuple[LiveProxy, list[Row]]], options: set[str], refresh_s: int
) -> str:
    """The page for the tables of rows; `options` are the words behind the URI, refresh_s 0 where it does not refresh."""
    values: dict[str, Any] = {
        "version": VERSION if stats.show_version else "",
        "uri": stats.uri,
        "options": options,
        "refresh_s": refresh_s,
        "configured_refresh_s": stats.refresh_s or 0,
        "summary": _summary(control, stats),
        "groups": GROUPS,
        "legend": LEGEND,
        "n_columns": sum(len(columns) for _, columns in GROUPS) + 1,
        "tables": [(proxy, [_line(row) for row in rows]) for proxy, rows in tables if rows],
    }
    return _TEMPLATE.render(values)
