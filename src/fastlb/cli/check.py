"""Loading the configuration for the command line: what is printed, and the verdict of -c.

Knows haproxy's closing lines and exit statuses of the check mode. Must not know any keyword, and imports nothing
heavy: `fastlb -c` is run by editors and before each reload.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from fastlb.cli.arguments import Arguments
from fastlb.config import HAPROXY_VERSION, load
from fastlb.config.diagnostics import Diagnostics
from fastlb.config.expression_uses import uses_of
from fastlb.config.model import Configuration, Location, Proxy
from fastlb.supervisor.alerts import Alerts

ZERO_WARNING = "config : Some warnings were found and 'zero-warning' is set. Aborting."


@dataclass(slots=True)
class Loaded:
    """The outcome of loading: the configuration, None where it is refused, and all that was found."""

    configuration: Configuration | None
    diagnostics: Diagnostics


def load_configuration(arguments: Arguments, alerts: Alerts) -> Loaded:
    """Reads the files of the command line and prints what is wrong with them on stderr.

    Refused as well where -dW is given and there is a warning. Blocks for file and name lookups.
    """
    export_environment(arguments)
    configuration, diagnostics = load(arguments.files, verify=_verify)
    refused_for_warnings = configuration is not None and arguments.is_zero_warning and diagnostics.has_warnings
    if arguments.format == "json":
        if not arguments.is_quiet:
            sys.stdout.write(diagnostics.to_json() + "\n")
    else:
        alerts.write(diagnostics.render())
        if refused_for_warnings:
            alerts.alert(ZERO_WARNING)
    return Loaded(None if refused_for_warnings else configuration, diagnostics)


def _verify(configuration: Configuration, diagnostics: Diagnostics, source_of: Callable[[Location], str]) -> None:
    """Imports the core, and only where the files have something for it to look at."""
    if configuration.fcgi_apps or configuration.log_profiles or any(_asks_core(px) for px in configuration.proxies):
        from fastlb.compile.verify import verify

        verify(configuration, diagnostics, source_of)


def _asks_core(px: Proxy) -> bool:
    """Whether it has rules, patterns, regular expressions or TLS."""
    has_tls = any(bind.tls.enabled for bind in px.binds) or any(srv.tls.enabled for srv in px.servers)
    return has_tls or bool(px.acls or px.rules or px.check.tcp or px.check.http or uses_of(px))


def export_environment(arguments: Arguments) -> None:
    """Sets the variables that configurations may ask for (manual, section 2.4 "Environment variables")."""
    os.environ["HAPROXY_CFGFILES"] = ";".join(arguments.files)
    os.environ["HAPROXY_VERSION"] = HAPROXY_VERSION
    os.environ["HAPROXY_BRANCH"] = HAPROXY_VERSION.partition("-")[0]
    os.environ["HAPROXY_LOCALPEER"] = arguments.local_peer or os.environ.get("HAPROXY_LOCALPEER") or os.uname().nodename
    if arguments.is_master_worker:
        os.environ["HAPROXY_MWORKER"] = "1"


def check(arguments: Arguments, alerts: Alerts) -> int:
    """`-c`: 0 valid, 1 refused, 2 valid without any listener (only outside the master-worker mode, as haproxy)."""
    loaded = load_configuration(arguments, alerts)
    if loaded.configuration is None:
        return 1
    status = 0 if _has_listener(loaded.configuration) or arguments.is_master_worker else 2
    if arguments.format == "text" and (not arguments.is_quiet or arguments.is_verbose):
        verdict = (
            "Configuration file is valid"
            if status == 0
            else "Configuration file has no error but will not start (no listener) => exit(2)."
        )
        warned = "Warnings were found.\n" if loaded.diagnostics.has_warnings else ""
        sys.stdout.write(f"{warned}{verdict}\n")
    return status


def _has_listener(configuration: Configuration) -> bool:
    return any(proxy.binds and not proxy.disabled for proxy in configuration.proxies) or bool(configuration.global_.stats_sockets)
