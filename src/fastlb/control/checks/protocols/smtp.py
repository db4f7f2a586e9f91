"""`option smtpchk`: greeting, HELO or EHLO, QUIT (RFC 5321)."""

from __future__ import annotations

from fastlb.config.check_rules import Expect, Judge, Send, Step, Verdict

_CODE = 4  # three digits and what stands behind them


def _judge(is_greeting: bool = False, is_last: bool = False) -> Judge:
    def judge(data: bytes, is_final: bool) -> Verdict | None:
        if len(data) < _CODE and not is_final:
            return None
        has_code = data[:3].isdigit() and data[3:4] in (b" ", b"-", b"\r")
        line, end, _ = data.partition(b"\n")
        if has_code and not end and not is_final:
            return None
        text = line.split(b"\r", 1)[0].split(b"\0", 1)[0].decode("latin-1")
        # haproxy: only the greeting is refused at once; what follows it may still be followed by something better.
        if data[:1] != b"2" and not is_greeting and not is_final:
            return None
        if not has_code:
            return Verdict("L7RSP", 0, text)
        if data[:1] != b"2":
            return Verdict("L7STS", int(data[:3]), text[_CODE:].lstrip(" "))
        if data[3:4] == b"-" and not is_final and not any(row[3:4] in (b" ", b"\r") for row in data.split(b"\n")[:-1]):
            return None  # more lines of this reply are to come
        return Verdict("L7OK", int(data[:3]), text[_CODE:].lstrip(" ")) if is_last else Verdict()

    return judge


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    # haproxy: anything but a hello word with a domain is taken for the default.
    is_given = len(arguments) == 2 and arguments[0] in ("HELO", "EHLO")
    hello = f"{arguments[0]} {arguments[1]}" if is_given else "HELO localhost"
    return (
        Expect("judge", _judge(is_greeting=True)),
        Send(f"{hello}\r\n".encode("utf-8", "surrogateescape")),
        Expect("judge", _judge()),
        Send(b"QUIT\r\n"),
        Expect("judge", _judge(is_last=True)),
    )
