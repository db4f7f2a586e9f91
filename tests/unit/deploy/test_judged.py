"""Each generated file is accepted by the program it is for."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from fastlb.config.keywords.errors import normalize, read_page

STATUSES = [400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the kernel is asked, or files must belong to root")


def test_systemd_takes_the_unit(host, judged_by):
    host.deploy("--only", "systemd")
    done = judged_by("systemd-analyze", "verify", "--man=no", str(host.path("/etc/systemd/system/fastlb.service")))
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "fastlb" in line]
    assert (done.returncode, complaints) == (0, [])


def test_sysusers_takes_the_account(host, judged_by):
    host.deploy("--only", "account")
    # Into the root, not into this machine.
    done = judged_by("systemd-sysusers", f"--root={host.root}", "--dry-run", "fastlb.conf")
    assert done.returncode == 0, done.stderr
    assert "Creating user 'fastlb'" in done.stdout + done.stderr


def test_tmpfiles_takes_the_directories(host):
    host.path("/etc").mkdir(parents=True)
    host.path("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nsyslog:x:104:110::/home/syslog:/usr/sbin/nologin\n")
    host.deploy("--only", "directories")
    lines = host.path("/etc/tmpfiles.d/fastlb.conf").read_text().splitlines()
    # rsyslog must be able to write, whoever it is.
    assert lines[1:] == ["d /var/lib/fastlb 0750 fastlb fastlb -", "d /var/log/fastlb 0750 syslog adm -"]


def test_rsyslogd_takes_its_file(host, judged_by):
    host.deploy("--only", "rsyslog")
    done = judged_by("rsyslogd", "-N1", "-f", str(host.path("/etc/rsyslog.d/49-fastlb.conf")))
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()


@needs_root
def test_logrotate_takes_its_file_and_rotates(host, judged_by, tmp_path):
    host.deploy("--only", "logrotate,directories")
    path = host.path("/etc/logrotate.d/fastlb")
    log = host.path("/var/log/fastlb/fastlb.log")
    # The state file and the logs are the test's: nothing of this machine is rotated, and rsyslog is not told.
    text = path.read_text().replace("/var/log/fastlb", str(log.parent))
    assert "systemctl kill" in text
    path.write_text("\n".join(line if "systemctl kill" not in line else "touch told" for line in text.splitlines()) + "\n")
    log.write_text("one line\n")
    assert judged_by("logrotate", "-d", str(path)).returncode == 0
    told = f"touch {tmp_path}/told"
    path.write_text(path.read_text().replace("touch told", told))
    done = judged_by("logrotate", "-f", "-s", str(tmp_path / "state"), str(path))
    assert done.returncode == 0, done.stderr
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("", 0o600)
    assert (log.parent / "fastlb.log.1").read_text() == "one line\n"
    assert (tmp_path / "told").exists()


@needs_root
def test_nft_takes_the_chain_twice(host, judged_by):
    host.deploy("--only", "nftables")
    path = host.path("/etc/nftables.d/fastlb.nft")
    done = judged_by("nft", "-c", "-f", str(path))
    assert done.returncode == 0, done.stderr
    path.write_text(path.read_text() * 2)
    assert judged_by("nft", "-c", "-f", str(path)).returncode == 0


def test_firewalld_gets_a_service(host):
    host.deploy("--only", "firewalld")
    service = xml.etree.ElementTree.parse(host.path("/etc/firewalld/services/fastlb.xml")).getroot()
    assert [port.get("port") for port in service.findall("port")] == ["80", "443", "9000"]
    assert [protocol.get("value") for protocol in service.findall("protocol")] == ["vrrp"]


def test_sysctl_names_exist_here(host):
    host.deploy("--only", "sysctl")
    lines = host.path("/etc/sysctl.d/60-fastlb.conf").read_text().splitlines()
    settings = dict(line.split(" = ") for line in lines if not line.startswith("#"))
    assert settings["net.ipv4.ip_nonlocal_bind"] == "1"
    assert [name for name in settings if not os.path.exists("/proc/sys/" + name.replace(".", "/"))] == []


def judged_by_keepalived(judged_by, path):
    """`keepalived -t` where the interface exists; the scripts are ones that belong to root on every machine."""
    path.write_text(
        path.read_text().replace("/etc/keepalived/fastlb-notify.sh", "/bin/true").replace(sys.executable, "/bin/true")
    )
    judged_by("keepalived", "-v")
    command = f"ip link add flb0 type veth peer flb1 && ip link set flb0 up && keepalived -t -f {path}"
    return judged_by("unshare", "--net", "sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; {command}")


@needs_root
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--unicast"],
        ["--backend", "web", "--backend", "api"],
        ["--vip", "192.168.1.201/24", "--priority", "200", "--router-id", "7"],
    ],
    ids=" ".join,
)
def test_keepalived_takes_its_file(host, judged_by, words):
    """0 and not 5: a check that keepalived drops would leave a master without one."""
    assert host.init("--program", sys.executable, *words) == 0
    path = host.path("/etc/keepalived/keepalived.conf")
    done = judged_by_keepalived(judged_by, path)
    assert done.returncode == 0, done.stderr


@needs_root
def test_keepalived_takes_a_password(host, judged_by, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cr3t\n")
    assert host.init("--auth-file", str(secret)) == 0
    path = host.path("/etc/keepalived/keepalived.conf")
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert ("vrrp_version 2" in text, "advert_int 1\n" in text, "auth_pass s3cr3t" in text) == (True, True, True)
    done = judged_by_keepalived(judged_by, path)
    assert done.returncode == 0, done.stderr


def test_error_pages_are_whole_answers(host):
    host.deploy("--only", "errors")
    assert sorted(path.name for path in host.path("/etc/fastlb/errors").iterdir()) == [f"{status}.http" for status in STATUSES]
    for status in STATUSES:
        path = host.path(f"/etc/fastlb/errors/{status}.http")
        raw = path.read_bytes()
        assert raw.startswith(b"HTTP/1.1 %d " % status)
        assert read_page(str(path), 15360) == normalize(raw)


@pytest.mark.parametrize("program", [[sys.executable, "-m", "fastlb"], ["/usr/sbin/haproxy"]], ids=["fastlb", "haproxy"])
@pytest.mark.parametrize("servers", [[], ["192.168.1.150:80", "web2.example:8080"]], ids=["none", "two"])
def test_the_first_configuration_is_valid(host, program, servers):
    host.deploy("--only", "errors,configuration", *[word for server in servers for word in ("--server", server)])
    path = host.path("/etc/fastlb/fastlb.cfg")
    text = path.read_text().replace("/etc/fastlb", str(host.path("/etc/fastlb"))).replace("web2.example", "127.0.0.1")
    path.write_text(text.replace("user fastlb", "user root").replace("group fastlb", "group root"))
    done = subprocess.run([*program, "-c", "-f", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert text.count("    server web") == len(servers)
