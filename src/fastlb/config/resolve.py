"""What can only be checked or filled in when all files are read: names, modes, identifiers, timeouts, defaults.

Knows the rules that tie objects together. Must not know how a keyword is written, and it opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .actions.replies import PAGE_SET, REPLY_ACTIONS
from .actions.resolve import RESOLVERS, with_limit
from .diagnostics import Diagnostics, nearest
from .fcgi_section import check_apps, check_proxy
from .filter_references import check_filters
from .keywords.balance import HTTP_ALGORITHMS
from .keywords.row import Draft
from .log_formats import resolve_formats
from .log_profiles import as_proxy, check_profiles
from .model import Balance, Configuration, Location, Proxy, Server, Stats, StickData
from .references import check_references
from .resolvers_section import system_section
from .rings import resolve_rings
from .rule import Rule
from .samples.values import TableRef
from .section_model import Resolvers
from .tracks import Tracks

# Of `option httplog json`: what a target takes unless it says `len`, what it must take, and the longest header in a ring.
JSON_LENGTH, JSON_MIN_LENGTH, JSON_HEADER = 8192, 4096, 1280

# Sets of rules that look at a message of HTTP.
HTTP_RULES = ("http-request", "http-response", "http-after-response", "redirect")


def resolve(
    configuration: Configuration, drafts: Sequence[Draft], diagnostics: Diagnostics, source_of: Callable[[Location], str]
) -> None:
    """Completes the model in place and reports what does not fit together, in HAProxy's words.

    source_of: the text of the line at a location. Where the files have errors already, only errors are looked for: a
    warning could be the echo of a line that was refused.
    """
    _Resolution(configuration, drafts, diagnostics, source_of).run()


class _Resolution:
    def __init__(
        self,
        configuration: Configuration,
        drafts: Sequence[Draft],
        diagnostics: Diagnostics,
        source_of: Callable[[Location], str],
    ) -> None:
        self.source_of = source_of
        self.had_errors = diagnostics.has_errors
        self.configuration = configuration
        self.drafts = drafts
        self.diagnostics = diagnostics
        self.unknown_modes = {draft.proxy.name for draft in drafts if "unknown mode" in draft.explicit}
        self.backends: dict[str, Proxy] = {}
        for px in configuration.proxies:
            if px.has_backend:
                self.backends.setdefault(px.name, px)

    def run(self) -> None:
        glob = self.configuration.global_
        # haproxy: the room for rewriting takes half of a buffer at most.
        glob.maxrewrite = min(glob.maxrewrite, glob.bufsize // 2)
        resolve_rings(self.configuration, self._alert, self._warn)
        self._check_ids()
        tracks = Tracks(self.configuration.proxies)
        for draft in self.drafts:
            px = draft.proxy
            self._check_servers(px)
            self._check_resolvers(px)
            if px.disabled:
                # haproxy: a disabled proxy is not looked at any further.
                continue
            self._check_binds(px)
            self._check_default_backend(px, draft)
            self._check_transparent(px, draft)
            self._check_use_backend(px)
            self._check_use_server(px)
            self._check_log_format(px, draft)
            resolve_formats(px, self._alert)
            check_references(px, self.configuration, self.diagnostics, self.source_of)
            check_filters(px, self.configuration.proxies, self._alert)
            self._check_check_ports(px)
            tracks.check(px, lambda srv, *fault, px=px: self._report_track(px, srv, *fault))
            self._check_check_rules(px)
            self._check_timeouts(px)
            self._check_dynamic_cookies(px)
            self._check_http_only(px)
            check_proxy(self.configuration, px, self._alert)
            self._check_switched(px)
        check_profiles(self.configuration, self._alert)
        for profile in self.configuration.log_profiles.values():
            check_references(as_proxy(profile), self.configuration, self.diagnostics, self.source_of)
        self._check_apps()
        self._complete_tables()
        self._check_userlists()
        for draft in self.drafts:
            self._check_page_sets(draft.proxy)
            self._check_stats(draft.proxy)
            self._expand_errorfiles(draft.proxy)
            self._expand_logs(draft.proxy)
            self._lengthen_json(draft.proxy)
            self._inherit_maxconn(draft.proxy)

    # --- checks ---

    def _check_ids(self) -> None:
        owners: dict[int, Proxy] = {}
        for px in self.configuration.proxies:
            if px.id is None:
                continue
            owner = owners.setdefault(px.id, px)
            if owner is not px:
                message = (
                    f"{px.kind} {px.name} reuses same custom id as {owner.kind} {owner.name} (declared at {owner.location})."
                )
                self._alert("duplicate-id", message, px.location, f"parsing [{px.location}]: ")

    def _check_servers(self, px: Proxy) -> None:
        names: dict[str, Location] = {}
        ids: dict[int, tuple[Location, str]] = {}
        for srv in px.servers:
            first = names.setdefault(srv.name, srv.location)
            if first is not srv.location:
                message = (
                    f"{px.kind} '{px.name}', another server named '{srv.name}' was already defined at line {first.line}, "
                    "please use distinct names."
                )
                self._alert("duplicate-server", message, srv.location, f"parsing [{srv.location}] : ")
            if srv.id is None:
                continue
            place, other = ids.setdefault(srv.id, (srv.location, srv.name))
            if place is not srv.location:
                message = f"'server {px.name}/{srv.name}' : 'id' : custom id {srv.id} already used at {place} ('server {other}')."
                self._alert("duplicate-id", message, srv.location, f"[{srv.location}] : ")

    def _check_resolvers(self, px: Proxy) -> None:
        for srv in px.servers:
            name = srv.resolution.resolvers
            if name and self._resolvers(name, srv.location) is None:
                message = f"{px.title} '{px.name}', server '{srv.name}': unable to find required resolvers '{name}'"
                self._alert("unknown-resolvers", message, srv.location, "", self._resolvers_hint(name))
        for rules in px.rules.values():
            rules[:] = [self._with_resolvers(px, rule) if rule.action == "do-resolve" else rule for rule in rules]

    def _with_resolvers(self, px: Proxy, rule: Rule) -> Rule:
        name = str(rule.arguments[RESOLVERS])
        section = self._resolvers(name, rule.location)
        if section is None:
            message = f"Proxy '{px.name}': Can't find resolvers section '{name}' for do-resolve action."
            self._alert("unknown-resolvers", message, rule.location, "", self._resolvers_hint(name))
            return rule
        return replace(rule, arguments=with_limit(rule, section))

    def _resolvers(self, name: str, location: Location) -> Resolvers | None:
        """The section of that name; `default` is made of the system's name servers where the files have none."""
        known = self.configuration.resolvers
        if name == "default" and name not in known and (section := system_section(location)) is not None:
            known[name] = section
        return known.get(name)

    def _resolvers_hint(self, name: str) -> str:
        guess = nearest(name, self.configuration.resolvers)
        return f"did you mean '{guess}'?" if guess else f"add a section 'resolvers {name}'"

    def _check_binds(self, px: Proxy) -> None:
        if px.has_frontend and not px.binds:
            title = px.title
            message = f"{title} '{px.name}' has no 'bind' directive. Please declare it as a backend if this was intended."
            self._warn("no-bind", message, px.location)

    def _check_default_backend(self, px: Proxy, draft: Draft) -> None:
        name = px.default_backend
        if not name or not px.has_frontend:
            return
        location = draft.origins.get("default_backend", px.location)
        self._check_target(px, name, "default_backend", location)

    def _check_transparent(self, px: Proxy, draft: Draft) -> None:
        if px.has_backend and "transparent" in px.options and "balance" in draft.origins:
            message = f"{px.title} '{px.name}' cannot use both transparent and balance mode."
            hint = "clients without persistence go to the address that they have connected to, and nothing is balanced"
            self._alert("transparent-balance", message, draft.origins["balance"], hint=hint)

    def _check_target(self, px: Proxy, name: str, keyword: str, location: Location) -> None:
        """A backend's name behind `default_backend` or `use_backend`."""
        target = self.backends.get(name)
        if target is None:
            message = f"Proxy '{px.name}': unable to find required {keyword}: '{name}'."
            self._alert("unknown-backend", message, location, hint=self._name_hint(name))
        elif target is px:
            message = f"Proxy '{px.name}': loop detected for {keyword}: '{name}'."
            self._alert("backend-loop", message, location, hint="a listen section uses its own servers without it")
        elif target.mode != px.mode and (px.mode, target.mode) != ("tcp", "http") and not {px.name, name} & self.unknown_modes:
            what = "as its default backend" if keyword == "default_backend" else f"in a '{keyword}' rule"
            self._report_modes(px, target, location, what)

    def _check_use_backend(self, px: Proxy) -> None:
        for rule in px.rules.get("use_backend", ()) if px.has_frontend else ():
            name = rule.arguments[0]
            if isinstance(name, str):
                self._check_target(px, name, "use_backend", self._place_of(rule, name))

    def _check_use_server(self, px: Proxy) -> None:
        names = [srv.name for srv in px.servers]
        for rule in px.rules.get("use-server", ()) if px.has_backend else ():
            name = rule.arguments[0]
            if isinstance(name, str) and name not in names:
                message = f"{px.title} '{px.name}' : unable to find server '{name}' referenced in a 'use-server' rule."
                guess = nearest(name, names)
                hint = f"did you mean '{guess}'?" if guess else f"add a line 'server {name} <address>'"
                self._alert("unknown-server", message, self._place_of(rule, name), hint=hint)

    def _place_of(self, rule: Rule, name: str) -> Location:
        """Where the name stands in the rule's line: behind its keyword."""
        line = self.source_of(rule.location)
        at = line.find(name, line.find(rule.action) + len(rule.action))
        return replace(rule.location, column=at + 1) if at >= 0 else rule.location

    def _report_modes(self, px: Proxy, target: Proxy, location: Location, what: str) -> None:
        message = (
            f"{px.mode} {px.kind} '{px.name}' ({px.location}) tries to use incompatible {target.mode} {target.kind} "
            f"'{target.name}' ({target.location}) {what} (see 'mode')."
        )
        self._alert("mode-mismatch", message, location, hint=f"write 'mode {px.mode}' in both, or in defaults")

    def _name_hint(self, name: str) -> str:
        guess = nearest(name, self.backends)
        return f"did you mean '{guess}'?" if guess else f"add a section 'backend {name}'"

    def _check_check_ports(self, px: Proxy) -> None:
        """A check needs a port: its own, or the server's if that is one to connect to."""
        for srv in px.servers:
            address = srv.check_address or srv.address
            has_port = srv.check_port or srv.address.port
            # haproxy: a server without any address (`:`, from variables that are not set) passes as well.
            if not srv.check or has_port or address.family not in ("ipv4", "ipv6") or not (address.host or address.name):
                continue
            message = f"{px.kind} '{px.name}': server '{srv.name}' has neither service port nor check port."
            self._alert("no-check-port", message, srv.location, hint="give the server a port, or add: port <port>")

    def _report_track(self, px: Proxy, srv: Server, code: str, message: str, hint: str) -> None:
        self._alert(code, f"'server {px.name}/{srv.name}' : {message}", srv.location, f"[{srv.location}] : ", hint)

    def _check_check_rules(self, px: Proxy) -> None:
        """Lines of `tcp-check` and `http-check` whose option is not on."""
        for keyword, option, steps in (("tcp-check", "tcp-check", px.check.tcp), ("http-check", "httpchk", px.check.http)):
            if steps and px.has_backend and px.check.kind != option:
                rules = f"{keyword} rules without 'option {option}', so the rules are ignored."
                self._warn("no-effect", f"backend '{px.name}' uses {rules}", px.location)
        if px.check.kind == "external-check" and px.has_backend:
            self._check_external(px)

    def _check_external(self, px: Proxy) -> None:
        glob = self.configuration.global_
        what = f"Proxy '{px.name}' : 'option external-check'"
        if not glob.external_check:
            message = f"{what} unable to find required 'global.external-check'."
            self._alert("no-external-check", message, px.location, hint="add to global: external-check")
        if not px.check.command:
            message = f"{what} unable to find required 'external-check command'."
            self._alert("no-external-check", message, px.location, hint="external-check command /path/to/program")
        elif not px.check.command.startswith("/") and not px.check.path:
            reason = "'external-check command' does not have a leading '/' and 'external-check path' is not set."
            message = f"Proxy '{px.name}': {reason}"
            self._alert("no-external-check", message, px.location, hint="external-check path /usr/bin:/bin")
        if not glob.insecure_fork_wanted:
            message = f"'insecure-fork-wanted' not enabled in the global section, {what.partition(' : ')[2]} will likely fail."
            self._warn("no-fork", f"Proxy '{px.name}' : {message}", px.location)

    def _check_timeouts(self, px: Proxy) -> None:
        timeouts = px.timeouts
        front = px.has_frontend and bool(px.binds or px.kind == "listen") and timeouts.client is None
        back = px.has_backend and bool(px.servers) and (timeouts.connect is None or timeouts.server is None)
        if front or back:
            message = (
                f"missing timeouts for {px.title} '{px.name}'.\n"
                "   | While not properly invalid, you will certainly encounter various problems\n"
                "   | with such a configuration. To fix this, please ensure that all following\n"
                "   | timeouts are set to a non-zero value: 'client', 'connect', 'server'."
            )
            self._warn("missing-timeouts", message, px.location)

    def _check_http_only(self, px: Proxy) -> None:
        """Settings that need `mode http`."""
        if px.mode == "http":
            return
        title = px.title
        if px.has_backend and px.balance.algorithm in HTTP_ALGORITHMS:
            message = f"Layer 7 hash not possible for {title} '{px.name}' (needs 'mode http'). Falling back to round robin."
            self._warn("needs-http", message, px.location)
            px.balance = Balance()
        if px.monitor_uri:
            self._warn("needs-http", f"monitor-uri will be ignored for {title} '{px.name}' (needs 'mode http').", px.location)
            px.monitor_uri = ""
        if px.cookie is not None:
            self._warn("needs-http", f"cookie will be ignored for {title} '{px.name}' (needs 'mode http').", px.cookie.location)
            px.cookie = None
        for srv in px.servers:
            if srv.cookie:
                message = f"{title} '{px.name}' : ignoring cookie for server '{srv.name}' as HTTP mode is disabled."
                self._warn("needs-http", message, srv.location)
        if not px.speaks_http:
            self._drop_http(px)

    def _drop_http(self, px: Proxy) -> None:
        """What only streams of HTTP could use."""
        place = f"ignored for {px.title} '{px.name}' as"
        if px.stats is not None:
            self._warn("needs-http", f"'stats' statement {place} it requires HTTP mode.", px.location)
            px.stats = None
        if px.captures.cookie is not None:
            self._warn("needs-http", f"'capture' statement {place} it requires HTTP mode.", px.location)
            px.captures.cookie = None
        for name in HTTP_RULES:
            if px.rules.pop(name, None):
                self._warn("needs-http", f"'{name}' rules {place} they require HTTP mode.", px.location)
        if px.forwardfor is not None:
            self._warn("needs-http", f"'option forwardfor' {place} it requires HTTP mode.", px.location)
            px.forwardfor = None
        if px.originalto is not None:
            self._warn("needs-http", f"'option originalto' {place} it requires HTTP mode.", px.location)
            px.originalto = None
        if px.rules.pop("option forwarded", None):
            self._warn("needs-http", f"'option forwarded' {place} it requires HTTP mode.", px.location)

    def _check_switched(self, px: Proxy) -> None:
        """`switch-mode` where no backend can take what is HTTP then."""
        if px.mode != "http" and px.speaks_http and px.has_backend and not (px.default_backend or px.rules.get("use_backend")):
            message = (
                f"Proxy '{px.name}' : 'switch-mode http' configured for a {px.mode} proxy with no backend."
                " Incoming connections upgraded to HTTP cannot be routed to TCP servers"
            )
            self._warn("mode-mismatch", message, px.location)

    def _check_dynamic_cookies(self, px: Proxy) -> None:
        """haproxy: as told there; servers with one address and port have one cookie, whatever the key is."""
        cookie = px.cookie
        if cookie is None or "dynamic" not in cookie.flags or not px.dynamic_cookie_key:
            return
        seen: set[tuple[str, int, int | None]] = set()
        for srv in px.servers:
            place = (srv.address.host, srv.address.port, srv.address.port_offset)
            if srv.cookie or srv.address.family not in ("ipv4", "ipv6"):
                continue
            if place in seen:
                what = "We generated two equal cookies for two different servers."
                message = f"{what}\nPlease change the secret key for '{px.name}'."
                self._warn("duplicate-cookie", message, srv.location)
            seen.add(place)

    def _check_log_format(self, px: Proxy, draft: Draft) -> None:
        location = draft.origins.get("log_format", px.location)
        title = px.title
        if px.has_frontend and px.log_format in ("httplog", "httplog clf", "httplog json", "httpslog") and px.mode != "http":
            option = px.log_format.split()[0]
            message = (
                f"'option {option}' not usable with {title} '{px.name}' (needs 'mode http'). Falling back to 'option tcplog'."
            )
            self._warn("needs-http", message, location, f"parsing [{location}] : ")
            px.log_format = "tcplog"
        if px.has_frontend and px.log_format and not px.logs and not (px.log_global and self.configuration.global_.logs):
            self._warn("no-log-target", f"log format ignored for {title} '{px.name}' since it has no log address.", px.location)

    def _check_apps(self) -> None:
        check_apps(self.configuration, self._alert)
        for app in self.configuration.fcgi_apps.values():
            check_references(app.proxy, self.configuration, self.diagnostics, self.source_of)
            self._expand_logs(app.proxy)

    def _complete_tables(self) -> None:
        """haproxy: a table that a `stick` rule uses keeps the server's number and name, whatever its line says."""
        for px in self.configuration.proxies:
            for rule in (*px.rules.get("stick", ()), *px.rules.get("stick store", ())):
                ref = rule.arguments[2]
                assert isinstance(ref, TableRef)
                owner = px if not ref.name else next((px for px in self.configuration.proxies if px.name == ref.name), px)
                table = owner.stick_table
                if table is not None:
                    stored = {data.name for data in table.store}
                    table.store += [StickData(name) for name in ("server_id", "server_key") if name not in stored]

    def _check_userlists(self) -> None:
        for users in self.configuration.userlists.values():
            for group, members in users.groups.items():
                for name in members:
                    if name not in users.users:
                        message = f"userlist '{users.name}': no such user '{name}' specified in group '{group}'"
                        self._alert("unknown-user", message, users.location)
            for user in users.users.values():
                for group in user.groups:
                    if group not in users.groups:
                        message = f"userlist '{users.name}': no such group '{group}' specified in user '{user.name}'"
                        self._alert("unknown-group", message, users.location)

    def _check_stats(self, px: Proxy) -> None:
        """haproxy: either the page's own users or rules decide."""
        stats = px.stats
        if stats is not None and px.rules.get("stats http-request") and (stats.users or stats.realm != Stats().realm):
            message = f"proxy '{px.name}': stats 'auth'/'realm' and 'http-request' can't be used at the same time."
            self._alert("conflict", message, px.location)

    def _check_page_sets(self, px: Proxy) -> None:
        """`errorfiles <name>` in an answer of a rule."""
        replies = [(rule.location, rule.arguments) for rules in px.rules.values() for rule in rules if rule.core in REPLY_ACTIONS]
        replies += [(px.location, reply) for reply in px.http_error_rules.values()]
        for location, reply in replies:
            name = str(reply[3])
            if reply[1] == PAGE_SET and name not in self.configuration.http_errors:
                message = f"Proxy '{px.name}': unknown http-errors section '{name}' referenced by an http reply ."
                self._alert("unknown-http-errors", message, location)

    # --- completion ---

    def _expand_errorfiles(self, px: Proxy) -> None:
        """Puts the pages of `errorfiles` beside those of `errorfile`, which win (manual, "errorfiles")."""
        for wanted in px.errorfile_sets:
            section = self.configuration.http_errors.get(wanted.section)
            if section is None:
                guess = nearest(wanted.section, self.configuration.http_errors)
                self._alert(
                    "unknown-http-errors",
                    f"proxy '{px.name}': unknown http-errors section '{wanted.section}' (at {wanted.location}).",
                    wanted.location,
                    hint=f"did you mean '{guess}'?" if guess else "",
                )
                continue
            for status, page in section.pages.items():
                if not wanted.statuses or status in wanted.statuses:
                    px.errorfiles.setdefault(status, page)
        px.errorfile_sets = []

    def _expand_logs(self, px: Proxy) -> None:
        """Puts global's targets in the place of `log global`: `logs` is complete, `log_global` is off afterwards."""
        if px.log_global:
            px.logs += [replace(target, sample_ranges=list(target.sample_ranges)) for target in self.configuration.global_.logs]
            px.log_global = False

    def _lengthen_json(self, px: Proxy) -> None:
        """An object that is cut is none: `option httplog json` takes long lines, and no target that is too short for them."""
        if px.log_format != "httplog json" or not px.has_frontend:
            return
        for target in px.logs:
            if not target.has_length:
                target.max_length = JSON_LENGTH
            ring = self.configuration.rings.get(target.ring)
            if target.max_length < JSON_MIN_LENGTH:
                message = f"'option httplog json' of '{px.name}' needs log lines of {JSON_MIN_LENGTH} bytes at least."
                self._alert("too-short", message, target.location, f"parsing [{target.location}] : ", f"len {JSON_LENGTH}")
            elif ring is not None and ring.max_length < JSON_MIN_LENGTH + JSON_HEADER:
                message = f"'maxlen {ring.max_length}' of ring '{ring.name}' cuts lines of 'option httplog json' of '{px.name}'."
                self._alert("too-short", message, target.location, f"parsing [{target.location}] : ", f"maxlen {JSON_LENGTH}")
            elif ring is not None:
                target.max_length = min(target.max_length, ring.max_length - JSON_HEADER)

    def _inherit_maxconn(self, px: Proxy) -> None:
        """A frontend without a limit of its own has the process's (manual, "maxconn"); that may be unknown until the start."""
        if px.has_frontend and not px.maxconn:
            px.maxconn = self.configuration.global_.maxconn

    # --- reports ---

    def _alert(self, code: str, message: str, location: Location, lead: str = "", hint: str = "") -> None:
        self.diagnostics.alert(code, message, lead, location, hint, self.source_of(location))

    def _warn(self, code: str, message: str, location: Location, lead: str = "") -> None:
        if not self.had_errors:
            self.diagnostics.warning(code, message, lead, location, source=self.source_of(location))
