"""The corpus: real configurations in ../shared/corpus, what haproxy says of each (INDEX.tsv), and what fastlb says.

`python -m support.corpus` (PYTHONPATH=tests) writes tests/golden/corpus.tsv from what fastlb says now, to be read before
it is committed. Nothing here asks the network: only `localhost` resolves, and no variable of the environment is set.
"""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from fastlb.compile.verify import verify
from fastlb.config import Diagnostic, Resolver, load

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
TABLE = ROOT / "tests" / "golden" / "corpus.tsv"
HEAD = ("file", "verdict", "mistakes", "removed", "not supported yet", "missing")
# Files, hosts, users and variables that this machine does not have: nothing is wrong with the configuration.
ABSENT = {"unresolved-host", "unreadable-file", "missing-file", "unknown-user", "unknown-group"}
HOSTS = {"localhost": "127.0.0.1"}
# What follows from an earlier line that was refused.
CONSEQUENCES = {"unknown-acl", "fatal", "file-has-errors"}


@dataclass(frozen=True)
class Theirs:
    """A line of INDEX.tsv. line: of haproxy 2.6's first error, or 3.5's, 0 where it names none."""

    name: str
    verdict: str
    newest: str
    first_error: str

    @property
    def is_refused(self) -> bool:
        return self.verdict in ("legacy-removed", "invalid", "fragment")

    @property
    def line(self) -> int:
        found = re.search(r"\[t\.cfg:(\d+)\]", self.first_error) or re.search(r"\[t\.cfg:(\d+)\]", self.newest)
        return int(found[1]) if found else 0


def index() -> list[Theirs]:
    with (CORPUS / "INDEX.tsv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    return [Theirs(row[0], row[3], row[4], row[6]) for row in rows]


@dataclass
class Ours:
    """What fastlb makes of a file: its alerts, and the row of the table."""

    name: str
    is_accepted: bool
    alerts: list[Diagnostic]

    @property
    def row(self) -> tuple[str, ...]:
        alerts = [alert for alert in self.alerts if alert.code not in CONSEQUENCES or self._is_first(alert)]
        absent = [alert for alert in alerts if is_absent(alert)]
        removed = [alert for alert in alerts if alert.code == "removed-keyword"]
        later = [alert for alert in alerts if is_unsupported(alert)]
        mistakes = [alert for alert in alerts if alert not in (*absent, *removed, *later)]
        return (
            self.name,
            "accepted" if self.is_accepted else "refused",
            ", ".join(f"{place(alert)} {alert.code}" for alert in mistakes),
            ", ".join(dict.fromkeys(f"{place(alert)} {first_word(alert)}" for alert in removed)),
            ", ".join(sorted({unsupported_name(alert) for alert in later})),
            ", ".join(sorted({absence(alert) for alert in absent})),
        )

    def _is_first(self, alert: Diagnostic) -> bool:
        return alert.code not in ("fatal", "file-has-errors") and self.alerts[0] is alert


def place(alert: Diagnostic) -> str:
    return str(alert.location.line) if alert.location else "-"


def is_absent(alert: Diagnostic) -> bool:
    return alert.code in ABSENT or "$" in alert.source or names_a_host(alert) or "failed to open" in alert.message


def names_a_host(alert: Diagnostic) -> bool:
    """A word without a port or digits in an address's place."""
    return alert.code == "bad-address" and re.search(r"invalid address: '[A-Za-z]", alert.message) is not None


def absence(alert: Diagnostic) -> str:
    if "$" in alert.source:
        return "variable"
    return {"unresolved-host": "host", "bad-address": "host", "unknown-user": "user", "unknown-group": "group"}.get(
        alert.code, "file"
    )


def is_unsupported(alert: Diagnostic) -> bool:
    return alert.code.startswith("unsupported-") or alert.code == "unknown-action" or "'lua." in alert.message


def unsupported_name(alert: Diagnostic) -> str:
    """The keyword, as it is in the tables."""
    if alert.code == "unknown-action":
        words = alert.source.split()
        return " ".join(words[: 3 if words[0].startswith("tcp-") else 2]).partition("(")[0]
    if alert.code == "unsupported-mode":
        return "tcp frontend with http backend"
    if alert.code == "unsupported-address" and "family" in alert.message:
        return "address family quic"
    if "as address is not supported" in alert.message:
        return "server address *"
    found = re.search(r"(section )?'([^']+)' ?(?:: HAProxy|with a condition)", alert.message)
    if found is None:
        return "lua." if "'lua." in alert.message else alert.code
    return f"{found[1] or ''}{found[2]}"


def first_word(alert: Diagnostic) -> str:
    return alert.source.split()[0] if alert.source.split() else ""


def judge(name: str) -> Ours:
    """Blocks for the files that the configuration names."""
    configuration, diagnostics = load(
        [str(CORPUS / name)], environment={}, resolver=Resolver(lambda host, _: HOSTS.get(host)), verify=verify
    )
    return Ours(name, configuration is not None, [item for item in diagnostics if item.severity == "alert"])


def read_table() -> list[tuple[str, ...]]:
    with TABLE.open(newline="") as file:
        return [tuple(row) for row in csv.reader(file, delimiter="\t")][1:]


def main() -> int:
    rows = [HEAD, *(judge(theirs.name).row for theirs in index())]
    with TABLE.open("w", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
