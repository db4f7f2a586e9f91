"""The command line's part of a start: arguments and the global section become supervisor options.

Knows which of the two wins. Must not know how anything is started.
"""

from __future__ import annotations

import re

from fastlb.cli.arguments import Arguments
from fastlb.cli.check import load_configuration
from fastlb.config import load_text
from fastlb.config.model import Configuration, StatsSocket
from fastlb.supervisor import start as supervisor
from fastlb.supervisor.alerts import Alerts

CONSOLE_BACKLOG = 128


def start(arguments: Arguments, configuration: Configuration, alerts: Alerts) -> int:
    """Runs the configuration until it is told to stop; returns the exit status."""
    if arguments.master_socket and not (arguments.is_master_worker or configuration.global_.master_worker):
        alerts.alert("-S is for the master-worker mode: add -W.")
        return 1
    try:
        console = console_socket(arguments.master_socket) if arguments.master_socket else None
    except ValueError as error:
        alerts.alert(f"-S: {error}")
        return 1
    for is_given, text in (
        (arguments.ignores_resolution, "-dr has no effect yet: a server's address must resolve, or have 'init-addr none'"),
        (arguments.disabled & {"SPLICE", "FAST-FORWARD", "ZERO-COPY"}, "-dS, -dF and -dZ have no effect on the workers yet"),
    ):
        if is_given:
            alerts.warning(text)
    adjust(arguments, configuration)

    def reload() -> Configuration | None:
        loaded = load_configuration(arguments, alerts).configuration
        return adjust(arguments, loaded) if loaded is not None else None

    try:
        parts = supervisor.default_parts()
    except ImportError as error:
        alerts.alert(f"[fastlb.main()] the compiled core cannot be loaded: {error}")
        return 1
    return supervisor.run(configuration, options_of(arguments, configuration, reload, console), alerts, parts)


def adjust(arguments: Arguments, configuration: Configuration) -> Configuration:
    """Applies what the command line says over the files; returns the same configuration."""
    settings = configuration.global_
    if arguments.maxconn:
        settings.maxconn = arguments.maxconn
    if arguments.proxy_maxconn:
        for proxy in configuration.proxies:
            if proxy.has_frontend and proxy.maxconn is None:
                proxy.maxconn = arguments.proxy_maxconn
    return configuration


def console_socket(text: str) -> StatsSocket:
    """What -S asks for: an address and the options of a `stats socket`, separated by commas. Raises ValueError."""
    words = [word for word in text.split(",") if word]
    if not words:
        raise ValueError(f"'{text}' is no address")
    # Later words win: `level` is what the argument says, or admin.
    line = " ".join(['"' + re.sub(r'(["\\$])', r"\\\1", word) + '"' for word in [words[0], "level", "admin", *words[1:]]])
    configuration, diagnostics = load_text(f"global\n stats socket {line}\n")
    if configuration is None or not configuration.global_.stats_sockets:
        raise ValueError(diagnostics.items[0].message if diagnostics.items else f"'{text}' is no address")
    console = configuration.global_.stats_sockets[0]
    console.maxconn = console.maxconn or CONSOLE_BACKLOG  # who asks during a reload waits for its end
    return console


def options_of(
    arguments: Arguments, configuration: Configuration, reload: supervisor.Reload, console: StatsSocket | None = None
) -> supervisor.Options:
    """haproxy: -d and -db keep even a `daemon` in the foreground, and so does systemd's mode, which wants to see its child."""
    settings = configuration.global_
    stays = arguments.is_debug or arguments.is_foreground or arguments.notifies_systemd
    is_daemon = (arguments.is_daemon or settings.daemon) and not stays
    is_master_worker = arguments.is_master_worker or settings.master_worker
    return supervisor.Options(
        is_daemon=is_daemon,
        is_master_worker=is_master_worker,
        notifies_systemd=arguments.notifies_systemd,
        is_verbose=arguments.is_debug or arguments.is_verbose,
        pidfile=(arguments.pidfile or settings.pidfile) if is_daemon or is_master_worker else "",
        megabytes=arguments.megabytes,
        old_pids=arguments.old_pids,
        old_signal=supervisor.old_signal_number(arguments.old_signal),
        old_socket=arguments.old_socket,
        console=console,
        reload=reload,
    )
