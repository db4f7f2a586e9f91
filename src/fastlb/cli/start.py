"""The command line's part of a start: arguments and the global section become supervisor options.

Knows which of the two wins. Must not know how anything is started.
"""

from __future__ import annotations

from fastlb.cli.arguments import Arguments
from fastlb.cli.check import load_configuration
from fastlb.config.model import Configuration
from fastlb.supervisor import start as supervisor
from fastlb.supervisor.alerts import Alerts


def start(arguments: Arguments, configuration: Configuration, alerts: Alerts) -> int:
    """Runs the configuration until it is told to stop; returns the exit status."""
    for flag, text in (
        (arguments.old_socket, "-x: taking listeners over from a running process is not supported by fastlb yet"),
        (arguments.master_socket, "-S: the master's runtime socket is not supported by fastlb yet"),
    ):
        if flag:
            alerts.alert(text)
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
    return supervisor.run(configuration, options_of(arguments, configuration, reload), alerts, parts)


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


def options_of(arguments: Arguments, configuration: Configuration, reload: supervisor.Reload) -> supervisor.Options:
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
        reload=reload,
    )
