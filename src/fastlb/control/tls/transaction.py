"""The one transaction that `set ssl cert`, `ca-file` or `crl-file` has open (management guide, section 9.3).

Knows HAProxy's refusals about transactions. Must not know what is being collected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from fastlb.control.runtime.command import Refused

Collected = TypeVar("Collected")


@dataclass(slots=True)
class Transaction(Generic[Collected]):
    """name: the file that it is about, "" for none. It belongs to the process, not to a connection."""

    name: str = ""
    collected: Collected | None = None

    def begin_or_go_on(self, name: str, refusal: str) -> bool:
        """Whether it is a new one. Raises Refused where another is open: `refusal` follows the reason."""
        if self.name and self.name != name:
            raise Refused(f"The ongoing transaction is about '{self.name}' but you are trying to set '{name}'\n{refusal}")
        return not self.name

    def take(self, name: str) -> Collected:
        """What has been collected, to commit it. Raises Refused."""
        refusal = f"Can't commit {name}!\n"
        if not self.name or self.collected is None:
            raise Refused(f"No ongoing transaction! !\n{refusal}")
        if self.name != name:
            raise Refused(f"The ongoing transaction is about '{self.name}' but you are trying to set '{name}'\n{refusal}")
        return self.collected

    def end(self) -> None:
        self.name, self.collected = "", None

    def abort(self, keywords: str, name: str) -> str:
        if not name:
            raise Refused(f"'{keywords}' expects a filename\n")
        if not self.name:
            raise Refused("No ongoing transaction!\n")
        if self.name != name:
            raise Refused(
                f"The ongoing transaction is about '{self.name}' but you are trying to abort a transaction for '{name}'\n"
            )
        self.end()
        return f"Transaction aborted for certificate '{name}'!\n"
