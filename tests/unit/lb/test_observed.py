"""Every algorithm chooses what haproxy chose for the same servers, connections and changes (observed.json, record.py)."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from fastlb_core.bridge.lbkit import Balancer, source_key

CASES = json.loads(Path(__file__).with_name("observed.json").read_text())
FMAINT, FDRAIN = 1, 8


def key_of(address: str) -> int:
    return source_key(struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))) if address else 0


def replay(case: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Server chosen for each connection, by fastlb and by haproxy."""
    algorithm = case["algorithm"].replace("source", "map-based").encode()
    balancer = Balancer(algorithm, case["servers"], all_backups="allbackups" in case["scenario"])
    held: list[int] = []
    ours: list[int] = []
    theirs: list[int] = []
    for kind, which, value in case["steps"]:
        if kind == "open":
            result, index = balancer.pick(key_of(which))
            assert result == "ok"
            held.append(index)
            ours.append(index)
            theirs.append(value)
            continue
        if kind == "close":
            balancer.release(held.pop(which))
            continue
        change = {
            "down": {"admin": FMAINT}, "drain": {"admin": FDRAIN}, "ready": {"admin": 0},
            "weight": {"uweight": value}, "setmaxconn": {"maxconn": value},
        }
        balancer.set(which, **change[kind])
        balancer.refresh()
        assert balancer.is_sound()
    return ours, theirs


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['algorithm']} {case['scenario']}")
def test_chooses_what_haproxy_chose(case: dict[str, Any]) -> None:
    ours, theirs = replay(case)
    assert ours == theirs
