"""The program as a process: arguments, exit codes, messages, daemon, pidfile, privileges, signals, master mode."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from support.client import fetch
from support.origin import named
from support.poll import poll
from support.proxy import HTTP, Proxy, command_of
from support.sockets import HeldPort, is_listening


def site(server, bind: str = "fd@fe") -> str:
    return f"{HTTP}frontend fe\n    bind {bind}\n    default_backend be\nbackend be\n    server s1 {server}\n"


def run(program: str, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command_of(program), *args], capture_output=True, text=True, timeout=30, env={**os.environ, **(env or {})}
    )


@pytest.fixture
def valid(tmp_path):
    path = tmp_path / "ok.cfg"
    path.write_text(site("127.0.0.1:1", "127.0.0.1:0".replace(":0", ":65000")))
    return path


@pytest.mark.parametrize("args", [("-v",), ("-vv",)])
def test_version(program, args):
    done = run(program, *args)
    assert done.returncode == 0
    assert re.search(r"version \S+", done.stdout)


def test_vv_lists_what_tools_look_for(program):
    text = run(program, "-vv").stdout
    assert re.search(r"^HAProxy version \S+", text, re.MULTILINE)
    assert "Feature list : +" in text.replace("  ", " ") or "Feature list" in text
    assert "linux-glibc" in text


def test_check_of_a_valid_file(program, valid):
    done = run(program, "-c", "-f", str(valid))
    assert done.returncode == 0
    assert run(program, "-c", "-V", "-f", str(valid)).stdout.strip().endswith("Configuration file is valid")


def test_check_of_an_invalid_file(program, tmp_path):
    path = tmp_path / "bad.cfg"
    path.write_text("defaults\n    mode http\nfrontend fe\n    bind :65000\n    balnce roundrobin\n")
    done = run(program, "-c", "-f", str(path))
    assert done.returncode == 1
    assert f"[{path}:5]" in done.stderr
    assert "unknown keyword 'balnce'" in done.stderr
    assert "[ALERT]" in done.stderr
    assert "Fatal errors found in configuration." in done.stderr


def test_check_looks_into_tls_where_there_is_no_rule(program, tmp_path):
    path = tmp_path / "bad.cfg"
    server = "    server s1 127.0.0.1:1 ssl verify none sigalgs BOGUS\n"
    path.write_text(f"{HTTP}frontend fe\n    bind 127.0.0.1:65000\n    default_backend be\nbackend be\n{server}")
    done = run(program, "-c", "-f", str(path))
    assert done.returncode == 1
    assert "'server be/s1' : un" in done.stderr


def test_missing_file(program, tmp_path):
    done = run(program, "-f", str(tmp_path / "none.cfg"))
    assert done.returncode == 1
    assert "none.cfg" in done.stderr


def test_no_listener_is_exit_2_in_check_mode(program, tmp_path):
    path = tmp_path / "none.cfg"
    path.write_text("global\n    maxconn 10\n")
    assert run(program, "-c", "-f", str(path)).returncode == 2


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("1", 0),
        ("0", 1),
        ("", 1),
        ("streq(a,a)", 0),
        ("streq(a,b)", 1),
        ("!streq(a,b)", 0),
        ("feature(THREAD)", 0),
        ("feature(NONE)", 1),
        ("version_atleast(1.0)", 0),
        ("1 && 0", 1),
        ("0 || 1", 0),
        ("defined(FLB_SURELY_NOT)", 1),
        ('streq("$FLB_V",x)', 0),
        ("junk(", 2),
    ],
)
def test_cc_evaluates_a_condition(program, expression, status):
    assert run(program, "-cc", expression, env={"FLB_V": "x"}).returncode == status


def test_unknown_option_prints_usage(program):
    done = run(program, "-Z")
    assert done.returncode == 1
    assert "usage" in (done.stdout + done.stderr).lower()


def test_taken_port_is_named_and_exit_is_1(program, origin, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = tmp_path / "x.cfg"
        path.write_text(site(origin(named("a")), f"127.0.0.1:{port}"))
        done = run(program, "-db", "-f", str(path))
    assert done.returncode == 1
    assert "cannot bind socket (Address already in use)" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr


def test_several_files_and_a_directory(start, origin, program, tmp_path):
    port = HeldPort()
    (tmp_path / "10-defaults.cfg").write_text(HTTP)
    (tmp_path / "20-fe.cfg").write_text(f"frontend fe\n    bind 127.0.0.1:{port.port}\n    default_backend be\n")
    (tmp_path / "ignored.txt").write_text("nonsense\n")
    proxy = start(
        f"backend be\n    mode http\n    timeout connect 5s\n    timeout server 5s\n    server s1 {origin(named('a'))}\n",
        args=("-f", str(tmp_path)),
    )
    poll(lambda: is_listening(("127.0.0.1", port.port)), "the listener")
    assert fetch(("127.0.0.1", port.port)).body == b"a"
    assert proxy.info()["Name"]
    port.close()


def test_environment_in_the_configuration(start, origin):
    server = origin(named("a"))
    proxy = start(site('"${FLB_ORIGIN}"'), env={"FLB_ORIGIN": str(server)})
    assert proxy.fetch().body == b"a"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_foreground_dies_of_the_signal(start, origin, number):
    proxy = start(site(origin(named("a"))))
    proxy.fetch()
    assert proxy.stop(number) == -number


def test_sigusr1_lets_sessions_finish_and_exits_0(start, origin):
    proxy = start(site(origin(named("a"))))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    proxy.process.send_signal(signal.SIGUSR1)
    poll(lambda: not is_listening(proxy.addresses["fe"]), "the listener to be closed")
    client.send(b"x")
    assert client.read_response().status == 200
    client.close()
    assert proxy.wait() == 0


def test_hard_stop_after_bounds_a_soft_stop(start, origin):
    proxy = start("global\n    hard-stop-after 200ms\n" + site(origin(named("a"))))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    proxy.process.send_signal(signal.SIGUSR1)
    proxy.wait()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("how", ["argument", "keyword"])
def test_daemon_detaches_and_writes_its_pid(program, origin, tmp_path, how):
    port = HeldPort()
    pidfile = tmp_path / "pid"
    glob = f"global\n    daemon\n    pidfile {pidfile}\n" if how == "keyword" else ""
    path = tmp_path / "x.cfg"
    path.write_text(glob + site(origin(named("a")), f"127.0.0.1:{port.port}"))
    done = run(program, *(["-D", "-p", str(pidfile)] if how == "argument" else []), "-f", str(path))
    assert done.returncode == 0, done.stderr
    pid = int(poll(lambda: pidfile.exists() and pidfile.read_text().strip(), "the pid file"))
    try:
        assert is_alive(pid)
        poll(lambda: is_listening(("127.0.0.1", port.port)), "the listener")
        assert fetch(("127.0.0.1", port.port)).body == b"a"
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, signal.SIGTERM)
        poll(lambda: not is_alive(pid), "the daemon to end")
        poll(lambda: not is_listening(("127.0.0.1", port.port)), "the listener to be gone")
    finally:
        if is_alive(pid):
            os.killpg(os.getpgid(pid), signal.SIGKILL)
        port.close()


def ids_of(pid: int) -> tuple[set[str], set[str]]:
    text = Path(f"/proc/{pid}/status").read_text()
    return tuple(set(re.search(rf"^{name}:\s+(.*)", text, re.MULTILINE)[1].split()) for name in ("Uid", "Gid"))


def test_user_and_group_are_dropped_by_whoever_serves(start, origin, program):
    proxy = start("global\n    user nobody\n    group nogroup\n" + site(origin(named("a"))))
    assert proxy.fetch().body == b"a"
    serving = [proxy.pid] if program == "haproxy" else proxy.children()
    assert serving
    for pid in serving:
        assert ids_of(pid) == ({"65534"}, {"65534"})


def test_chroot_and_numeric_ids(start, origin, program, tmp_path):
    tmp_path.chmod(0o755)
    proxy = start(f"global\n    uid 65534\n    gid 65534\n    chroot {tmp_path}\n" + site(origin(named("a"))))
    assert proxy.fetch().body == b"a"
    serving = [proxy.pid] if program == "haproxy" else proxy.children()
    assert serving
    for pid in serving:
        assert os.readlink(f"/proc/{pid}/root") == str(tmp_path)
    if program == "fastlb":
        # It has no /proc there: the answer said nothing.
        assert "No such file" in proxy.command("show libs")


# 2.6's master executes itself again after its worker answers, and a signal in that moment is lost or kills it.
master_mode = pytest.mark.fastlb_only(reason="there is nothing to wait for before a signal is safe to send to 2.6's master")


@master_mode
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGUSR1, 0)])
def test_master_mode_exit_status(start, origin, tmp_path, number, status):
    pidfile = tmp_path / "pid"
    proxy = start(site(origin(named("a"))), mode=("-W",), args=("-p", str(pidfile)))
    poll(lambda: pidfile.exists() and pidfile.read_text().strip() == str(proxy.pid), "the pid file")
    assert proxy.fetch().body == b"a"
    assert proxy.stop(number) == status


@master_mode
def test_master_mode_reloads_on_sigusr2(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    assert proxy.fetch().body == b"a"
    text = proxy.config_path.read_text()
    proxy.config_path.write_text(text.replace(str(first), str(second)))
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: proxy.fetch().body == b"b", "the new configuration to serve")
    assert proxy.stop() == 0


def test_ws_tells_systemd_that_it_is_ready(start, origin, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sink:
        sink.bind(path)
        sink.settimeout(15)
        proxy = start(site(origin(named("a"))), mode=("-Ws",), env={"NOTIFY_SOCKET": path})
        told = ""
        while "READY=1" not in told:
            told += sink.recv(4096).decode() + "\n"
        assert proxy.fetch().body == b"a"


def test_sf_takes_over_from_a_running_process(start, origin):
    port = HeldPort()
    first, second = origin(named("a")), origin(named("b"))
    address = ("127.0.0.1", port.port)
    old = start(site(first, f"127.0.0.1:{port.port}"))
    poll(lambda: is_listening(address), "the old listener")
    assert fetch(address).body == b"a"
    new: Proxy = start(site(second, f"127.0.0.1:{port.port}"), args=("-sf", str(old.pid)))
    assert old.wait() == 0
    poll(lambda: is_listening(address), "the new listener")
    assert fetch(address).body == b"b"
    assert new.process.poll() is None
    port.close()


def test_st_ends_the_old_process_at_once(start, origin):
    port = HeldPort()
    address = ("127.0.0.1", port.port)
    old = start(site(origin(named("a")), f"127.0.0.1:{port.port}"))
    poll(lambda: is_listening(address), "the old listener")
    start(site(origin(named("b")), f"127.0.0.1:{port.port}"), args=("-st", str(old.pid)))
    assert old.wait() in (0, -signal.SIGTERM)
    poll(lambda: is_listening(address), "the new listener")
    assert fetch(address).body == b"b"
    port.close()


@pytest.mark.parametrize(
    "args", [("-q",), ("-V",), ("-dM",), ("-dI",), ("-L", "here"), ("-n", "100"), ("-m", "4000"), ("-C", "/tmp")]
)
def test_accepted_arguments(start, origin, args):
    proxy = start(site(origin(named("a"))), args=args)
    assert proxy.fetch().body == b"a"


def test_dw_makes_a_warning_fatal(program, tmp_path):
    path = tmp_path / "warn.cfg"
    # No timeouts in the section: a warning.
    path.write_text("listen fe\n    mode http\n    bind 127.0.0.1:65001\n    server s1 127.0.0.1:1\n")
    assert run(program, "-c", "-f", str(path)).returncode == 0
    assert run(program, "-dW", "-c", "-f", str(path)).returncode == 1


def test_descriptor_limit_follows_maxconn(start, origin, program):
    proxy = start("global\n    maxconn 3000\n" + site(origin(named("a"))))
    proxy.fetch()
    pids = [proxy.pid] if program == "haproxy" else proxy.children()
    limits = [int(re.search(r"Max open files\s+(\d+)", Path(f"/proc/{pid}/limits").read_text())[1]) for pid in pids]
    assert max(limits) >= 6000


def comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


@pytest.mark.fastlb_only(reason="haproxy has the name of its program from the start")
@pytest.mark.parametrize("name", ["", "lb-one"])
def test_the_master_has_a_name_of_its_own_while_it_serves(start, origin, name):
    """keepalived watches for that name: a proxy that starts, drains or was told to stop must not have it."""
    hold = threading.Event()

    def script(conn) -> None:
        conn.read_request()
        hold.wait(60)

    proxy = start(site(origin(script)), env={"FASTLB_SERVING_NAME": name})
    poll(lambda: comm(proxy.pid) == (name or "fastlb-serving"), "the serving name")
    assert {comm(pid) for pid in proxy.children()} == {"fastlb"}
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the request to be under way")
    os.kill(proxy.pid, signal.SIGUSR1)
    poll(lambda: comm(proxy.pid) == "fastlb", "the plain name while it drains")
    hold.set()
    client.close()
    assert proxy.wait() == 0
