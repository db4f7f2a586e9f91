"""The configuration front end: text of HAProxy's language in, typed model and diagnostics out.

Pure Python; needs no compiled module. Layers, each knowing only those before it: model, lexer, values and diagnostics,
keywords, sections and conditions, parser, resolve.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence

from .conditions import HAPROXY_VERSION, ConditionError, evaluate, evaluate_argument
from .diagnostics import Diagnostic, Diagnostics
from .model import Configuration, Location
from .parser import Parser, find_files
from .resolve import resolve
from .sections import rows
from .state_files import load_states
from .values import Resolver

__all__ = [
    "HAPROXY_VERSION",
    "ConditionError",
    "Configuration",
    "Diagnostic",
    "Diagnostics",
    "Resolver",
    "evaluate",
    "evaluate_argument",
    "has_listener",
    "load",
    "load_text",
    "rows",
]


Verify = Callable[[Configuration, Diagnostics, Callable[[Location], str]], None]


def load(
    paths: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    resolver: Resolver | None = None,
    verify: Verify | None = None,
) -> tuple[Configuration | None, Diagnostics]:
    """Reads the files (and the *.cfg of directories) in the order given, as one configuration.

    verify: looks at what is complete for mistakes that this package cannot see (compile/verify.py).

    environment: variables for `${NAME}`; None takes the process's. resolver: for host names; None asks the system, which
    may block. Returns the configuration, None where there are errors, and everything that is to be said. Raises nothing
    for what files hold or lack.
    """
    diagnostics = Diagnostics()
    files = find_files(paths, diagnostics)
    parser = _parser(diagnostics, environment, resolver, files)
    for path in files:
        parser.read(path)
    return _finish(parser, verify)


def load_text(
    text: str | bytes,
    *,
    file: str = "<text>",
    environment: Mapping[str, str] | None = None,
    resolver: Resolver | None = None,
    verify: Verify | None = None,
) -> tuple[Configuration | None, Diagnostics]:
    """As `load`, from memory; `file` is the name in messages."""
    parser = _parser(Diagnostics(), environment, resolver, [file])
    parser.read_bytes(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, file)
    return _finish(parser, verify)


def has_listener(configuration: Configuration) -> bool:
    """Whether anything would listen, a `stats socket` too; HAProxy's check mode exits with 2 where nothing does."""
    return bool(configuration.global_.stats_sockets) or any(px.binds and not px.disabled for px in configuration.proxies)


def _parser(
    diagnostics: Diagnostics, environment: Mapping[str, str] | None, resolver: Resolver | None, files: Sequence[str]
) -> Parser:
    variables = dict(os.environ if environment is None else environment)
    variables.setdefault("HAPROXY_LOCALPEER", socket.gethostname())
    variables.setdefault("HAPROXY_STARTUP_VERSION", HAPROXY_VERSION)
    variables["HAPROXY_CFGFILES"] = ";".join(files)
    return Parser(diagnostics, variables, resolver or Resolver())


def _finish(parser: Parser, verify: Verify | None = None) -> tuple[Configuration | None, Diagnostics]:
    configuration, diagnostics = parser.configuration, parser.diagnostics
    configuration.proxies = [draft.proxy for draft in parser.sections.drafts]
    resolve(configuration, parser.sections.drafts, diagnostics, parser.source_of)
    if not diagnostics.has_errors:
        load_states(configuration, diagnostics)
    if verify is not None:
        verify(configuration, diagnostics, parser.source_of)
    if parser.reading.zero_warning and diagnostics.has_warnings:
        diagnostics.alert("zero-warning", "Some warnings were found and 'zero-warning' is set. Aborting.")
    diagnostics.conclude()
    return (None if diagnostics.has_errors else configuration), diagnostics
