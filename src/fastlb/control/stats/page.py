"""The statistics page: rows become cells, jinja2 with autoescape makes the HTML.

Knows how values are shown (units, colours, what stands in which column). Must not know where rows come from. The template
is compiled when this module is imported: after a chroot there is no file to read.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from fastlb.config import model
from fastlb.control.directory import LiveProxy
from fastlb.control.hub import Control
from fastlb.control.stats import admin, process
from fastlb.control.stats.fields import TYPE_BACKEND, TYPE_FRONTEND, TYPE_LISTENER, TYPE_SERVER, Row
from fastlb.control.stats.latency import KINDS, PERCENTILES
from fastlb.control.version import VERSION

# Title of a group and its columns: (heading, what it is, field of the row)
Groups = tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
GROUPS: Groups = (
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

# With `stats show-modules`.
LATENCY: Groups = tuple(
    (
        f"{kind.capitalize()} ms",
        tuple((f"p{share * 100:g}", "percentile", f"{kind[0]}time_{ending}") for ending, share in PERCENTILES),
    )
    for kind in KINDS
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
    title: str = ""


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
    if "tracked" in row:
        return Cell(f"via {row['tracked']}", look="word")
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
    if "ttime_p50" in row:
        named = (("p50", "ttime_p50"), ("p90", "ttime_p90"), ("p99", "ttime_p99"), ("p99.9", "ttime_p999"))
        times += f"\ntotal: {', '.join(f'{label} {row[name]} ms' for label, name in named)}"
    return f"requests: {row.get('req_tot', 0)}\nresponses: {answers}, other: {row['hrsp_other']}{times}"


def _errors_title(row: Row) -> str:
    return f"transfers cut by clients: {row.get('cli_abrt', 0)}, by servers: {row.get('srv_abrt', 0)}"


def _legend(row: Row) -> str:
    """`stats show-legends`: what a name does not tell."""
    told = (("address", "addr"), ("mode", "mode"), ("algorithm", "algo"), ("id", "sid" if row["type"] == TYPE_SERVER else "iid"))
    return ", ".join(f"{label}: {row[name]}" for label, name in told if name in row)


def _line(row: Row, groups: Groups, has_legends: bool) -> Line:
    kind = _KINDS[int(row["type"])]
    name = {"frontend": "Frontend", "backend": "Backend"}.get(kind, str(row["svname"]))
    cells = [_cell(row, field) for _, columns in groups for _, _, field in columns]
    return Line(name, f"{row['pxname']}/{name}", kind, look_of(row), cells, _legend(row) if has_legends else "")


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
        pairs.insert(0, ("node", stats.show_node or process.node(now)))
    description = stats.show_description or control.configuration.global_.description
    if stats.show_description is not None and description:
        pairs.insert(0, ("description", description))
    return pairs


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("fastlb.control.stats"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATE = _ENVIRONMENT.get_template("page.html")


def _asset(name: str) -> Markup:
    """A file that stands in the page as it is: it is ours, and its hash allows it to run."""
    return Markup((files("fastlb.control.stats") / "templates" / name).read_text(encoding="utf-8"))


def _source(text: str) -> str:
    """How a Content-Security-Policy names an inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = _asset("page.css"), _asset("page.js")
# Whatever a name on the page might smuggle in: nothing else runs, loads or is sent anywhere, and no other site frames the page.
PAGE_HEADERS = [
    (
        "content-security-policy",
        f"default-src 'none'; style-src {_source(_STYLE)}; script-src {_source(_SCRIPT)}; img-src data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    ),
    ("x-content-type-options", "nosniff"),
]


@dataclass(frozen=True, slots=True)
class View:
    """What the address asks the page to show. outcome: of a form, an `st=` word; refresh_s: 0 where it does not refresh."""

    options: frozenset[str] = frozenset()
    outcome: str = ""
    scope: str = ""
    refresh_s: int = 0
    is_admin: bool = False


def render(control: Control, stats: model.Stats, tables: list[tuple[LiveProxy, list[Row]]], view: View) -> str:
    """The page for the tables of rows."""
    groups = (*GROUPS, *LATENCY) if stats.show_modules else GROUPS
    scope = f"?scope={quote(view.scope)}" if view.scope else ""
    values: dict[str, Any] = {
        "version": VERSION if stats.show_version else "",
        "uri": stats.uri,
        "here": stats.uri + "".join(f";{option}" for option in sorted(view.options)) + scope,
        "scope": scope,
        # A form replaces the address' query: the URI's own one has to come again.
        "query": stats.uri.partition("?")[2],
        "view": view,
        "told": admin.OUTCOMES.get(view.outcome),
        "configured_refresh_s": stats.refresh_s or 0,
        "summary": _summary(control, stats),
        "groups": groups,
        "legend": LEGEND,
        "actions": admin.ACTIONS,
        "style": _STYLE,
        "script": _SCRIPT,
        "tables": [(proxy, [_line(row, groups, stats.show_legends) for row in rows]) for proxy, rows in tables if rows],
    }
    return _TEMPLATE.render(values)
