"""The command line as a process: what is printed where, and the exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TIMEOUTS = " timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
FRONTEND = "frontend fe\n bind 127.0.0.1:65011\n default_backend be\n"
GOOD = f"defaults\n mode http\n{TIMEOUTS}{FRONTEND}backend be\n server s 127.0.0.1:1\n"
WARNED = GOOD.replace(TIMEOUTS, "")
BAD = GOOD.replace("default_backend", "default_backed")
VALID = "Configuration file is valid\n"
USELESS = "Configuration file has no error but will not start (no listener) => exit(2).\n"


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fastlb", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture
def write(tmp_path):
    def make(text: str) -> str:
        path = tmp_path / "x.cfg"
        path.write_text(text)
        return str(path)

    return make


@pytest.mark.parametrize(
    ("text", "flags", "status", "out"),
    [
        (GOOD, [], 0, VALID),
        (GOOD, ["-V"], 0, VALID),
        (GOOD, ["-q"], 0, ""),
        (GOOD, ["-q", "-V"], 0, VALID),
        (WARNED, [], 0, "Warnings were found.\n" + VALID),
        (WARNED, ["-dW"], 1, ""),
        ("", [], 2, USELESS),
        ("", ["-q"], 2, ""),
        ("", ["-W"], 0, VALID),
        ("global\n stats socket /tmp/fastlb-never.sock\n", [], 0, VALID),
        (BAD, [], 1, ""),
        (BAD, ["-q"], 1, ""),
    ],
)
def test_check_mode_says_what_haproxy_says(write, text, flags, status, out):
    done = run("-c", *flags, "-f", write(text))
    assert (done.returncode, done.stdout) == (status, out)


@pytest.mark.parametrize(
    "line",
    [
        "fcgi-app a\n docroot /\n path-info (",
        "log-profile p\n on close format %[str(a),map(/no/such/map)]",
        "log-profile p\n on close format %[nbsrv(nowhere)]",
        "backend b\n option tcp-check\n tcp-check expect rstring (",
        "backend b\n balance hash path,regsub([,x)",
        "backend b\n server s :1 pool-conn-name path,map(/no/such/map)",
        "backend b\n server s :1 set-proxy-v2-tlv-fmt(0xE1) %[nbsrv(nowhere)]",
    ],
)
def test_what_only_the_core_can_judge_is_told_where_the_files_have_nothing_else(write, line):
    """The core was not asked in files without rules, ACLs and formats, and never of profiles and servers: -c said "valid"."""
    done = run("-c", "-f", write(GOOD + line + "\n"))
    assert done.returncode == 1, done.stdout
    assert "x.cfg:" in done.stderr


def test_zero_warning_says_why(write):
    assert "Some warnings were found and 'zero-warning' is set. Aborting." in run("-c", "-dW", "-f", write(WARNED)).stderr


def test_quiet_check_prints_nothing_at_all(write):
    done = run("-c", "-q", "-f", write(BAD))
    assert done.stdout + done.stderr == ""


def test_errors_as_json_for_programs(write):
    done = run("-c", "--format", "json", "-f", write(BAD))
    assert done.returncode == 1
    first = json.loads(done.stdout)[0]
    assert (first["severity"], first["line"], first["column"]) == ("alert", 8, 2)
    assert done.stderr == ""


def test_directory_that_does_not_exist_is_named(write):
    done = run("-C", "/nowhere-at-all", "-c", "-f", write(GOOD))
    assert done.returncode == 1
    assert "Could not change to directory /nowhere-at-all" in done.stderr


def test_files_are_found_from_the_directory_given(write, tmp_path):
    write(GOOD)
    assert run("-C", str(tmp_path), "-c", "-f", "x.cfg").returncode == 0


@pytest.mark.parametrize("words", [[], ["-c"], ["-Z"], ["-f"], ["deplyo"]])
def test_usage_is_printed_for_what_cannot_be_understood(words):
    done = run(*words)
    assert done.returncode == 1
    assert "Usage : fastlb" in done.stderr
    assert done.stdout.startswith("HAProxy version ")


def test_unknown_subcommand_is_named():
    assert "unknown sub-command 'deplyo'" in run("deplyo").stderr


@pytest.mark.parametrize(("text", "status"), [("1", 0), ("0", 1), ("", 1), ("streq(a,b)", 1), ("nonsense(", 2)])
def test_condition(text, status):
    assert run("-cc", text).returncode == status


def test_condition_sees_what_other_flags_switched_off():
    assert run("-cc", "enabled(SPLICE)").returncode == 0
    assert run("-dS", "-cc", "enabled(SPLICE)").returncode == 1


def test_version_first_line_is_what_tools_read():
    words = run("-v").stdout.split()
    assert words[:2] == ["HAProxy", "version"]
    assert "fastlb" in words[2]


def test_build_options_are_what_tools_read():
    lines = run("-vv").stdout.splitlines()
    assert "  TARGET  = linux-glibc" in lines
    (features,) = [line for line in lines if line.startswith("Feature list : ")]
    assert "+THREAD" in features.split()
    assert any(line.startswith("Available services :") for line in lines)


def test_keyword_list_comes_from_the_tables(write):
    done = run("-dKcfg", "-c", "-f", write(GOOD))
    assert done.returncode == 0
    assert "# List of registered configuration keywords:" in done.stdout
    lines = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("\t")]
    assert {"maxconn", "mode", "bind", "server"} <= set(lines)


def test_fetches_converters_and_actions_are_listed_by_class(write):
    lines = run("-dKall", "-c", "-f", write(GOOD)).stdout.splitlines()
    wanted = {"path_beg = path -m beg", "req.hdr([str,int]): str", "field(int,str[,int]): str => str", "\thttp-request deny"}
    assert wanted <= set(lines)


def test_check_imports_nothing_heavy(write):
    code = f"import sys; from fastlb.cli.main import run; run(['-c', '-q', '-f', {write(GOOD)!r}]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    heavy = {"rich", "jinja2", "uvloop", "asyncio", "cryptography", "httptools", "fastlb_core", "argparse", "subprocess"}
    assert not set(done.stdout.split()) & heavy


def test_loaded_libraries_are_listed(write):
    assert "/libc.so.6" in run("-dL", "-c", "-f", write(GOOD)).stdout
