"""Variables: set under conditions, limits of scopes, and blocks that all come back."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from fastlb_core.bridge import exprkit

from fastlb.config.samples.values import VariableRef

VALUES = [True, 5, -1, IPv4Address("1.2.3.4"), IPv6Address("::1"), "", "abc", b"", b"\0\xff", "x" * 64, "y" * 65, b"z" * 65536]
OVERHEAD = 64


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_variable_keeps_value_and_type(value: object):
    store = exprkit.VarStore()
    assert store.set("txn.a", value)
    found = store.get("txn.a")
    assert (found, type(found)) == (value, type(value))


def test_scopes_do_not_share_names():
    store = exprkit.VarStore()
    for scope in exprkit.SCOPES:
        assert store.set(f"{scope}.a", scope)
    assert [store.get(f"{scope}.a") for scope in exprkit.SCOPES] == list(exprkit.SCOPES)


def test_value_of_another_size_replaces_the_old_one():
    store = exprkit.VarStore()
    for value in ("short", "l" * 5000, 7, "again", b"", "m" * 300):
        assert store.set("req.a", value)
        assert store.get("req.a") == value
    assert store.blocks() == 2


def test_all_blocks_come_back_with_the_reset():
    store = exprkit.VarStore()
    for size in (1, 64, 65, 1000, 4000, 16000, 60000):
        store.set(f"sess.v{size}", "x" * size)
    store.unset("sess.v1")
    assert store.get("sess.v1") is None
    assert store.blocks() == 7
    store.reset("sess")
    assert (store.blocks(), store.used("sess"), store.used("proc")) == (0, 0, 0)
    assert store.get("sess.v64") is None
    assert store.set("sess.v64", "again")


def test_value_larger_than_the_largest_block_is_refused():
    store = exprkit.VarStore()
    store.set("txn.a", "old")
    assert not store.set("txn.a", "x" * 65537)
    assert store.get("txn.a") == "old"


def test_slot_beyond_the_compiled_ones_is_refused():
    store = exprkit.VarStore(slots=2)
    assert [store.set(f"txn.{name}", 1) for name in "abc"] == [True, True, False]
    assert store.get("txn.c") is None


def test_limit_counts_the_finer_scopes_too():
    store = exprkit.VarStore(limits={"txn": 3 * OVERHEAD + 100})
    assert store.set("txn.a", "x" * 50)
    assert store.set("req.a", "x" * 50)
    assert not store.set("req.b", "x")
    assert store.set("req.b", 1)
    assert not store.set("res.a", 1)
    assert store.set("sess.a", "not of the transaction" * 50)
    store.unset("txn.a")
    assert store.set("res.a", 1)
    store.reset("req")
    assert store.used("txn") == OVERHEAD


def test_replacing_within_the_limit_counts_the_difference_only():
    store = exprkit.VarStore(limits={"req": OVERHEAD + 10})
    assert store.set("req.a", "x" * 10)
    assert store.set("req.a", "y" * 10)
    assert not store.set("req.a", "z" * 11)
    assert store.get("req.a") == "y" * 10
    assert store.used("req") == OVERHEAD + 10


def test_variables_of_the_process_exist_before_they_are_set():
    ifexists, ifset = 0x01, 0x10
    store = exprkit.VarStore()
    assert not store.set("proc.a", 1, ifset)
    assert not store.set("txn.a", 1, ifexists)
    assert store.set("proc.a", 1, ifexists)


def test_sample_outlives_its_variable():
    variables = {"txn.a": "abc"}
    assert exprkit.convert("unset-var", "abc", VariableRef("txn", "a"), variables=variables) == "abc"
    assert variables == {}


def test_var_yields_the_variable_or_its_default():
    name = VariableRef("txn", "a")
    assert exprkit.fetch("var", name, variables={"txn.a": 5}) == 5
    assert exprkit.fetch("var", name, variables={}) is None
    assert exprkit.fetch("var", name, "none", variables={}) == "none"
