"""`http-check` and `tcp-check` lines: the steps of a check (manual, section 4.2).

Knows how a step is written. Must not know how it runs (`control/checks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..actions.row import ActionFault, ActionReader
from ..actions.variables import ACTIONS as VARIABLE_ACTIONS
from ..check_rules import Act, Comment, Connect, Expect, HeaderMatch, HttpSend, Send, Step
from ..expressions import ExpressionFault, parse_expression, unavailable
from ..logformat import LogFormat, parse_format
from ..model import Address, Proxy
from ..rule import Rule
from ..samples.ast import Expression
from ..samples.types import Point
from ..samples.values import RegexValue
from ..values import AddressRules, ValueFault, parse_integer
from .row import NOT_YET, BadStatement, ProxyKeyword, Statement

_ADDRESS = AddressRules(port="optional")
# The aliases of formats that mean something without a client's stream.
_ALIASES = dict.fromkeys(("b", "s", "f", "ft", "H", "pid", "bi", "si"))
_OK = ("L7OK", "L7OKC", "L6OK", "L4OK")
_ERRORS = ("L7OKC", "L7RSP", "L7STS", "L6RSP", "L4CON")
_TIMEOUTS = ("L7TOUT", "L6TOUT", "L4TOUT")
_METHODS = ("str", "beg", "end", "sub", "reg")
_TCP_MATCHES = ("string", "rstring", "string-lf", "binary", "rbinary", "binary-lf")
_HTTP_MATCHES = ("status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf")
_LATER = ("ssl", "sni", "alpn", "via-socks4", "proto")
_VARIABLES = {row.name: row for row in VARIABLE_ACTIONS if "var" in row.name}


@dataclass(slots=True)
class _Words:
    """The words behind `http-check send` and its kin."""

    st: Statement
    at: int = 2
    options: dict[str, object] = field(default_factory=dict)

    def next(self) -> str:
        self.at += 1
        return self.st.words[self.at - 1]

    @property
    def has_more(self) -> bool:
        return self.at < len(self.st.words)

    def fail(self, message: str, hint: str = "", back: int = 1, code: str = "bad-argument") -> BadStatement:
        place = min(max(self.at - back, 1), len(self.st.words))
        return self.st.fail(f"'{self.st.words[0]} {self.st.argument(0)}' : {message}.", place, code, hint)

    def value(self, option: str, what: str) -> str:
        """The argument of `option`, which was the last word."""
        if not self.has_more or not self.st.words[self.at]:
            raise self.fail(f"'{option}' expects {what} as argument", code="missing-argument")
        return self.next()

    def one_of(self, option: str, known: tuple[str, ...]) -> str:
        word = self.value(option, "a string")
        if word not in known:
            quoted = ", ".join(f"'{name}'" for name in known)
            raise self.fail(f"'{option}' only supports {quoted} status (got '{word}')", f"one of {', '.join(known)}")
        return word

    def format(self, option: str) -> LogFormat:
        return self.format_of(self.value(option, "a log-format string"), option)

    def format_of(self, text: str, option: str) -> LogFormat:
        try:
            return parse_format(text, Point.CHECK, _ALIASES)
        except ExpressionFault as fault:
            raise self.fail(f"'{option}' : {fault.message}", fault.hint, code=fault.code) from None

    def expression(self, option: str) -> Expression:
        text = self.value(option, "an expression")
        try:
            parsed = parse_expression(text).expression
        except ExpressionFault as fault:
            raise self.fail(f"error in '{option}' expression : {fault.message}", fault.hint, code=fault.code) from None
        if missing := unavailable(parsed, Point.CHECK):
            message = f"'{option}' : fetch method '{text}' extracts information from '{missing}', none of which is available here"
            raise self.fail(message, code="wrong-place")
        return parsed

    def hexadecimal(self, option: str) -> bytes:
        word = self.value(option, "a binary string")
        if len(word) % 2:
            raise self.fail(f"'{option}' : even number of hex digits expected, but found {len(word)}")
        try:
            return bytes.fromhex(word)
        except ValueError:
            raise self.fail(f"'{option}' : an hex digit is expected") from None

    def comment(self) -> str:
        return self.value("comment", "a string")

    def unexpected(self, word: str, known: str) -> BadStatement:
        return self.fail(f"expects {known} (got '{word}')", code="unknown-option")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _connect(words: _Words) -> Step:
    values: dict[str, object] = {}
    while words.has_more:
        word = words.next()
        if word == "default":
            values["uses_defaults"] = True
        elif word == "port":
            values["port"] = _port(words)
        elif word == "addr":
            values["address"] = _address(words)
        elif word == "send-proxy":
            values["send_proxy"] = True
        elif word == "linger":
            values["linger"] = True
        elif word == "comment":
            values["comment"] = words.comment()
        elif word in _LATER:
            raise words.fail(f"'{word}': {NOT_YET}", code="unsupported-keyword")
        else:
            known = "'comment', 'port', 'addr', 'send-proxy', 'linger', 'default' or other keywords of a connection"
            raise words.unexpected(word, known)
    address = values.get("address")
    if isinstance(address, Address) and address.port and "port" not in values:
        values["port"] = address.port
    return Connect(**values)  # type: ignore[arg-type]


def _port(words: _Words) -> int | Expression:
    word = words.value("port", "a port number or a sample expression")
    try:
        number = parse_integer(word)
    except ValueFault:
        words.at -= 1
        return words.expression("port")
    if not 1 <= number <= 65535:
        raise words.fail(f"expects a valid TCP port (from range 1 to 65535) or a sample expression, got {word}")
    return number


def _address(words: _Words) -> Address:
    word = words.value("addr", "an address")
    try:
        return words.st.address(word, _ADDRESS)
    except ValueFault as fault:
        raise words.fail(fault.message, code=fault.code) from None


def _send(words: _Words) -> Step:
    name = words.st.argument(0)
    if name.startswith("send-binary"):
        is_hex = name.endswith("-lf")
        data: bytes | LogFormat = words.format(name) if is_hex else words.hexadecimal(name)
    else:
        is_hex = False
        data = words.format(name) if name.endswith("-lf") else _bytes(words.value(name, "a string"))
    comment = ""
    while words.has_more:
        word = words.next()
        if word != "comment":
            raise words.unexpected(word, "'comment'")
        comment = words.comment()
    return Send(data, comment, is_hex)


def _http_send(words: _Words) -> Step:
    values: dict[str, object] = {}
    headers: list[tuple[str, LogFormat]] = []
    while words.has_more:
        word = words.next()
        if word == "meth":
            values["method"] = words.value(word, "a string")
        elif word in ("uri", "uri-lf"):
            values["uri"] = words.format(word) if word == "uri-lf" else words.value(word, "a string")
        elif word == "ver":
            values["version"] = words.value(word, "a string")
        elif word == "hdr":
            name = words.value(word, "<name> and <value>")
            # haproxy: what frames the request is its own business; such a header is left out.
            content = words.format(word)
            if name.lower() not in ("content-length", "transfer-encoding"):
                headers.append((name, content))
        elif word in ("body", "body-lf"):
            values["body"] = words.format(word) if word == "body-lf" else _bytes(words.value(word, "a string"))
        elif word == "comment":
            values["comment"] = words.comment()
        else:
            raise words.unexpected(word, "'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf'")
    return HttpSend(headers=tuple(headers), **values)  # type: ignore[arg-type]


def _expect(words: _Words) -> Step:
    is_http = words.st.words[0] == "http-check"
    matches = _HTTP_MATCHES if is_http else _TCP_MATCHES
    values: dict[str, object] = {}
    while words.has_more:
        word = words.next()
        if word == "!":
            values["is_negated"] = not values.get("is_negated", False)
        elif word.startswith("!") and word[1:] in matches:
            values["is_negated"] = not values.get("is_negated", False)
            return _matched(words, word[1:], values)
        elif word in matches:
            return _matched(words, word, values)
        else:
            _expect_option(words, word, values)
    raise words.fail("expects a pattern to match", f"one of {', '.join(matches)}", 0, "missing-argument")


def _matched(words: _Words, match: str, values: dict[str, object]) -> Expect:
    pattern = _pattern(words, match)
    while words.has_more:
        _expect_option(words, words.next(), values)
    return Expect(match, pattern, location=words.st.line_location(), **values)  # type: ignore[arg-type]


def _expect_option(words: _Words, word: str, values: dict[str, object]) -> None:
    if word == "min-recv":
        text = words.value(word, "an integer")
        try:
            values["min_recv"] = parse_integer(text)
        except ValueFault:
            values["min_recv"] = -2
        if not -1 <= int(str(values["min_recv"])) < 2**31:
            raise words.fail(f"'min-recv' expects -1 or an integer from 0 to INT_MAX, got '{text}'")
    elif word == "comment":
        values["comment"] = words.comment()
    elif word in ("ok-status", "error-status", "tout-status"):
        known = {"ok-status": _OK, "error-status": _ERRORS, "tout-status": _TIMEOUTS}[word]
        values["timeout_status" if word == "tout-status" else word.replace("-", "_")] = words.one_of(word, known)
    elif word in ("on-success", "on-error"):
        values[word.replace("-", "_")] = words.format(word)
    elif word == "status-code":
        values["status_code"] = words.expression(word)
    else:
        is_http = words.st.words[0] == "http-check"
        known_words = "'[!]string', '[!]rstring', " + (
            "'[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr" if is_http else "'[!]binary', '[!]rbinary'"
        )
        raise words.unexpected(word, f"'min-recv', 'comment', 'on-success', 'on-error', {known_words} or statuses")


def _pattern(words: _Words, match: str) -> object:
    if match in ("hdr", "fhdr"):
        return _header(words, match)
    if match == "status":
        return _status_ranges(words)
    if match in ("rstatus", "rstring", "rbinary"):
        return RegexValue(words.value(match, "a pattern"))
    if match.endswith("-lf"):
        return words.format(match)
    return words.hexadecimal(match) if match == "binary" else _bytes(words.value(match, "a pattern"))


def _status_ranges(words: _Words) -> tuple[tuple[int, int], ...]:
    text = words.value("status", "a pattern")
    ranges = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        try:
            bounds = parse_integer(low), parse_integer(high if dash else low)
        except ValueFault:
            raise words.fail(f"invalid status code '{part}', expects a number or a range, as in 200,300-310") from None
        if bounds[0] > bounds[1]:
            raise words.fail(f"invalid status range '{part}'")
        ranges.append(bounds)
    return tuple(ranges)


def _header(words: _Words, match: str) -> HeaderMatch:
    name, name_method = _header_part(words, match, "name")
    value: str | RegexValue | LogFormat | None = None
    value_method = "str"
    if words.has_more and words.st.words[words.at] in ("value", "value-lf"):
        value, value_method = _header_part(words, match, "value")
    return HeaderMatch(name, name_method, value, value_method, match == "fhdr")


def _header_part(words: _Words, match: str, what: str) -> tuple[str | RegexValue | LogFormat, str]:
    word = words.next() if words.has_more else ""
    if word not in (what, f"{what}-lf"):
        raise words.fail(f"'{match}' expects the keyword name or name-lf", f"{match} name <header>", code="missing-argument")
    method = "str"
    if words.has_more and words.st.words[words.at] == "-m":
        words.at += 1
        method = words.value("-m", "a matching method")
        if method not in _METHODS:
            raise words.fail(f"'{match}' : unknown matching method '{method}'", f"one of {', '.join(_METHODS)}")
    if word.endswith("-lf"):
        if method == "reg":
            raise words.fail(f"'{match}' : regex match method is not supported for {word}")
        return words.format(word), method
    text = words.value(what, "a string")
    return (RegexValue(text, what == "name") if method == "reg" else text), method


def _act(words: _Words, name: str, parenthesis: str) -> Step:
    row = _VARIABLES[name]
    reader = ActionReader(words.st, "H", 2, parenthesis, _ALIASES, Point.CHECK)
    try:
        arguments = row.parse(reader)
    except ActionFault as fault:
        raise words.fail(fault.message, fault.hint, code=fault.code) from None
    scope = getattr(arguments[0], "scope", "")
    if scope not in ("proc", "sess", "check"):
        raise words.fail(f"invalid scope '{scope}' of a variable in a check", "proc, sess or check")
    if reader.at < len(words.st.words):
        words.at = reader.at + 1
        raise words.fail(f"unexpected argument '{words.st.words[reader.at]}'", code="unexpected-argument")
    return Act(Rule(words.st.line_location(), name, name, arguments))


_STEPS = {
    "connect": _connect,
    "expect": _expect,
    "comment": lambda words: Comment(words.value("comment", "a string")),
}
_TCP_STEPS = {**_STEPS, "send": _send, "send-lf": _send, "send-binary": _send, "send-binary-lf": _send}
_HTTP_STEPS = {**_STEPS, "send": _http_send}


def _add(st: Statement, px: Proxy, is_http: bool) -> None:
    word = st.argument(0)
    words = _Words(st)
    steps = px.check.http if is_http else px.check.tcp
    table = _HTTP_STEPS if is_http else _TCP_STEPS
    name, opening, rest = word.partition("(")
    if name in _VARIABLES and opening and rest.endswith(")"):
        step = _act(words, name, rest[:-1])
    elif word in table:
        step = table[word](words)
    else:
        known = [*table, "set-var", "set-var-fmt", "unset-var", *(("send-state", "disable-on-404") if is_http else ())]
        quoted = ", ".join(f"'{one}'" for one in known)
        raise st.fail(f"'{st.keyword}' only supports {quoted} (got '{word}').", min(1, len(st.words)), "unknown-option")
    _check_order(words, steps, step)
    steps.append(step)


def _check_order(words: _Words, steps: list[Step], step: Step) -> None:
    """haproxy: a connection comes before all but comments and variables; one is implied, but then none may follow first."""
    before = [one for one in steps if not isinstance(one, (Comment, Act))]
    if isinstance(step, Connect) and before and not isinstance(before[0], Connect):
        raise words.fail("first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment'")
    if isinstance(step, HttpSend) and before and not isinstance(before[-1], Connect):
        raise words.fail(f"unable to add http-check send rule at step {len(steps) + 1} (missing connect rule)")


def set_http_check(st: Statement, px: Proxy) -> None:
    if st.argument(0) == "disable-on-404":
        st.at_most(1)
        px.check.disables_on_404 = True
    elif st.argument(0) == "send-state":
        st.at_most(1)
        px.check.sends_state = True
    else:
        _add(st, px, is_http=True)


def set_tcp_check_rule(st: Statement, px: Proxy) -> None:
    _add(st, px, is_http=False)


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("http-check", "check", "DLB", "<step> <option>...", manual="4.2", apply=set_http_check, arguments=(1, None),
                 missing="missing keyword after 'http-check'."),
    ProxyKeyword("tcp-check", "check", "DLB", "<step> <option>...", manual="4.2", apply=set_tcp_check_rule, arguments=(1, None),
                 missing="missing keyword after 'tcp-check'."),
)  # fmt: skip
