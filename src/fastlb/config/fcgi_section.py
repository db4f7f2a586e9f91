"""The section `fcgi-app` (manual, section 10).

Knows its lines, and what must fit together once all files are read. Must not know what is sent to an application
(ext/fastlb_core/proxy/fcgi_params.pyx). An application's rules, ACLs and log targets hang on a proxy that stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from .actions.row import ActionFault, ActionReader
from .diagnostics import nearest
from .keywords.log import read_target
from .keywords.row import NOT_YET, Statement
from .keywords.server import bad_character
from .model import Configuration, FcgiApp, Location, Proxy
from .rule import Rule
from .rules import add_acl, condition_behind, fail_at, warn_if_never
from .samples.types import Point
from .samples.values import RegexValue

Alert = Callable[[str, str, Location, str, str], None]


def _lead(st: Statement, index: int) -> str:
    return f"parsing [{st.place(index)[0]}]: "


def open_app(st: Statement) -> None:
    apps, name = st.reading.configuration.fcgi_apps, st.argument(0)
    st.reading.fcgi_app = None
    if not name:
        st.alert("'fcgi-app' expects <name> as argument.", 0, "missing-argument", "fcgi-app <name>", _lead(st, 0))
        raise st.reported()
    st.at_most(1)
    if wrong := bad_character(name):
        st.alert(f"character '{wrong}' is not permitted in 'fcgi-app' name '{name}'.", 1, "bad-name", "", _lead(st, 1))
        raise st.reported()
    if name in apps:
        message = f"fcgi-app section '{name}' has the same name as another one declared at {apps[name].location}."
        st.alert(message, 1, "duplicate-name", "", _lead(st, 1).replace("p", "P", 1))
        raise st.reported()
    location = st.line_location()
    app = FcgiApp(location, name, Proxy(location, "fcgi-app", name, mode="http"))
    st.reading.fcgi_app = apps[name] = app


def _current(st: Statement) -> FcgiApp:
    if st.reading.fcgi_app is None:  # its header was refused
        raise st.reported()
    return st.reading.fcgi_app


def _word(st: Statement, what: str) -> str:
    """The only argument, not empty."""
    if not st.argument(0):
        raise st.fail(f"'{st.words[0]}' expects <{what}> as argument.", 0, "missing-argument", f"{st.words[0]} <{what}>")
    if len(st.words) > 2:
        message = f"'{' '.join(st.words[:2])}' cannot handle unexpected argument '{st.words[2]}'."
        raise st.fail(message, 2, "unexpected-argument")
    return st.argument(0)


def _docroot(st: Statement) -> None:
    _current(st).docroot = _word(st, "path")


def _index(st: Statement) -> None:
    _current(st).index = _word(st, "filename")


def _path_info(st: Statement) -> None:
    app, pattern = _current(st), _word(st, "regex")
    app.path_info = pattern
    # Where compile/verify.py finds it.
    app.proxy.rules["path-info"] = [Rule(st.line_location(), "path-info", "path-info", (RegexValue(pattern),))]


def _log_stderr(st: Statement) -> None:
    px = _current(st).proxy
    if st.arguments == ["global"]:
        px.log_global = True
        return
    target = read_target(st, "log-stderr : expects <address> and <facility> or global as arguments")
    if target.profile:
        raise st.fail(f"'log-stderr ... profile': {NOT_YET}", st.words.index("profile"), "unsupported-keyword")
    px.logs.append(target)


def _acl(st: Statement) -> None:
    add_acl(st, _current(st).proxy)


def _add_rule(st: Statement, app: FcgiApp, rule: Rule, at: int) -> None:
    message = f"'{st.words[0]}' expects either 'if' or 'unless' followed by a condition but found '{{0}}'."
    condition = condition_behind(st, app.proxy, at, message, f"a '{st.words[0]}' condition")
    warn_if_never(st, condition, Point.REQUEST_HEADERS, f"fcgi-app {st.words[0]} rule", at)
    app.proxy.rules.setdefault(st.words[0], []).append(replace(rule, condition=condition))


def _set_param(st: Statement) -> None:
    app = _current(st)
    name, text = st.argument(0), st.argument(1)
    if not name or not text:
        message = "'set-param' expects <name> and <value> as arguments."
        raise st.fail(message, 0, "missing-argument", "set-param REDIRECT_STATUS 200")
    reader = ActionReader(st, "H", 1, aliases=st.reading.format_aliases)
    try:
        value = reader.format(text, 2)
    except ActionFault as fault:
        raise fail_at(st, f"'set-param' : {fault.message}.", 2, fault) from None
    _add_rule(st, app, Rule(st.line_location(), "set-param", "set-param", (parameter_name(name), value), None), 3)


def parameter_name(word: str) -> str:
    """haproxy: as the name of a header, without HTTP_ before it."""
    return re.sub("[^A-Z0-9]", "_", word.upper())


def _pass_header(st: Statement) -> None:
    app, name = _current(st), st.argument(0)
    if not name:
        raise st.fail("'pass-header' expects <name> as arguments.", 0, "missing-argument", "pass-header Authorization")
    _add_rule(st, app, Rule(st.line_location(), "pass-header", "pass-header", (name.lower(),), None), 2)


# --- options ---


def _option(st: Statement) -> None:
    app, name = _current(st), st.argument(0)
    st.n_keyword = min(2, len(st.words))
    if not name:
        st.alert("'option' expects an option name.", 0, "missing-argument", f"one of {', '.join(OPTIONS)}", _lead(st, 0))
        raise st.reported()
    apply = OPTIONS.get(name)
    if apply is None:
        guess = nearest(name, OPTIONS)
        raise st.fail(f"unknown option '{name}'.", 1, "unknown-keyword", f"write '{guess}'" if guess else "")
    apply(st, app)


def _no(st: Statement) -> None:
    """`no option ...`."""
    if st.argument(0) != "option":
        message = "negation/default currently supported only for options."
        st.alert(message, 0, "bad-prefix", "remove the word", _lead(st, 0))
        raise st.reported()
    st.prefix, st.words = st.words[0], st.words[1:]
    _option(st)


def _switch(attribute: str) -> Callable[[Statement, FcgiApp], None]:
    def apply(st: Statement, app: FcgiApp) -> None:
        st.at_most(0)
        setattr(app, attribute, st.prefix != "no")

    return apply


def _max_reqs(st: Statement, app: FcgiApp) -> None:
    """haproxy: without `option mpxs-conns` it has no effect; here requests take turns on a connection in any case."""
    if st.prefix:
        st.alert("negation/default is not supported for option 'max-reqs'.", 1, "bad-prefix", "remove the line", _lead(st, 1))
        raise st.reported()
    word = st.argument(0)
    what = "a strictly positive integer" if word else "an integer"
    if not (word.isascii() and word.isdigit() and 0 < int(word[:10]) < 2**31):
        code = "bad-argument" if word else "missing-argument"
        st.alert(f"option 'max-reqs' expects {what} argument.", min(2, len(st.words)), code, "option max-reqs 10", _lead(st, 1))
        raise st.reported()
    st.at_most(1)


OPTIONS: dict[str, Callable[[Statement, FcgiApp], None]] = {
    "get-values": _switch("get_values"),
    "keep-conn": _switch("keep_conn"),
    "max-reqs": _max_reqs,
    "mpxs-conns": _switch("mpxs_conns"),
}
KEYWORDS: dict[str, Callable[[Statement], None]] = {
    "docroot": _docroot,
    "index": _index,
    "path-info": _path_info,
    "log-stderr": _log_stderr,
    "acl": _acl,
    "set-param": _set_param,
    "pass-header": _pass_header,
    "option": _option,
    "no": _no,
}


# --- what must fit together ---


def check_apps(configuration: Configuration, alert: Alert) -> None:
    for app in configuration.fcgi_apps.values():
        if not app.docroot:
            alert("no-docroot", f"fcgi-app '{app.name}': no docroot configured.", app.location, "", "docroot /var/www")


def check_proxy(configuration: Configuration, px: Proxy, alert: Alert) -> None:
    """`proto`, `check-proto` and `use-fcgi-app` of a proxy's lines must agree."""
    if not px.has_backend:
        return
    _check_protocols(px, alert)
    at = px.fcgi_app_at or px.location
    if not px.fcgi_app:
        for srv in px.servers:
            if srv.proto == "fcgi" and px.mode == "http":
                message = f"proxy '{px.name}': FCGI server '{srv.name}' has no FCGI app configured."
                alert("no-fcgi-app", message, srv.location, "", "add to the backend: use-fcgi-app <name>")
    elif px.mode != "http":
        alert("needs-http", f"proxy '{px.name}': FCGI application cannot be used in non-HTTP mode.", at, "", "add: mode http")
    elif px.fcgi_app not in configuration.fcgi_apps:
        guess = nearest(px.fcgi_app, configuration.fcgi_apps)
        hint = f"did you mean '{guess}'?" if guess else f"add a section 'fcgi-app {px.fcgi_app}'"
        alert("unknown-fcgi-app", f"proxy '{px.name}' : fcgi-app '{px.fcgi_app}' not found.", at, "", hint)
    elif not any(srv.proto == "fcgi" for srv in px.servers):
        message = f"proxy '{px.name}': FCGI app configured but no FCGI server found."
        alert("no-fcgi-server", message, at, "", "add to its servers: proto fcgi")


def _check_protocols(px: Proxy, alert: Alert) -> None:
    # haproxy: `tcp-check` and the other checks on bytes need one that passes them as they are.
    fits_check = ("", "h1", "fcgi") if px.check.kind == "httpchk" else ("", "none")
    for srv in px.servers:
        if srv.proto and (srv.proto == "none") != (px.mode != "http"):
            message = f"MUX protocol '{srv.proto}' is not usable for server '{srv.name}' at [{srv.location}]."
            alert("bad-protocol", f"{px.kind} '{px.name}' : {message}", srv.location, "", "")
        if srv.check_proto not in fits_check:
            message = f"backend '{px.name}': server '{srv.name}' uses an incompatible MUX protocol for the selected check type"
            alert("bad-protocol", f"config: {message}", srv.location, "", "")
        elif srv.check and px.check.kind == "httpchk" and (srv.check_proto or srv.proto) == "fcgi":
            message = f"'server {px.name}/{srv.name}' : checks by 'option httpchk' over FastCGI: {NOT_YET}"
            alert("unsupported-keyword", message, srv.location, "", "check the connection alone, without 'option httpchk'")
