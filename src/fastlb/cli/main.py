"""The command line: which of fastlb's jobs the arguments ask for.

Knows the jobs and their order of precedence. Each job's module is imported when it is chosen, so that `-c` and `-v` do
not pay for the rest.
"""

from __future__ import annotations

import gc
import os
import sys

from fastlb.cli.arguments import Arguments, UsageError, parse
from fastlb.supervisor.alerts import Alerts


def run(words: list[str]) -> int:
    """Does what `words` (argv without the program's name) ask for; returns the exit status."""
    try:
        arguments = parse(words)
    except UsageError as error:
        return _usage(str(error))
    try:
        return _run(arguments)
    except BrokenPipeError:
        # The reader of stdout is gone (`fastlb -vv | head`): no traceback, and no second one from the final flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Arguments) -> int:
    if arguments.subcommand:
        return _subcommand(arguments.subcommand)
    alerts = Alerts(is_quiet=arguments.is_quiet)
    if arguments.verbosity:
        return _version(arguments.verbosity)
    if arguments.condition is not None:
        return _condition(arguments.condition, alerts, arguments.disabled)
    if arguments.keyword_classes == ["help"]:
        return _keywords(arguments.keyword_classes)
    if not arguments.files:
        return _usage("")
    if arguments.directory:
        try:
            os.chdir(arguments.directory)
        except OSError as error:
            alerts.alert(f"Could not change to directory {arguments.directory} : {error.strerror}")
            return 1
    if arguments.is_check:
        # A short life: the collector would only walk over tables that stay.
        gc.disable()
        from fastlb.cli.check import check

        status = check(arguments, alerts)
        if status != 1:
            _list(arguments)
        return status
    return _start(arguments, alerts)


def _start(arguments: Arguments, alerts: Alerts) -> int:
    from fastlb.cli.check import load_configuration

    loaded = load_configuration(arguments, alerts)
    if loaded.configuration is None:
        return 1
    _list(arguments)
    from fastlb.cli.start import start

    return start(arguments, loaded.configuration, alerts)


def _usage(message: str) -> int:
    from fastlb.cli.texts import USAGE, version

    sys.stdout.write(version())
    sys.stdout.flush()
    if message:
        sys.stderr.write(f"[ALERT]    ({os.getpid()}) : {message}\n")
    sys.stderr.write(USAGE)
    return 1


def _version(verbosity: int) -> int:
    from fastlb.cli.texts import build, version

    sys.stdout.write(version() if verbosity == 1 else version() + build())
    return 0


def _condition(text: str, alerts: Alerts, disabled: set[str]) -> int:
    """`-cc`: 0 true, 1 false, 2 not parsable."""
    from fastlb.config.conditions import ConditionError, evaluate_argument

    try:
        return 0 if evaluate_argument(text, os.environ, disabled) else 1
    except ConditionError as error:
        alerts.alert(f"config : Failed to evaluate condition: {error.message}")
        return 2


def _keywords(classes: list[str]) -> int:
    from fastlb.cli.keywords import listing

    sys.stdout.write(listing(classes))
    return 0


def _list(arguments: Arguments) -> None:
    """What -dK and -dL ask for, once the configuration is known to be good."""
    if arguments.keyword_classes:
        _keywords(arguments.keyword_classes)
    if arguments.dumps_libraries:
        from fastlb.cli.texts import libraries

        sys.stdout.write(libraries())


def _subcommand(words: list[str]) -> int:
    name = words[0]
    if name == "demo":
        from fastlb.demo.run import run as demo

        return demo(words[1:])
    if name == "cert":
        from fastlb.cli.cert import run as cert

        return cert(words[1:])
    if name == "deploy":
        from fastlb.cli.deploy import run as deploy

        return deploy(words[1:])
    if name == "ha":
        from fastlb.cli.ha import run as ha

        return ha(words[1:])
    if name == "reload":
        from fastlb.cli.reload import run as reload

        return reload(words[1:])
    sys.stderr.write(f"fastlb: unknown sub-command '{name}': the sub-commands are: cert, demo, deploy, ha, reload\n")
    return _usage("")
