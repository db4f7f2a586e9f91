"""From the proxy to a file and through a rotation, with the files that `fastlb deploy` writes and the programs they are for.

What cannot be this machine's is replaced in the texts: the port, the directory, and whom logrotate tells.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastlb.cli import deploy
from support.poll import poll
from support.proxy import HTTP
from support.runtime import info

TELL_RSYSLOG = "systemctl kill --kill-who=main --signal=HUP rsyslog.service 2>/dev/null || pkill -HUP -x rsyslogd || true"


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed (.ci/packages test)")
    return found


def deployed(root: Path, path: str, **changes: str) -> str:
    """The text of a file that `fastlb deploy` has written, with each of `changes` made; all of them must be to be made."""
    text = (root / path.lstrip("/")).read_text()
    for old, new in changes.items():
        assert old in text, f"{path} has no {old!r}"
        text = text.replace(old, new)
    return text


@dataclass
class LogHost:
    """A running rsyslogd, the file it writes, and the configuration of its rotation."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    rotation: Path

    @property
    def file(self) -> Path:
        return self.directory / "fastlb.log"

    def lines(self, name: str = "fastlb.log") -> list[str]:
        path = self.directory / name
        return path.read_text().splitlines() if path.exists() else []

    def rotate(self) -> None:
        command = [program("logrotate"), "-f", "-s", str(self.directory.parent / "state"), str(self.rotation)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def log_host(tmp_path: Path) -> Iterator[LogHost]:
    root, directory, work = tmp_path / "root", tmp_path / "log", tmp_path / "work"
    for path in (directory, work):
        path.mkdir(mode=0o700)
    assert deploy.run(["--root", str(root), "--only", "rsyslog,logrotate"]) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    here = {"/var/log/fastlb": str(directory)}
    receiving = deployed(root, "/etc/rsyslog.d/49-fastlb.conf", **{'port="514"': f'port="{port}"'}, **here)
    config, pid_file = tmp_path / "rsyslog.conf", tmp_path / "rsyslogd.pid"
    config.write_text(f'global(workDirectory="{work}")\n{receiving}')
    rotation = tmp_path / "logrotate.conf"
    telling = f"kill -HUP $(cat {pid_file})"
    rotation.write_text(deployed(root, "/etc/logrotate.d/fastlb", **here, **{TELL_RSYSLOG: telling}))
    rotation.chmod(0o644)
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", program("rsyslogd"), "-n", "-f", str(config), "-i", str(pid_file)],
        stdin=subprocess.DEVNULL,
    )
    host = LogHost(directory, port, process, rotation)
    try:
        poll(lambda: is_receiving(host), "rsyslogd to write what it gets")
        yield host
    finally:
        process.terminate()
        process.wait(30)


def is_receiving(host: LogHost) -> bool:
    assert host.process.poll() is None, "rsyslogd ended"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"<134>Nov 23 09:01:35 test[1]: ready", ("127.0.0.1", host.port))
    return bool(host.lines())


def site(host: LogHost, *lines: str) -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return (
        f"global\n    log 127.0.0.1:{host.port} local0\n{HTTP}    log global\nfrontend fe\n    bind fd@fe\n{text}"
        "    http-request return status 200\n"
    )


def test_lines_go_on_in_the_new_file_and_the_proxy_never_notices(start, log_host):
    proxy = start(site(log_host, "option httplog"))
    client = proxy.client()
    for number in range(50):
        client.request(f"/before-{number}.")
    poll(lambda: any("/before-49." in line for line in log_host.lines()))
    log_host.rotate()
    for number in range(50):
        client.request(f"/after-{number}.")
    new = poll(lambda: any("/after-49." in line for line in log_host.lines()) and log_host.lines())
    old = log_host.lines("fastlb.log.1")
    for number in range(50):
        assert [f"/before-{number}." in line for line in old + new].count(True) == 1
        assert [f"/after-{number}." in line for line in new].count(True) == 1
    assert not any("/before-" in line for line in new)
    assert log_host.file.stat().st_mode & 0o777 == 0o600
    facts = info(proxy.runtime_path)
    assert int(facts["Pid"]) == proxy.pid
    assert facts["DroppedLogs"] == "0"


@pytest.mark.fastlb_only  # `option httplog json` is fastlb's own
def test_json_lines_arrive_in_the_file_whole(start, log_host):
    proxy = start(site(log_host, "option httplog json", "capture request header User-Agent len 1000"))
    proxy.fetch('/x?"', headers='User-Agent: \\"\t\x7f' + "\u00e9" * 200 + "\r\n")
    line = poll(lambda: next((line for line in log_host.lines() if "request_headers" in line), None))
    fields = json.loads(line[line.index("{") :])
    assert (fields["uri"], fields["status"]) == ('/x?"', 200)
    # rsyslog shows control bytes in its own way (escapeControlCharactersOnReceive); JSON has none left for it.
    assert fields["request_headers"] == ['\\"\t\x7f' + "\u00e9" * 200]
