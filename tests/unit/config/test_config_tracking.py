"""Actions on tracked counters and stick rules: what is taken, and HAProxy's words for what is not."""

from __future__ import annotations

import pytest

from fastlb.config import load_text

TAIL = "error detected in proxy 'fe' while parsing"

REFUSED = [
    ("http-request track-sc0", f"{TAIL} 'http-request track-sc0' rule : missing fetch method."),
    ("http-request track-sc0 src table", f"{TAIL} 'http-request track-sc0' rule : missing table name."),
    ("http-request track-sc0 src table no", "Proxy 'fe': unable to find table 'no' referenced by track-sc0."),
    (
        "http-request track-sc5 src",
        f"{TAIL} 'http-request track-sc5' rule : 5 track-sc number exceeding 2 (MAX_SESS_STKCTR-1) value.",
    ),
    (
        "http-request track-sc0 src x",
        "'http-request track-sc0' expects either 'if' or 'unless' followed by a condition but found 'x'.",
    ),
    (
        "http-request sc-inc-gpc0(9)",
        f"{TAIL} 'http-request sc-inc-gpc0(9)' rule : invalid stick table track ID. The max allowed ID is 2.",
    ),
    (
        "http-request sc-inc-gpc0(x)",
        f"{TAIL} 'http-request sc-inc-gpc0(x)' rule : invalid stick table track ID. Expects sc-inc-gpc0(x)(<Track ID>).",
    ),
    (
        "http-request sc-inc-gpc(1)",
        f"{TAIL} 'http-request sc-inc-gpc(1)' rule : Missing gpc ID 'sc-inc-gpc(1)'. Expects sc-inc-gpc(<GPC ID>,<Track ID>).",
    ),
    (
        "http-request sc-inc-gpc(1,9)",
        f"{TAIL} 'http-request sc-inc-gpc(1,9)' rule : invalid stick table track ID 'sc-inc-gpc(1,9)'. The max allowed ID is 2.",
    ),
    ("http-request sc-set-gpt0(0) abc", f"{TAIL} 'http-request sc-set-gpt0(0)' rule : unknown fetch method 'abc'."),
    ("stick", "'stick' expects 'on', 'match', or 'store'."),
    ("stick on", "'stick' expects a fetch method."),
    ("stick on foo", "'stick': unknown fetch method 'foo'"),
    ("stick on src x", "'stick': unknown keyword 'x'."),
    ("stick on src table no", "Proxy 'fe': unable to find stick-table 'no'."),
    (
        "stick on res.hdr(x)",
        "'stick': fetch method 'res.hdr' extracts information from 'HTTP response headers', none of which is available"
        " during request.",
    ),
    (
        "http-request set-header a %[src_conn_cnt(x)]",
        "unable to find table 'x' referenced in arg 1 of sample fetch keyword 'src_conn_cnt' in http-request expression"
        " in proxy 'fe'.",
    ),
    (
        "http-request set-header a %[src,table_conn_cnt(x)]",
        "unable to find table 'x' referenced in arg 1 of conversion keyword 'table_conn_cnt' for sample fetch keyword 'src'"
        " in http-request expression in proxy 'fe'.",
    ),
    (
        "http-request deny if { sc_conn_cnt(0,x) gt 1 }",
        "unable to find table 'x' referenced in arg 2 of ACL keyword 'sc_conn_cnt' in proxy 'fe'.",
    ),
]

TAKEN = [
    "http-request track-sc src",
    "http-request track-sc2 path,lower table fe if TRUE",
    "http-response track-sc0 src",
    "tcp-request connection track-sc0 src",
    "tcp-response content sc-inc-gpc0(0)",
    "http-request sc-inc-gpc0",
    "http-request sc-inc-gpc(,1)",
    "http-request sc-add-gpc(0,1) req.hdrs_bin,length",
    "http-request sc-set-gpt0(0)",
    "http-request sc-set-gpt0(0) -1",
    "http-after-response sc-set-gpt(3,0) 7 if TRUE",
    "stick match hdr(x)",
    "stick store-response res.hdr(x) table fe",
    "stick store-request path unless TRUE",
]


def load(line: str, settings: str = "", table: str = "stick-table type ip size 1k"):
    return load_text(
        f"global\n{settings}defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
        f"listen fe\n bind 127.0.0.1:9\n {table}\n {line}\n server s 127.0.0.1:1\n",
        file="test.cfg",
    )


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_bad_line_gets_haproxys_message(line, message):
    model, diagnostics = load(line)
    assert model is None
    assert message in [one.message for one in diagnostics]


@pytest.mark.parametrize("line", TAKEN)
def test_good_line_is_taken(line):
    model, diagnostics = load(line)
    assert model is not None, [one.message for one in diagnostics]


def test_number_of_counters_is_a_setting():
    assert load("http-request track-sc5 src", " tune.stick-counters 6\n")[0] is not None
    assert load("http-request track-sc0 src", " tune.stick-counters 0\n")[0] is None
    assert load("", " tune.stick-counters 13\n")[0] is None


def test_table_of_a_stick_rule_keeps_the_server_and_others_do_not():
    stored = []
    for line in ("stick on src", "http-request track-sc0 src"):
        model, _ = load(line)
        stored.append([data.name for data in model.proxies[0].stick_table.store])
    assert stored == [["server_id", "server_key"], []]


def test_own_table_is_wanted_where_none_is_named():
    model, diagnostics = load("http-request track-sc0 src", table="")
    assert model is None
    assert "Proxy 'fe': unable to find table 'fe' referenced by track-sc0." in [one.message for one in diagnostics]
