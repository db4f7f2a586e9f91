"""`balance` and `hash-type` as the core's algorithm and the key that it hashes.

Knows which algorithm of the core each name means. Must not know how they choose.
"""

from __future__ import annotations

from typing import Any

from fastlb.config.keywords.balance import KEYED
from fastlb.config.model import Proxy

from .rules import RuleCompiler
from .text import file_bytes


def core_algorithm(px: Proxy) -> str:
    """The core's name: of a keyed algorithm it is the method of `hash-type`."""
    return px.hash_type.method if px.balance.algorithm in KEYED else px.balance.algorithm


def balance_values(px: Proxy, rules: RuleCompiler) -> dict[str, Any]:
    """The settings as ProgramBuilder.set_balance wants them; after `rules` has seen the proxy."""
    balance, hash_type = px.balance, px.hash_type
    rules.at(balance.location or px.location)
    values: dict[str, Any] = {
        "draws": balance.draws if balance.algorithm == "random" else 0,
        "balance_factor": px.hash_balance_factor,
        "affinity": px.hash_preserve_affinity,
    }
    if balance.algorithm not in KEYED:
        return values
    return values | {
        "key": "sample" if balance.expression is not None else balance.algorithm,
        "function": hash_type.function,
        "avalanche": hash_type.avalanche,
        "flags": balance.flags,
        "max_len": balance.length,
        "depth": balance.depth,
        "name": file_bytes(balance.name),
        "expr": rules.expression(balance.expression) if balance.expression is not None else None,
    }
