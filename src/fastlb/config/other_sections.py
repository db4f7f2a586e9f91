"""Sections that are neither global nor proxies: `userlist` (manual, section 12.1), `http-errors` (section 3.8), `crt-store`,
`log-profile`, `ring`, `resolvers` and `fcgi-app` (files of their own).

Knows their lines. Must not know who refers to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import crt_store, fcgi_section, log_profiles, resolvers_section, rings
from .diagnostics import nearest
from .keywords.errors import STATUSES, BadAnswer, read_page
from .keywords.row import BadStatement, Statement
from .resolvers_section import open_resolvers
from .section_model import HttpErrors, User, UserList


@dataclass(slots=True)
class SectionReader:
    """What a section's lines do: keyword -> function. open: takes the header line; raises BadStatement.

    unknown: HAProxy's message for a keyword it does not have, with {0} in its place.
    """

    open: Callable[[Statement], None]
    keywords: dict[str, Callable[[Statement], None]]
    unknown: str
    spaced: bool = False

    def statement(self, st: Statement) -> None:
        apply = self.keywords.get(st.words[0])
        if apply is None:
            guess = nearest(st.words[0], self.keywords)
            _alert(st, self.unknown.format(st.words[0]), 0, f"write '{guess}'" if guess else "", self.spaced, "unknown-keyword")
            raise st.reported()
        apply(st)


def _alert(st: Statement, message: str, index: int, hint: str = "", spaced: bool = False, code: str = "bad-argument") -> None:
    location, _ = st.place(index)
    st.alert(message, index, code, hint, f"parsing [{location}]{' ' if spaced else ''}: ")


def _fail(st: Statement, message: str, index: int = 0, hint: str = "") -> BadStatement:
    _alert(st, message, index, hint)
    return st.reported()


# --- userlist ---


def _open_userlist(st: Statement) -> None:
    lists = st.reading.configuration.userlists
    name = st.argument(0)
    if not name:
        raise _fail(st, "'userlist' expects <name> as arguments.")
    st.at_most(1)
    found = UserList(st.line_location(), name)
    if name in lists:
        st.warn(f"ignoring duplicated userlist '{name}'.", 1, "duplicate-name")
    else:
        lists[name] = found
    st.reading.userlist = found


def _current(st: Statement) -> UserList:
    found = st.reading.userlist
    if found is None:  # its header was refused
        raise st.reported()
    return found


def _user(st: Statement) -> None:
    users = _current(st)
    name = st.argument(0)
    if not name:
        raise _fail(st, "'user' expects <name> as arguments.")
    user = User(name)
    at = 2
    while at < len(st.words):
        word, value = st.words[at], st.words[at + 1] if at + 1 < len(st.words) else ""
        if word in ("password", "insecure-password"):
            user.password, user.is_plain = value, word == "insecure-password"
        elif word == "groups":
            user.groups = [group for group in value.split(",") if group]
        else:
            raise _fail(st, "'user' only supports 'password', 'insecure-password' and 'groups' options.", at)
        at += 2
    if name in users.users:
        st.warn(f"ignoring duplicated user '{name}' in userlist '{users.name}'.", 1, "duplicate-name")
        return
    users.users[name] = user


def _group(st: Statement) -> None:
    users = _current(st)
    name = st.argument(0)
    if not name:
        raise _fail(st, "'group' expects <name> as arguments.")
    if name in users.groups:
        st.warn(f"ignoring duplicated group '{name}' in userlist '{users.name}'.", 1, "duplicate-name")
        return
    if st.argument(1) not in ("users", ""):
        raise _fail(st, "'group' only supports 'users' option.", 2)
    users.groups[name] = [user for user in st.argument(2).split(",") if user]


# --- http-errors ---


def _open_http_errors(st: Statement) -> None:
    sections = st.reading.configuration.http_errors
    name = st.argument(0)
    if not name:
        raise st.fail("missing name for http-errors section.", 0, "missing-argument", "http-errors <name>")
    if name in sections:
        raise _fail(st, f"http-errors section '{name}' already exists (declared at {sections[name].location}).", 1)
    st.reading.http_errors = sections[name] = HttpErrors(st.line_location(), name)


def _errorfile(st: Statement) -> None:
    section = st.reading.http_errors
    word, path = st.argument(0), st.argument(1)
    if section is None:
        raise st.reported()
    if not path:
        raise st.fail("errorfile: expects <status_code> and <file> as arguments.", 0, "missing-argument")
    if not word.isdigit() or int(word[:9]) not in STATUSES:
        raise st.fail(f"errorfile : status code '{word}' not handled.", 1, hint=f"one of {' '.join(map(str, STATUSES))}")
    try:
        section.pages[int(word)] = read_page(path, st.reading.configuration.global_.bufsize)
    except BadAnswer as fault:
        raise st.fail(f"errorfile : {fault.message}", 2, fault.code, fault.hint) from None


READERS: dict[str, SectionReader] = {
    "crt-store": SectionReader(
        crt_store.open_store,
        {"load": crt_store.load, "crt-base": crt_store.set_base, "key-base": crt_store.set_base},
        "unknown keyword '{0}' in 'crt-store' section",
        spaced=True,
    ),
    "fcgi-app": SectionReader(fcgi_section.open_app, fcgi_section.KEYWORDS, "unknown keyword '{0}' in 'fcgi-app' section"),
    "userlist": SectionReader(_open_userlist, {"user": _user, "group": _group}, "unknown keyword '{0}' in 'users' section"),
    "http-errors": SectionReader(
        _open_http_errors, {"errorfile": _errorfile}, "unknown keyword '{0}' in 'http-errors' section", spaced=True
    ),
    "log-profile": SectionReader(
        log_profiles.open_profile, log_profiles.KEYWORDS, "unknown keyword '{0}' in 'log-profile' section", spaced=True
    ),
    "ring": SectionReader(rings.open_ring, rings.KEYWORDS, "unknown statement '{0}'.", spaced=True),
    "resolvers": SectionReader(
        open_resolvers, resolvers_section.KEYWORDS, "unknown keyword '{0}' in 'resolvers' section", spaced=True
    ),
}
