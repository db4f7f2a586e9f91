"""HTTP's finer settings of a proxy: the server's name in requests, peers with bugs, when a request is sent again.

Knows `http-send-name-header`, `retry-on`, `option http-restrict-req-hdr-names`, the options that relax
parsing or change the case of header names, and `rate-limit sessions` (manual, section 4.2). Must not know the engine.
"""

from __future__ import annotations

from pathlib import Path

from ..model import Global, Proxy
from ..values import ValueFault, parse_integer
from .client_address import TOKEN
from .options import switch
from .row import IGNORED, GlobalKeyword, ProxyKeyword, Statement
from .since import since

RETRY_WORDS = ("conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected")
RETRY_STATUSES = ("401", "403", "404", "408", "425", "429", "500", "501", "502", "503", "504")
RETRYABLE = (*RETRY_WORDS, "500", "502", "503", "504")
NAME_POLICIES = ("preserve", "delete", "reject")


def set_name_header(st: Statement, px: Proxy) -> None:
    name = st.argument(0)
    if not name:
        raise st.fail("'http-send-name-header' requires a header string.", 0, "missing-argument")
    if not set(name) <= TOKEN:
        # haproxy: takes any string, and sends lines that are no headers.
        raise st.fail(f"'http-send-name-header' : '{name}' is not the name of a header.", 1)
    px.send_name_header = name


def set_retry_on(st: Statement, px: Proxy) -> None:
    if not st.argument(0):
        raise st.fail("'retry-on' needs at least one keyword to specify when to retry", 0, "missing-argument")
    found: set[str] = set()
    for index, word in enumerate(st.arguments):
        if word in RETRY_WORDS or word in RETRY_STATUSES:
            found.add(word)
        elif word == "all-retryable-errors":
            found.update(RETRYABLE)
        elif word != "none":
            raise st.fail(f"'retry-on': unknown keyword '{word}'", st.n_keyword + index)
        elif len(st.arguments) > 1:
            raise st.fail("'retry-on' 'none' keyworld only usable alone", st.n_keyword + index)
    px.retry_on = tuple(sorted(found))


def set_name_policy(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    expected = "option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option."
    if not word:
        raise st.fail(f"missing parameter. {expected}", 1, "missing-argument")
    if word not in NAME_POLICIES:
        raise st.fail(f"invalid parameter '{word}'. {expected}", 2)
    px.header_names = word


def set_session_rate(st: Statement, px: Proxy) -> None:
    word = st.argument(0)
    if not word:
        raise st.fail("'rate-limit sessions' expects expects an integer value (in sessions/second)", 1, "missing-argument")
    try:
        value = parse_integer(word)
    except ValueFault:
        value = -1
    if not 0 <= value < 2**32:
        bad = next((char for char in word if not char.isdecimal()), word[:1])
        raise st.fail(f"'rate-limit sessions' : unexpected character '{bad}' in integer value '{word}'", 2)
    px.session_rate = value


_DIFFERS = "<from> and <to> must not differ execpt the case"


def set_case(st: Statement, glob: Global) -> None:
    """`h1-case-adjust <from> <to>`."""
    low, name = st.argument(0), st.argument(1)
    if not name:
        raise st.fail("'h1-case-adjust' expects <from> and <to> as argument.", 0, "missing-argument")
    if low.lower() != name.lower():
        raise st.fail(_DIFFERS, 2)
    if low in glob.case_names or low in glob.case_file_names:
        raise st.fail(f"duplicate entry '{low}'", 1)
    glob.case_names[low] = name


def set_case_file(st: Statement, glob: Global) -> None:
    """`h1-case-adjust-file <file>`: lines of two names; the last such file counts."""
    path = st.argument(0)
    if not path:
        raise st.fail("'h1-case-adjust-file' expects <file> as argument.", 0, "missing-argument")
    lead = f"h1-headers-case-adjust-file '{path}'"
    try:
        lines = Path(path).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        raise st.fail(f"{lead}: failed to open file.", 1) from None
    names: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip(" \t")
        if not text or text.startswith("#"):
            continue
        low, _, rest = text.replace("\t", " ").partition(" ")
        name = rest.strip(" ")
        if low.lower() != name.lower():
            raise st.fail(f"{lead} : {_DIFFERS} at line {number}.", 1)
        if low in names or low in glob.case_names:
            raise st.fail(f"{lead} : duplicate entry '{low}' at line {number}.", 1)
        names[low] = name
    glob.case_file_names = names


# The older name first; both are one option.
LAX = {
    side: (f"accept-invalid-http-{side}", f"accept-unsafe-violations-in-http-{side}") for side in ("request", "response")
}


def set_lax(st: Statement, px: Proxy) -> None:
    px.options.difference_update(LAX[st.words[1].rpartition("-")[2]])
    if not st.prefix:
        px.options.add(st.words[1])


def _lax(name: str, sections: str) -> ProxyKeyword:
    full = f"option {name}"
    return ProxyKeyword(
        full, "option", sections, "", "off", "4.2", since(full), apply=set_lax, arguments=(0, 0), accepts_no=True
    )


def set_any_payload(st: Statement, glob: Global) -> None:
    glob.h1_any_payload = True


_STAYS_CLOSED = "such a connection is closed all the same: what follows on it could be part of another request"

GLOBAL: tuple[GlobalKeyword, ...] = (
    GlobalKeyword("h1-case-adjust", "process", "G", "<from> <to>", manual="3.1", apply=set_case, arguments=(0, 2)),
    GlobalKeyword("h1-case-adjust-file", "process", "G", "<file>", manual="3.1", apply=set_case_file, arguments=(0, 1)),
    GlobalKeyword(
        "h1-accept-payload-with-any-method", "process", "G", manual="3.1", apply=set_any_payload, arguments=(0, 0)
    ),
    GlobalKeyword(
        "h1-do-not-close-on-insecure-transfer-encoding",
        "process",
        "G",
        manual="3.1",
        since=since("h1-do-not-close-on-insecure-transfer-encoding"),
        status=IGNORED,
        note=_STAYS_CLOSED,
    ),
)

PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("http-send-name-header", "proxy", "DLB", "<header>", manual="4.2", apply=set_name_header),
    ProxyKeyword("retry-on", "proxy", "DLB", "<keyword or status>...", "conn-failure", "4.2", apply=set_retry_on),
    ProxyKeyword(
        "option http-restrict-req-hdr-names",
        "option",
        "DFLB",
        "{ preserve | delete | reject }",
        "preserve",
        "4.2",
        apply=set_name_policy,
    ),
    switch("h1-case-adjust-bogus-client", "DFL"),
    switch("h1-case-adjust-bogus-server", "DLB"),
    *(_lax(name, "DFL") for name in LAX["request"]),
    *(_lax(name, "DLB") for name in LAX["response"]),
    switch("checkcache", "DLB"),
    # Clients in clear text are never taken for HTTP/2 ones.
    switch("disable-h2-upgrade", "DFL"),
    switch("http-drop-request-trailers", "DLB", since("option http-drop-request-trailers")),
    switch("http-drop-response-trailers", "DFL", since("option http-drop-response-trailers")),
    switch("http-ignore-probes", "DFL"),
    switch("http-pretend-keepalive", "DLB"),
    switch("http-use-proxy-header", "DFL"),
    ProxyKeyword("rate-limit sessions", "rate-limit", "DFL", "<rate>", manual="4.2", apply=set_session_rate),
)

SECOND_WORD = {
    "rate-limit": ("'rate-limit' only supports 'sessions' (got '')", "'rate-limit' only supports 'sessions' (got '{0}')"),
}
