"""The corpus of real configurations: each file has its verdict in corpus.tsv, and none of haproxy's refusals is missed.

`PYTHONPATH=tests python -m support.corpus` writes corpus.tsv again; read the difference before committing it.
"""

from __future__ import annotations

import pytest

from support.corpus import CORPUS, Ours, Theirs, index, judge, read_table

# Files that fastlb accepts though haproxy refuses them, and why.
ACCEPTED = {
    **dict.fromkeys(
        ("emqx__emqx__1.cfg", "marksugar__kubeadMHA__1.cfg", "jancajthaml-openbank__demo__1.cfg"),
        "`nbproc 1` changes nothing, and is warned about",
    ),
    **dict.fromkeys(
        (
            "4teamwork__supervisor-haproxy__1.cfg",
            "6qat__myshell__1.cfg",
            "Syncano__syncano-platform__2.cfg",
            "cloud-native-everything__srlinux-ansible-lab__1.cfg",
            "rocket357__on-prem-kubernetes__1.cfg",
        ),
        "a frontend and a backend of one name: only 3.x refuses that, 2.6 takes it",
    ),
    **dict.fromkeys(
        ("micrometreuk__haproxy__1.cfg", "pitdive__haproxy_config__1.cfg", "pitdive__haproxy_config__2.cfg"),
        "headers behind `option httpchk`'s version: only 3.x refuses them, 2.6 takes them",
    ),
    **dict.fromkeys(
        ("Celtech__graylog-observability__1.cfg", "haproxytech__haproxy-docker-debian__2.cfg"),
        "`master-worker` in global: only 3.5 refuses it, 2.6 takes it",
    ),
}
# Files whose first mistake in haproxy's words is none here, and why; they are refused for another one.
OTHER_LINES = {
    **dict.fromkeys(("emqx__emqx__2.cfg", "jancajthaml-openbank__demo__2.cfg"), "`nbproc 1` changes nothing"),
    "awlx__packetyeeter__1.cfg": "`fc_nb_streams` is newer than 2.6; it is there",
    "amlee__docker-riak-cs-haproxy__1.cfg": "the index counts its lines from 0",
}


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[Theirs, Ours]]:
    assert CORPUS.is_dir(), f"{CORPUS} is missing: the corpus of real configurations belongs beside the repository"
    return [(theirs, judge(theirs.name)) for theirs in index()]


def test_every_file_of_the_corpus_is_in_the_index(verdicts: list[tuple[Theirs, Ours]]) -> None:
    assert sorted(theirs.name for theirs, _ in verdicts) == sorted(path.name for path in CORPUS.glob("*.cfg"))


def test_verdicts_are_those_of_the_table(verdicts: list[tuple[Theirs, Ours]]) -> None:
    expected = {row[0]: row for row in read_table()}
    assert set(expected) == {ours.name for _, ours in verdicts}
    changed = [f"{expected[ours.name]}\n  now {ours.row}" for _, ours in verdicts if ours.row != expected[ours.name]]
    assert "\n".join(changed) == ""


def test_nothing_that_haproxy_refuses_is_accepted_without_a_reason(verdicts: list[tuple[Theirs, Ours]]) -> None:
    refused = {t.name for t, ours in verdicts if ours.is_accepted and (t.is_refused or t.newest.startswith("fails"))}
    assert refused == set(ACCEPTED)


def test_refusals_name_the_line_that_haproxy_names(verdicts: list[tuple[Theirs, Ours]]) -> None:
    elsewhere = {
        theirs.name
        for theirs, ours in verdicts
        if theirs.is_refused and theirs.line and not ours.is_accepted
        if theirs.line not in {alert.location.line for alert in ours.alerts if alert.location}
    }
    assert elsewhere == set(OTHER_LINES)


def test_removed_keywords_get_a_line_for_today(verdicts: list[tuple[Theirs, Ours]]) -> None:
    alerts = [(ours.name, alert) for _, ours in verdicts for alert in ours.alerts if alert.code == "removed-keyword"]
    assert len(alerts) > 50
    assert [(name, alert.message) for name, alert in alerts if not alert.hint] == []
