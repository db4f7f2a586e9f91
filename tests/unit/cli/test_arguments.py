"""HAProxy's argv: what each flag takes, and what is refused."""

from __future__ import annotations

import pytest

from fastlb.cli.arguments import UsageError, parse


def test_files_in_order_from_f_and_after_the_dashes():
    assert parse(["-f", "a", "-f", "b", "-c", "--", "c", "-d"]).files == ["a", "b", "c", "-d"]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("-c", "is_check"),
        ("-D", "is_daemon"),
        ("-d", "is_debug"),
        ("-db", "is_foreground"),
        ("-W", "is_master_worker"),
        ("-Ws", "notifies_systemd"),
        ("-q", "is_quiet"),
        ("-V", "is_verbose"),
        ("-dW", "is_zero_warning"),
        ("-dD", "is_diagnostic"),
        ("-dr", "ignores_resolution"),
        ("-dL", "dumps_libraries"),
    ],
)
def test_plain_flags(word, name):
    assert getattr(parse([word]), name) is True


def test_systemd_mode_is_a_master_worker_mode():
    assert parse(["-Ws"]).is_master_worker


def test_unknown_debug_flag_is_plain_debug():
    assert parse(["-dz"]).is_debug


def test_memory_poisoning_and_fork_flags_change_nothing():
    assert parse(["-dM", "-dMfill", "-dI", "-f", "x"]) == parse(["-f", "x"])


@pytest.mark.parametrize("word", ["-dS", "-dp", "-de", "-dG", "-dR", "-dF"])
def test_switched_off_parts_are_collected(word):
    assert len(parse([word]).disabled) == 1


def test_values():
    found = parse(["-n", "100", "-N", "20", "-m", "30x", "-C", "/d", "-L", "me", "-p", "/p", "-x", "/s", "-S", "fd@3"])
    assert (found.maxconn, found.proxy_maxconn, found.megabytes) == (100, 20, 30)
    assert (found.directory, found.local_peer, found.pidfile) == ("/d", "me", "/p")
    assert (found.old_socket, found.master_socket) == ("/s", "fd@3")


@pytest.mark.parametrize(
    ("words", "pids"),
    [
        (["-sf"], []),
        (["-sf", ""], []),
        (["-sf", "1", "22"], [1, 22]),
        (["-sf", "1 22", "-f", "x"], [1, 22]),
        (["-sf", "1", "-sf", "2"], [1, 2]),
    ],
)
def test_old_pids(words, pids):
    found = parse(words)
    assert found.old_pids == pids
    assert found.old_signal == "sf"


@pytest.mark.parametrize("text", ["x", "1x", "1.5", "0"])
def test_old_pid_that_is_no_pid_is_refused(text):
    with pytest.raises(UsageError, match="failed to parse"):
        parse(["-sf", text])


@pytest.mark.parametrize("words", [["-f"], ["-Z"], ["-c", "file"], ["-"], ["-p"], ["-cc"], ["--format", "xml"], ["--nothing"]])
def test_command_line_that_is_refused(words):
    with pytest.raises(UsageError):
        parse(words)


def test_condition_takes_the_next_word_whatever_it_is():
    assert parse(["-dS", "-cc", "-1"]).condition == "-1"
    assert parse(["-cc", ""]).condition == ""


def test_format_with_and_without_the_equals_sign():
    assert parse(["--format", "json"]).format == parse(["--format=json"]).format == "json"


def test_keyword_classes():
    assert parse(["-dK"]).keyword_classes == ["help"]
    assert parse(["-dKall"]).keyword_classes == ["all"]
    assert parse(["-dKcfg,smp"]).keyword_classes == ["cfg", "smp"]


def test_word_without_a_dash_is_a_subcommand():
    assert parse(["demo", "--port", "1"]).subcommand == ["demo", "--port", "1"]
