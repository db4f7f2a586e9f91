"""`fastlb ha check`: what is well, what is not, in how few imports; `show health` behind it, and the other `ha` sub-commands."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from fastlb.cli import ha, ha_check, ha_drill, ha_status
from support.origin import named
from support.proxy import HTTP

WELL = "worker 0 up\nworker 1 up\nfrontend www open\nbackend web 2\nbackend api 0\n"


def fault(answer: str, *words: str) -> str:
    return ha_check.fault(answer, ha_check._parse(list(words)))


@pytest.mark.parametrize(
    ("answer", "words", "reason"),
    [
        (WELL, [], ""),
        (WELL, ["--frontend", "www", "--backend=web"], ""),
        (WELL, ["--backend", "api"], "backend api has no server that is up"),
        (WELL, ["--backends"], "backend api has no server that is up"),
        (WELL, ["--backend", "nope"], "there is no backend nope"),
        (WELL, ["--frontend", "nope"], "there is no frontend nope"),
        (WELL.replace("1 up", "1 silent"), [], "worker 1 is silent"),
        (WELL.replace("open", "paused"), [], "frontend www is paused"),
        (WELL.replace("open", "paused") + "frontend x open\n", ["--frontend", "x"], ""),
        ("Unknown command.\n", [], "the runtime socket does not know 'show health': ['Unknown command.']"),
    ],
)
def test_what_is_well(answer, words, reason):
    assert fault(answer, *words) == reason


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "'--nope' is not known"),
        (["--socket"], "--socket needs a value"),
        (["--hold", "x"], "a number of seconds"),
        (["--timeout=0"], "a number of seconds"),
        (["--hold", "nan"], "a number of seconds"),
    ],
)
def test_bad_words(words, message, capsys):
    assert ha_check.run(words) == 2
    assert message in capsys.readouterr().err


def test_no_proxy_is_not_well(tmp_path, capsys):
    assert ha_check.run(["--socket", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"fastlb ha check: {tmp_path}/none: No such file or directory\n"


def serve(path, answers: list[str]) -> threading.Thread:
    """A runtime socket with a prompt that gives these answers in turn and then closes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def run() -> None:
        conn, _ = listener.accept()
        with listener, conn:
            for answer in ["", *answers]:
                if not conn.recv(1000):
                    return
                conn.sendall(answer.encode() + b"\n> ")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_one_bad_answer_is_no_reason_for_a_move_and_two_are(tmp_path, capsys):
    dying = WELL.replace("0 up", "0 silent")
    serve(tmp_path / "one", [dying, WELL])
    assert ha_check.run(["--socket", str(tmp_path / "one")]) == 0
    serve(tmp_path / "two", [dying, dying])
    assert ha_check.run(["--socket", str(tmp_path / "two")]) == 1
    assert "worker 0 is silent" in capsys.readouterr().err


def test_hold_ends_the_moment_the_proxy_goes(tmp_path, capsys):
    serve(tmp_path / "x", [WELL, WELL])
    assert ha_check.run(["--socket", str(tmp_path / "x"), "--hold", "60"]) == 1
    assert "closed the connection" in capsys.readouterr().err


def test_a_proxy_that_hangs_is_not_well(tmp_path, capsys):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "x"))
        listener.listen()
        assert ha_check.run(["--socket", str(tmp_path / "x"), "--timeout", "0.05"]) == 1
    assert "no answer" in capsys.readouterr().err


def test_check_imports_next_to_nothing(tmp_path):
    """keepalived starts it every second: a library by accident would cost more than the check."""
    code = (
        "import sys; before = set(sys.modules); sys.argv = ['fastlb', 'ha', 'check', '--socket', '/nonexistent'];"
        "from fastlb.__main__ import main; main(); print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    ours = {"__future__", "_socket", "fastlb", "fastlb.__main__", "fastlb.cli", "fastlb.cli.ha_check"}
    assert set(done.stdout.split()) <= ours


def test_the_real_thing(start):
    """`show health` of a running proxy, and a check that holds on."""
    servers = "    server s1 127.0.0.1:1\n    server s2 127.0.0.1:1 disabled\n"
    proxy = start(f"{HTTP}listen web\n    bind fd@fe\n{servers}")
    assert proxy.command("show health") == "worker 0 up\nfrontend web open\nbackend web 1\n\n"
    command = [sys.executable, "-m", "fastlb", "ha", "check", "--socket", proxy.runtime_path]
    assert subprocess.run([*command, "--hold", "0.3", "--backends"], timeout=60).returncode == 0
    _control, worker = proxy.children()
    os.kill(worker, signal.SIGSTOP)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    os.kill(worker, signal.SIGCONT)
    assert (done.returncode, done.stderr) == (1, "fastlb ha check: worker 0 is silent\n")
    proxy.command("disable server web/s1")
    assert subprocess.run(command, timeout=60).returncode == 0
    done = subprocess.run([*command, "--backends"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "fastlb ha check: backend web has no server that is up\n")
    proxy.command("disable frontend web")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "fastlb ha check: frontend web is paused\n")


def test_ha_without_a_known_word(capsys):
    assert ha.run([]) == 2
    assert ha.run(["nope"]) == 2
    assert "there is no 'nope'" in capsys.readouterr().err
    assert ha.run(["--help"]) == 0


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(0, 1, True), (2, 3, True)], ha_drill.Cost(2, 0, 0, 1000, True)),
        ([(0, 1, True), (2, 3, False), (4, 5, False), (6, 8, True)], ha_drill.Cost(4, 2, 4000, 2000, True)),
        ([(0, 1, False)], ha_drill.Cost(1, 1, 1000, 0, False)),
        ([], ha_drill.Cost(0, 0, 0, 0, False)),
    ],
)
def test_the_cost_of_a_step(answers, expected):
    assert ha_drill.cost(answers) == expected


def test_a_drill_needs_something_to_ask(tmp_path, capsys):
    for words in ([], ["https://x/"], ["http://127.0.0.1/", "--interval", "0"]):
        with pytest.raises(SystemExit) as ended:
            ha_drill.run([*words, "--file", str(tmp_path / "none")])
        assert ended.value.code == 2
    assert "begins with http://" in capsys.readouterr().err


def test_a_drill_that_only_watches(origin, capsys):
    assert ha_drill.run([f"http://{origin(named('a'))}/", "--watch", "0.1"]) == 0
    assert " 0 failed" in capsys.readouterr().out
    assert ha_drill.run(["http://127.0.0.1:1/", "--watch", "0.01"]) == 1


def test_status_reads_what_init_writes_and_says_what_is_missing(tmp_path, capsys):
    path = tmp_path / "keepalived.conf"
    addresses = "virtual_ipaddress {\n  10.0.0.9/24 # ours\n  10.0.0.10/24 dev eth7\n }"
    path.write_text(f"vrrp_instance x {{\n interface eth7\n {addresses}\n}}\n")
    assert ha_status.read(path) == ha_status.Shared(("10.0.0.9", "10.0.0.10"), "eth7", "")
    path.write_text("vrrp_instance x {\n}\n")
    assert ha_status.run(["--file", str(path)]) == 2
    assert ha_status.run(["--file", str(tmp_path / "none")]) == 2
    err = capsys.readouterr().err
    assert "no vrrp_instance" in err
    assert "`fastlb ha init` writes it" in err
