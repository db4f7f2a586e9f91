"""FastCGI applications as the builder takes them (ext/fastlb_core/bridge/layout_fcgi.pyx says what the values look like).

Knows the section's model. Must not know what is sent to an application.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.layout_fcgi import FLAGS

from fastlb.config.conditions import HAPROXY_VERSION
from fastlb.config.model import Configuration, FcgiApp
from fastlb.config.rule import Rule

from .logs import add_targets
from .rules import RuleCompiler
from .text import file_bytes

# haproxy: its own name and version.
SOFTWARE = f"HAProxy {HAPROXY_VERSION}-fastlb"


def add_fcgi_apps(
    builder: ProgramBuilder,
    configuration: Configuration,
    index_of: dict[int, int],
    rules: RuleCompiler,
    ring_fds: Mapping[str, int],
) -> None:
    """Adds the applications that are used. index_of: a proxy's index by its id(). Raises CompileError."""
    added: dict[str, int] = {}
    for px in configuration.proxies:
        app = configuration.fcgi_apps.get(px.fcgi_app)
        if app is None or px.disabled:
            continue
        if app.name not in added:
            added[app.name] = _add(builder, configuration, app, rules, ring_fds)
        builder.set_fcgi_app(index_of[id(px)], added[app.name])


def _add(
    builder: ProgramBuilder, configuration: Configuration, app: FcgiApp, rules: RuleCompiler, ring_fds: Mapping[str, int]
) -> int:
    by_name: dict[str, list[Rule]] = {}
    for rule in app.proxy.rules.get("set-param", ()):
        by_name.setdefault(str(rule.arguments[0]), []).append(Rule(
            rule.location, rule.action, rule.core, rule.arguments[1:], rule.condition
        ))  # fmt: skip
    index: int = builder.add_fcgi_app({
        "name": file_bytes(app.name),
        "software": SOFTWARE.encode(),
        "docroot": file_bytes(app.docroot),
        "index": file_bytes(app.index),
        "path_info": file_bytes(app.path_info) if app.path_info else None,
        "flags": (FLAGS["keep-conn"] if app.keep_conn else 0) | (FLAGS["get-values"] if app.get_values else 0),
        "params": [(file_bytes(name), rules.rules_of(app.proxy, by_name[name])) for name in sorted(by_name)],
        "pass_headers": rules.rules_of(app.proxy, app.proxy.rules.get("pass-header", [])),
    })  # fmt: skip
    # A target of `log global` may have a profile: it holds for lines of streams, not for these.
    add_targets(builder, None, app.proxy.logs, configuration.global_, list(configuration.log_profiles), ring_fds, index)
    return index
