"""`fastlb deploy` and `fastlb ha init`: what is written, what is kept, what is said, and the exit statuses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fastlb.cli import deploy
from fastlb.deploy import parts
from fastlb.deploy.settings import Pair, Settings, SettingsError

from .conftest import PAIR

ROOT = Path(__file__).parents[3]
SYSCTL = "/etc/sysctl.d/60-fastlb.conf"
CONFIG = "/etc/fastlb/fastlb.cfg"


def pair(**changes) -> Pair:
    values = {"vips": ("10.0.0.9/24",), "interface": "eth0", "peer": "10.0.0.2", "role": "master", "node": "lb1", "process": "x"}
    return Pair(**{**values, **changes})


def test_every_part_is_written_and_explained(host, capsys):
    assert host.deploy(*PAIR) == 0
    out = capsys.readouterr().out
    for part in parts.parts(Settings("/usr/bin/fastlb", pair=pair())):
        assert f"{part.name}: " in out
        for file in part.files:
            assert host.path(file.path).stat().st_mode & 0o7777 == file.mode, file.path
        for command in part.commands:
            assert command in out or "keepalived" in command
    assert "The running system is untouched" in out


def test_a_second_run_changes_nothing(host, capsys):
    host.deploy(*PAIR)
    before = host.snapshot()
    capsys.readouterr()
    assert host.deploy(*PAIR) == 0
    assert host.snapshot() == before
    assert capsys.readouterr().out.count("nothing to change") == len(parts.names())


def test_keepalived_starts_the_environment_s_python_and_not_the_system_s(host):
    # keepalived resolved .venv/bin/python to /usr/bin/python3, which knows no fastlb: each check failed.
    host.init("--program", "/opt/fastlb/bin/python -m fastlb")
    text = host.path("/etc/keepalived/keepalived.conf").read_text()
    assert 'script "/usr/bin/env /opt/fastlb/bin/python -m fastlb ha check --socket' in text


def test_dry_run_shows_a_diff_and_writes_nothing(host, capsys):
    assert host.deploy("--dry-run") == 0
    out = capsys.readouterr().out
    assert not host.root.exists()
    assert "--- /dev/null" in out
    assert "+net.ipv4.ip_nonlocal_bind = 1" in out


def test_a_file_of_an_older_version_is_renewed(host, capsys):
    host.deploy(*PAIR, "--only", "keepalived")
    assert host.init("--priority", "200", "--dry-run") == 0
    assert "-    priority 254\n+    priority 200\n" in capsys.readouterr().out
    assert host.init("--priority", "200") == 0
    assert "priority 200" in host.path("/etc/keepalived/keepalived.conf").read_text()


def test_a_changed_file_is_kept_and_named(host, capsys):
    host.deploy("--only", "sysctl")
    host.path(SYSCTL).write_text("net.core.somaxconn = 1\n")
    assert host.deploy("--only", "sysctl") == 3
    assert SYSCTL in capsys.readouterr().err
    assert host.path(SYSCTL).read_text() == "net.core.somaxconn = 1\n"
    assert host.deploy("--only", "sysctl", "--force") == 0
    assert "ip_nonlocal_bind" in host.path(SYSCTL).read_text()
    assert host.path(SYSCTL + ".bak").read_text() == "net.core.somaxconn = 1\n"


def test_a_file_that_was_there_before_is_kept(host):
    path = host.path("/etc/keepalived/keepalived.conf")
    path.parent.mkdir(parents=True)
    path.write_text("! somebody's\n")
    assert host.init() == 3
    assert path.read_text() == "! somebody's\n"


def test_the_configuration_is_the_operators_from_the_start(host):
    host.deploy("--only", "configuration")
    host.path(CONFIG).write_text("# mine\n")
    assert host.deploy("--only", "configuration", "--force") == 0
    assert host.path(CONFIG).read_text() == "# mine\n"


def test_a_lost_mode_is_mended(host):
    host.init()
    notify = host.path("/etc/keepalived/fastlb-notify.sh")
    notify.chmod(0o666)
    assert host.init() == 0
    assert notify.stat().st_mode & 0o7777 == 0o755


def test_a_link_that_leads_out_of_the_root_is_not_followed(host, capsys, tmp_path):
    (tmp_path / "outside").mkdir()
    host.root.mkdir()
    (host.root / "etc").symlink_to(tmp_path / "outside")
    assert host.init() == 1
    assert not list((tmp_path / "outside").iterdir())
    assert "leads out of --root" in capsys.readouterr().err


@pytest.mark.parametrize("secret", ["with blank", "more than eight", "quote\""])
def test_a_refused_password_is_not_shown(host, capsys, tmp_path, secret):
    file = tmp_path / "secret"
    file.write_text(secret)
    with pytest.raises(SystemExit, match="2"):
        host.init("--auth-file", str(file))
    captured = capsys.readouterr()
    assert secret not in captured.out + captured.err
    assert "the password" in captured.err


def test_a_password_is_never_shown(host, capsys, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t")
    assert host.init("--auth-file", str(secret), "--dry-run") == 0
    assert host.init("--auth-file", str(secret)) == 0
    captured = capsys.readouterr()
    assert "s3cr3t" not in captured.out + captured.err
    assert "auth_pass ********" in captured.out


@pytest.mark.parametrize("role", ["master", "backup"])
def test_priorities_are_one_apart_and_both_start_as_backup(host, role):
    words = PAIR.copy()
    words[words.index("--role") + 1] = role
    deploy.run_init(["--root", str(host.root), *words])
    text = host.path("/etc/keepalived/keepalived.conf").read_text()
    assert f"priority {254 if role == 'master' else 253}\n" in text
    assert "state BACKUP" in text
    assert "process fastlb-serving\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "nope"], "there is no part 'nope'"),
        (["--only", "keepalived"], "needs --vip"),
        (["--server", "web1"], "ADDRESS:PORT"),
        (["--program", "fastlb"], "absolute path"),
        (["--socket", "/run/a b"], "without blanks"),
        (["--config", "/etc/x\nExecStart=/bin/sh"], "without blanks"),
    ],
)
def test_bad_words_of_deploy(host, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        host.deploy(*words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not host.root.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vips": ("10.0.0.9",)}, "network's length"),
        ({"vips": ("10.0.0.0/24",)}, "not a host's"),
        ({"vips": ("10.0.0.300/24",)}, "does not appear"),
        ({"vips": ("2001:db8::9/64",)}, "IPv6"),
        ({"vips": ()}, "missing"),
        ({"peer": "lb2"}, "the peer"),
        ({"peer": "10.0.0.9"}, "is the shared address"),
        ({"interface": "eth0 }"}, "interface"),
        ({"process": "fastlb-serving-on-lb1"}, "15"),
        ({"router_id": 0}, "within 1 and 255"),
        ({"priority": 255}, "within 1 and 254"),
        ({"password": "far too long"}, "8 printable"),
        ({"password": "a}b"}, "mean something"),
        ({"backends": ("web api",)}, "backend"),
        ({"node": "a b"}, "node"),
    ],
)
def test_bad_values_of_a_pair(changes, message):
    with pytest.raises(SettingsError, match=message):
        pair(**changes)


def test_services_are_only_applied_to_this_host(host, capsys):
    assert host.deploy("--apply-services") == 2
    assert deploy.run(["--apply-services", "--dry-run"]) == 2
    assert "--apply-services" in capsys.readouterr().err


def test_apply_runs_the_commands_in_order_and_stops_at_the_first_failure(monkeypatch, capsys):
    chosen = [parts.Part("a", "", commands=("true", "false", "echo never"))]
    ran = []

    def run(command, **_):
        ran.append(command[-1])
        return subprocess.CompletedProcess(command, int(command[-1] == "false"))

    monkeypatch.setattr(subprocess, "run", run)
    assert deploy._apply(chosen, "deploy") == 1
    assert ran == ["true", "false"]
    assert "ended with 1: false" in capsys.readouterr().err


def test_an_unwritable_root_is_an_error_without_traceback(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert deploy.run(["--root", str(tmp_path / "file"), "--only", "sysctl"]) == 1
    assert "file" in capsys.readouterr().err


COMMANDS = re.findall(r"^fastlb deploy(.*?)(?: #.*)?$", (ROOT / "docs/operations/deployment.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("words", COMMANDS)
def test_the_commands_of_the_manual_work(host, words):
    assert host.deploy(*words.split()) == 0


def test_the_manual_lists_every_part():
    rows = re.findall(r"^\| (\w+) \| .*/", (ROOT / "docs/operations/deployment.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(parts.names())


INITS = re.findall(r"^fastlb ha init (.*)$", (ROOT / "docs/operations/high-availability.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("words", INITS)
def test_the_pair_of_the_manual_works(host, words):
    assert len(INITS) == 2
    assert deploy.run_init(["--root", str(host.root), *words.split()]) == 0
