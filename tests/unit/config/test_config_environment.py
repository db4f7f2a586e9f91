"""`setenv` and its kin, and `default-path`: what the lines behind them see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastlb.compile.program import compile_program
from fastlb.compile.verify import verify
from fastlb.config import load, load_text


def node_of(text: str, **environment: str) -> str:
    """What `node "$A-$B"` becomes behind the lines."""
    configuration, diagnostics = load_text(f'global\n{text}\n node "${{A}}-${{B}}"\n', environment=environment)
    assert configuration is not None, diagnostics.render()
    return configuration.global_.node


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", "1-2"),
        (" unsetenv A", "-2"),
        (" unsetenv A B nothing", "-"),
        (" resetenv", "-"),
        (" resetenv B", "-2"),
        (" resetenv B\n setenv A 3", "3-2"),
        (" unsetenv A\n presetenv A 4\n presetenv B 4", "4-2"),
    ],
)
def test_variables_that_are_taken_away(lines, expected):
    assert node_of(lines, A="1", B="2") == expected


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """start/ is where the process is; conf/ has the configuration; each directory has a page of its own name."""
    for name in ("start", "conf", "elsewhere", "."):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "page").write_bytes(f"HTTP/1.0 503 no\r\n\r\n{name}".encode())
    monkeypatch.chdir(tmp_path / "start")
    return tmp_path


def page_of(tree: Path, line: str, path: str = "../conf/a.cfg") -> bytes:
    """The page that `errorfile 503 page` finds behind the line."""
    text = f"global\n{line}\ndefaults\n mode http\n errorfile 503 page\nfrontend f\n bind :1\n timeout client 1s\n"
    (tree / "conf" / "a.cfg").write_text(text)
    configuration, diagnostics = load([path], environment={})
    assert configuration is not None, diagnostics.render()
    assert Path.cwd() == tree / "start"
    return configuration.proxies[0].errorfiles[503].rpartition(b"\r\n")[2]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", b"start"),
        (" default-path current", b"start"),
        (" default-path config", b"conf"),
        (" default-path parent", b"."),
        (" default-path origin ../elsewhere", b"elsewhere"),
        (" default-path config\n default-path current", b"start"),
        (" default-path parent\n default-path origin {}/elsewhere", b"elsewhere"),
    ],
)
def test_where_relative_names_begin(tree, line, expected):
    assert page_of(tree, line.format(tree)) == expected
    assert page_of(tree, line.format(tree), str(tree / "conf" / "a.cfg")) == expected


def test_the_directory_is_left_where_a_file_has_errors(tree):
    (tree / "conf" / "a.cfg").write_text("global\n default-path config\n nonsense\n")
    configuration, _ = load(["../conf/a.cfg"], environment={})
    assert configuration is None
    assert Path.cwd() == tree / "start"


def test_each_file_has_its_own_directory(tree):
    for name in ("conf", "elsewhere"):
        line = "global\n default-path config\n" if name == "conf" else ""
        proxy = f"frontend {name}\n mode http\n bind :1\n timeout client 1s\n errorfile 503 page\n"
        (tree / name / "a.cfg").write_text(line + proxy)
    configuration, diagnostics = load(["../conf/a.cfg", "../elsewhere/a.cfg"], environment={})
    assert configuration is not None, diagnostics.render()
    assert [px.errorfiles[503].rpartition(b"\r\n")[2] for px in configuration.proxies] == [b"conf", b"elsewhere"]
    assert configuration.directories == {"../conf/a.cfg": "../conf/", "../elsewhere/a.cfg": "../elsewhere/"}
    assert os.getcwd() == str(tree / "start")


MAPS = (
    " http-request set-header a %[str(a),map(names)]",
    " log-format %[str(a),map(names)]",
    " acl a str(a),map(names) b\n http-request deny if a",
    "backend b\n server s :1 ssl verify none sni str(a),map(names)",
    "backend b\n server s :1 set-proxy-v2-tlv-fmt(0xE1) %[str(a),map(names)]",
    "backend b\n server s :1 pool-conn-name str(a),map(names)",
)


@pytest.mark.parametrize("line", MAPS)
def test_a_map_begins_in_the_default_path_wherever_it_is_asked(tree, line):
    """It was looked for where the check, or outside rules the start, ran: the file was refused."""
    (tree / "conf" / "names").write_text("a b\n")
    text = f"global\n default-path config\ndefaults\n mode http\nfrontend f\n bind :1\n log 127.0.0.1 local0\n{line}\n"
    (tree / "conf" / "a.cfg").write_text(text)
    configuration, diagnostics = load(["../conf/a.cfg"], environment={}, verify=verify)
    assert configuration is not None, diagnostics.render()
    compile_program(configuration, listeners=[], n_workers=1, service_address=b"s", message_address=b"m", log_pid=1)


@pytest.mark.parametrize("line", MAPS)
def test_a_map_that_is_not_there_is_told_by_the_check(tree, line):
    """What servers' lines ask was left to the start."""
    text = f"defaults\n mode http\nfrontend f\n bind :1\n log 127.0.0.1 local0\n{line}\n"
    (tree / "conf" / "a.cfg").write_text(text)
    configuration, diagnostics = load(["../conf/a.cfg"], environment={}, verify=verify)
    assert configuration is None
    assert "names" in diagnostics.render()
