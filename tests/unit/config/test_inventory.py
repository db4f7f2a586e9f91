"""The tables of fetches, converters and actions: no name is unknown, and each supported one has its C function."""

from __future__ import annotations

from fastlb_core.bridge import registry

from fastlb.config.actions import ACTIONS, ROWS
from fastlb.config.keywords.row import SUPPORTED
from fastlb.config.samples import ACL_FETCHES, CONVERTERS, FETCHES
from support import inventory

# No row yet: QUIC has no rule set here, and `expect-proxy layer4` is one word.
NO_ROW = {
    *((letter, name) for letter, name in (("Q", "accept"), ("Q", "dgram-drop"), ("Q", "do-log"), ("Q", "reject"))),
    ("Q", "send-retry"),
    ("c", "expect-proxy layer4"),
}


def test_every_fetch_has_a_row():
    assert set(inventory.section("fetches")) == set(FETCHES)


def test_every_converter_has_a_row():
    assert set(inventory.section("converters")) == set(CONVERTERS)


def test_every_acl_derivative_has_a_row():
    ours = {row.name: row for row in ACL_FETCHES.values()}
    wanted = inventory.derivatives()
    assert set(wanted) == set(ours)
    # HAProxy lists these two with `str`, and reads their patterns in a way of their own.
    wanted |= {"http_auth_group": ("http_auth_group", "auth"), "method": ("method", "meth")}
    different = {name for name, (fetch, method) in wanted.items() if ours[name].match != method or not _is_of(name, fetch)}
    assert different == set()


def _is_of(name: str, fetch: str) -> bool:
    derived, original = ACL_FETCHES[name], FETCHES[fetch]
    return (derived.core or derived.name) == (original.core or original.name) and derived.arguments == original.arguments


def test_every_action_has_a_row_in_every_rule_set_that_takes_it():
    wanted = {(letter, name) for name, letters in inventory.actions().items() for letter in letters}
    assert wanted - set(ACTIONS) == NO_ROW
    # There are as many of track-sc0, track-sc1, ... as tune.stick-counters allows; the inventory has three.
    others = {(letter, name) for letter, name in ACTIONS if name != "expect-proxy" and not name.startswith("track-sc")}
    # S: `stats http-request`, which the inventory lists with the keywords.
    assert others - wanted == {("S", name) for name in ("allow", "auth", "deny")}


def test_no_action_has_two_rows_for_one_rule_set():
    pairs = [(letter, row.name) for row in ROWS for letter in row.sets]
    assert len(pairs) == len(set(pairs))


def test_supported_rows_have_functions_in_the_core():
    fetches, converters = registry.names()
    assert {row.core or row.name for row in FETCHES.values() if row.status == SUPPORTED} <= set(fetches)
    assert {row.core or row.name for row in ACL_FETCHES.values() if row.status == SUPPORTED} <= set(fetches)
    assert {row.core or row.name for row in CONVERTERS.values() if row.status == SUPPORTED} <= set(converters)
    assert {row.core or row.name for row in ROWS if row.status == SUPPORTED} <= set(registry.action_names())
