"""The master with stand-in workers: signals, exit statuses, restarts, reloads, as HARNESS.md's section 5 has them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.poll import poll

from .conftest import STAND_IN


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_foreground_dies_of_the_signal_itself(launch, number):
    program = launch("-db")
    program.wait_ready()
    program.ask()
    program.send(number)
    assert program.wait() == -number


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGUSR1, 0)])
def test_master_worker_mode_has_exit_statuses(launch, tmp_path, number, status):
    pidfile = tmp_path / "pid"
    program = launch("-W", "-p", str(pidfile))
    poll(lambda: pidfile.exists() and pidfile.read_text() == f"{program.process.pid}\n", "the pid file")
    program.send(number)
    assert program.wait() == status


def test_all_processes_end_with_the_master(launch):
    program = launch("-db")
    program.wait_ready()
    pids = {int(program.ask()[2]) for _ in range(5)}
    program.send(signal.SIGKILL)
    program.wait()
    poll(lambda: not any(is_alive(pid) for pid in pids), "the workers to end")


def test_soft_stop_waits_for_the_last_connection(launch):
    program = launch("-db")
    program.wait_ready()
    sock = program.connect("hold")
    assert sock.recv(100)
    program.send(signal.SIGUSR1)
    program.wait_for('"stopping"')
    assert program.process.poll() is None
    sock.close()
    assert program.wait() == 0


def test_hard_stop_after_ends_a_soft_stop(launch):
    program = launch("-db", head=" hard-stop-after 100ms")
    program.wait_ready()
    sock = program.connect("hold")
    assert sock.recv(100)
    program.send(signal.SIGUSR1)
    assert program.wait() == 0
    program.wait_for("performing a hard-stop")
    sock.close()


def test_second_signal_ends_a_soft_stop(launch):
    program = launch("-db")
    program.wait_ready()
    sock = program.connect("hold")
    assert sock.recv(100)
    program.send(signal.SIGUSR1)
    program.wait_for('"stopping"')
    program.send(signal.SIGTERM)
    assert program.wait() == -signal.SIGTERM
    sock.close()


def test_dead_worker_is_restarted_and_reported(launch):
    program = launch("-db", workers=1)
    program.wait_ready()
    first = program.ask()
    assert program.ask("die") == []
    second = program.ask()
    assert second[:2] == first[:2]
    assert second[2] != first[2]
    program.wait_for(f"Worker 0 ({first[2]}) exited with code 137 (Killed): restarted now.")
    program.wait_for('"worker-died"')


def test_worker_that_keeps_dying_is_restarted_with_growing_delay(launch):
    program = launch("-db", workers=1)
    program.wait_ready()
    for _ in range(3):
        assert program.ask("die") == []
    program.wait_for("restarted in 0.5 s")
    assert program.ask()


def test_dead_control_is_restarted_and_the_workers_stay(launch):
    program = launch("-db", workers=1)
    program.wait_ready()
    worker = program.ask()[2]
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children")
    (control,) = [int(pid) for pid in children.read_text().split() if pid != worker]
    os.kill(control, signal.SIGKILL)
    program.wait_for(f"Control ({control}) exited with code 137 (Killed): restarted now. Traffic goes on.")
    assert program.ask()[2] == worker
    poll(lambda: len(children.read_text().split()) == 2, "a new control process")


def test_worker_that_cannot_start_ends_the_program(launch):
    program = launch("-db", env={"STAND_IN_FAIL": "1"})
    assert program.wait() == 1
    program.wait_for("exited with code 3 (Exit) while starting")


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGHUP])
def test_reload_replaces_the_generation_and_drains_the_old_one(launch, number):
    program = launch("-W")
    program.wait_ready()
    held = program.connect("hold")
    old = held.recv(100).decode().split()
    program.describe("second")
    program.send(number)
    program.wait_for("generation 2 serves")
    assert [word for i, word in enumerate(program.ask()) if i in (0, 3)] == ["2", "second"]
    assert is_alive(int(old[2]))
    held.close()
    poll(lambda: not is_alive(int(old[2])), "the old worker to end")
    program.send(signal.SIGTERM)
    assert program.wait() == 0


def test_reload_may_change_the_number_of_workers(launch):
    program = launch("-W", workers=1)
    program.wait_ready()
    program.ask()
    program.describe("second", workers=3)
    program.send(signal.SIGUSR2)
    program.wait_for("generation 2 serves")
    assert program.ask()[3] == "second"
    program.send(signal.SIGINT)
    assert program.wait() == 130


def test_reload_of_a_broken_file_changes_nothing(launch):
    program = launch("-W")
    program.wait_ready()
    assert program.ask()[0] == "1"
    program.config.write_text("frontend x\n nonsense\n")
    program.send(signal.SIGUSR2)
    program.wait_for("Reload refused")
    assert program.ask()[0] == "1"


def test_paused_workers_leave_connections_in_the_queue_until_resumed(launch):
    program = launch("-db", workers=1)
    program.wait_ready()
    program.ask()
    program.send(signal.SIGTTOU)
    program.wait_for('"paused"')
    waiting = program.connect()
    program.send(signal.SIGTTIN)
    program.wait_for('"resumed"')
    assert waiting.recv(100)
    waiting.close()


def test_daemon_returns_once_it_serves_and_lets_go_of_every_pipe(tmp_path):
    pidfile, config = tmp_path / "pid", tmp_path / "x.cfg"
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        address = holder.getsockname()
        config.write_text(
            "defaults\n mode tcp\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
            f"listen fe\n bind {address[0]}:{address[1]}\n server s 127.0.0.1:1\n"
        )
        # Waits for the end of both pipes: a child that kept one would hold it.
        done = subprocess.run(
            [sys.executable, STAND_IN, "-D", "-p", str(pidfile), "-f", str(config)], capture_output=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        pid = int(pidfile.read_text())
        with socket.create_connection(address, 10) as sock:
            sock.sendall(b"x")
            assert sock.recv(100)
        os.kill(pid, signal.SIGTERM)
        poll(lambda: not is_alive(pid), "the daemon to end")


def test_daemon_that_cannot_start_says_so_with_its_status(tmp_path):
    config = tmp_path / "x.cfg"
    config.write_text("listen fe\n mode tcp\n bind /nonexistent/x\n server s 127.0.0.1:1\n")
    done = subprocess.run([sys.executable, STAND_IN, "-D", "-f", str(config)], capture_output=True, timeout=60, text=True)
    assert done.returncode == 1
    assert "cannot bind UNIX socket (No such file or directory) [/nonexistent/x]" in done.stderr


def test_daemon_whose_workers_fail_says_so_with_its_status(tmp_path):
    config = tmp_path / "x.cfg"
    config.write_text(f"listen fe\n mode tcp\n bind {tmp_path}/s\n server s 127.0.0.1:1\n")
    done = subprocess.run(
        [sys.executable, STAND_IN, "-D", "-f", str(config)],
        capture_output=True,
        timeout=60,
        text=True,
        env={**os.environ, "STAND_IN_FAIL": "1"},
    )
    assert done.returncode == 1
    assert "exited with code 3 (Exit) while starting" in done.stderr
