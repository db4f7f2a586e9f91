"""What an answer of the proxy's own is made of: status, body, headers (manual, section 4.2 "http-request return").

Knows the words that `return`, `deny`, `tarpit` and `http-error` share. Must not know when an answer is sent.
"""

from __future__ import annotations

from ..keywords.errors import STATUSES, BadAnswer, read_page
from ..logformat import LogFormat
from ..rule import RuleValue
from ..samples.values import ListValue
from .row import ActionFault, ActionReader

# The kinds of bodies; the numbers are those of ext/fastlb_core/proxy/answer.pxd.
EMPTY, RAW, FORMAT, PAGE, DEFAULT_PAGE, PAGE_SET = range(6)
# The actions whose arguments are an answer.
REPLY_ACTIONS = frozenset({"deny", "return", "tarpit"})
_BODIES = ("default-errorfiles", "errorfile", "errorfiles", "file", "lf-file", "string", "lf-string")
_MAX_FILE = 1 << 20


def read_reply(reader: ActionReader, status: int, default: int, status_words: tuple[str, ...] = ("status",)) -> list[RuleValue]:
    """The words of an answer: [status, kind, content type, body, headers]. Raises ActionFault.

    status: where none is given. default: the kind of body where none is given (EMPTY or DEFAULT_PAGE).
    """
    return _Reply(reader, status, default, status_words).read()


class _Reply:
    def __init__(self, reader: ActionReader, status: int, default: int, status_words: tuple[str, ...]) -> None:
        self.reader = reader
        self.status = status
        self.default = default
        self.status_words = status_words
        self.body_word = ""
        self.kind = default
        self.content_type = ""
        self.body: RuleValue = None
        self.headers: list[RuleValue] = []

    def read(self) -> list[RuleValue]:
        reader = self.reader
        while word := reader.peek():
            if word in self.status_words:
                reader.at += 1
                self._status(reader.word(f"'{word}' expects <status_code> as argument"), word)
            elif word == "content-type":
                reader.at += 1
                self.content_type = reader.word("'content-type' expects <ctype> as argument")
            elif word == "hdr":
                reader.at += 1
                self._header()
            elif word in _BODIES:
                reader.at += 1
                self._body(word)
            else:
                break
        self._check()
        return [self.status, self.kind, self.content_type or None, self.body, _list(self.headers)]

    def _status(self, text: str, word: str) -> None:
        least, most = 200, 599
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            raise self.reader.fault(f"Unexpected status code '{text}'", hint=f"a number from {least} to {most}")
        self.status = int(text)
        if word == "deny_status":
            self._needs_page()

    def _needs_page(self) -> None:
        if self.status not in STATUSES:
            known = ", ".join(str(status) for status in STATUSES)
            raise self.reader.fault(
                f"status code '{self.status}' not handled by default with 'default-errorfiles' argument.", hint=f"one of {known}"
            )

    def _header(self) -> None:
        name, text = self.reader.words_left(2, "'hdr' expects <name> and <value> as arguments")
        self.headers += [name.lower(), self.reader.format(text)]

    def _body(self, word: str) -> None:
        if self.body_word:
            raise self.reader.fault(f"unexpected '{word}' argument, '{self.body_word}' already defined")
        self.body_word = word
        if word == "default-errorfiles":
            self.kind = DEFAULT_PAGE
            return
        what = {"errorfiles": "<name>", "string": "<str>", "lf-string": "<fmt>"}.get(word, "<file>")
        text = self.reader.word(f"'{word}' expects {what} as argument")
        if not text:
            raise self.reader.fault(f"'{word}' expects {what} as argument")
        if word == "errorfile":
            self.kind, self.body = PAGE, self._page(text)
        elif word == "errorfiles":
            self.kind, self.body = PAGE_SET, text
        elif word in ("file", "string"):
            self.kind = RAW
            self.body = self._file(text) if word == "file" else text.encode("utf-8", "surrogateescape")
        else:
            self.kind = FORMAT
            source = self._file(text).decode("utf-8", "surrogateescape") if word == "lf-file" else text
            self.body = self.reader.format(source)

    def _file(self, path: str) -> bytes:
        try:
            with open(path, "rb") as stream:
                raw = stream.read(_MAX_FILE + 1)
        except OSError as error:
            raise ActionFault(
                f"error opening file '{path}'", self.reader.at - 1, 0, error.strerror or "", "missing-file"
            ) from None
        if len(raw) > _MAX_FILE:
            raise self.reader.fault(f"file '{path}' exceeds the buffer size")
        return raw

    def _page(self, path: str) -> bytes:
        try:
            return read_page(path, self.reader.st.reading.configuration.global_.bufsize)
        except BadAnswer as fault:
            raise ActionFault(fault.message.rstrip("."), self.reader.at - 1, 0, fault.hint, fault.code) from None

    def _check(self) -> None:
        if self.kind == DEFAULT_PAGE and not self.body_word and (self.headers or self.status not in STATUSES):
            # haproxy: with a header or a status of its own the answer is no page any more, and empty.
            self.kind = EMPTY
        if self.body_word == "default-errorfiles":
            self._needs_page()
        if self.kind in (RAW, FORMAT) and self.body not in (b"", None):
            is_empty = isinstance(self.body, LogFormat) and not self.body.items
            if self.status == 204 and not is_empty:
                raise ActionFault("No body expected for 204 responses")
            if not self.content_type and not is_empty:
                raise ActionFault("a content type must be defined when non-empty payload is configured")
        elif self.content_type:
            self.reader.st.warn(
                f"content-type '{self.content_type}' ignored by the http reply because neither errorfile nor payload defined.",
                0,
                "no-effect",
            )
        if self.headers and self.kind in (PAGE, PAGE_SET, DEFAULT_PAGE):
            self.reader.st.warn("hdr parameters ignored by the http reply when used with an errorfile.", 0, "no-effect")


def _list(values: list[RuleValue]) -> RuleValue:
    return ListValue(tuple(values)) if values else None  # type: ignore[arg-type]
