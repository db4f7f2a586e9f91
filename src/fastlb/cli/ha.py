"""`fastlb ha`: two proxies that share an address.

Knows the sub-commands. `ha check` does not pass here: __main__ runs it alone, because it has to start at once.
"""

from __future__ import annotations

import sys

_USAGE = """\
usage: fastlb ha init | check | status | drill   (each with --help)

  init     writes keepalived.conf for this host and explains it
  check    is the proxy on this host well? For keepalived; 0 or 1
  status   who holds the shared address
  drill    a failover, tried together with you, and what it cost
"""


def run(words: list[str]) -> int:
    """Does what `words` (behind `fastlb ha`) ask for; returns the exit status."""
    name = words[0] if words else ""
    if name == "init":
        from fastlb.cli.deploy import run_init

        return run_init(words[1:])
    if name == "check":
        from fastlb.cli.ha_check import run as check

        return check(words[1:])
    if name == "status":
        from fastlb.cli.ha_status import run as status

        return status(words[1:])
    if name == "drill":
        from fastlb.cli.ha_drill import run as drill

        return drill(words[1:])
    if name in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return 0
    sys.stderr.write((f"fastlb ha: there is no '{name}'\n" if name else "") + _USAGE)
    return 2
