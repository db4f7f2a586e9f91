"""maxconn from the descriptor limit and the limit from maxconn; who may become whom; the pid file; systemd."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys

import pytest

from fastlb.config.model import Global
from fastlb.supervisor import limits
from fastlb.supervisor.daemon import PidFile
from fastlb.supervisor.privileges import Identity, PrivilegeError, identity_of
from fastlb.supervisor.systemd import Notifier

IMPORTS = """
import os, resource
from fastlb.config.model import Global
from fastlb.supervisor import limits
from fastlb.supervisor.privileges import PrivilegeError, identity_of
"""
# After the imports: the interpreter itself may lie where nobody else may read.
NOBODY = "if os.getuid() == 0: os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"


def in_child(code: str, *, fds: int) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process with that hard limit of descriptors."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, fds), fds))

    return subprocess.run(
        [sys.executable, "-c", IMPORTS + code],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=prepare,
    )


def test_default_maxconn_is_half_of_what_is_left():
    assert limits.default_maxconn(1024, 24) == 500


def test_default_maxconn_follows_the_hard_limit():
    done = in_child("print(limits.default_maxconn(None, 24))", fds=1000)
    assert done.stdout == "488\n", done.stderr


def test_default_maxconn_is_bounded_where_descriptors_are_not():
    assert limits.default_maxconn(None, 24) <= limits.FD_HARD_LIMIT // 2


def test_soft_limit_is_raised_for_maxconn():
    code = "limits.apply(Global(maxconn=300), 24); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    assert in_child(code, fds=1000).stdout == "624\n"


def test_child_keeps_to_the_computed_limit():
    code = "n, _ = limits.apply(Global(maxconn=10), 24); limits.keep_to(n); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    assert in_child(code, fds=1000).stdout == "44\n"


def test_limit_that_cannot_be_had_is_explained():
    code = NOBODY + "try: limits.apply(Global(maxconn=5000), 24)\nexcept limits.LimitError as error: print(error)"
    done = in_child(code, fds=1000)
    assert "Cannot raise FD limit to 10024, limit is 1000." in done.stdout, done.stderr


def test_low_ulimit_n_is_a_warning():
    assert "too low for maxconn=400" in limits.apply(Global(maxconn=400, ulimit_n=500), 24)[1]


def test_identity_by_name():
    assert identity_of(Global(user="root", group="root")) == Identity(0, 0, "")


@pytest.mark.parametrize("settings", [Global(user="no-such"), Global(group="no-such"), Global(chroot="/no-such")])
def test_identity_that_does_not_exist_is_refused(settings):
    with pytest.raises(PrivilegeError, match="no-such"):
        identity_of(settings)


@pytest.mark.parametrize(
    ("setting", "message"), [("uid=1", "Cannot set uid 1."), ("gid=1", "Cannot set gid 1."), ("chroot='/'", "Cannot chroot(/).")]
)
def test_missing_privileges_are_told_before_the_start(setting, message):
    code = NOBODY + f"try: identity_of(Global({setting}))\nexcept PrivilegeError as error: print(error)"
    assert message in in_child(code, fds=100).stdout


def test_pid_file_is_empty_until_it_is_written(tmp_path):
    path = tmp_path / "pid"
    path.write_text("99999\n")
    pidfile = PidFile(str(path))
    assert path.read_text() == ""
    pidfile.write()
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.fixture
def notify_socket(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sink:
        sink.bind(str(tmp_path / "notify"))
        sink.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sink


def test_first_datagram_to_systemd_says_ready(notify_socket):
    Notifier(True).ready()
    assert notify_socket.recv(1000) == b"READY=1\nMAINPID=%d\nSTATUS=Ready.\n" % os.getpid()


def test_systemd_is_told_nothing_outside_its_mode(notify_socket):
    Notifier(False).ready()
    notify_socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        notify_socket.recv(1000)


def test_abstract_notify_socket(monkeypatch):
    name = f"fastlb-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sink:
        sink.bind(f"\0{name}")
        sink.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        Notifier(True).reloading()
        assert sink.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
