"""`fastlb reload`: what changes, or why it is refused; a refused file changes nothing. And the master's runtime socket, -S."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from support import runtime
from support.certificates import self_signed
from support.origin import named
from support.poll import poll
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only(reason="2.6 has no command for it, and its master answers before the reload")


def site(server: object, more: str = "") -> str:
    return f"{HTTP}frontend fe\n    bind fd@fe\n    default_backend be\n{more}backend be\n    server s1 {server}\n"


def reload(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fastlb", "reload", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
    )


def rewrite(proxy, old: str, new: str) -> None:
    text = proxy.config_path.read_text()
    assert old in text
    proxy.config_path.write_text(text.replace(old, new))


def test_it_tells_what_changes(start, origin, tmp_path):
    first, second = origin(named("a")), origin(named("b"))
    pidfile = tmp_path / "pid"
    proxy = start(site(first, "    bind port@more\n"), mode=("-W",), args=("-p", str(pidfile)))
    poll(lambda: pidfile.read_text().strip(), "the pid file")
    rewrite(proxy, f"    bind {proxy.held['more']}\n", "")
    more = f"    server s2 {second}\nbackend more\n    server s {second}"
    rewrite(proxy, f"server s1 {first}", f"server s1 {first} weight 5\n{more}")
    rewrite(proxy, "timeout client 10s", "timeout client 11s")
    done = reload("-p", str(pidfile))
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        f"frontend fe: bind {proxy.held['more']} removed",
        "frontend fe: changed: timeouts",
        "backend be: server s1 changed: weight",
        "backend be: server s2 added",
        "backend more: added, 1 server",
        "Reloaded: generation 2 serves",
    ):
        assert line in done.stdout, done.stdout
    assert {proxy.fetch().body for _ in range(12)} == {b"a", b"b"}


def test_without_a_change_it_says_so_by_silence(start, origin):
    proxy = start(site(origin(named("a"))), mode=("-W",))
    done = reload(env={"MAINPID": str(proxy.pid)})
    assert done.returncode == 0
    assert "Change:" not in done.stdout
    assert "generation 2 serves" in done.stdout


def instead(old: str, new: str):
    """Damage: the first text becomes the second, in which TAKEN is an address that somebody else has."""
    return lambda text, taken: text.replace(old, new.replace("TAKEN", taken), 1)


USE, LINE = "default_backend be", "    default_backend be\n"
BROKEN = {
    "an unknown keyword": (instead(USE, f"{USE}\n    nonsense"), "nonsense"),
    "a backend that is not there": (instead(USE, "default_backend no"), "'no'"),
    "an unknown algorithm": (instead("backend be\n    server", "backend be\n    balance fairly\n    server"), "fairly"),
    "a bad address": (instead("server s1 127.0.0.1", "server s1 300.1.2.3.4"), "300.1.2.3.4"),
    "two servers of one name": (lambda text, _: text + "    server s1 127.0.0.1:1\n", "s1"),
    "a certificate that is not there": (instead(LINE, f"    bind :0 ssl crt /no.pem\n{LINE}"), "/no.pem"),
    "a map that is not there": (instead(USE, "use_backend %[src,map(/no.map)]"), "/no.map"),
    "a port that somebody else has": (instead(LINE, f"    bind TAKEN\n{LINE}"), "already in use"),
    "a user that nobody knows": (instead("global\n", "global\n    user no-such-user\n"), "no-such-user"),
    "no text at all": (lambda text, _: "\0\1\2" * 100, ""),
    "half a file": (lambda text, _: text[: text.index("default_backend") + 9], "default_b"),
}


def test_eleven_broken_files_change_nothing(start, origin):
    proxy = start(site(origin(named("a"))), mode=("-W",), threads=2)
    good = proxy.config_path.read_text()
    before = proxy.children(), sorted(os.listdir(f"/proc/{proxy.pid}/fd"))
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        for name, (damage, reason) in BROKEN.items():
            proxy.config_path.write_text(damage(good, f"127.0.0.1:{foreign.getsockname()[1]}"))
            done = reload("--pid", str(proxy.pid))
            assert done.returncode == 1, (name, done)
            assert reason in done.stderr, (name, done.stderr)
            assert "the running configuration stays in force" in done.stderr
            assert proxy.fetch().body == b"a", name
            assert (proxy.children(), sorted(os.listdir(f"/proc/{proxy.pid}/fd"))) == before, name
        proxy.config_path.unlink()
        assert reload("--pid", str(proxy.pid)).returncode == 1
        assert proxy.fetch().body == b"a"
    proxy.config_path.write_text(good)
    assert reload("--pid", str(proxy.pid)).returncode == 0
    assert proxy.fetch().body == b"a"


def test_certificates_are_read_anew(start, origin, tmp_path):
    """A reload is how a renewed certificate comes into force; half of one is refused."""
    pem = self_signed("a.test").write(tmp_path / "a.pem")
    proxy = start(site(origin(named("a")), f"    bind port@tls ssl crt {pem}\n"), mode=("-W",))
    whole = pem.read_text()
    pem.write_text(whole[: len(whole) // 3])
    refused = reload("--pid", str(proxy.pid))
    assert refused.returncode == 1 and str(pem) in refused.stderr
    pem.write_text(whole)
    assert reload("--pid", str(proxy.pid)).returncode == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "whom?"),
        (("--pid", "1"), "process 1 is no fastlb in the master-worker mode"),
        (("-p", "/no/such/file"), "No such file"),
        (("-p", "/etc/hostname"), "is no pid"),
    ],
)
def test_who_cannot_be_asked(words, reason):
    done = reload(*words, env={"MAINPID": ""})
    assert done.returncode == 2
    assert reason in done.stderr


def test_without_master_worker_mode_there_is_nobody_to_ask(start, origin):
    proxy = start(site(origin(named("a"))))
    done = reload("--pid", str(proxy.pid))
    assert done.returncode == 2


# -- the master's runtime socket


@pytest.fixture
def master(start, origin):
    """A program with -S, and what its socket answers."""

    def run(*options: str, config: str = "", threads: int = 1):
        proxy = start(
            site(origin(named("a"))) + config,
            mode=("-W",),
            args=("-S", ",".join(["unix@master.sock", *options])),
            threads=threads,
        )
        return proxy, lambda text: runtime.command(str(proxy.directory / "master.sock"), text)

    return run


def test_show_proc_lists_the_processes(master):
    proxy, ask = master(threads=2)
    lines = ask("show proc").splitlines()
    assert lines[0].split() == ["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]
    assert lines[1].split()[:5] == [str(proxy.pid), "master", "0", "[failed:", "0]"]
    rows = [line.split() for line in lines[lines.index("# workers") + 1 : lines.index("# programs")]]
    assert sorted(row[1] for row in rows) == ["control", "worker", "worker"]
    assert {int(row[0]) for row in rows} == set(proxy.children())
    assert "# old workers" not in lines


def test_reload_answers_when_it_is_done(master):
    proxy, ask = master()
    client = proxy.client()
    client.request()
    answer = ask("reload")
    assert answer.startswith("Success=1\n--\n")
    assert "generation 2 serves" in answer
    lines = ask("show proc").splitlines()
    assert lines[1].split()[2] == "1"
    old = [line.split() for line in lines[lines.index("# old workers") + 1 : lines.index("# programs")]]
    assert sorted((row[1], row[2]) for row in old) == [("control", "1"), ("worker", "1")]
    pid = next(row[0] for row in old if row[1] == "worker")
    assert f"Pid: {proxy.pid}" in ask(f"@!{pid} show info")
    rewrite(proxy, "default_backend be", "default_backend no")
    answer = ask("reload")
    assert answer.startswith("Success=0\n--\n") and "'no'" in answer
    assert "'no'" in ask("show startup-logs")
    assert ask("show proc").splitlines()[1].split()[4] == "1]"
    assert ask("prompt\nquit") == "master[ReloadFailed]> " * 2


def test_commands_reach_the_generation_that_serves(master):
    _, ask = master()
    assert "Name: " in ask("@1 show info")
    assert ask("@1 show version") == ask("@1; show version").removesuffix("\n") + "\n"
    assert ask("@1 set server be/s1 state maint; @1 show servers state be").split()[-1]
    assert "MAINT" in ask("@1 show stat")
    assert ask("@9 show info") == "Can't find the target PID matching the prefix '@9'\n"
    payload = ask("@1 set server be/s1 state ready\n@master show version")
    assert payload.strip()


def test_a_prompt_tells_whom_one_talks_to(master):
    _, ask = master()
    answer = ask("prompt\n@1\nshow version\n@master\nshow version\nquit")
    assert re.fullmatch(r"master> (\d+)> \S+\n\n\1> master> \S+\n\nmaster> master> ", answer), answer


def test_levels_hold_behind_a_prefix(master):
    _, ask = master("level", "user")
    assert ask("reload") == "Permission denied\n\n"
    assert "Permission denied" in ask("@1 set server be/s1 state maint")
    assert ask("show cli level") == "user\n\n"


def test_lowering_the_level_holds(master):
    _, ask = master()
    assert ask("user\nreload").endswith("Permission denied\n\n")
    assert "Permission denied" in ask("user\n@1 set server be/s1 state maint")


ODD = ["", "nonsense", "@", "@!", "@!0", ";;;", "x" * 20000, "reload <<\n", "@1 add map x <<\na b\n\n"]


@pytest.mark.parametrize("text", ODD)
def test_odd_lines_do_no_harm(master, text):
    proxy, ask = master()
    ask(text)
    assert "# workers" in ask("show proc")
    assert proxy.fetch().body == b"a"


def test_clients_that_vanish_do_no_harm(master):
    proxy, ask = master()
    for text in (b"reload\n", b"@1 show stat\n", b"prompt\n@1\nshow stat\n", b"show"):
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(str(proxy.directory / "master.sock"))
                link.sendall(text)
    assert "# workers" in ask("show proc")
    assert proxy.fetch().body == b"a"


def test_the_mode_of_its_file_is_kept(master):
    proxy, _ = master("mode", "600")
    assert (proxy.directory / "master.sock").stat().st_mode & 0o777 == 0o600


def test_it_needs_the_master_worker_mode(start, origin):
    proxy = start(site(origin(named("a"))), args=("-S", "unix@master.sock"), wait=False)
    assert proxy.wait() == 1
    assert "-W" in proxy.stderr


# Nothing but commas ended with a traceback.
@pytest.mark.parametrize("text", [",", "nonsense", "unix@a.sock,level", "unix@a.sock,level,king", "unix@/no/such/dir/a.sock"])
def test_what_cannot_be_its_address(start, origin, text):
    proxy = start(site(origin(named("a"))), mode=("-W",), args=("-S", text), wait=False)
    assert proxy.wait() == 1
    assert "-S: " in proxy.stderr or "[fastlb.main()]" in proxy.stderr
    assert "Traceback" not in proxy.stderr


def test_old_generations_are_ended_after_so_many_reloads(master):
    proxy, ask = master(config="", threads=1)
    rewrite(proxy, "global\n", "global\n    mworker-max-reloads 1\n")
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    old = set(proxy.children())
    assert ask("reload").startswith("Success=1")
    assert old <= set(proxy.children())
    assert ask("reload").startswith("Success=1")
    poll(lambda: not old & set(proxy.children()), "the first generation to be ended")
    assert client.is_closed()


def test_the_master_serves_its_socket_while_control_is_stopped(master):
    _, ask = master()
    rows = [line.split() for line in ask("show proc").splitlines()]
    control = next(int(row[0]) for row in rows if row[1:2] == ["control"])
    os.kill(control, signal.SIGSTOP)
    try:
        assert "# workers" in ask("show proc")
        assert ask("reload").startswith("Success=1")
    finally:
        os.kill(control, signal.SIGCONT)
