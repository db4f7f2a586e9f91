"""`log-profile` sections, `log-steps`, and the names that `log` lines and `do-log` rules refer to (manual of 3.1, section 8.3.5).

Knows the steps of a line and the words of a profile. Must not know when a step is reached (ext/fastlb_core/proxy/stream_log).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .diagnostics import nearest
from .expressions import ExpressionFault
from .keywords.row import BadStatement, Statement
from .log_aliases import ALIASES
from .log_model import LogProfile, LogStep
from .logformat import LogFormat, parse_format
from .model import Configuration, Location, Proxy
from .rule import Rule
from .samples.types import Point
from .samples.values import AclRef, LogProfileRef, ProxyRef, ServerRef, TableRef, Value
from .values import names

# When a proxy writes a line by itself, and the rule sets of `do-log`.
STEPS = names("accept request connect response close")
_OTHER_STEPS = names("any error tcp-req-conn tcp-req-sess tcp-req-cont tcp-res-cont http-req http-res http-after-res quic-init")
_STEPS_HINT = f"log-steps all, or some of {','.join(STEPS)}"

Report = Callable[[str, str, Location, str, str], None]  # code, message, location, lead, hint


def open_profile(st: Statement) -> None:
    profiles = st.reading.configuration.log_profiles
    name = st.argument(0)
    st.reading.log_profile = None
    if not name:
        raise st.fail("missing name for log-profile section.", 0, "missing-argument", "log-profile <name>")
    st.at_most(1)
    if name in profiles:
        message = f"log-profile section '{name}' already exists (declared at {profiles[name].location})."
        raise st.fail(message, 1, "duplicate-name")
    st.reading.log_profile = profiles[name] = LogProfile(st.line_location(), name)


def _current(st: Statement) -> LogProfile:
    found = st.reading.log_profile
    if found is None:  # its header was refused
        raise st.reported()
    return found


def _tag(st: Statement) -> None:
    if not st.argument(0):
        raise st.fail("'log-tag' expects a tag for use in syslog.", 0, "missing-argument")
    st.at_most(1)
    _current(st).tag = st.argument(0)


def _on(st: Statement) -> None:
    """`on <step> [drop] [format <fmt>] [sd <fmt>]`."""
    profile, name, known = _current(st), st.argument(0), (*STEPS, *_OTHER_STEPS)
    if name not in known:
        what = f"unknown step '{name}'" if name else "expects a step"
        raise st.fail(f"'on' : {what}.", 1 if name else 0, "bad-argument", f"one of {' '.join(known)}")
    step, at = LogStep(), 2
    while at < len(st.words):
        word = st.words[at]
        if word == "drop":
            step.is_dropped = True
            at += 1
            continue
        if word not in ("format", "sd"):
            raise st.fail(f"'on {name}' : unexpected argument '{word}'.", at, "unexpected-argument", "drop, format or sd")
        if at + 1 >= len(st.words):
            raise st.fail(f"'on {name}' : '{word}' expects a format.", at, "missing-argument", f'{word} "<format>"')
        setattr(step, word, _format(st, at + 1))
        at += 2
    profile.steps[name] = step


def _format(st: Statement, at: int) -> LogFormat:
    try:
        found = parse_format(st.words[at], Point.LOG, ALIASES, merges_spaces=True)
        _refuse_relative(found)
        return found
    except ExpressionFault as fault:
        st.alert(f"'on {st.words[1]}' : failed to parse the format : {fault.message}.", at, fault.code, fault.hint)
        raise st.reported() from None


def _refuse_relative(form: LogFormat) -> None:
    """A profile belongs to no proxy: what means "of this proxy" elsewhere has no meaning there. Raises ExpressionFault."""
    for expression in (item.expression for item in form.items if item.expression is not None):
        given = [*expression.arguments, *(value for step in expression.conversions for value in step.arguments)]
        if any(_is_relative(value) for value in given):
            raise ExpressionFault(f"'{expression.text}' needs a proxy, and a log-profile belongs to none", 0, "name the proxy")


def _is_relative(value: Value) -> bool:
    if isinstance(value, ServerRef):
        return not value.backend
    return isinstance(value, AclRef) or (isinstance(value, (ProxyRef, TableRef)) and not value.name)


KEYWORDS: dict[str, Callable[[Statement], None]] = {"log-tag": _tag, "on": _on}


def set_steps(st: Statement, px: Proxy) -> None:
    """`log-steps all | <step>[,<step>...]`."""
    word = st.argument(0)
    if not word:
        raise st.fail("'log-steps' expects the steps to log.", 0, "missing-argument", _STEPS_HINT)
    wanted = list(STEPS) if word == "all" else word.split(",")
    for name in wanted:
        if name not in STEPS:
            raise _bad_step(st, name)
    px.log_steps = tuple(dict.fromkeys(wanted))


def _bad_step(st: Statement, name: str) -> BadStatement:
    guess = nearest(name, STEPS)
    hint = f"did you mean '{guess}'?" if guess else _STEPS_HINT
    return st.fail(f"'log-steps' : unknown step '{name}'.", 1, hint=hint)


def check_profiles(configuration: Configuration, alert: Report) -> None:
    """Every profile that a line refers to must be there once the files are read."""
    known = configuration.log_profiles
    for location, name in _references(configuration):
        if name not in known:
            guess = nearest(name, known)
            hint = f"did you mean '{guess}'?" if guess else f"add a section 'log-profile {name}'"
            alert("unknown-log-profile", f"unable to find log-profile '{name}'.", location, f"parsing [{location}]: ", hint)


def as_proxy(profile: LogProfile) -> Proxy:
    """A proxy with the profile's formats in rules, for those who look at all expressions of a proxy."""
    rules = [Rule(profile.location, "log-profile", "", (step.format, step.sd)) for step in profile.steps.values()]
    return Proxy(profile.location, "log-profile", profile.name, mode="http", rules={"log-profile": rules})


def _references(configuration: Configuration) -> Iterator[tuple[Location, str]]:
    logs = [target for px in configuration.proxies for target in px.logs]
    for target in (*configuration.global_.logs, *logs):
        if target.profile:
            yield target.location, target.profile
    for px in configuration.proxies:
        for rule in (rule for rules in px.rules.values() for rule in rules):
            for value in rule.arguments:
                if isinstance(value, LogProfileRef):
                    yield rule.location, value.name
