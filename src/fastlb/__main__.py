"""Entry of `fastlb` and `python -m fastlb`: makes the process safe to interrupt, then runs the command line.

Knows nothing else; must import nothing that costs time before it is known to be needed.
"""

from __future__ import annotations

import sys

# keepalived runs this once a second: even the signal module's enums would be a tenth of its time.
_IS_HA_CHECK = sys.argv[1:3] == ["ha", "check"]

if not _IS_HA_CHECK:
    import signal

    # Ctrl-C before our own handlers exist must end the process by the signal, as it ends haproxy, and never raise
    # KeyboardInterrupt at a random line. A launcher may have blocked these signals while the interpreter started.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))


def main() -> int:
    """Runs the command line of this process; returns its exit status."""
    if _IS_HA_CHECK:
        from fastlb.cli.ha_check import run as check

        return check(sys.argv[3:])
    from fastlb.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
